"""How many of the outcomes are found, the further down the ranking one goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 440, 60, 50, 20, 60
_FONT = 'font-family="sans-serif" font-size="13"'
_COLOURS = ("#1f5fbf", "#c2571a", "#888888")


def gains_chart(title: str, curves: Sequence[tuple[str, Sequence[float]]]) -> str:
    """An SVG of gains by name, the rule's own first: each from 0 to 1 in even steps of the ranking."""
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def point(x: float, y: float) -> str:
        return f"{_LEFT + x * inner_width:.1f},{_TOP + (1 - y) * inner_height:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" {_FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="26" font-size="15">{escape(title)}</text>',
        *_grid(inner_width, inner_height),
    ]
    for number, (name, gains) in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(point(step / (len(gains) - 1), gain) for step, gain in enumerate(gains))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        below = _TOP + inner_height - 20 * (len(curves) - number)
        parts.append(
            f'<text x="{_LEFT + inner_width - 8}" y="{below}" text-anchor="end" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _grid(width: int, height: int) -> Iterable[str]:
    for quarter in range(5):
        share = quarter / 4
        x, y = _LEFT + share * width, _TOP + (1 - share) * height
        yield f'<line x1="{_LEFT}" x2="{_LEFT + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        yield f'<text x="{x:.1f}" y="{_TOP + height + 20}" text-anchor="middle">{share:.0%}</text>'
    legend = "first … of the ranking; upwards: outcomes found among them"
    yield f'<text x="{_LEFT}" y="{_HEIGHT - 14}">{legend}</text>'

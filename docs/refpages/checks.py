"""The page of checks."""

from __future__ import annotations

from crmsync.testing.conformance import CHECKS, QUALITY_RULES
from crmsync.testing.conformance.quality import TIERS
from refpages.page import code, described, table


def checks() -> str:
    """Every check of the conformance kit, and every rule of the quality scale."""
    text = (
        "# Checks\n\nWhat `crmsync plugins test` and `ConnectorConformance` ask of a connector. A check is\n"
        "*skipped*, with the reason, where it says nothing about a connector or the platform cannot be\n"
        "made to provoke it.\n\n"
    )
    text += table(
        ("check", "what holds", "what to do"),
        (
            (code(check.id), described(check.id, check.title), described(check.id, check.fix))
            for check in CHECKS.values()
        ),
    )
    text += (
        "\n## The quality scale\n\nA connector's `quality.toml` says of every rule `done`, `todo`, or "
        '`{exempt = "why"}` where it does not\nconcern the connector. It reaches a tier when no rule of '
        "that tier and of those below is left to do. Rules marked\n*seen* are looked at by the kit; of "
        "the others a person's word counts.\n"
    )
    for tier in TIERS:
        text += f"\n### {tier}\n\n"
        text += table(
            ("rule", "what holds", ""),
            (
                (code(rule.id), described(rule.id, rule.title), "seen" if rule.look else "")
                for rule in QUALITY_RULES.values()
                if rule.tier == tier
            ),
        )
    return text

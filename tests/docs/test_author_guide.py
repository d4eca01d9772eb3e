"""Everything the guide for connector authors shows is done, in its order, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from crmsync.testing import shop_process

GUIDE = Path(__file__).parents[2] / "docs" / "connector-author.md"
ADDRESS = "http://127.0.0.1:8800"
START = re.compile(r"^python -m crmsync\.testing\.shop --port 8800 (?P<options>.*)$")


@dataclass(frozen=True)
class Block:
    """One block of the guide: a piece of a file, or commands to type."""

    language: str
    file: str
    text: str
    line: int


def blocks(guide: str) -> Iterator[Block]:
    pattern = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    for match in pattern.finditer(guide):
        yield Block(match[1], match[2] or "", match[3], guide.count("\n", 0, match.start()) + 2)


@contextmanager
def started_shop(command: re.Match[str]) -> Iterator[str]:
    options = {
        name.replace("-", "_"): value for name, value in re.findall(r"--([\w-]+) (\S+)", command["options"])
    }
    with shop_process(**options) as shop:
        yield shop.url


def typed(text: str, folder: Path, environ: dict[str, str]) -> str:
    """What the commands print; what they export is kept for the next ones."""
    script = f"set -e\n{text}\nenv -0 > {folder}/.environ"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    environ |= dict(e.split("=", 1) for e in (folder / ".environ").read_text().split("\0") if "=" in e)
    return done.stdout


def test_every_block_does_what_the_guide_says(tmp_path: Path) -> None:
    found = list(blocks(GUIDE.read_text("utf-8")))
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    start = START.match(found[0].text)
    assert start is not None, "the guide begins with starting the shop"
    said = ""
    with started_shop(start) as url:
        for block in found[1:]:
            text = block.text.replace(ADDRESS, url)
            if block.file:
                path = tmp_path / block.file
                path.parent.mkdir(exist_ok=True)
                with path.open("a", encoding="utf-8") as file:
                    file.write(text)
            else:
                assert block.language == "sh", f"line {block.line}: a block that is neither file nor command"
                said += typed(text, tmp_path, environ)
    assert "云栖小铺" in said
    assert re.search(r"corner\s+loaded\s+connectors", said)
    assert "Nothing is in quarantine." in said
    runs = re.findall(r"corner-shop/orders +ok +(\d+) +(\d+) +(\d+)", said)
    assert len(runs) == 3
    assert int(runs[1][1]) > 50, "the first sync stores orders"
    assert runs[2][1:] == ("0", "0"), "the second changes nothing"
    assert re.search(r"^\d+ passed", said, re.MULTILINE)


@pytest.mark.parametrize("text", ["```python\nx = 1\n```\n", "```python file=a/b.py\nx = 1\n```\n"])
def test_blocks_are_found_with_their_line(text: str) -> None:
    (block,) = blocks(f"Words.\n\n{text}More words.\n")
    assert (block.language, block.text, block.line) == ("python", "x = 1\n", 4)

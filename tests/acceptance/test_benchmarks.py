"""Benchmarks that no other test runs still run, as small as can be. What they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent.parent / "benchmarks"


def run(name: str, *options: str) -> Any:
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), "--json", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_delivery() -> None:
    options = ("--messages", "20", "--rounds", "1", "--databases", "sqlite", "--kinds", "key", "--no-celery")
    assert run("delivery", *options)["sqlite_key"]["cpu_ratio"] > 0


def test_facts() -> None:
    report = run("facts", "--sizes", "300", "--databases", "sqlite", "--fit-customers", "2000")
    assert report["sqlite"]["300"]["full_cpu_ratio"] > 0
    assert report["bgnbd_fit"]["customers"] == 2000


def test_truth() -> None:
    assert run("truth", "--seeds", "2", "--customers", "120")["seeds"] == 2


def test_uplift() -> None:
    assert run("uplift", "--seeds", "1", "--customers", "300")["seeds"] == 1


def test_erase() -> None:
    report = run("erase", "--times", "1", "--databases", "sqlite")
    assert report["canaries_found"] == 0
    assert report["sqlite"]["control_found_each_time"]
    assert report["sqlite"]["troubles"] == []

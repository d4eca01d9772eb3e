"""Do the promises of care hold, and would we know? `python benchmarks/care_machine.py --json`.

Random sequences (Hypothesis) of flags, plans, approvals by two people, consents given and withdrawn, links
followed, people merged and erased, clocks that go on and are set back, quiet hours and holidays, failures,
crashes and retries, held to a model that knows nothing of the code: never over a limit, never in quiet hours,
never without consent, never twice under one key, and a ledger that adds up. First the same with one check
taken out at a time: each of these must be caught.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from crash import database

from crmsync.store import Store
from crmsync.store.schema import upgrade

TESTS = Path(__file__).parent.parent / "tests" / "care"

MUTANTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "no quiet hours or holidays": ("crmsync.care.gate.Gate._out_of_hours", lambda *a: None),
    "no consent": ("crmsync.care.gate.Gate._forbidden", lambda *a: {}),
    "no daily caps": ("crmsync.care.gate.Gate._capped", lambda *a: None),
    "no limit of a person": ("crmsync.care.gate.Gate._too_often", lambda *a: None),
    "what others commit goes unnoticed": ("crmsync.store.watch.Watch.quiet", lambda *a: True),
    "a doubtful message is sent again": (
        "crmsync.care.delivery._Pass._may_repeat",
        lambda *a: True,
    ),
    "one approval is enough": ("crmsync.care.decision._signatures", lambda *a: 2),
}


@contextmanager
def empty_store(kind: str) -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, database(kind, folder) as url:
        store = Store(url)
        upgrade(store)
        yield store
        store.close()


def broken(kind: str, examples: int) -> str | None:
    """The first promise that so many sequences break, or None when all are kept."""
    from test_care_machine import run_machine

    with empty_store(kind) as store:
        try:
            run_machine(store, examples, shrink=False)
        except (AssertionError, BaseExceptionGroup) as error:
            # Nothing but a broken promise counts, not a fault of the machine itself.
            promise = next((leaf for leaf in _leaves(error) if isinstance(leaf, AssertionError)), None)
            if promise is None:
                raise
            return (str(promise).strip().splitlines() or ["a promise"])[0][:200]
    return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--control-examples", type=int, default=1_000, help="for each check taken out")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    args = parser.parse_args()
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    report: dict[str, Any] = {"version": 1, "database": args.database, "examples": args.examples}
    controls: dict[str, str | None] = {}
    for name, (target, mutant) in MUTANTS.items() if args.control_examples else ():
        with mock.patch(target, mutant):
            controls[name] = broken(args.database, args.control_examples)
        print(f"without: {name}: {controls[name]}", file=sys.stderr, flush=True)
    begun = time.monotonic()
    report["broken"] = broken(args.database, args.examples)
    report["seconds"] = round(time.monotonic() - begun, 1)
    report["controls"] = controls
    report["controls_caught"] = sum(found is not None for found in controls.values())
    report["controls_missed"] = [name for name, found in controls.items() if found is None]
    print(json.dumps(report) if args.json else json.dumps(report, indent=2))
    raise SystemExit(report["broken"] is not None or bool(report["controls_missed"]))


if __name__ == "__main__":
    main()

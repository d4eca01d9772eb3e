"""Runs the checks: as a pytest suite of a package, or all at once for the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from crmsync.testing.conformance import checks as _checks
from crmsync.testing.conformance.bench import Bench, shown
from crmsync.testing.conformance.check import CHECKS, Check, NotApplicable, Outcome, Unmet
from crmsync.testing.conformance.platform import Platform

__all__ = ["ConnectorConformance", "try_all"]
assert _checks


class ConnectorConformance:
    """Subclass it in a test module, name the platform, and pytest finds a test for each check:

    class TestMine(ConnectorConformance):
        platform = MyPlatform
    """

    platform: ClassVar[type[Platform]]


def _test(check: Check) -> Callable[[ConnectorConformance], None]:
    def test(self: ConnectorConformance) -> None:
        outcome = attempt(check, self.platform)
        if outcome.status == "skipped":
            raise NotApplicable(outcome.reason)
        if outcome.status == "red":
            raise Unmet(f"{outcome.title}\n  {outcome.reason}\n  What to do: {outcome.fix}")

    test.__name__ = f"test_{check.id}"
    test.__doc__ = check.title
    return test


for _check in CHECKS.values():
    setattr(ConnectorConformance, f"test_{_check.id}", _test(_check))


def attempt(check: Check, platform: Callable[[], Platform]) -> Outcome:
    """What one check says, on a platform of its own. Whatever else is raised is red too."""
    try:
        with platform() as opened, Bench(opened) as bench:
            check.run(bench)
    except NotApplicable as reason:
        return Outcome(check.id, check.title, "skipped", str(reason))
    except Exception as error:
        reason = str(error) if isinstance(error, Unmet) else shown(error)
        return Outcome(check.id, check.title, "red", reason, check.fix)
    return Outcome(check.id, check.title, "green")


def try_all(platform: Callable[[], Platform], only: Iterable[str] = ()) -> list[Outcome]:
    """What every check says of the platform's connector, or those named."""
    chosen: list[Any] = [CHECKS[id] for id in only] or list(CHECKS.values())
    return [attempt(check, platform) for check in chosen]

"""`crmsync check` and `crmsync doctor`: what is wrong before it goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmsync.cli.exit_code import FINDINGS
from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.daemon.checkup import Check


def check(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> int:
    """Check the configuration, plugins and templates; nothing is opened, asked or changed."""
    from crmsync.cli.opening import read
    from crmsync.daemon.checkup import check_offline

    return _tell(check_offline(*read(config)), as_json)


def doctor(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> int:
    """Check all that the daemon would use: files, database, clock, every connection's credentials."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.checkup import check_live

    with opened(config, language) as app:
        return _tell(list(check_live(app)), as_json)


def _tell(checks: Sequence[Check], as_json: bool) -> int:
    well = all(check.well for check in checks)
    emit(
        {"well": well, "checks": checks},
        as_json=as_json,
        language="en",
        show=lambda console: _show(console, checks),
    )
    return 0 if well else FINDINGS


def _show(console: Console, checks: Sequence[Check]) -> None:
    from rich.text import Text

    for check in checks:
        mark = ("ok   ", "green") if check.well else ("FAULT", "bold red")
        console.print(Text.assemble(mark, " ", (check.name, "bold"), ": ", check.told))
        if check.fix:
            console.print(Text(f"      {check.fix}", style="cyan"))

"""The whole command line: every command in its place, every error told and turned into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from crmsync.cli import (
    alerts,
    audit,
    cases,
    check,
    config,
    consent,
    customers,
    db,
    demo,
    flags,
    init,
    messages,
    plugins,
    quarantine,
    rules,
    segments,
    status,
    sync,
    templates,
)
from crmsync.cli import run as daemon
from crmsync.cli.error import report, report_bug, report_usage
from crmsync.cli.extension import WithPlugins
from crmsync.cli.option import ConfigFile

INTERRUPTED = 130
# What typer raises for wrong arguments moved from click into typer; this is its class in both.
_WRONG_ARGUMENTS = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="crmsync",
    cls=WithPlugins,
    help="Pulls shops' orders, reviews and conversations, flags customers with reasons, writes to them once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root(
    config: ConfigFile = None,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        import crmsync

        typer.echo(f"crmsync {crmsync.__version__}")
        raise typer.Exit
    if config is not None:
        # Before the command it stands for every command, as the variable does.
        os.environ["CRMSYNC_CONFIG"] = str(config)


app.command("init")(init.init)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("doctor")(check.doctor)
app.command("run")(daemon.run)
app.command("sync")(sync.sync)
app.command("status")(status.status)
app.command("flags")(flags.flags)
for name, group in (
    ("rules", rules.app),
    ("segments", segments.app),
    ("care", consent.app),
    ("messages", messages.app),
    ("templates", templates.app),
    ("cases", cases.app),
    ("quarantine", quarantine.app),
    ("alerts", alerts.app),
    ("customers", customers.app),
    ("audit", audit.app),
    ("plugins", plugins.app),
    ("db", db.app),
    ("config", config.app),
):
    app.add_typer(group, name=name)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    from crmsync.sdk.errors import CrmsyncError

    as_json = "--json" in arguments
    try:
        return _code(app(list(arguments), prog_name="crmsync", standalone_mode=False))
    except CrmsyncError as error:
        report(error, as_json=as_json)
        return error.exit_code
    except _WRONG_ARGUMENTS as error:
        return report_usage(error, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        report_bug(error, as_json=as_json)
        return 1


def _code(returned: Any) -> int:
    return returned if isinstance(returned, int) else 0

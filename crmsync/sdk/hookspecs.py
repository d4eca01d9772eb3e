"""Every hook a plugin may implement. Hooks return classes; the host calls the objects it makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

from crmsync.sdk.channel import Channel
from crmsync.sdk.connector import Connector
from crmsync.sdk.events import FlagChange, Rejection, RunResult, SentMessage, Veto
from crmsync.sdk.message import OutgoingMessage
from crmsync.sdk.rule import Rule

if TYPE_CHECKING:
    import typer

hookspec = pluggy.HookspecMarker("crmsync")
hookimpl = pluggy.HookimplMarker("crmsync")


@hookspec
def crmsync_connectors() -> Iterable[type[Connector[Any]]]:  # type: ignore[empty-body]
    """The connector classes of this plugin."""


@hookspec
def crmsync_rules() -> Iterable[type[Rule[Any]]]:  # type: ignore[empty-body]
    """The rule classes of this plugin."""


@hookspec
def crmsync_channels() -> Iterable[type[Channel[Any]]]:  # type: ignore[empty-body]
    """The channel classes of this plugin."""


@hookspec
def crmsync_cli(app: typer.Typer) -> None:
    """Add commands to the command line."""


@hookspec
def crmsync_run_finished(run: RunResult) -> None:
    """A sync run of one stream ended, well or not."""


@hookspec
def crmsync_record_rejected(rejection: Rejection) -> None:
    """A record was put into quarantine."""


@hookspec
def crmsync_flags_changed(changes: tuple[FlagChange, ...]) -> None:
    """Flags were raised, changed or cleared."""


@hookspec
def crmsync_message_sent(message: SentMessage) -> None:
    """A channel confirmed a message."""


@hookspec
def crmsync_review_message(message: OutgoingMessage) -> Veto | None:
    """Look at a message before it is sent; a Veto, or an error, holds it."""

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
from crmsync.sdk.team import TeamChannel

if TYPE_CHECKING:
    import typer

hookspec = pluggy.HookspecMarker("crmsync")
hookimpl = pluggy.HookimplMarker("crmsync")


@hookspec
def crmsync_connectors() -> Iterable[type[Connector[Any]]]:  # type: ignore[empty-body]
    """The connector classes of this plugin.

    If it fails, or a class is not usable, the whole plugin is marked failed and the others load.
    """


@hookspec
def crmsync_rules() -> Iterable[type[Rule[Any]]]:  # type: ignore[empty-body]
    """The rule classes of this plugin. If it fails: as `crmsync_connectors`."""


@hookspec
def crmsync_channels() -> Iterable[type[Channel[Any] | TeamChannel[Any]]]:  # type: ignore[empty-body]
    """The channel classes of this plugin, to customers or to the team. If it fails: as
    `crmsync_connectors`."""


@hookspec
def crmsync_cli(app: typer.Typer) -> None:
    """Add commands to the command line; none of crmsync's own can be replaced.

    If it fails, its commands are missing and a warning is logged.
    """


@hookspec
def crmsync_run_finished(run: RunResult) -> None:
    """A sync run of one stream ended, well or not; what it stored is committed.

    An error is logged and counted, and changes nothing for the run.
    """


@hookspec
def crmsync_record_rejected(rejection: Rejection) -> None:
    """A record was put into quarantine.

    An error is logged and counted, and changes nothing for the run.
    """


@hookspec
def crmsync_flags_changed(changes: tuple[FlagChange, ...]) -> None:
    """Flags were raised, changed or cleared.

    An error is logged and counted, and changes nothing for the flags.
    """


@hookspec
def crmsync_message_sent(message: SentMessage) -> None:
    """A channel confirmed a message.

    An error is logged and counted, and changes nothing for the message.
    """


@hookspec
def crmsync_review_message(message: OutgoingMessage) -> Veto | None:
    """Look at a message before it is sent. A Veto holds it for a person, with its reason.

    An error holds it too: who cannot look cannot say yes.
    """

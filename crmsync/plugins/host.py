"""The loaded plugins: what they offer, and their hooks, each called alone."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from crmsync.plugins.info import PluginInfo
from crmsync.plugins.offer import Offer
from crmsync.sdk import (
    Channel,
    Connector,
    FlagChange,
    OutgoingMessage,
    Rejection,
    Rule,
    RunResult,
    SentMessage,
    TeamChannel,
    Veto,
)

if TYPE_CHECKING:
    import typer

_log = logging.getLogger("crmsync.plugins")


class PluginHost:
    """Every plugin found, and the way to those that are loaded.

    `hook_errors` counts the errors of hooks by (plugin, hook). No plugin's error leaves a method.
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        plugins: Sequence[PluginInfo] = (),
        offers: Mapping[str, Offer] | None = None,
    ) -> None:
        self._manager = manager
        self.plugins = tuple(plugins)
        self.hook_errors: Counter[tuple[str, str]] = Counter()
        self.connectors: dict[str, type[Connector[Any]]] = {}
        self.rules: dict[str, type[Rule[Any]]] = {}
        self.channels: dict[str, type[Channel[Any] | TeamChannel[Any]]] = {}
        for _, offer in sorted((offers or {}).items()):
            self.connectors |= offer.connectors
            self.rules |= offer.rules
            self.channels |= offer.channels

    def run_finished(self, run: RunResult) -> None:
        """Tell the plugins that a run of one stream ended."""
        self._tell("crmsync_run_finished", run=run)

    def record_rejected(self, rejection: Rejection) -> None:
        """Tell the plugins that a record went into quarantine."""
        self._tell("crmsync_record_rejected", rejection=rejection)

    def flags_changed(self, changes: Sequence[FlagChange]) -> None:
        """Tell the plugins which flags were raised, changed or cleared."""
        self._tell("crmsync_flags_changed", changes=tuple(changes))

    def message_sent(self, message: SentMessage) -> None:
        """Tell the plugins that a channel confirmed a message."""
        self._tell("crmsync_message_sent", message=message)

    def review_message(self, message: OutgoingMessage) -> Veto | None:
        """Ask every plugin; one veto holds the message, and so does a plugin that cannot answer."""
        reasons: list[str] = []
        for plugin, answer, error in self._call("crmsync_review_message", message=message):
            if error is not None:
                reasons.append(f"The plugin {plugin} failed to review it ({type(error).__name__}).")
            elif isinstance(answer, Veto):
                reasons.append(answer.reason)
            elif answer is not None:
                self._count(plugin, "crmsync_review_message", f"it returned {type(answer).__name__}")
                reasons.append(f"The plugin {plugin} reviewed it with neither a Veto nor None.")
        return Veto(" ".join(reasons)) if reasons else None

    def extend_cli(self, app: typer.Typer) -> None:
        """Let the plugins add commands; one that fails is skipped with a warning."""
        self._tell("crmsync_cli", app=app)

    def _tell(self, hook: str, **arguments: Any) -> None:
        for _ in self._call(hook, **arguments):
            pass

    def _call(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any, BaseException | None]]:
        """Each plugin's answer or error, in the order of the plugins' names.

        pluggy's own call stops at the first error, lets sys.exit end the process, and its order
        depends on the order of registration.
        """
        for implementation in sorted(getattr(self._manager.hook, hook).get_hookimpls(), key=_plugin_name):
            try:
                answer = call_alone(implementation, arguments)
            except (Exception, SystemExit) as error:
                self._count(implementation.plugin_name, hook, f"{type(error).__name__} raised", error)
                yield implementation.plugin_name, None, error
            else:
                yield implementation.plugin_name, answer, None

    def _count(self, plugin: str, hook: str, what: str, error: BaseException | None = None) -> None:
        self.hook_errors[plugin, hook] += 1
        # The error's text stays out: a plugin may put a customer's contact data into it.
        frames = _frames(error)
        extra = {"action": "hook_failed", "plugin": plugin, "hook": hook, "frames": frames}
        _log.warning("Plugin %s failed in %s: %s %s", plugin, hook, what, frames, extra=extra)


def call_alone(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Any:
    """What one implementation returns; what it yields, if it is a generator, as a list."""
    answer = implementation.function(*(arguments[name] for name in implementation.argnames))
    return list(answer) if isinstance(answer, Iterator) else answer


def _plugin_name(implementation: pluggy.HookImpl) -> str:
    return implementation.plugin_name


def _frames(error: BaseException | None) -> str:
    """The file and line an error came from."""
    traceback = error.__traceback__ if error else None
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    return f"at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"

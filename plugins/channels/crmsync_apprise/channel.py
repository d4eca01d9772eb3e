"""The channel that hands each notice to Apprise."""

from __future__ import annotations

from typing import Any

from crmsync.sdk import ConfigError, Context, Notice, Receipt, TeamChannel, TransientError
from crmsync_apprise.settings import AppriseSettings

_TYPES = {"raised": "failure", "reminder": "warning", "recovered": "success", "test": "info"}


class AppriseChannel(TeamChannel[AppriseSettings]):
    """Apprise has an address for every service, and tells only whether all went well. It is an extra."""

    name = "apprise"
    title = "Apprise"
    Settings = AppriseSettings

    def __init__(self, settings: AppriseSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._service = _service(settings.url.get_secret_value())

    def notify(self, notice: Notice, key: str) -> Receipt:
        if not self._service.notify(
            title=notice.title, body=notice.text or notice.title, notify_type=_TYPES[notice.state]
        ):
            raise TransientError("Apprise says that the notice was not delivered.")
        return Receipt(key, self.clock.now())


def _service(url: str) -> Any:
    try:
        import apprise
    except ImportError:
        raise ConfigError(
            "Apprise is not installed.", fix="Install it with: pip install 'crmsync[apprise]'."
        ) from None
    service = apprise.Apprise()
    if not service.add(url):
        raise ConfigError("url: Apprise knows no such service.", fix="See its list of URLs.")
    return service

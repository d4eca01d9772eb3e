"""Every error crmsync raises, grouped by what the host does next.

Each carries `what` happened and, where a person can act, the `fix`. The class docstring is the
default text of `what`.
"""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import ClassVar


class CrmsyncError(Exception):
    """Something went wrong in crmsync."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str = "", *, fix: str = "") -> None:
        self.what = what or inspect.getdoc(type(self)) or type(self).__name__
        self.fix = fix
        super().__init__(self.what)

    def __str__(self) -> str:
        return f"{self.what} {self.fix}" if self.fix else self.what


# The host stops and tells the person who started it.


class UsageError(CrmsyncError):
    """The command was given something it cannot use."""

    code = "usage"
    exit_code = 2


class ConfigError(CrmsyncError):
    """The configuration cannot be used."""

    code = "config"
    exit_code = 5


class Locked(CrmsyncError):
    """Another crmsync process holds this database."""

    code = "locked"
    exit_code = 8


class MigrationNeeded(CrmsyncError):
    """The database has another schema than this version of crmsync."""

    code = "migration_needed"
    exit_code = 9


class PluginError(CrmsyncError):
    """A plugin cannot be loaded."""

    code = "plugin"
    exit_code = 5


# The host stops the connection or channel and asks for new credentials.


class AuthError(CrmsyncError):
    """The platform refused the credentials."""

    code = "auth"
    exit_code = 6


# The host waits, then goes on where it was.


class RateLimited(CrmsyncError):
    """The platform asked for a pause."""

    code = "rate_limited"
    exit_code = 7

    def __init__(self, what: str = "", *, until: datetime | None = None, fix: str = "") -> None:
        super().__init__(what, fix=fix)
        self.until = until


# The host tries again later.


class TransientError(CrmsyncError):
    """The platform did not answer as it should; it may the next time."""

    code = "transient"
    exit_code = 7


# The host gives up on this request and says so.


class PermanentError(CrmsyncError):
    """The platform refused the request and will refuse it again."""

    code = "permanent"
    exit_code = 7


# The host puts one record aside and goes on with the next.


class RecordError(CrmsyncError):
    """One record cannot be understood."""

    code = "record"

    def __init__(self, what: str = "", *, field: str = "", fix: str = "") -> None:
        super().__init__(f"{field}: {what}" if field else what, fix=fix)
        self.field = field


# The host ends the run; the cursor stays where it is.


class TooManyRejected(CrmsyncError):
    """So many records were rejected that the platform's API has probably changed."""

    code = "too_many_rejected"


# The host leaves the message for a person: it may or may not have been delivered.


class Unconfirmed(CrmsyncError):
    """The request went out but its outcome is unknown."""

    code = "unconfirmed"


# The host keeps the last good result and says why there is no new one.


class NotEnoughEvidence(CrmsyncError):
    """There is too little evidence for a verdict."""

    code = "not_enough_evidence"


# The host is going down; the work in hand is left as it was.


class Stopped(CrmsyncError):
    """The process was asked to stop."""

    code = "stopped"
    exit_code = 130

"""Where log records go: JSON lines for machines, coloured words for a terminal, secrets for nobody."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any, TextIO

import structlog
from pydantic import BaseModel, SecretStr
from sqlalchemy import make_url

from crmsync.config import Config
from crmsync.sdk.redaction import RedactingFilter, Redactor

_JOURNAL = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def configure_logs(
    *filters: logging.Filter,
    stream: TextIO | None = None,
    level: int = logging.INFO,
    console: bool | None = None,
    journal: bool = False,
) -> Redactor:
    """Send all records to the stream (stderr), redacted; returns the redactor, to be told of secrets.

    `console`: words instead of JSON; by default on a terminal. `journal`: each line begins with its
    priority as systemd's journal reads it. `filters` decide which records pass.
    """
    stream = stream or sys.stderr
    redactor = Redactor()
    handler = logging.StreamHandler(stream)
    # Filters of ours first: a record that is dropped need not be redacted.
    for each in (*filters, RedactingFilter(redactor)):
        handler.addFilter(each)
    handler.setFormatter(_formatter(stream.isatty() if console is None else console, journal))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # It tells of every job it starts, and of every one it skips because the last is still at work.
    logging.getLogger("apscheduler").setLevel(max(level, logging.ERROR))
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))
    return redactor


def register_secrets(redactor: Redactor, config: Config) -> None:
    """No secret of the configuration is ever shown."""
    for secret in secrets_of(config):
        redactor.add_secret(secret)
    password = make_url(config.database).password
    if password:
        redactor.add_secret(str(password))


def secrets_of(value: Any) -> Iterator[SecretStr]:
    """Every secret in a model, however deep."""
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, dict):
        for member in value.values():
            yield from secrets_of(member)
    elif isinstance(value, list | tuple | set | frozenset):
        for member in value:
            yield from secrets_of(member)


def _formatter(console: bool, journal: bool) -> logging.Formatter:
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.stdlib.ExtraAdder(),
            _with_traceback,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _named_event,
            renderer,
        ],
    )
    return _Journal(formatter) if journal else formatter


def _with_traceback(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """The redacted traceback, which the redaction leaves as text."""
    if text := event["_record"].exc_text:
        event["exception"] = text
    return event


def _named_event(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """`event` is the stable name that programs look for; the words for people are the `message`."""
    if (action := event.pop("action", None)) is not None:
        event["message"] = event["event"]
        event["event"] = action
    return event


class _Journal(logging.Formatter):
    """Another formatter's lines, with the priority in front."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_JOURNAL.get(record.levelno, 5)}>{self._formatter.format(record)}"

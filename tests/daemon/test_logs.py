"""What a log line holds, and what it never does."""

from __future__ import annotations

import io
import json
import logging

from pydantic import SecretStr

from crmsync.config import Config, ConnectionConfig
from crmsync.daemon.logs import configure_logs, register_secrets, secrets_of
from crmsync.sdk import Settings

log = logging.getLogger("crmsync.test")


class Keys(Settings):
    key: SecretStr
    more: dict[str, list[SecretStr]]


CONFIG = Config(
    database="postgresql://crmsync:database-password@127.0.0.1/crmsync",
    connections=[
        ConnectionConfig(
            id="shop",
            connector="any",
            settings=Keys(key=SecretStr("outer-secret"), more={"all": [SecretStr("inner-secret")]}),
        )
    ],
)


def test_a_line_is_an_event_with_its_fields() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    log.info("3 orders stored", extra={"action": "stored", "connection": "shop"})
    line = json.loads(stream.getvalue())
    assert line["event"] == "stored"
    assert line["message"] == "3 orders stored"
    assert line["connection"] == "shop"
    assert line["level"] == "info"
    assert line["ts"].endswith("Z")


def test_secrets_of_the_configuration_are_found_however_deep() -> None:
    assert {secret.get_secret_value() for secret in secrets_of(CONFIG)} == {"outer-secret", "inner-secret"}


def test_no_secret_is_shown_in_message_field_or_traceback() -> None:
    stream = io.StringIO()
    register_secrets(configure_logs(stream=stream), CONFIG)
    try:
        raise ValueError("database-password")
    except ValueError:
        log.exception("outer-secret went to %s", "mia@shop.example", extra={"detail": ["inner-secret"]})
    text = stream.getvalue()
    assert "ValueError" in text
    for hidden in ("outer-secret", "inner-secret", "database-password", "mia@shop.example"):
        assert hidden not in text


def test_words_for_a_person_and_priorities_for_the_journal() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream, console=True, journal=True)
    log.warning("careful", extra={"action": "warned"})
    assert stream.getvalue().startswith("<4>")
    assert "careful" in stream.getvalue()

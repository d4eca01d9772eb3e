"""What a log must not show, and what it must go on showing."""

from __future__ import annotations

import base64
import io
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from crmsync.sdk.redaction import MASK, RedactingFilter, Redactor
from crmsync.sdk.sensitive_keys import is_contact, is_secret

SENSITIVE = [
    ("mail to alice.b+shop@example.co.uk failed", "alice"),
    ("邮箱 wang@example.cn 无效", "wang@"),
    ("called 13812345678", "13812345678"),
    ("电话:13812345678,", "13812345678"),
    ("called +86 138 1234 5678 twice", "1234 5678"),
    ("called +8613812345678", "13812345678"),
    ("called 0086-138-1234-5678", "1234-5678"),
    ("called 010-62345678", "62345678"),
    ("called +44 20 7946 0958", "7946"),
    ("called (555) 123-4567", "123-4567"),
    ("called 555-123-4567", "123-4567"),
    ("id 11010519491231002X", "11010519491231002X"),
    ("paid with 4111111111111111", "4111111111111111"),
    ("paid with 4111 1111 1111 1111", "4111 1111"),
    ("paid with 6222021234567890123", None),  # replaced below by one whose check digit is right
    ("Authorization: Bearer abc.def-123", "abc.def-123"),
    ("authorization: Token hushhush", "hushhush"),
    ("{'Authorization': 'Basic bWU6aHVzaA=='}", "bWU6aHVzaA"),
    ("sent Bearer s3cr3tt0ken to it", "s3cr3tt0ken"),
    ("sent Basic bWU6aHVzaA== to it", "bWU6aHVzaA"),
    ("Set-Cookie: sid=abc; Path=/", "sid=abc"),
    ("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSM", "SflKxwRJSM"),
    ("GET https://example.com/o?access_token=hush&page=2", "hush"),
    ("GET https://example.com/o?buyer=Alice", "Alice"),
    ('"GET /o?sign=hush&page=2 HTTP/1.1" 200', "hush"),
    ("GET https://me:hush@example.com/o", "hush"),
    ("postgresql://crm:hush@db.example.com/crm", "hush"),
    ("password=hush", "hush"),
    ("client_secret: hush", "hush"),
    ("X-Api-Key: hush", "hush"),
    ('{"appSecret": "hush", "n": 1}', "hush"),
    ("{'name': '王小明', 'n': 1}", "王小明"),
    ("Customer(name='Alice Doe', n=1)", "Alice"),
    ("receiver_name='王 小明'", "王"),
    ('{"address": "1 Long Street"}', "Long"),
    ("{'phones': 1, 'tokens': 2, 'token': ['hush', 'b']}", "hush"),
    ("customer={'name': 'Alice'}", "Alice"),
    ("message='password=hush refused'", "hush"),
    ('body "{\\"phone\\": \\"12345\\", \\"n\\": 1}"', "12345"),
    ("{'token': {'a': {'b': 'hush'}}}", "hush"),
    ("password='hush", "hush"),
    ("a=b=password=hush", "hush"),
    ("phone: 12345", "12345"),
    ("姓名：王小明", "王小明"),
    ("{'收货地址': '上海市长宁区'}", "长宁"),
]

# A log without these is of no use.
HARMLESS = [
    "order 20260301120000123456 stored",
    "order_id=13812345678 stored",
    "order 4111111111111111 stored",
    "orders ['13812345678'] stored",
    "unknown key: 'colour'; email: missing; phone=None; token=''",
    "token_type=bearer token_expires_at=2026-03-01T12:00:00Z phone_count=3",
    "at 2026-03-01T12:00:00.123456+08:00",
    "at 1772366400 (1772366400123 ms, 1772366400123456 us)",
    "1,234,567 rows, 99.95 %, 0.0001234567 s, 1.5e-07",
    "took 12.345678901 s",
    "run 018f3c1e-7b1a-7c3e-9a44-0c6f9e1b2d3a",
    "commit 4359864d0c1f2e3b4a5968778695a4b3c2d1e0f9",
    "GET https://api.example.com/v2/orders?page=2&page_size=100&since=2026-03-01T00:00:00Z",
    "GET api.example.com/v2/orders: 503 Service Unavailable (try 2 of 6).",
    "listening on 127.0.0.1:8321 and [::1]:8321",
    "requests@2.34.2 and urllib3@2.8.0",
    "stream orders: 8135 read, 8135 written, 0 quarantined",
    "the token expired; basic authentication failed; bearer credentials refused",
    "name: orders, hostname: shop-1, stream_name: reviews",
    "amount 129900 CNY, total=1299.00",
    "quota pacing 2/s until 12:00:05",
    "cursor at=2026-03-01 00:00:00+00:00 token=None",
    "sku 6901234567892, batch 20260301-0007",
    "114-1234567-1234567",
    "password_set=True tokens_left=25 keys=3",
    "/home/shop/data/orders_2026-03-01.csv.gz:1024",
    "plugins/signature.py:5: the hook does not give extra",
    "价格 19.90 元，订单号 13812345678 已发货",
]


def unionpay() -> str:
    """A 19-digit card number whose last digit is right."""
    for last in "0123456789":
        digits = [int(d) for d in "622202123456789012" + last][::-1]
        if (sum(digits[::2]) + sum(d * 2 - 9 * (d > 4) for d in digits[1::2])) % 10 == 0:
            return "622202123456789012" + last
    raise AssertionError


@pytest.mark.parametrize(("text", "secret"), SENSITIVE)
def test_what_must_not_be_shown_is_gone(text: str, secret: str | None) -> None:
    if secret is None:
        secret = unionpay()
        text = f"paid with {secret}"
    assert secret in text
    assert secret not in Redactor().text(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_a_log_is_read_for_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_number_that_only_looks_like_a_card_or_an_id_stays() -> None:
    assert Redactor().text("n 4111111111111112 110105194912310021") == "n 4111111111111112 110105194912310021"


def test_redacting_twice_changes_nothing_more() -> None:
    redactor = Redactor()
    for text, _ in SENSITIVE:
        once = redactor.text(text)
        assert redactor.text(once) == once


@pytest.mark.parametrize(
    "key",
    ["authorization", "X-Auth-Token", "accessToken", "client_secret", "Password", "apiKey", "api-key", "key",
     "Set-Cookie", "appSecret", "sign", "DB_PASSWORD"],
)  # fmt: skip
def test_secret_keys(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    ["email", "buyer_email", "phone", "receiverPhone", "mobile", "name", "customer_name", "firstName",
     "shipping_address", "id_card", "card_number", "收货地址", "电话"],
)  # fmt: skip
def test_contact_keys(key: str) -> None:
    assert is_contact(key)


@pytest.mark.parametrize(
    "key",
    ["order_id", "stream", "connection", "action", "rule_name", "stream_name", "hostname", "filename",
     "attempt", "rows_written", "until", "keys", "tokens_left", "idempotency_key", "monkey", "signal",
     "author", "design", "telemetry", "address_count", "token_expires_at", "wait_s"],
)  # fmt: skip
def test_plain_keys(key: str) -> None:
    assert not is_secret(key)
    assert not is_contact(key)


# Known values


def test_a_known_secret_is_hidden_in_all_its_forms() -> None:
    redactor = Redactor()
    secret = 'p@ss/w"rd 1+1'
    redactor.add_secret(SecretStr(secret))
    encoded = base64.b64encode(secret.encode()).decode()
    for form in (secret, "p%40ss/w%22rd%201%2B1", "p%40ss%2Fw%22rd+1%2B1", 'p@ss/w\\"rd 1+1', encoded):
        assert redactor.text(f"sent <{form}>") == f"sent <{MASK}>"


def test_a_secret_that_begins_like_another_is_hidden_whole() -> None:
    redactor = Redactor()
    redactor.add_secret("hushhush")
    redactor.add_secret("hushhush-hush")
    assert redactor.text("<hushhush-hush>") == f"<{MASK}>"


def test_a_short_secret_does_not_break_what_contains_it() -> None:
    redactor = Redactor()
    redactor.add_secret("1234")
    redactor.add_secret("abc")
    assert redactor.text("pin 1234 order 912345 abc") == f"pin {MASK} order 912345 abc"


# Structures


def test_structures_are_redacted_by_key_and_by_shape() -> None:
    found = Redactor().value(
        {
            "order_id": "13812345678901",
            "paid": Decimal("19.90"),
            "at": datetime(2026, 3, 1, tzinfo=UTC),
            "count": 13812345678,
            "token": None,
            "customer": {"name": "王", "phone": 13812345678, "tags": ["vip", "a@example.com"]},
            "headers": ({"Cookie": "sid=1"}, "Bearer abc123def"),
        }
    )
    assert found == {
        "order_id": "13812345678901",
        "paid": Decimal("19.90"),
        "at": datetime(2026, 3, 1, tzinfo=UTC),
        "count": 13812345678,
        "token": None,
        "customer": {"name": MASK, "phone": MASK, "tags": ["vip", "[email]"]},
        "headers": ({"Cookie": MASK}, f"Bearer {MASK}"),
    }


def test_an_object_is_shown_by_its_redacted_text() -> None:
    class Buyer:
        def __repr__(self) -> str:
            return "Buyer(email='a@example.com')"

    assert "example.com" not in str(Redactor().value(Buyer()))


# Loggers

SECRET = "hush-hush-hush"


@pytest.fixture
def logs() -> Iterator[tuple[logging.Logger, io.StringIO, io.StringIO]]:
    """A logger with a bare handler and a redacting one, in this order, and what each has written."""
    logger = logging.getLogger("crmsync.test_redaction")
    bare, safe = io.StringIO(), io.StringIO()
    redactor = Redactor()
    redactor.add_secret(SECRET)
    handlers = [logging.StreamHandler(bare), logging.StreamHandler(safe)]
    handlers[1].addFilter(RedactingFilter(redactor))
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(message)s extra=%(extra)s", defaults={"extra": ""}))
        logger.addHandler(handler)
    logger.propagate = False
    yield logger, bare, safe
    for handler in handlers:
        logger.removeHandler(handler)


def fail() -> None:
    raise ValueError(f"no user a@example.com with {SECRET}")


def log_message(logger: logging.Logger) -> None:
    logger.warning(f"sent {SECRET} to a@example.com")


def log_arguments(logger: logging.Logger) -> None:
    logger.warning("sent %s to %s", SECRET, "a@example.com")


def log_extra(logger: logging.Logger) -> None:
    logger.warning("sent", extra={"extra": {"to": ["a@example.com"], "with": SECRET}})


def log_exception(logger: logging.Logger) -> None:
    try:
        fail()
    except ValueError:
        logger.exception("failed")


def log_cause(logger: logging.Logger) -> None:
    try:
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("failed") from error
    except RuntimeError:
        logger.exception("failed")


@pytest.mark.parametrize("emit", [log_message, log_arguments, log_extra, log_exception, log_cause])
def test_a_redacting_handler_shows_nothing_and_a_bare_one_leaks(
    emit: Any, logs: tuple[logging.Logger, io.StringIO, io.StringIO]
) -> None:
    logger, bare, safe = logs
    emit(logger)
    assert SECRET in bare.getvalue()
    assert "a@example.com" in bare.getvalue()
    assert safe.getvalue()
    assert SECRET not in safe.getvalue()
    assert "a@example.com" not in safe.getvalue()


def test_a_formatter_with_tracebacks_of_its_own_gets_none_to_show() -> None:
    try:
        fail()
    except ValueError as error:
        record = logging.makeLogRecord({"exc_info": (ValueError, error, error.__traceback__)})
    RedactingFilter(Redactor()).filter(record)
    assert record.exc_info is None
    assert record.exc_text is not None
    assert "in fail" in record.exc_text


def test_arguments_that_do_not_fit_are_told_instead_of_raised() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "a@example.com %s %s", (1,), None)
    RedactingFilter(Redactor()).filter(record)
    assert record.getMessage() == "[email] %s %s (its arguments do not fit)"


def test_a_record_that_cannot_be_redacted_is_dropped_rather_than_shown() -> None:
    loop: dict[str, Any] = {"note": "a@example.com"}
    loop["loop"] = loop
    record = logging.makeLogRecord({"msg": "sent to a@example.com", "extra": loop})
    assert RedactingFilter(Redactor()).filter(record)
    assert record.getMessage() == "(a record that could not be redacted: RecursionError)"
    assert "extra" not in record.__dict__


@pytest.mark.parametrize(
    "text",
    ["a=" * 50_000, "a" * 100_000, "a.b-" * 30_000 + "@", "1 " * 50_000, "'" * 50_000,
     "name=" * 5_000, "token:'" * 5_000],
)  # fmt: skip
def test_hostile_text_takes_no_time(text: str) -> None:
    begun = time.process_time()
    Redactor().text(text)
    assert time.process_time() - begun < 2


def test_a_traceback_keeps_its_lines(logs: tuple[logging.Logger, io.StringIO, io.StringIO]) -> None:
    logger, _, safe = logs
    log_exception(logger)
    assert "in fail" in safe.getvalue()
    assert "ValueError: no user [email] with [redacted]" in safe.getvalue()


def test_a_percent_sign_in_a_message_survives(logs: tuple[logging.Logger, io.StringIO, io.StringIO]) -> None:
    logger, _, safe = logs
    logger.warning("%s of quota", "100 %")
    assert "100 % of quota" in safe.getvalue()


def render(event: dict[str, Any]) -> str:
    processors: list[Any] = [
        structlog.processors.format_exc_info,
        Redactor(),
        structlog.processors.JSONRenderer(),
    ]
    done: Any = event
    for processor in processors:
        done = processor(None, "info", done)
    return str(done)


def test_a_structlog_event_is_redacted() -> None:
    try:
        fail()
    except ValueError as error:
        shown = render(
            {"event": "sent to a@example.com", "phone": "13812345678", "rows": 7, "exc_info": error}
        )
    assert "a@example.com" not in shown
    assert "13812345678" not in shown
    assert '"rows": 7' in shown
    assert "in fail" in shown


def test_structlog_alone_leaks() -> None:
    assert "a@example.com" in structlog.processors.JSONRenderer()(None, "info", {"event": "a@example.com"})

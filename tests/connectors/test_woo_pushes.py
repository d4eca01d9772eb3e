"""Notes and coupons: the buyer reads what was written, once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from crmsync_woocommerce.account import guest_account
from crmsync_woocommerce.fake.shop import START, Shop
from woo_case import Case, message

from crmsync.sdk import AuthError, PermanentError, Unconfirmed

TEXTS = [
    "您好！价格<100元，满减>50 也可以。",
    "a < b && c > d",
    "一\\二 C:\\new\\table",
    "第一行\n第二行 😀 «ñ»",
    "<b>不是粗体</b> &amp; &lt; <script>x</script>",
    "50 % — “引号” 'x' <!-- 注 -->",
]
COUPONS = {
    "sorry": {"kind": "percent", "amount": 10},
    "back": {"kind": "fixed_cart", "amount": "20.00", "minimum": 99},
}


@pytest.fixture(params=[(11, 0), (8, 2)], ids=["11.0", "8.2"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    shop = Shop(version=request.param)
    customer = shop.add_customer(email="Buyer@Example.test")
    shop.add_order(created=START - timedelta(days=40), customer_id=customer)
    shop.add_order(customer_id=customer)
    shop.add_order(email="guest@example.test")
    with Case(shop, coupons=COUPONS) as case:
        yield case


BUYER, OLD, LATEST, GUEST = "11", 12, 13, 14


def seen(html: str) -> str:
    """What a mail program shows of a note."""
    text = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br */?>\n?", "\n", text)))


@pytest.mark.parametrize("text", TEXTS)
def test_the_buyer_reads_what_was_written(case: Case, text: str) -> None:
    receipt = case.woo.send_message(message(BUYER, text, OLD), "k1")
    [(address, html)] = case.shop.mails
    assert address == "Buyer@Example.test"
    assert seen(html) == text
    note = case.shop.notes[int(receipt.reference)]
    assert (note["order"], note["customer_note"]) == (OLD, True)
    assert receipt.at == START


@pytest.mark.parametrize("text", TEXTS)
def test_a_note_is_found_again_by_its_key(case: Case, text: str) -> None:
    sent = case.woo.send_message(message(BUYER, text, OLD), "k1")
    case.woo.send_message(message(BUYER, text, OLD), "k2")
    found = case.woo.lookup_message(message(BUYER, text, OLD), "k1")
    assert found is not None
    assert (found.reference, found.at) == (sent.reference, sent.at)
    assert case.woo.lookup_message(message(BUYER, text, OLD), "k3") is None


def test_where_the_marks_are_taken_out_the_words_are_looked_for(case: Case) -> None:
    text = "满减>50 & \\o/"
    sent = case.woo.send_message(message(BUYER, text, OLD), "k1")
    note = case.shop.notes[int(sent.reference)]
    note["note"] = note["note"].partition("<!--")[0]
    found = case.woo.lookup_message(message(BUYER, text, OLD), "k1")
    assert found is not None
    assert found.reference == sent.reference
    assert case.woo.lookup_message(message(BUYER, "something else", OLD), "k1") is None


def test_without_an_order_the_latest_is_written_on(case: Case) -> None:
    receipt = case.woo.send_message(message(BUYER, "您好"), "k1")
    assert case.shop.notes[int(receipt.reference)]["order"] == LATEST
    assert case.woo.lookup_message(message(BUYER, "您好"), "k1") is not None
    case.shop.add_order(customer_id=int(BUYER))
    assert case.woo.lookup_message(message(BUYER, "您好"), "k1") is not None


def test_a_guest_is_found_among_the_guests(case: Case) -> None:
    account = guest_account("guest@example.test", "woo")
    for _ in range(120):
        case.shop.add_order()
    case.woo.send_message(message(account, "您好"), "k1")
    assert [address for address, _ in case.shop.mails] == ["guest@example.test"]
    with pytest.raises(PermanentError, match="has no order to write a note on"):
        case.woo.send_message(message(guest_account("else@example.test", "woo"), "您好"), "k2")


@pytest.mark.parametrize(
    ("order", "changes", "why"),
    [
        (GUEST, {}, "belongs to another account"),
        (OLD, {"customer_id": 0}, "belongs to another account"),
        (OLD, {"email": ""}, "has no e-mail address"),
        (99, {}, "404"),
    ],
)
def test_nothing_is_written_where_the_buyer_would_not_read_it(
    case: Case, order: int, changes: dict[str, Any], why: str
) -> None:
    case.shop.orders[OLD] |= changes
    with pytest.raises(PermanentError, match=why):
        case.woo.send_message(message(BUYER, "您好", order), "k1")
    assert not case.shop.notes


@pytest.mark.parametrize(("text", "why"), [("  \n", "empty"), ("长" * 22_000, "65,535")])
def test_what_a_note_cannot_hold_is_refused_before_it_is_sent(case: Case, text: str, why: str) -> None:
    with pytest.raises(PermanentError, match=why):
        case.woo.send_message(message(BUYER, text, OLD), "k1")
    assert not case.shop.notes


def test_an_order_number_is_a_number(case: Case) -> None:
    bad = message(BUYER, "您好")
    object.__setattr__(bad, "order_id", "12/../../customers")
    with pytest.raises(PermanentError, match="is not the number of an order"):
        case.woo.send_message(bad, "k1")


def test_a_private_note_is_for_the_staff(case: Case) -> None:
    receipt = case.woo.add_note(BUYER, "来电：满<100退", "n1")
    note = case.shop.notes[int(receipt.reference)]
    assert (note["customer_note"], seen(note["note"]), note["order"]) == (False, "来电：满<100退", LATEST)
    assert not case.shop.mails
    found = case.woo.lookup_message(message(BUYER, "来电：满<100退", OLD), "n1")
    assert found is not None
    assert found.reference == receipt.reference


def test_notes_change_nothing_that_is_pulled(case: Case) -> None:
    before = {id: order["modified"] for id, order in case.shop.orders.items()}
    case.woo.send_message(message(BUYER, "您好", OLD), "k1")
    assert {id: order["modified"] for id, order in case.shop.orders.items()} == before


def test_a_key_that_may_only_read_writes_nothing(case: Case) -> None:
    case.shop.writable = False
    with pytest.raises(AuthError):
        case.woo.send_message(message(BUYER, "您好", OLD), "k1")


def test_a_note_without_a_receipt_is_doubtful(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = case.rest._add_note
    monkeypatch.setattr(case.rest, "_add_note", lambda *given: _emptied(answer(*given)))
    with pytest.raises(Unconfirmed, match="gave no id"):
        case.woo.send_message(message(BUYER, "您好", OLD), "k1")


def _emptied(reply: Any) -> Any:
    reply.body = b"{}"
    return reply


def test_a_coupon_is_the_buyers_own(case: Case) -> None:
    receipt = case.woo.issue_coupon(BUYER, "sorry", "c1")
    [coupon] = case.shop.coupons.values()
    body = coupon["body"]
    assert receipt.reference == body["code"]
    assert receipt.reference.startswith("care-")
    assert body["email_restrictions"] == ["Buyer@Example.test"]
    assert (body["discount_type"], body["amount"], body["usage_limit"]) == ("percent", "10", 1)
    assert body["date_expires_gmt"] == "2026-12-20T04:00:00"


def test_a_repeated_key_is_one_coupon(case: Case) -> None:
    first, again = (case.woo.issue_coupon(BUYER, "back", "c1") for _ in range(2))
    assert (first.repeated, again.repeated) == (False, True)
    assert first.reference == again.reference
    assert case.woo.issue_coupon(BUYER, "back", "c2").reference != first.reference
    assert len(case.shop.coupons) == 2


def test_a_guests_coupon_goes_by_the_latest_order(case: Case) -> None:
    case.woo.issue_coupon(guest_account("guest@example.test", "woo"), "sorry", "c1")
    [coupon] = case.shop.coupons.values()
    assert coupon["body"]["email_restrictions"] == ["guest@example.test"]


def test_a_coupon_needs_its_terms_and_an_address(case: Case) -> None:
    with pytest.raises(PermanentError, match=r"no coupon 'gold'.*there are: back, sorry"):
        case.woo.issue_coupon(BUYER, "gold", "c1")
    case.shop.customers[int(BUYER)]["email"] = ""
    with pytest.raises(PermanentError, match="no e-mail address"):
        case.woo.issue_coupon(BUYER, "sorry", "c1")
    assert not case.shop.coupons


def test_coupons_are_offered_where_some_are_described(case: Case) -> None:
    assert case.woo.accepts() == {"send_message": "lookup", "add_note": "lookup", "issue_coupon": "key"}
    assert case.open().accepts() == {"send_message": "lookup", "add_note": "lookup"}

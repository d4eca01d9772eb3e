"""What connectors yield: one msgspec struct per stream, frozen, told by keywords.

Amounts are minor units of the record's `currency` (`crmsync.sdk.minor` converts). Times are aware;
naive ones are refused. `external_id` is the platform's own identifier, as text, and with the
connection and the stream it is the record's identity for ever. `updated_at` is the platform's
version of the record: an older version never overwrites a newer one.

Making a record checks nothing, which is what makes it cheap. The host checks each one with
`checked`, and so does a test of a mapping.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from crmsync.sdk.errors import RecordError

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Text = Annotated[str, Meta(max_length=100_000)]
ShortText = Annotated[str, Meta(max_length=1_000)]
Time = Annotated[datetime, Meta(tz=True)]
Stars = Annotated[float, Meta(ge=1, le=5)]

Purpose = Literal["service", "marketing"]
Medium = Literal["platform", "email", "sms", "phone", "webhook", "any"]
OrderStatus = Literal["pending", "paid", "shipped", "delivered", "completed", "cancelled", "refunded"]
RefundKind = Literal["refund", "return", "exchange"]
RefundStatus = Literal["requested", "approved", "refused", "completed", "cancelled"]
ComplaintType = Literal["product", "logistics", "service", "contract", "suggestion", "other"]
ReviewLevel = Literal["good", "neutral", "bad"]
Outcome = Literal["ordered", "resolved", "unresolved", "abandoned"]


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What every record has."""

    stream: ClassVar[str] = ""

    external_id: Id
    updated_at: Time | None = None


class Consent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement of a customer's will, as the platform knows it."""

    medium: Medium
    purpose: Purpose
    granted: bool
    at: Time | None = None
    source: ShortText = ""


class Customer(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A customer's account on one platform (客户)."""

    stream = "customers"

    name: ShortText | None = None
    email: ShortText | None = None
    email_verified: bool = False
    phone: ShortText | None = None
    phone_verified: bool = False
    language: ShortText | None = None
    country: ShortText | None = None
    region: ShortText | None = None
    city: ShortText | None = None
    registered_at: Time | None = None
    consents: list[Consent] = []


class Product(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A thing the shop sells (商品)."""

    stream = "products"

    title: ShortText
    category: ShortText | None = None
    currency: Currency | None = None
    price: Minor | None = None
    created_at: Time | None = None


class OrderLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One product in an order. `price` is of one unit, `total` of the line after its discount."""

    line_id: Id
    product_id: Id | None = None
    title: ShortText | None = None
    quantity: Annotated[int, Meta(ge=0, le=10**9)] = 1
    price: Minor
    total: Minor
    seller_id: Id | None = None


class Order(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An order with its lines (订单). `total` is what the buyer owes, shipping and tax included."""

    stream = "orders"

    customer_id: Id | None = None
    status: OrderStatus
    currency: Currency
    total: Minor
    shipping: Minor = 0
    discount: Minor = 0
    tax: Minor = 0
    placed_at: Time
    paid_at: Time | None = None
    shipped_at: Time | None = None
    promised_at: Time | None = None
    delivered_at: Time | None = None
    cancelled_at: Time | None = None
    agent_id: Id | None = None
    lines: list[OrderLine] = []


class Refund(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Money or goods going back (退款, 退货, 换货), for an order or one line of it."""

    stream = "refunds"

    order_id: Id
    line_id: Id | None = None
    product_id: Id | None = None
    customer_id: Id | None = None
    kind: RefundKind = "refund"
    status: RefundStatus
    type: ComplaintType | None = None
    reason: Text = ""
    currency: Currency
    amount: Minor
    requested_at: Time
    completed_at: Time | None = None


class Review(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What a buyer said of an order or a product (评价). `score` is 1 to 5; see `Connector.review_scale`."""

    stream = "reviews"

    order_id: Id | None = None
    product_id: Id | None = None
    customer_id: Id | None = None
    score: Stars | None = None
    level: ReviewLevel | None = None
    title: ShortText = ""
    text: Text = ""
    language: ShortText | None = None
    created_at: Time
    replied_at: Time | None = None


class Conversation(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A talk between a customer and a service agent (咨询): first question, first reply, outcome."""

    stream = "conversations"

    customer_id: Id | None = None
    agent_id: Id | None = None
    agent_name: ShortText | None = None
    order_id: Id | None = None
    product_id: Id | None = None
    started_at: Time
    first_reply_at: Time | None = None
    ended_at: Time | None = None
    outcome: Outcome | None = None
    type: ComplaintType | None = None
    rating: Stars | None = None


RECORDS: dict[str, type[Record]] = {
    kind.stream: kind for kind in (Product, Customer, Order, Refund, Review, Conversation)
}
"""Every stream a connector may offer, in the order in which they are pulled."""

R = TypeVar("R", bound=Record)

_encode = msgspec.json.Encoder().encode
_decode = {kind: msgspec.json.Decoder(kind).decode for kind in RECORDS.values()}


def checked(record: R) -> tuple[R, bytes]:
    """The record with every field checked, and its content as canonical JSON.

    Lines and consents may have been given as plain mappings; here they become what they stand for.

    Raises RecordError, naming the field, for a wrong type, a value out of range, a naive time, or
    text that no database keeps (a NUL, half of a surrogate pair).
    """
    try:
        content = _encode(record)
        whole = cast(R, _decode[type(record)](content))
    except msgspec.ValidationError as error:
        problem, _, field = str(error).partition(" - at `$.")
        raise RecordError(problem, field=field.rstrip("`")) from None
    except UnicodeEncodeError:
        raise RecordError("a text contains half of a surrogate pair") from None
    except KeyError:
        raise RecordError(f"a {type(record).__name__} is no record") from None
    if b"\\u0000" in content and any("\0" in text for text in _texts(msgspec.to_builtins(whole))):
        raise RecordError("a text contains a NUL character")
    return whole, content


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _texts(part)]

"""What connectors yield: one msgspec struct per stream, frozen, told by keywords.

Amounts are minor units of the record's `currency` (`crmsync.sdk.minor` converts). Times are aware;
naive ones are refused. `external_id` is the platform's own identifier, and with the connection and the
stream it is the record's identity for ever. Ids are text; one that the platform tells as a whole number
may be given as it came. `updated_at` is the platform's version of the record: an older version never
overwrites a newer one.

Making a record checks nothing, which is what makes it cheap. The host checks each one with
`checked`, and so does a test of a mapping.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast, get_args

import msgspec
from msgspec import Meta, Struct

from crmsync.sdk.errors import RecordError

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Text = Annotated[str, Meta(max_length=100_000)]
ShortText = Annotated[str, Meta(max_length=1_000)]
Time = Annotated[datetime, Meta(tz=True)]
Birthday = Annotated[str, Meta(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Stars = Annotated[float, Meta(ge=1, le=5)]

Purpose = Literal["service", "marketing"]
ConsentPurpose = Literal["service", "marketing", "profiling"]
Medium = Literal["platform", "email", "sms", "phone", "wecom", "wechat", "webhook", "any"]
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
    """The platform's version of the record; None where it has none."""


class Consent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement of a customer's will, as the platform knows it."""

    medium: Medium
    """By what the customer may be reached; `any` stands for all."""
    purpose: ConsentPurpose
    """What is allowed or refused; `profiling` is being judged by rules, and needs only not to be refused."""
    granted: bool
    """False is a refusal, which is more than having said nothing."""
    at: Time | None = None
    """When it was said; without it the customer's `updated_at` counts."""
    source: ShortText = ""
    """Where it was said, for the shop's own records: checkout, newsletter form."""
    confirmed: bool = False
    """The customer said it twice, the second time from the address itself (double opt-in)."""
    proof: ShortText = ""
    """What shows that it was said: the platform's id of the statement, a form's version, an address."""


class Customer(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A customer's account on one platform (客户)."""

    stream = "customers"

    name: ShortText | None = None
    email: ShortText | None = None
    email_verified: bool = False
    """The platform has proved that the address is the customer's."""
    phone: ShortText | None = None
    phone_verified: bool = False
    """The platform has proved that the number is the customer's."""
    language: ShortText | None = None
    """What the customer reads: a tag such as `zh-CN` or `en`."""
    country: ShortText | None = None
    """An ISO 3166 code where the platform has one."""
    region: ShortText | None = None
    city: ShortText | None = None
    zone: ShortText | None = None
    """The customer's IANA time zone, such as `Asia/Shanghai`."""
    birthday: Birthday | None = None
    """Month and day, such as `02-29`. The year is not asked for: nobody needs it to congratulate."""
    registered_at: Time | None = None
    consents: list[Consent] = []
    """What the customer granted or refused; nothing said is no entry."""


class Product(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A thing the shop sells (商品)."""

    stream = "products"

    title: ShortText
    category: ShortText | None = None
    currency: Currency | None = None
    price: Minor | None = None
    """Of one piece, before any discount."""
    created_at: Time | None = None


class OrderLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One product in an order. `price` is of one unit, `total` of the line after its discount."""

    line_id: Id
    """Unique within the order."""
    product_id: Id | None = None
    title: ShortText | None = None
    """As it was called when it was sold."""
    quantity: Annotated[int, Meta(ge=0, le=10**9)] = 1
    price: Minor
    total: Minor
    seller_id: Id | None = None
    """Who sold it, on platforms where a shop has several sellers."""


class Order(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An order with its lines (订单). `total` is what the buyer owes, shipping and tax included."""

    stream = "orders"

    customer_id: Id | None = None
    """The account that bought; None for a guest whom the platform does not name."""
    status: OrderStatus
    """`pending`: not paid for, or still to be looked at by somebody; counts as not bought. `paid`: bought
    and not wholly sent, so also when only a part is sent, or a payment is disputed. `shipped`: all of it is
    on its way. `delivered`: it arrived. `completed`: it arrived, and the platform expects nothing more.
    `cancelled`: nothing came of it, also where the payment was declined or the time ran out; counts as not
    bought. `refunded`: bought, and all the money went back; an order of which a part went back keeps its
    word, and the part is a refund."""
    currency: Currency
    total: Minor
    shipping: Minor = 0
    discount: Minor = 0
    """What was taken off; `total` is after it."""
    tax: Minor = 0
    placed_at: Time
    """When the buyer ordered."""
    paid_at: Time | None = None
    shipped_at: Time | None = None
    promised_at: Time | None = None
    """By when the buyer was told it would arrive; an order that comes later is late."""
    delivered_at: Time | None = None
    cancelled_at: Time | None = None
    agent_id: Id | None = None
    """The service agent who advised the buyer."""
    lines: list[OrderLine] = []


class Refund(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Money or goods going back (退款, 退货, 换货), for an order or one line of it.

    Whose it is follows from the order. Without a `product_id` it counts for every product of the order.
    """

    stream = "refunds"

    order_id: Id
    line_id: Id | None = None
    """The line it is about; None for the whole order."""
    product_id: Id | None = None
    """What came back: `line_id` alone does not say it."""
    customer_id: Id | None = None
    kind: RefundKind = "refund"
    status: RefundStatus
    """Refused and cancelled ones count for nothing."""
    type: ComplaintType | None = None
    """What went wrong, where the platform or the shop says so."""
    reason: Text = ""
    """In the buyer's words."""
    currency: Currency
    amount: Minor
    """What is paid back; 0 for an exchange."""
    requested_at: Time
    completed_at: Time | None = None


class Review(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What a buyer said of an order or a product (评价). `score` is 1 to 5."""

    stream = "reviews"

    order_id: Id | None = None
    product_id: Id | None = None
    customer_id: Id | None = None
    """The account that wrote it; None where the platform tells no more than a name or an address."""
    score: Stars | None = None
    """1 to 5, None for none given; of ten stars `1 + (stars - 1) * 4 / 9`, so that the ends stay the ends."""
    level: ReviewLevel | None = None
    """Good, neutral or bad (好评, 中评, 差评), on platforms that ask for that."""
    title: ShortText = ""
    text: Text = ""
    language: ShortText | None = None
    created_at: Time
    replied_at: Time | None = None
    """When the shop answered."""


class Conversation(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A talk between a customer and a service agent (咨询): first question, first reply, outcome."""

    stream = "conversations"

    customer_id: Id | None = None
    agent_id: Id | None = None
    agent_name: ShortText | None = None
    order_id: Id | None = None
    product_id: Id | None = None
    started_at: Time
    """The customer's first question."""
    first_reply_at: Time | None = None
    """An agent's first reply, not a machine's."""
    ended_at: Time | None = None
    outcome: Outcome | None = None
    """How it ended for the customer; None while it lasts."""
    type: ComplaintType | None = None
    """Set when it is a complaint, or a suggestion."""
    rating: Stars | None = None
    """What the customer gave the agent, 1 to 5."""


class Attendance(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One agent's day by the roster (考勤)."""

    stream = "attendance"

    agent_id: Id
    day: Time
    """Any moment of the day; its beginning, in most rosters."""
    scheduled: bool = True
    """The agent was to come that day."""
    attended: bool
    """The agent came."""


RECORDS: dict[str, type[Record]] = {
    kind.stream: kind for kind in (Product, Customer, Order, Refund, Review, Conversation, Attendance)
}
"""Every stream a connector may offer, in the order in which they are pulled."""

R = TypeVar("R", bound=Record)

# A number with a point is no text and no id: as text, which is the default, it would pass for one.
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = {kind: msgspec.json.Decoder(kind).decode for kind in RECORDS.values()}
_with_ids: tuple[type[Struct], ...] = (*RECORDS.values(), OrderLine)
_ids = {
    kind: [field.name for field in msgspec.structs.fields(kind) if Id in (field.type, *get_args(field.type))]
    for kind in _with_ids
}


def checked(record: R) -> tuple[R, bytes]:
    """The record with every field checked, and its content as canonical JSON.

    Lines and consents may have been given as plain mappings; here they become what they stand for. A whole
    number that was given for an id becomes its text.

    Raises RecordError, naming the field, for a wrong type, a value out of range, a naive time, or
    text that no database keeps (a NUL, half of a surrogate pair).
    """
    try:
        content = _encode(record)
        try:
            whole = _decode[type(record)](content)
        except msgspec.ValidationError:
            # Only here, so that it costs nothing where ids are text.
            content = _with_ids_as_text(record)
            whole = _decode[type(record)](content)
    except msgspec.ValidationError as error:
        problem, _, field = str(error).partition(" - at `$.")
        raise RecordError(problem, field=field.rstrip("`")) from None
    except UnicodeEncodeError:
        raise RecordError("a text contains half of a surrogate pair") from None
    except (msgspec.DecodeError, ValueError):
        # Before 0.23 msgspec wrote `NaN`, and could not read it.
        raise RecordError("a Decimal is no finite number") from None
    except KeyError:
        raise RecordError(f"a {type(record).__name__} is no record") from None
    if b"\\u0000" in content and any("\0" in text for text in _texts(msgspec.to_builtins(whole))):
        raise RecordError("a text contains a NUL character")
    return cast(R, whole), content


def _with_ids_as_text(record: Record) -> bytes:
    """The record's content, with the text of every id that is a whole number."""
    content = msgspec.to_builtins(record, builtin_types=(Decimal,))
    _write_ids(content, _ids[type(record)])
    lines = content.get("lines")
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict):
            _write_ids(line, _ids[OrderLine])
    return _encode(content)


def _write_ids(content: dict[str, Any], names: list[str]) -> None:
    for name in names:
        # Neither True, which counts as 1 in Python, nor 1.0.
        if type(id := content.get(name)) is int:
            content[name] = str(id)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _texts(part)]

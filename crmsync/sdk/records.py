"""What connectors yield: one pydantic model per stream, frozen, unknown fields refused.

Amounts are minor units of the record's `currency` (`crmsync.sdk.minor` converts). Times are aware;
naive ones are refused. `external_id` is the platform's own identifier, as text, and with the
connection and the stream it is the record's identity for ever. `updated_at` is the platform's
version of the record: an older version never overwrites a newer one.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(ge=-(2**53), le=2**53)]
Text = Annotated[str, StringConstraints(max_length=100_000)]
ShortText = Annotated[str, StringConstraints(max_length=1_000)]

Purpose = Literal["service", "marketing"]
Medium = Literal["platform", "email", "sms", "phone", "webhook", "any"]
OrderStatus = Literal["pending", "paid", "shipped", "delivered", "completed", "cancelled", "refunded"]
RefundKind = Literal["refund", "return", "exchange"]
RefundStatus = Literal["requested", "approved", "refused", "completed", "cancelled"]
ComplaintType = Literal["product", "logistics", "service", "contract", "suggestion", "other"]
ReviewLevel = Literal["good", "neutral", "bad"]
Outcome = Literal["ordered", "resolved", "unresolved", "abandoned"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Record(_Frozen):
    """What every record has."""

    stream: ClassVar[str] = ""

    external_id: Id
    updated_at: AwareDatetime | None = None


class Consent(_Frozen):
    """One statement of a customer's will, as the platform knows it."""

    medium: Medium
    purpose: Purpose
    granted: bool
    at: AwareDatetime | None = None
    source: ShortText = ""


class Customer(Record):
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
    registered_at: AwareDatetime | None = None
    consents: list[Consent] = []


class Product(Record):
    """A thing the shop sells (商品)."""

    stream = "products"

    title: ShortText
    category: ShortText | None = None
    currency: Currency | None = None
    price: Minor | None = None
    created_at: AwareDatetime | None = None


class OrderLine(_Frozen):
    """One product in an order. `price` is of one unit, `total` of the line after its discount."""

    line_id: Id
    product_id: Id | None = None
    title: ShortText | None = None
    quantity: Annotated[int, Field(ge=0, le=10**9)] = 1
    price: Minor
    total: Minor
    seller_id: Id | None = None


class Order(Record):
    """An order with its lines (订单). `total` is what the buyer owes, shipping and tax included."""

    stream = "orders"

    customer_id: Id | None = None
    status: OrderStatus
    currency: Currency
    total: Minor
    shipping: Minor = 0
    discount: Minor = 0
    tax: Minor = 0
    placed_at: AwareDatetime
    paid_at: AwareDatetime | None = None
    shipped_at: AwareDatetime | None = None
    promised_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    agent_id: Id | None = None
    lines: list[OrderLine] = []


class Refund(Record):
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
    requested_at: AwareDatetime
    completed_at: AwareDatetime | None = None


class Review(Record):
    """What a buyer said of an order or a product (评价). `score` is 1 to 5; see `Connector.review_scale`."""

    stream = "reviews"

    order_id: Id | None = None
    product_id: Id | None = None
    customer_id: Id | None = None
    score: Annotated[float, Field(ge=1, le=5)] | None = None
    level: ReviewLevel | None = None
    title: ShortText = ""
    text: Text = ""
    language: ShortText | None = None
    created_at: AwareDatetime
    replied_at: AwareDatetime | None = None


class Conversation(Record):
    """A talk between a customer and a service agent (咨询): first question, first reply, outcome."""

    stream = "conversations"

    customer_id: Id | None = None
    agent_id: Id | None = None
    agent_name: ShortText | None = None
    order_id: Id | None = None
    product_id: Id | None = None
    started_at: AwareDatetime
    first_reply_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    type: ComplaintType | None = None
    rating: Annotated[float, Field(ge=1, le=5)] | None = None


RECORDS: dict[str, type[Record]] = {
    kind.stream: kind for kind in (Product, Customer, Order, Refund, Review, Conversation)
}
"""Every stream a connector may offer, in the order in which they are pulled."""

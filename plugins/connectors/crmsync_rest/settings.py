"""What an ops person writes to describe an API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from crmsync.sdk import (
    Consent,
    Conversation,
    Customer,
    Duration,
    Order,
    OrderLine,
    Product,
    Rate,
    Refund,
    Review,
    Settings,
)
from crmsync.sdk.convert import DecimalSign, Unit
from crmsync.sdk.fields import Source, TimeFormat, Times, field_settings
from crmsync.sdk.message import Idempotency
from crmsync.sdk.records import Currency
from crmsync.sdk.sensitive_keys import is_secret
from crmsync_rest.auth import Auth
from crmsync_rest.expression import Expression
from crmsync_rest.paging import OnePage, Paging
from crmsync_rest.template import checked
from crmsync_rest.webhook import Events


def _web_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address begins with https:// or http://")
    return url.rstrip("/")


def _below(path: str) -> str:
    if "://" in path:
        raise ValueError("this is a path below base_url, such as /orders")
    return "/" + path.lstrip("/")


def _no_secret(given: dict[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        if isinstance(value, str) and is_secret(name):
            raise ValueError(f"{name} looks like a secret, and `auth` is where those are kept safe")
    return given


UrlPath = Annotated[str, AfterValidator(_below)]
Template = Annotated[Any, AfterValidator(checked)]


class At(Source):
    """Where a field's value stands in a record."""

    short: ClassVar[str] = "path"

    path: Expression | None = Field(None, description="A JMESPath expression on the record.")

    def place(self) -> str:
        return repr(self.path) if self.path else ""


class Incremental(Settings):
    """How to ask for what changed."""

    param: str = Field(description="The parameter that takes the time: updated_since.")
    until_param: str | None = Field(None, description="The parameter that takes the end of a period.")
    field: Expression | None = Field(
        None, description="Where a record says when it changed; without it the clock is trusted."
    )
    format: TimeFormat = Field("iso", description="How the API takes and gives it: as in `times`.")
    zone: ZoneInfo | None = Field(None, description="The zone it is written in; UTC by default.")
    inclusive: bool = Field(True, description="Whether a record changed at that very time is given.")
    overlap: Duration = Field(
        timedelta(minutes=5), description="How far before the last change to ask again."
    )


class Lines(Settings):
    """The lines of an order."""

    path: Expression = Field(description="Where an order holds the list of its lines.")
    fields: field_settings(OrderLine, At, optional=("line_id", "price", "total"))  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _has_amount(self) -> Self:
        if self.fields.price is None and self.fields.total is None:
            raise ValueError("map the price of one unit, or the total of the line, or both")
        return self


class Consents(Settings):
    """One consent of a customer, or each of a list."""

    path: Expression | None = Field(None, description="Where a customer holds a list of consents.")
    fields: field_settings(Consent, At)  # type: ignore[valid-type]


class Endpoint(Settings):
    """One stream: where its list is, how it is paged, and where each field comes from."""

    path: UrlPath = Field(description="The list's path below base_url.")
    params: Annotated[dict[str, str | int | float | bool | list[str]], AfterValidator(_no_secret)] = Field(
        {}, description="Parameters of every request."
    )
    records: Expression = Field("@", description="Where the answer holds the list of records.")
    paging: Paging = Field(OnePage(kind="none"), description="How the list is given in pages.")
    incremental: Incremental | None = Field(None, description="How to ask for what changed.")
    sorted: bool = Field(
        False, description="The list is in the order of change; a broken walk then goes on where it was."
    )
    identity: Expression | Annotated[list[Expression], Field(min_length=1)] = Field(
        "id", description="What identifies a record, or several values together."
    )
    separator: str = Field(":", description="Between the parts of an identity made of several values.")

    def identity_paths(self) -> list[str]:
        return [self.identity] if isinstance(self.identity, str) else self.identity

    @model_validator(mode="after")
    def _sorted_by_time(self) -> Self:
        if self.sorted and (self.incremental is None or self.incremental.field is None):
            raise ValueError("`sorted` needs `incremental` with the `field` that the list is sorted by")
        return self


class ProductEndpoint(Endpoint):
    fields: field_settings(Product, At)  # type: ignore[valid-type]


class CustomerEndpoint(Endpoint):
    fields: field_settings(Customer, At)  # type: ignore[valid-type]
    consents: list[Consents] = Field([], description="What each customer agreed to or refused.")


class OrderEndpoint(Endpoint):
    fields: field_settings(Order, At)  # type: ignore[valid-type]
    lines: Lines | None = Field(None, description="What was ordered.")


class RefundEndpoint(Endpoint):
    fields: field_settings(Refund, At)  # type: ignore[valid-type]


class ReviewEndpoint(Endpoint):
    fields: field_settings(Review, At)  # type: ignore[valid-type]


class ConversationEndpoint(Endpoint):
    fields: field_settings(Conversation, At)  # type: ignore[valid-type]


class Endpoints(Settings):
    """The streams the API has; the others are not pulled."""

    products: ProductEndpoint | None = Field(None, description="The things the shop sells.")
    customers: CustomerEndpoint | None = Field(None, description="The customers' accounts.")
    orders: OrderEndpoint | None = Field(None, description="Orders with their lines.")
    refunds: RefundEndpoint | None = Field(None, description="Refunds, returns and exchanges.")
    reviews: ReviewEndpoint | None = Field(None, description="What buyers said.")
    conversations: ConversationEndpoint | None = Field(None, description="Talks with the shop's agents.")

    def configured(self) -> dict[str, Endpoint]:
        return {name: found for name in type(self).model_fields if (found := getattr(self, name)) is not None}


class ErrorBody(Settings):
    """A body that means an error although the status says success."""

    when: Expression = Field(description="An error when this is anything but null, false, 0 or empty.")
    kind: Literal["permanent", "transient", "rate", "auth"] = Field("permanent", description="What it means.")
    message: Expression | None = Field(None, description="Where the body says what is wrong.")
    wait: Expression | None = Field(None, description="Where it says how many seconds to wait, for `rate`.")


class ShopPage(Settings):
    """Where the API names the shop."""

    path: UrlPath = Field(description="The path below base_url.")
    name: Expression | None = Field(None, description="Where the answer holds the shop's name.")
    currency: Expression | None = Field(None, description="Where it holds the currency.")
    zone: Expression | None = Field(None, description="Where it holds the IANA time zone.")
    id: Expression | None = Field(None, description="Where it holds the shop's id.")


class Lookup(Settings):
    """How to ask what became of a message."""

    path: Template = Field(description="The path below base_url; {key} stands for the message's key.")
    params: dict[str, Template] = Field({}, description="Parameters, in which {key} stands for the key.")
    receipt: Expression = Field(description="Where the answer holds the message's id; nothing: never sent.")


class Messages(Settings):
    """How a message to a customer is delivered."""

    method: Literal["POST", "PUT"] = Field("POST", description="The request's method.")
    path: Template = Field(description="The path below base_url; {account_id} stands for the customer.")
    body: Template = Field(description="The body, in which {account_id}, {text} and others are filled in.")
    send_as: Literal["json", "form"] = Field("json", description="How the body is encoded.")
    key_header: str | None = Field(None, description="The header that takes the key: Idempotency-Key.")
    receipt: Expression | None = Field(None, description="Where the answer holds the message's id.")
    repeated: Expression | None = Field(None, description="Where it says that the key was seen before.")
    idempotency: Idempotency = Field("none", description="What the API does when a key comes twice.")
    lookup: Lookup | None = Field(None, description="How to ask what became of a key.")

    @model_validator(mode="after")
    def _key_is_sent(self) -> Self:
        if self.idempotency == "lookup" and self.lookup is None:
            raise ValueError("`idempotency: lookup` needs `lookup`")
        if self.idempotency == "key" and self.key_header is None and "{key}" not in str(self.body):
            raise ValueError("`idempotency: key` needs `key_header`, or {key} in the body")
        return self


class RestSettings(Settings):
    """An API. What stands here holds for every endpoint that does not say otherwise."""

    base_url: Annotated[str, AfterValidator(_web_address)] = Field(
        description="The address all paths are below.", examples=["https://api.example.com/v1"]
    )
    auth: Auth | None = Field(None, description="How requests are signed.")
    headers: Annotated[dict[str, str], AfterValidator(_no_secret)] = Field(
        {}, description="Headers of every request."
    )
    rate_limit: Rate | None = Field(None, description="How often the API may be called: 2/s.")
    title: str | None = Field(None, description="The shop's name, where the API does not tell it.")
    currency: Currency | None = Field(None, description="The currency of records that map none: CNY.")
    times: Times = Field(Times(), description="How times are written.")
    unit: Unit = Field("major", description="Amounts are in major units (12.50) or minor ones (1250).")
    decimal: DecimalSign = Field("point", description="The decimal sign of amounts in text.")
    shop: ShopPage | None = Field(None, description="Where the API names the shop.")
    errors: list[ErrorBody] = Field([], description="Bodies that mean an error under a status of success.")
    endpoints: Endpoints = Field(Endpoints(), description="Where each stream is.")
    messages: Messages | None = Field(None, description="How a message to a customer is delivered.")
    webhook: Events | None = Field(None, description="The events the API sends when something changes.")

    @model_validator(mode="after")
    def _events_have_streams(self) -> Self:
        for topic, stream in (self.webhook.streams if self.webhook else {}).items():
            if stream not in self.endpoints.configured():
                raise ValueError(f"webhook.streams: {topic} names {stream}, which has no endpoint here")
        return self

    @model_validator(mode="after")
    def _has_currency(self) -> Self:
        for name in ("orders", "refunds"):
            endpoint = getattr(self.endpoints, name)
            if endpoint is not None and endpoint.fields.currency is None and self.currency is None:
                raise ValueError(f"endpoints.{name} has no currency: map it, or set `currency` here")
        return self

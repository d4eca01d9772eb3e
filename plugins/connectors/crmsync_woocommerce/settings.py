"""What a connection to a WooCommerce shop is configured with."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from crmsync.sdk import Duration, Rate, Settings
from crmsync.sdk.records import Currency, Medium, OrderStatus, Purpose


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the shop's address begins with https://")
    if parts.query or parts.fragment:
        raise ValueError("the address ends with the shop's host or folder, without ? or #")
    if "/wp-json" in parts.path:
        raise ValueError("give the shop's own address, without /wp-json")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("over plain http customers' data could be read on the way; use https")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _slug(word: Any) -> Any:
    """A status as the API writes it: the database puts `wc-` before it."""
    return word.strip().lower().removeprefix("wc-") if isinstance(word, str) else word


Slug = Annotated[str, BeforeValidator(_slug), Field(min_length=1)]


class ConsentField(Settings):
    """Where a plugin of the shop keeps what customers agreed to."""

    meta: str = Field(description="The key of the plugin's entry in `meta_data`.", examples=["_newsletter"])
    medium: Medium = Field("email", description="By what the customer may be reached.")
    purpose: Purpose = Field("marketing", description="For what.")
    granted: list[str] = Field(
        ["1", "yes", "true", "on"], description="The values that mean yes; capitals do not matter."
    )
    refused: list[str] = Field(["0", "no", "false", "off"], description="The values that mean no.")


class CouponTerms(Settings):
    """A coupon that may be issued, each time with a code of its own for one customer."""

    kind: Literal["percent", "fixed_cart", "fixed_product"] = Field(
        description="Whether the amount is a share of the cart, or money off the cart or each product."
    )
    amount: Decimal = Field(gt=0, description="The share in percent, or the money in the shop's currency.")
    minimum: Decimal | None = Field(None, gt=0, description="The least the cart must be worth.")
    valid_for: Duration | None = Field(timedelta(days=30), description="How long it lasts; null: for ever.")
    uses: int = Field(1, ge=1, description="How often it may be used.")
    alone: bool = Field(True, description="Whether it refuses other coupons beside it.")


class WooSettings(Settings):
    """A shop."""

    base_url: Annotated[str, AfterValidator(_address)] = Field(
        description="The shop's address. https, or http on this machine.",
        examples=["https://shop.example.com"],
    )
    consumer_key: SecretStr = Field(description="The REST API key's consumer key, `ck_…`.")
    consumer_secret: SecretStr = Field(description="Its consumer secret, `cs_…`.")
    webhook_secret: SecretStr | None = Field(
        None, description="The secret of the shop's webhooks; without it no event is believed."
    )
    keys_in: Literal["header", "query"] = Field(
        "header", description="Where the keys go over https; `query` for hosts that drop the header."
    )
    plain_permalinks: bool = Field(
        False, description="Whether the shop's permalinks are plain, so that the API is at `?rest_route=`."
    )
    page_size: int = Field(100, ge=2, le=100, description="Records per page; WooCommerce gives up to 100.")
    rate: Rate = Field(Rate(4), description="How often the shop may be called.")
    currency: Currency | None = Field(
        None, description="The currency of products' prices, where the shop does not tell it."
    )
    statuses: dict[Slug, OrderStatus] = Field(
        {}, description="What statuses mean that plugins of the shop have added."
    )
    hidden_statuses: list[Slug] = Field(
        ["trash"], description="Statuses of orders that the shop leaves out unless they are asked for."
    )
    consents: list[ConsentField] = Field(
        [], description="Where plugins keep what customers agreed to; without it nobody did."
    )
    coupons: dict[str, CouponTerms] = Field({}, description="The coupons that may be issued, by name.")
    coupon_prefix: str = Field(
        "care-", pattern=r"^[a-z0-9-]{0,20}$", description="What the codes of issued coupons begin with."
    )

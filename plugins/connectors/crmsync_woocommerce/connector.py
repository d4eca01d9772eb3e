"""WooCommerce: its streams, and what can be pushed to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

import requests

from crmsync.sdk import (
    AuthError,
    BasicAuth,
    Connector,
    Context,
    Cursor,
    Customer,
    Order,
    OutgoingMessage,
    Page,
    Product,
    Rate,
    Receipt,
    Refund,
    Review,
    Shop,
    Webhook,
    push,
    stream,
)
from crmsync.sdk.message import Idempotency
from crmsync_woocommerce.api import Api, Listed, Row, decoded
from crmsync_woocommerce.coupons import Coupons
from crmsync_woocommerce.customers import customers
from crmsync_woocommerce.events import events
from crmsync_woocommerce.mapping import Mapper
from crmsync_woocommerce.notes import Notes
from crmsync_woocommerce.orders import orders
from crmsync_woocommerce.refunds import refunds
from crmsync_woocommerce.reviews import reviews
from crmsync_woocommerce.settings import WooSettings
from crmsync_woocommerce.signature import OneLeggedOAuth, OnlyWooCommerce, QueryKeys
from crmsync_woocommerce.site import currency_of, site, zone_of
from crmsync_woocommerce.walk import by_id

_PRODUCT_FIELDS = "id,name,price,regular_price,categories,date_created_gmt,date_modified_gmt"
_CHECK_KEY = (
    "Check the consumer key and secret and that the key may read. If both are right: the host may drop the "
    "Authorization header (`keys_in: query`), or the shop may not know that it is reached by https "
    "(X-Forwarded-Proto); over plain http the clocks may differ by more than 15 minutes."
)


class WooConnector(Connector[WooSettings]):
    name = "woocommerce"
    title = "WooCommerce"
    platform = "woocommerce"
    Settings = WooSettings

    def __init__(self, settings: WooSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._mapper = Mapper(settings, context.connection)

    def auth(self) -> requests.auth.AuthBase:
        """Over plain http, which settings allow on this machine alone, the shop ignores bare keys."""
        key, secret = self.settings.consumer_key, self.settings.consumer_secret
        keys: requests.auth.AuthBase
        if self.settings.base_url.startswith("http://"):
            keys = OneLeggedOAuth(key, secret, self.clock)
        elif self.settings.keys_in == "query":
            keys = QueryKeys(key, secret)
        else:
            keys = BasicAuth(key.get_secret_value(), secret)
        return OnlyWooCommerce(keys)

    def rate_limits(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate}

    def inspect(self, response: requests.Response) -> None:
        """An answer without JSON counts as none: a maintenance page, a login, a firewall's question."""
        decoded(response)

    def webhook(self) -> Webhook | None:
        secret = self.settings.webhook_secret
        return events(secret) if secret else None

    def accepts(self) -> Mapping[str, Idempotency]:
        pushes = self.pushes()
        return pushes if self.settings.coupons else {n: p for n, p in pushes.items() if n != "issue_coupon"}

    def check(self) -> Shop:
        index = site(self._api)
        try:
            newest = self._api.list("orders", {"per_page": 1, "_fields": "id,currency"}).rows
        except AuthError as error:
            raise AuthError(error.what, fix=_CHECK_KEY) from None
        currency = self.settings.currency or (str(newest[0].get("currency")) if newest else None)
        return Shop(
            name=str(index.get("name") or "").strip() or self.settings.base_url,
            currency=currency or currency_of(self._api),
            zone=zone_of(index),
            id=str(index.get("home") or self.settings.base_url),
        )

    @stream(Product, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        currency = self.settings.currency or currency_of(self._api)

        def ask(page: Row) -> Listed:
            return self._api.list("products", {"_fields": _PRODUCT_FIELDS, **page})

        for batch in by_id(ask, self.settings.page_size, place=since.token or ""):
            rows = [{**row, "currency": currency} for row in batch.rows]
            yield Page(rows, Cursor(token=None if batch.last else batch.place), batch.total)

    @stream(Customer, snapshot=True)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return customers(self._api, self.settings.page_size, self.context.connection, since, self.clock.now())

    @stream(Order, snapshot=True)
    def orders(self, since: Cursor) -> Iterator[Page]:
        settings = self.settings
        return orders(
            self._api, settings.page_size, settings.hidden_statuses, since, self.clock.now(), self._zone
        )

    @stream(Refund, snapshot=True)
    def refunds(self, since: Cursor) -> Iterator[Page]:
        for batch in refunds(self._api, self.settings.page_size, since, self._zone):
            yield Page(batch.rows, Cursor(batch.at, until=since.until), batch.total)

    @stream(Review, overlap=timedelta(days=30), snapshot=True)
    def reviews(self, since: Cursor) -> Iterator[Page]:
        """Read again over thirty days, because the shop does not say when one was edited."""
        return reviews(self._api, self.settings.page_size, since, self.clock.now())

    @products.mapping
    def product(self, row: Row) -> Product:
        return self._mapper.product(row)

    @customers.mapping
    def customer(self, row: Row) -> Customer | None:
        return self._mapper.customer(row)

    @orders.mapping
    def order(self, row: Row) -> Order:
        return self._mapper.order(row)

    @refunds.mapping
    def refund(self, row: Row) -> Refund:
        return self._mapper.refund(row)

    @reviews.mapping
    def review(self, row: Row) -> Review:
        return self._mapper.review(row)

    @push("lookup")
    def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
        """A customer note on the message's order, or the latest one: the shop mails it to the buyer."""
        return self._notes.send(message, key)

    @push("lookup")
    def add_note(self, account_id: str, text: str, key: str) -> Receipt:
        """A private note on the account's latest order, for the shop's own staff."""
        return self._notes.add(account_id, text, key)

    @push("key")
    def issue_coupon(self, account_id: str, coupon: str, key: str) -> Receipt:
        """A coupon of the settings, by its name, for this customer alone; the receipt is its code."""
        return self._coupons.issue(account_id, coupon, key)

    def lookup_message(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """The note that was written under this key."""
        return self._notes.find(message, key)

    @cached_property
    def _api(self) -> Api:
        return Api(self.settings, self.http)

    @cached_property
    def _notes(self) -> Notes:
        return Notes(self._api, self.context.connection)

    @cached_property
    def _coupons(self) -> Coupons:
        return Coupons(self._api, self.settings, self.context.connection, self.clock)

    @cached_property
    def _zone(self) -> tzinfo | None:
        name = zone_of(site(self._api))
        return ZoneInfo(name) if name else None

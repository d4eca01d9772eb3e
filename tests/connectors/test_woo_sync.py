"""A WooCommerce shop through the host: stored, read again without a change, edited, and marked as gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from crmsync_woocommerce.conformance import WooServer
from crmsync_woocommerce.connector import WooConnector
from crmsync_woocommerce.fake.shop import Shop, stocked
from sqlalchemy import text
from woo_case import KEYS

from crmsync.sdk import RunResult
from crmsync.store import Store
from crmsync.sync.connection import open_source, sync_connection
from crmsync.sync.stream import INCREMENTAL, Scope
from crmsync.testing import FakeClock


class Synced:
    """One connection to a shop, kept in a store."""

    def __init__(self, store: Store, shop: Shop, server: WooServer) -> None:
        self.store, self.shop = store, shop
        self.clock = FakeClock(shop.now)
        given = {"base_url": server.url, **KEYS, "page_size": 5, "statuses": {"packed": "paid"}}
        settings = WooConnector.Settings.model_validate(given)
        self.source = open_source(store, "woo", WooConnector, settings, self.clock)

    def run(self, scope: Scope = INCREMENTAL) -> dict[str, RunResult]:
        # The shop's clock goes on as the host's does.
        self.shop.now = max(self.shop.now, self.clock.now().replace(microsecond=0))
        runs = sync_connection(self.store, self.source, self.clock, scope=scope)
        assert [(run.status, run.reason) for run in runs] == [("ok", "")] * 5
        return {run.stream: run for run in runs}

    def rows(self, query: str) -> list[Any]:
        with self.store.read() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def synced(store: Store) -> Iterator[Synced]:
    with WooServer(stocked(Shop(zone="America/New_York", hpos=False))) as server:
        synced = Synced(store, server.shop, server)
        yield synced
        synced.source.connector.http.close()


def test_a_shop_is_stored_and_followed(synced: Synced) -> None:
    shop = synced.shop
    first = synced.run()
    assert first["orders"].inserted == len(shop.orders)
    assert synced.rows("SELECT zone, currency FROM connection") == [("America/New_York", "CNY")]
    # Every order belongs to an account, and no account's id is an address.
    assert synced.rows('SELECT count(*) FROM "order" WHERE account_id IS NULL') == [(0,)]
    assert synced.rows("SELECT count(*) FROM account WHERE external_id LIKE '%@%'") == [(0,)]
    assert synced.rows(
        'SELECT count(*) FROM "order" o JOIN account a ON a.connection_id = o.connection_id '
        "AND a.external_id = o.account_id WHERE a.email IS NULL AND o.status <> 'cancelled'"
    ) == [(0,)]
    again = synced.run()
    assert [(run.inserted, run.updated, run.rejected) for run in again.values()] == [(0, 0, 0)] * 5

    synced.clock.advance(timedelta(hours=2))
    shop.now = synced.clock.now().replace(microsecond=0)
    edited, cancelled, gone = [id for id, o in shop.orders.items() if o["status"] == "processing"][:3]
    shop.touch(edited, quantity=7)
    shop.trash(cancelled)
    shop.delete(gone)
    shop.refund(edited)
    third = synced.run()
    assert (third["orders"].inserted, third["orders"].updated, third["refunds"].inserted) == (0, 2, 1)
    stored = dict(synced.rows('SELECT external_id, status FROM "order"'))
    assert (stored[str(edited)], stored[str(cancelled)]) == ("refunded", "cancelled")

    assert synced.run(Scope(full=True))["orders"].deleted == 1
    deleted = synced.rows('SELECT external_id FROM "order" WHERE deleted_at IS NOT NULL')
    assert deleted == [(str(gone),)]

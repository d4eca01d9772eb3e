"""`crmsync sync` and what its exit code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsync.store import Store
from crmsync.store.lock import instance_lock
from crmsync.testing import Shop


def test_only_the_stream_that_is_named(crmsync) -> None:
    runs = crmsync("sync", "shop", "--stream", "orders", "--stream", "refunds", "--json").data["runs"]
    assert [(run["stream"], run["status"]) for run in runs] == [("orders", "ok"), ("refunds", "ok")]


def test_a_dry_run_stores_nothing_and_needs_no_lock(crmsync, folder: Path, cli_shop: Shop) -> None:
    (created,) = cli_shop.create_orders(1)
    store = Store(f"sqlite:///{folder}/crmsync.db")
    try:
        with instance_lock(store):
            ran = crmsync("sync", "--dry-run", "--json")
            assert ran.code == 0
            assert ran.data["dry_run"] is True
            orders = next(run for run in ran.data["runs"] if run["stream"] == "orders")
            assert orders["inserted"] == 1
            assert crmsync("sync").code == 8
    finally:
        store.close()
        cli_shop.remove("orders", [created])
    again = crmsync("sync", "--json").data["runs"]
    assert next(run for run in again if run["stream"] == "orders")["inserted"] == 0


def test_a_span_is_read_again(crmsync, cli_shop: Shop) -> None:
    day = cli_shop.now.date().isoformat()
    since = crmsync("sync", "--stream", "orders", "--since", "2026-05-20", "--json").data["runs"][0]
    span = crmsync(
        "sync", "--stream", "orders", "--since", "2026-05-20", "--until", "2026-05-25", "--json"
    ).data["runs"][0]
    assert since["pulled"] > span["pulled"] > 0
    assert crmsync("sync", "--stream", "orders", "--until", day, "--json").code == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["shp"], "shop"),
        (["--stream", "order"], "orders"),
        (["--since", "yesterday"], "2026-05-01"),
        (["--full", "--since", "7d"], "--full"),
    ],
    ids=str,
)
def test_what_it_cannot_use(crmsync, arguments: list[str], word: str) -> None:
    ran = crmsync("sync", *arguments)
    assert ran.code == 2
    assert word in ran.err


def test_some_streams_failed(crmsync, cli_shop: Shop) -> None:
    cli_shop.misbehave("wrong_shape", times=None, path="/reviews")
    try:
        ran = crmsync("sync", "--json")
    finally:
        cli_shop.behave()
    assert ran.code == 4
    assert {run["stream"] for run in ran.data["runs"] if run["status"] != "ok"} == {"reviews"}


def test_wrong_credentials(crmsync, folder: Path) -> None:
    (folder / "secret").write_text("not-the-secret")
    (folder / "crmsync.db").unlink()
    assert crmsync("sync", "--json").code == 6
    assert crmsync("doctor", "--json").code == 3


def test_progress_goes_to_stderr_in_lines(crmsync) -> None:
    ran = crmsync("sync", "--json")
    assert "shop/orders: ok" in ran.err
    assert "shop/orders: ok" not in ran.out

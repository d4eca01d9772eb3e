from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from crmsync.sdk import Token
from crmsync.store import Store
from crmsync.store.token import StoreTokens


def test_a_refreshed_token_is_there_for_the_next_process(store: Store) -> None:
    token = Token("a", datetime(2026, 3, 1, tzinfo=UTC), "r1")
    assert StoreTokens(store, "shop").refresh("main", None, lambda old: token) == token
    assert StoreTokens(store, "shop").get("main") == token
    assert StoreTokens(store, "other").get("main") is None


def test_the_old_token_is_handed_to_the_refresh(store: Store) -> None:
    tokens = StoreTokens(store, "shop")
    first = tokens.refresh("main", None, lambda old: Token("a", refresh_token="r1"))
    seen = []
    tokens.refresh("main", first, lambda old: seen.append(old) or Token("b"))
    assert seen == [first]
    assert tokens.get("main") == Token("b")


def test_a_token_that_was_replaced_meanwhile_is_taken_as_it_is(store: Store) -> None:
    tokens = StoreTokens(store, "shop")
    stale = tokens.refresh("main", None, lambda old: Token("a"))
    tokens.refresh("main", stale, lambda old: Token("b"))
    assert tokens.refresh("main", stale, lambda old: Token("never")) == Token("b")


def test_two_refreshes_never_race(store: Store) -> None:
    calls: list[str] = []

    def fetch(old: Token | None) -> Token:
        calls.append("refresh")
        time.sleep(0.05)
        return Token(f"t{len(calls)}")

    stale = StoreTokens(store, "shop").refresh("main", None, lambda old: Token("t0"))
    got: list[Token] = []
    threads = [
        threading.Thread(target=lambda: got.append(StoreTokens(store, "shop").refresh("main", stale, fetch)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["refresh"]
    assert set(got) == {Token("t1")}


def test_the_loser_of_a_race_between_processes_takes_the_winners_token(store: Store) -> None:
    tokens = StoreTokens(store, "shop")
    stale = tokens.refresh("main", None, lambda old: Token("a"))

    def elsewhere(old: Token | None) -> Token:
        with store.write() as connection:
            connection.exec_driver_sql("UPDATE token SET value = 'winner', version = version + 1")
        return Token("loser")

    assert tokens.refresh("main", stale, elsewhere) == Token("winner")


def test_a_token_does_not_show_itself() -> None:
    assert "secret" not in repr(Token("secret", refresh_token="secret"))

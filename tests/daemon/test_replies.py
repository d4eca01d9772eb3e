"""The pages behind the links in messages, as a daemon that runs gives them to who follows one."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from crmsync.cli.command import run
from crmsync.testing import Shop

ASKS = {"en": "Shall we stop writing to you?", "zh": "要我们不再给您发消息吗？"}


@pytest.fixture
def config(config: Path, free_port: int) -> Path:
    """As configured for every test here, with links in what is written."""
    config.write_text(f"{config.read_text()}consent: {{url: http://127.0.0.1:{free_port}}}\nlanguage: zh\n")
    return config


@pytest.fixture
def daemon(start_daemon: Any, shop: Shop) -> Any:
    return start_daemon()


def post(url: str) -> tuple[int, str]:
    call = urllib.request.Request(url, b"List-Unsubscribe=One-Click", method="POST")
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def sent_in(shop: Shop, language: str) -> Any:
    """Somebody who reads this and was written to, and the path of their link."""
    languages = {row["id"]: row["lang"][:2] for row in shop.rows("customers")}
    for message in shop.messages:
        found = re.search(r"http://[^/]+(/unsubscribe/\S+)", message.text)
        if found and languages[message.buyer_id] == language:
            return f"shop/{message.buyer_id}", found.group(1)
    return None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_unsubscribes_is_asked_in_their_own_language_and_by_name_of_the_shop(
    daemon: Any, shop: Shop, language: str
) -> None:
    _, path = daemon.until(lambda: sent_in(shop, language))
    status, page = daemon.get(path)
    assert status == 200
    assert f'<html lang="{language}">' in page
    assert "<h1>云栖小铺 Cloud Corner</h1>" in page
    assert ASKS[language] in page
    # To ask is not to do: mail scanners follow links.
    assert daemon.get(path)[1] == page
    status, page = post(f"http://127.0.0.1:{daemon.port}{path}")
    assert (status, "<form" in page) == (200, False)
    assert f'<html lang="{language}">' in page


def test_who_stopped_is_not_written_to(daemon: Any, shop: Shop, config: Path, capsys: Any) -> None:
    account, path = daemon.until(lambda: sent_in(shop, "zh"))
    post(f"http://127.0.0.1:{daemon.port}{path}")
    daemon.end()
    assert run(["-c", str(config), "care", "consent", account, "--json"]) == 0
    assert "unsubscribed by link" in capsys.readouterr().out


def test_a_link_that_is_none_of_ours_says_so_in_the_shops_language(daemon: Any) -> None:
    for path in ("/unsubscribe/x.y", "/confirm/x.y"):
        for status, page in (daemon.get(path), post(f"http://127.0.0.1:{daemon.port}{path}")):
            assert status == 404
            assert "链接无效" in page
            assert "<h1>" not in page


def test_who_confirms_is_asked_in_the_language_of_the_account(
    daemon: Any, shop: Shop, config: Path, capsys: Any
) -> None:
    daemon.until(lambda: shop.messages)
    english = next(row["id"] for row in shop.rows("customers") if row["lang"] == "en" and row["email"])
    assert run(["-c", str(config), "care", "confirm-link", f"shop/{english}", "--json"]) == 0
    url = json.loads(capsys.readouterr().out)["link"]
    status, page = daemon.get(url.partition(f":{daemon.port}")[2])
    assert (status, '<html lang="en">' in page) == (200, True)
    assert "Was it you who agreed" in page
    status, page = post(url)
    assert (status, "that is confirmed" in page) == (200, True)
    assert run(["-c", str(config), "care", "consent", f"shop/{english}", "--json"]) == 0
    assert "confirmed by link" in capsys.readouterr().out

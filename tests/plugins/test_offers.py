"""The classes a plugin offers are checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crmsync.plugins import PluginInfo

CONNECTOR = """
from crmsync.sdk import Channel, Connector, Order, Page, Rule, Settings, Shop, push, stream

class Mine(Connector):
    name = "mine"
    title = "Mine"
    Settings = Settings

    @stream(Order)
    def orders(self, since):
        yield Page([], since)

    @orders.mapping
    def _order(self, payload):
        return None

    def check(self):
        return Shop("x")

    @push("key")
    def send_message(self, message, key): ...

@hookimpl
def crmsync_connectors():
    return [Mine]
"""
CHANNEL = """
from crmsync.sdk import Channel, Settings

class Mine(Channel):
    name = "mine"
    title = "Mine"
    Settings = Settings
    medium = "email"
    idempotency = "none"
    purposes = frozenset({"service"})

    def send(self, message, key): ...

@hookimpl
def crmsync_channels():
    return [Mine]
"""
HOOK = "def crmsync_connectors"
CLASS = "class Mine"
NO_SETTINGS = "Mine.Settings is no subclass of crmsync.sdk.Settings."
REFUSED = {
    "nothing returned": ("return [Mine]", "pass", HOOK, "it returned nothing; return a list of classes."),
    "a class returned": ("[Mine]", "Mine", HOOK, "it returned the class Mine; return a list of classes."),
    "a number returned": ("[Mine]", "3", HOOK, "it returned an object of int; return a list of classes."),
    "an object returned": ("[Mine]", "[3]", HOOK, "it returned an object of int, no subclass of Connector."),
    "another class": ("[Mine]", "[Rule]", HOOK, "it returned the class Rule, no subclass of Connector."),
    "one name twice": ("[Mine]", "[Mine, Mine]", CLASS, "two classes of this plugin are named mine."),
    "no check": ("def check", "def chek", CLASS, "Mine does not define check."),
    "no name": ('name = "mine"', "pass", CLASS, "Mine has no usable name; write name ="),
    "a name with a space": ('"mine"', '"My shop"', CLASS, "Mine has no usable name; write name ="),
    "no title": ('title = "Mine"', "pass", CLASS, "Mine has no title; write title ="),
    "no settings": ("Settings = Settings", "pass", CLASS, NO_SETTINGS),
    "dict settings": ("Settings = Settings", "Settings = dict", CLASS, NO_SETTINGS),
    "a setting of the host": (
        "    Settings = Settings\n",
        "    class Settings(Settings):\n        zone: str\n",
        "class Settings",
        "its setting zone would hide crmsync's own key; give it another name.",
    ),
    "a stream of another name": (
        "orders",
        "order",
        CLASS,
        "Mine.order yields Order records. Name the method 'orders'.",
    ),
    "no mapping": ("@orders.mapping", "", CLASS, "Mine.orders has no mapping."),
    "a push of another kind": ('"key"', '"maybe"', CLASS, "Mine.send_message says 'maybe', not key or"),
}
REFUSED_CHANNELS = {
    "medium": ('medium = "email"', 'medium = "pigeon"', "Mine.medium is none of platform, email"),
    "no medium": ('medium = "email"', "pass", "Mine.medium is none of platform, email"),
    "idempotency": ('idempotency = "none"', "idempotency = None", "Mine.idempotency is none of key, lookup"),
    "purposes": ('frozenset({"service"})', '{"service"}', "Mine.purposes is no frozenset of service"),
    "purpose": ('frozenset({"service"})', 'frozenset({"spam"})', "Mine.purposes is no frozenset of service"),
}
Loaded = Callable[[str], PluginInfo]


def test_sound_classes_are_taken(loaded: Loaded) -> None:
    assert loaded(CONNECTOR).status == "loaded"
    assert loaded(CHANNEL).status == "loaded"


def line_of(info: PluginInfo, words: str) -> int:
    lines = Path(info.origin).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


@pytest.mark.parametrize("case", REFUSED)
def test_connector_refused(case: str, loaded: Loaded) -> None:
    old, new, words, reason = REFUSED[case]
    assert old in CONNECTOR
    info = loaded(CONNECTOR.replace(old, new))
    assert info.status == "failed"
    assert info.reason.startswith(f"{info.origin}:{line_of(info, words)}: {reason}")


@pytest.mark.parametrize("case", REFUSED_CHANNELS)
def test_channel_refused(case: str, loaded: Loaded) -> None:
    old, new, reason = REFUSED_CHANNELS[case]
    info = loaded(CHANNEL.replace(old, new))
    assert info.reason.startswith(f"{info.origin}:{line_of(info, CLASS)}: {reason}")


def test_rule_refused(loaded: Loaded) -> None:
    info = loaded("""
        from crmsync.sdk import Rule, Settings

        class Mine(Rule):
            name = "mine"
            title = "Mine"
            Settings = Settings
            subject = "customer"
            version = "1"
            def judge(self, facts, model): ...

        @hookimpl
        def crmsync_rules():
            return [Mine]
    """)
    assert info.reason == f"{info.origin}:4: Mine.version is no whole number."

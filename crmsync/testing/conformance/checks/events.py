"""Events that the platform sends: believed when they are its own, and known for what they speak of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from crmsync.sdk import Webhook, WebhookRequest
from crmsync.testing.conformance.bench import Bench
from crmsync.testing.conformance.check import NotApplicable, Unmet, check


@check(
    "An event of the platform is believed",
    "Compare header, encoding, prefix and signed bytes in webhook() with the platform's documentation.",
)
def event_believed(bench: Bench) -> None:
    for webhook, stream, event in _events(bench):
        if not webhook.genuine(event):
            raise Unmet(f"an event about {stream} is taken for forged")


@check(
    "An altered event is refused",
    "Let `signed` give every byte the platform signs, and leave the comparison to the host's Webhook.",
)
def event_forged(bench: Bench) -> None:
    for webhook, stream, event in _events(bench):
        if webhook.genuine(replace(event, body=event.body + b" ")):
            raise Unmet(f"an event about {stream} whose body was altered is believed")
        if webhook.genuine(replace(event, headers={**event.headers, webhook.header.lower(): ""})):
            raise Unmet(f"an event about {stream} without a signature is believed")


@check(
    "An event wakes the stream it speaks of",
    "Let `streams` give the names of this connector's streams, as in `streams()`.",
)
def event_streams(bench: Bench) -> None:
    for webhook, stream, event in _events(bench):
        named = set(webhook.streams(event))
        if named != {stream}:
            raise Unmet(f"an event about {stream} names {', '.join(sorted(named)) or 'no stream'}")


def _events(bench: Bench) -> Iterator[tuple[Webhook, str, WebhookRequest]]:
    webhook = bench.open().webhook()
    if webhook is None:
        raise NotApplicable("it takes no events under these settings")
    events = {stream: bench.platform.event(stream) for stream in bench.streams()}
    if not any(events.values()):
        raise NotApplicable("the platform sends no events: override event()")
    for stream, event in events.items():
        if event is not None:
            yield webhook, stream, event

"""How an API signs the events it sends, as it is configured."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from crmsync.sdk import Settings, Webhook, WebhookRequest, standard_webhook
from crmsync.sdk.webhook import Encoding
from crmsync_rest.expression import Expression, search

_Secrets = Annotated[list[SecretStr], BeforeValidator(lambda v: v if isinstance(v, list) else [v])]


class Events(Settings):
    """The events an API sends to crmsync."""

    secret: _Secrets = Field(
        min_length=1, description="The secret they are signed with; two while one is being replaced."
    )
    header: str | None = Field(
        None, description="The header with the signature of the body; without it, Standard Webhooks."
    )
    encoding: Encoding = Field("base64", description="How the signature is written.")
    prefix: str = Field("", description="What stands before it: sha256=.")
    topic: Expression | None = Field(None, description="Where the body says what happened.")
    topic_header: str | None = Field(None, description="The header that says what happened.")
    streams: dict[str, str] = Field(
        description="Which stream to pull because of what happened: order.updated: orders."
    )

    @model_validator(mode="after")
    def _one_topic(self) -> Self:
        if (self.topic is None) == (self.topic_header is None):
            raise ValueError("say where an event tells what happened: `topic` or `topic_header`")
        return self


def webhook(events: Events) -> Webhook:
    """What the host verifies them by."""
    streams = partial(_streams, events)
    if events.header is None:
        return standard_webhook(events.secret, streams)
    return Webhook(
        secrets=events.secret,
        header=events.header,
        encoding=events.encoding,
        prefix=events.prefix,
        streams=streams,
    )


def _streams(events: Events, request: WebhookRequest) -> list[str]:
    if events.topic_header is not None:
        told = request.headers.get(events.topic_header.lower())
    else:
        assert events.topic is not None
        told = search(events.topic)(json.loads(request.body))
    return [events.streams[told]] if told in events.streams else []

"""What a WeChat official account can be configured with."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from crmsync.sdk import Settings, Url


class WechatSettings(Settings):
    """Which account, which kind of message, and which ids customers have there."""

    app_id: str = Field(description="The account's AppID (wx…).")
    secret: SecretStr = Field(description="The account's AppSecret.")
    kind: Literal["template", "subscribe"] = Field(
        "template",
        description="template: service notices to followers. subscribe: one notice for each consent given.",
    )
    template_id: str | None = Field(
        None, description="The template, where a message's subject does not name one."
    )
    link: str | None = Field(None, description="The page a tap on the message opens.")
    ids: Path | None = Field(
        None,
        description="A CSV file with the columns connection, account_id and openid; without it a "
        "customer's account id is taken for the openid.",
    )
    url: Url = Field("https://api.weixin.qq.com/cgi-bin", description="Where the API is.")

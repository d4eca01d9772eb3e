"""What WeCom can be configured with."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from crmsync.sdk import Settings, Url

API = "https://qyapi.weixin.qq.com/cgi-bin"


class WecomSettings(Settings):
    """Which corporation and application, and which ids customers have there."""

    corp_id: str = Field(description="The corporation's id (ww…).")
    secret: SecretStr = Field(description="The secret of the application that may use customer contact.")
    sender: str | None = Field(
        None, description="The userid of the employee who sends; each customer's own contact when left out."
    )
    ids: Path | None = Field(
        None,
        description="A CSV file with the columns connection, account_id and external_userid; without it "
        "a customer's account id is taken for the external_userid.",
    )
    url: Url = Field(API, description="Where the API is.")


class WecomRobotSettings(Settings):
    """Which group robot."""

    key: SecretStr = Field(description="The key in the robot's webhook address.")
    url: Url = Field(f"{API}/webhook/send", description="Where robots are posted to.")

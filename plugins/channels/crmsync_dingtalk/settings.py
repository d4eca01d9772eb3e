"""What a DingTalk robot can be configured with."""

from __future__ import annotations

from pydantic import Field, SecretStr

from crmsync.sdk import Settings, Url


class DingtalkSettings(Settings):
    """Which robot, and how it knows us."""

    access_token: SecretStr = Field(description="The access_token in the robot's webhook address.")
    secret: SecretStr | None = Field(
        None, description="The robot's signing secret (SEC…), where its security setting is a signature."
    )
    keyword: str = Field(
        "", description="A word the robot demands in each message, where its security setting is a keyword."
    )
    url: Url = Field("https://oapi.dingtalk.com/robot/send", description="Where robots are posted to.")

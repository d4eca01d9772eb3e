"""What a Feishu robot can be configured with."""

from __future__ import annotations

from pydantic import Field, SecretStr

from crmsync.sdk import Settings, Url


class FeishuSettings(Settings):
    """Which robot, and how it knows us."""

    token: SecretStr = Field(description="The last part of the robot's webhook address.")
    secret: SecretStr | None = Field(
        None, description="The robot's signing secret, where signatures are among its security settings."
    )
    keyword: str = Field(
        "", description="A word the robot demands in each message, where keywords are among them."
    )
    url: Url = Field(
        "https://open.feishu.cn/open-apis/bot/v2/hook",
        description="The webhook address without its last part; https://open.larksuite.com/… for Lark.",
    )

"""What Alibaba Cloud SMS can be configured with."""

from __future__ import annotations

from pydantic import Field, SecretStr

from crmsync.sdk import Rate, Settings, Url


class SmsAliyunSettings(Settings):
    """Whose account, and under which name messages go out."""

    access_key_id: str = Field(description="The AccessKey id of a user who may send SMS.")
    access_key_secret: SecretStr = Field(description="The AccessKey secret.")
    sign_name: str = Field(description="The approved signature (签名) that stands before each text.")
    template_code: str | None = Field(
        None, description="The approved template (SMS_…), where a message's subject does not name one."
    )
    url: Url = Field(
        "https://dysmsapi.aliyuncs.com/", description="The endpoint of your region, see the README."
    )
    rate: Rate = Field(Rate(100), description="How often the service may be called.")

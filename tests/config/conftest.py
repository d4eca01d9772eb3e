from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, SecretStr, field_validator

from crmsync.config import Config, config_schema, load_config
from crmsync.sdk import (
    Channel,
    Connector,
    Customer,
    Duration,
    Order,
    Rule,
    Settings,
    Share,
    TeamChannel,
    stream,
)


class Basic(Settings):
    type: Literal["basic"] = "basic"
    user: str
    password: SecretStr


class Bearer(Settings):
    type: Literal["bearer"]
    token: SecretStr


class ShopSettings(Settings):
    app_key: str = Field(description="The key of your app.")
    app_secret: SecretStr | None = Field(None, description="The secret of your app.")
    auth: Basic | Bearer | None = Field(None, discriminator="type", description="How requests are signed.")
    headers: dict[str, SecretStr] = Field({}, description="Headers sent along.")
    timeout: Duration = Field("30s", description="How long to wait.")
    page_size: int = Field(100, ge=1, le=200, description="Records a page.")
    files: list[Path] = Field([], description="Files to read.")
    source: str | Path = Field("", description="A file or an address.")
    cache: Path = Field(Path("cache"), description="Where answers are kept.")
    status: dict[str, str] = Field({}, description="The platform's words for a status.")
    region: str = Field("", description="The region.")

    @field_validator("region")
    @classmethod
    def _known(cls, region: str) -> str:
        if region not in ("", "cn", "eu"):
            raise ValueError(f"there is no region {region}")
        return region


class Shop(Connector[ShopSettings]):
    name = "shop"
    title = "A shop"
    Settings = ShopSettings

    @stream(Customer)
    def customers(self, since: Any) -> Any: ...

    @customers.mapping
    def _customer(self, payload: Any) -> Any: ...

    @stream(Order)
    def orders(self, since: Any) -> Any: ...

    @orders.mapping
    def _order(self, payload: Any) -> Any: ...

    def check(self) -> Any: ...


class ChurnSettings(Settings):
    threshold: Share = Field(0.5, description="How likely a customer has gone, to be flagged.")


class Churn(Rule[ChurnSettings]):
    name = "churn_risk"
    title = "Churn risk"
    Settings = ChurnSettings
    subject = "customer"

    def judge(self, facts: Any, model: Any) -> Any: ...


class MailSettings(Settings):
    host: str = Field(description="The mail server.")
    password: SecretStr | None = Field(None, description="Its password.")


class Mail(Channel[MailSettings]):
    name = "email"
    title = "E-mail"
    Settings = MailSettings
    medium = "email"

    def send(self, message: Any, key: str) -> Any: ...


class Platform(Channel[Settings]):
    name = "platform"
    title = "The platform"
    Settings = Settings
    medium = "platform"

    def send(self, message: Any, key: str) -> Any: ...


class Robot(TeamChannel[Settings]):
    name = "robot"
    title = "The team's robot"
    Settings = Settings

    def notify(self, notice: Any, key: str) -> Any: ...


@dataclass
class State:
    name: str
    status: str = "loaded"
    reason: str = ""


@dataclass
class Plugins:
    connectors: dict[str, Any] = field(default_factory=lambda: {"shop": Shop})
    rules: dict[str, Any] = field(default_factory=lambda: {"churn_risk": Churn})
    channels: dict[str, Any] = field(
        default_factory=lambda: {"email": Mail, "platform": Platform, "robot": Robot}
    )
    plugins: list[Any] = field(
        default_factory=lambda: [
            State("shop"),
            State("churn_risk"),
            State("email"),
            State("platform"),
            State("vip", "disabled"),
            State("taobao", "failed", "taobao.py:3: SyntaxError: invalid syntax."),
        ]
    )


@pytest.fixture
def plugins() -> Plugins:
    """Plugins of every kind, without the plugin host."""
    return Plugins()


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The schema with those plugins."""
    return config_schema(Plugins())


@pytest.fixture
def load(tmp_path: Path, plugins: Plugins) -> Callable[..., Config]:
    """Load a configuration from its text."""

    def load(text: str | bytes, **environ: str) -> Config:
        file = tmp_path / "crmsync.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(file, plugins, environ)

    return load

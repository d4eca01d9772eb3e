"""The built-in shop, to try this connector against."""

from __future__ import annotations

from typing import Any

from crmsync.testing.conformance import EVENT_SECRET, ShopPlatform
from crmsync_demo.connector import DemoConnector


class DemoPlatform(ShopPlatform):
    connector = DemoConnector
    unpaced = ""

    def settings(self) -> dict[str, Any]:
        return {
            "base_url": self.shop.url,
            "client_secret": self.shop.credentials.client_secret,
            "webhook_secret": EVENT_SECRET,
            "page_size": self.page_size,
            "rate": "10/s",
        }

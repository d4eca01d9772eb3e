"""The built-in shop as the example configuration reads it, to try this connector against."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from crmsync.testing.conformance import EVENT_SECRET, NotApplicable, ShopPlatform
from crmsync_rest.connector import RestConnector

# Beside this file in a wheel, in the folder of examples in a checkout.
_HERE = Path(__file__).parent
_EXAMPLES = (_HERE / "examples", _HERE.parents[2] / "config" / "examples")


@cache
def _example() -> dict[str, Any]:
    """The connection of the example."""
    for folder in _EXAMPLES:
        if (folder / "rest-demo.yaml").is_file():
            [connection] = YAML(typ="safe").load(folder / "rest-demo.yaml")["connections"]
            return {name: value for name, value in connection.items() if name not in ("id", "connector")}
    raise NotApplicable("the example configuration rest-demo.yaml is not installed")


class RestPlatform(ShopPlatform):
    connector = RestConnector
    unpaced = ""

    def settings(self) -> dict[str, Any]:
        settings = deepcopy(_example())
        settings["auth"]["client_secret"] = self.shop.credentials.client_secret
        for endpoint in settings["endpoints"].values():
            endpoint["paging"] = {**endpoint["paging"], "size": self.page_size}
        settings["webhook"]["secret"] = EVENT_SECRET
        return {**settings, "base_url": self.shop.url, "rate_limit": "10/s"}

"""What the documentation of connectors shows is what they take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from crmsync_files.connector import FilesConnector
from crmsync_rest.connector import RestConnector
from crmsync_woocommerce.connector import WooConnector
from ruamel.yaml import YAML

DOCS = Path(__file__).parents[2] / "docs" / "connectors"
CONNECTORS: dict[str, Any] = {"files": FilesConnector, "rest": RestConnector, "woocommerce": WooConnector}
EXAMPLES = [
    (name, example)
    for name in CONNECTORS
    for example in re.findall(r"```yaml\n(.*?)```", (DOCS / f"{name}.md").read_text("utf-8"), re.DOTALL)
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_accepted(name: str, example: str) -> None:
    settings = YAML(typ="safe").load(example)
    assert settings.pop("id") == "my-shop"
    assert settings.pop("connector") == name
    CONNECTORS[name].Settings.model_validate(settings)


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_key_is_described(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text("utf-8")
    schema = CONNECTORS[name].Settings.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        if "OrderLine" in part.get("title", "") or not part.get("properties"):
            continue
        for key, entry in part["properties"].items():
            if "description" in entry:
                assert re.search(rf"[`{{ ,.]{key}[`}}:,. ]", text), f"{key} of {part.get('title')}"

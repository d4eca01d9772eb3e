"""What the documentation points at is there, and what it shows as a configuration is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crmsync.config import Config, InvalidConfig, build_config, read_document
from crmsync.plugins import PluginHost, load_plugins

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "plugins").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SECRET = "c2VjcmV0LW9mLWF0LWxlYXN0LTI0LWJ5dGVz"


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]+`", "", text, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors GitHub makes of a page's headings."""
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, text: str) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for link in LINK.findall(without_code(text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page, page.read_text("utf-8")) == []


@pytest.mark.parametrize("link", ["nowhere.md", "README.md#no-such-heading", "#no-such-heading"])
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    page = ROOT / "README.md"
    assert broken(page, f"See [this]({link}) and [that](README.md).") == [link]


def test_every_page_of_docs_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    links = LINK.findall(index.read_text("utf-8"))
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links}
    assert {path for path in PAGES if path.is_relative_to(index.parent)} <= {*linked, index}


def configurations() -> list[tuple[str, str]]:
    """Every YAML block with a section of the configuration's. That of the guide for authors names the
    reader's own connector; the test of the guide runs it."""
    section = re.compile(r"^(connections|care|channels|rules|database|daemon|limits):", re.MULTILINE)
    yaml = re.compile(r"^```yaml[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
    pages = [page for page in PAGES if page.name != "connector-author.md"]
    blocks = [(name(page), block) for page in pages for block in yaml.findall(page.read_text("utf-8"))]
    return [(page, block) for page, block in blocks if section.search(block)]


def read(block: str, folder: Path, plugins: PluginHost) -> Config:
    """The configuration, with the usual rules where the block leaves out what it refers to, and every
    variable and file it names."""
    if "rules:" not in block:
        block += "\nrules: {churn_risk: {}, complaint_rate: {}, vip: {}}\n"
    file = folder / "crmsync.yaml"
    file.write_text(block, "utf-8")
    for secret in re.findall(r"\$\{file:([^}/]+)\}", block):
        (folder / secret).write_text(SECRET, "utf-8")
    environ = dict.fromkeys(re.findall(r"\$\{env:(\w+)", block), SECRET)
    return build_config(read_document(file, environ), plugins, environ)


@pytest.fixture(scope="module")
def plugins() -> PluginHost:
    return load_plugins()


@pytest.mark.parametrize(("page", "block"), configurations())
def test_a_configuration_that_is_shown_is_accepted(
    page: str, block: str, plugins: PluginHost, tmp_path: Path
) -> None:
    read(block, tmp_path, plugins)


def test_a_configuration_with_a_misspelt_key_is_found(plugins: PluginHost, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="langauge"):
        read("langauge: zh\n", tmp_path, plugins)

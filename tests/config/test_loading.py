from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmsync.config import Config, InvalidConfig, QuietHours, Schedule, find_config, load_config
from crmsync.sdk import ConfigError

SHOP = """\
connections:
  - id: tmall
    connector: shop
    app_key: k
"""
Load = Callable[..., Config]


def shop(load: Load, more: str = "", **environ: str) -> Any:
    """The settings of one connection with more lines."""
    return load(SHOP + more, **environ).connections[0].settings


def test_everything_has_a_default(load: Load, tmp_path: Path) -> None:
    config = load("")
    assert config.database == f"sqlite:///{tmp_path}/crmsync.db"
    assert config.daemon.address == ("127.0.0.1", 9464)
    assert config.daemon.rules_schedule == Schedule(every=timedelta(minutes=10))
    assert (config.limits.per_customer, config.limits.period) == (1, timedelta(days=7))
    assert config.folder == tmp_path


def test_an_empty_section_is_none(load: Load) -> None:
    assert load("connections:\nrules:\ncare:\nlimits:\n").connections == []


def test_a_connection_with_its_settings(load: Load) -> None:
    connection = load(
        SHOP + "    schedule: every 5m\n    zone: Asia/Shanghai\n    timeout: 5s\n"
    ).connections[0]
    assert (connection.id, connection.connector, connection.zone) == ("tmall", "shop", "Asia/Shanghai")
    assert connection.schedule == Schedule(every=timedelta(minutes=5))
    assert connection.settings.model_dump()["timeout"] == timedelta(seconds=5)


def test_a_rule_by_its_name_and_again_by_another(load: Load) -> None:
    rules = load("rules:\n  churn_risk:\n  lost: {rule: churn_risk, threshold: 90%}\n").rules
    assert (rules["churn_risk"].rule, rules["lost"].rule) == ("churn_risk", "churn_risk")
    assert rules["lost"].settings.model_dump() == {"threshold": 0.9}


def test_a_campaign(load: Load) -> None:
    campaign = load(
        """\
rules: {churn_risk: {}}
care:
  - name: win-back
    when: churn_risk
    template: winback
    control_group: 10%
"""
    ).care[0]
    assert campaign.quiet_hours == QuietHours(time(21), time(9))
    assert (campaign.channel, campaign.cooldown) == ("platform", timedelta(days=90))
    assert (campaign.control_group, campaign.approve) == (0.1, "first")


def test_the_platform_is_a_channel_without_being_configured(load: Load) -> None:
    assert [channel.id for channel in load("").channels] == ["platform"]
    config = load("channels:\n  - {id: platform, channel: email, host: mail}\n")
    assert [channel.channel for channel in config.channels] == ["email"]


def test_no_platform_channel_without_its_plugin(load: Load, plugins: Any) -> None:
    del plugins.channels["platform"]
    assert load("").channels == []


def test_yaml_1_2(load: Load) -> None:
    text = """\
    region: ""
    status: {NO: 12:30, 1: yes, off: 2024-01-01}
    auth: {type: basic, user: NO, password: "${env:P}"}
"""
    settings = shop(load, text, P="x")
    assert settings.status == {"NO": "12:30", "1": "yes", "off": "2024-01-01"}
    assert settings.auth.user == "NO"


def test_anchors_and_merge_keys(load: Load) -> None:
    text = """\
connections:
  - &first
    id: a
    connector: shop
    app_key: ${env:KEY}
    timeout: 5s
  - <<: *first
    id: b
"""
    first, second = load(text, KEY="k").connections
    assert (second.id, second.settings) == ("b", first.settings)


def test_references_at_any_depth(load: Load, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("from a file\n")
    more = """\
    app_secret: ${file:secret.txt}
    page_size: ${env:SIZE:-50}
    timeout: ${env:UNSET:-7s}
    files: ["${env:DAY}/a.csv"]
    status: {a: "${env:DAY}-${env:DAY}", b: "$${env:DAY}"}
"""
    settings = shop(load, more, DAY="monday", SIZE="60")
    assert settings.app_secret.get_secret_value() == "from a file"
    assert settings.page_size == 60
    assert settings.timeout == timedelta(seconds=7)
    assert settings.files == [tmp_path / "monday/a.csv"]
    assert settings.status == {"a": "monday-monday", "b": "${env:DAY}"}


@pytest.mark.parametrize(("value", "expected"), [("x", "x"), ("", "fallback"), (None, "fallback")])
def test_a_default_stands_in_for_what_is_unset_or_empty(load: Load, value: str | None, expected: str) -> None:
    environ = {} if value is None else {"WORD": value}
    assert shop(load, "    status: {a: '${env:WORD:-fallback}'}\n", **environ).status == {"a": expected}


def test_a_value_from_outside_is_not_expanded_again(load: Load) -> None:
    assert shop(load, "    status: {a: '${env:A}'}\n", A="${env:B}", B="b").status == {"a": "${env:B}"}


def test_relative_paths_start_beside_the_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    text = "database: sqlite:///data/crm.db?timeout=5\nplugin_dirs: [plugins]\n" + SHOP
    config = load(text + "    files: [a.csv, /abs/b.csv]\n    source: shop.example\n")
    assert config.database == f"sqlite:///{tmp_path}/data/crm.db?timeout=5"
    assert config.plugin_dirs == [tmp_path / "plugins"]
    settings = config.connections[0].settings.model_dump()
    assert settings["files"] == [tmp_path / "a.csv", Path("/abs/b.csv")]
    assert settings["cache"] == tmp_path / "cache"
    assert settings["source"] == "shop.example"


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite:////var/crm.db", "postgresql+psycopg://u:${env:P}@h/d"],
)
def test_databases_that_have_no_relative_path(load: Load, url: str) -> None:
    assert load(f"database: '{url}'\n", P="pw").database == url.replace("${env:P}", "pw")


def test_the_environment_overrides_the_database(load: Load, tmp_path: Path) -> None:
    override = {"CRMSYNC_DATABASE": "sqlite:///other.db"}
    assert load("database: sqlite:///crm.db\n", **override).database == f"sqlite:///{tmp_path}/other.db"


def test_no_secret_in_what_a_config_shows_of_itself(load: Load) -> None:
    text = "database: postgresql://u:${env:P}@h/d\n" + SHOP + "    app_secret: ${env:P}\n"
    assert "hunter2" not in repr(load(text, P="hunter2"))


def test_a_validator_that_breaks_is_the_plugins_fault(load: Load, plugins: Any) -> None:
    from pydantic import model_validator

    from crmsync.sdk import Settings

    class Breaking(Settings):
        @model_validator(mode="before")
        @classmethod
        def _break(cls, raw: Any) -> Any:
            raise KeyError("hunter2")

    plugins.rules = {"odd": type("Odd", (), {"Settings": Breaking, "title": "Odd"})}
    with pytest.raises(InvalidConfig) as caught:
        load("rules:\n  odd: {}\n")
    (problem,) = caught.value.problems
    assert problem.message == "the settings of this rule cannot be checked: KeyError."


class TestFindConfig:
    def test_the_one_named(self, tmp_path: Path) -> None:
        file = tmp_path / "own.yaml"
        file.touch()
        assert find_config(file, {"CRMSYNC_CONFIG": "other.yaml"}) == file

    def test_the_one_the_environment_names(self, tmp_path: Path) -> None:
        file = tmp_path / "own.yaml"
        file.touch()
        assert find_config(None, {"CRMSYNC_CONFIG": str(file)}) == file

    def test_the_usual_places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "config").mkdir()
        (tmp_path / "config/crmsync.yaml").touch()
        assert find_config(None, {}) == tmp_path / "config/crmsync.yaml"
        (tmp_path / "crmsync.yaml").touch()
        assert find_config(None, {}) == tmp_path / "crmsync.yaml"

    def test_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match=r"neither \./crmsync.yaml nor .*crmsync init"):
            find_config(None, {})
        with pytest.raises(ConfigError, match=r"no configuration file gone\.yaml"):
            find_config(Path("gone.yaml"), {})
        with pytest.raises(ConfigError, match="named by CRMSYNC_CONFIG"):
            find_config(None, {"CRMSYNC_CONFIG": "gone.yaml"})


def test_a_config_found_is_loaded(tmp_path: Path, plugins: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crmsync.yaml").write_text("language: zh\n")
    assert load_config(None, plugins, {}).language == "zh"

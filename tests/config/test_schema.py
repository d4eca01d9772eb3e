from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML, YAMLError

from crmsync.config import Config, config_schema

FOLDER = Path(__file__).parent

# What a schema cannot know: other entries, the environment, files, zones, what a validator computes.
UNSEEN = """
    a_campaign_by_a_channel_to_the_team campaign_twice channel_id_twice connection_id_twice cron_minute
    cron_of_4_fields cron_weekday cron_zone database_no_url database_of_another_kind database_override
    database_password env_unset env_unset_in_a_list environment_not_shown file_missing listen_bad_port
    listen_no_port listen_public missing_plugin_dir rule_share_above_1 schedule_every_0s
    schedule_without_a_unit segment_faults setting_refused setting_refused_with_env share_above_1
    step_first_waits step_of_nothing step_of_two_things steps_longer_than_the_cooldown
    templates_without_a_default unknown_audience unknown_channel_id unknown_channel_in_a_list
    cases_open_on_no_rule
    unknown_disabled_plugin unknown_stream when_before_a_delivery when_case_on_a_schedule when_date_and_flag
    when_flag_unknown when_level_of_a_date when_of_nothing when_segment_raised when_segment_unknown
    when_unknown when_without_rules zone zone_far
""".split()


@pytest.fixture(scope="session")
def check(schema: dict[str, Any]) -> Callable[[str], None]:
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def check(text: str) -> None:
        validator.validate(YAML(typ="safe", pure=True).load(text))

    return check


@pytest.mark.parametrize("file", sorted((FOLDER / "broken").glob("*.yaml")), ids=lambda file: file.stem)
def test_refuses_what_it_can_see(file: Path, check: Callable[[str], None]) -> None:
    refused = False
    try:
        check(file.read_text("utf-8"))
    except (jsonschema.ValidationError, YAMLError):
        refused = True
    assert refused == (file.stem not in UNSEEN)


WHOLE = """\
database: postgresql://u:${env:P}@h/db
language: ${env:LANGUAGE:-zh}
plugin_dirs:
disabled_plugins: [vip]
daemon: {listen: "127.0.0.1:9464", misfire_grace: 5m, care_schedule: every 1m}
connections:
  - id: a
    connector: shop
    schedule: cron 0 3 * * * Asia/Shanghai
    zone: Asia/Shanghai
    streams: [orders]
    enabled: ${env:ON:-true}
    app_key: k
    app_secret: ${env:SECRET}
    auth: {type: bearer, token: "${env:SECRET}"}
    headers: {x-key: "${env:SECRET}"}
    page_size: ${env:SIZE:-10}
    timeout: 5s
    status: {"1": paid}
rules:
  churn_risk:
  lost: {rule: churn_risk, threshold: 8%}
channels:
  - {id: mail, channel: email, host: mail, password: "${env:SECRET}"}
care:
  - name: win-back
    when: churn_risk
    level: high
    channel: mail
    template: winback.j2
    quiet_hours: null
    control_group: 0.1
  - name: review
    when: {date: delivery, after: 14d}
    template: winback
    priority: -1
  - name: journey
    when: {segment: asleep, change: entered}
    segment: asleep
    channel: [mail, platform]
    offer: {zh: 红包}
    steps:
      - template: {high: winback, default: winback.j2}
      - {wait: 7d, stop_if: [bought], issue_coupon: thanks}
segments: {asleep: orders > 1}
limits: {stop: true, per_customer: 2, period: 7d, holdout: 5%}
"""


def test_accepts_what_the_loader_accepts(check: Callable[[str], None], load: Callable[..., Config]) -> None:
    check(WHOLE)
    assert load(WHOLE, P="p", SECRET="s").language == "zh"


@pytest.mark.parametrize(
    "line",
    [
        "app_secret: literal",
        "auth: {type: bearer, token: literal}",
        "headers: {x-key: literal}",
        "pagesize: 1",
    ],
)
def test_refuses_in_a_plugins_settings(line: str, check: Callable[[str], None]) -> None:
    check("connections:\n  - {id: a, connector: shop, app_key: k}\n")
    with pytest.raises(jsonschema.ValidationError):
        check(f"connections:\n  - id: a\n    connector: shop\n    app_key: k\n    {line}\n")


def test_describes_every_key(schema: dict[str, Any]) -> None:
    definitions = schema["$defs"]
    shop = definitions["connector.shop"]["properties"]
    assert shop["app_key"]["description"] == "The key of your app."
    assert {"id", "connector", "schedule", "zone", "streams", "enabled"} < shop.keys()
    for name in ("connection", "channel", "Campaign", "Limits", "DaemonConfig"):
        undescribed = [k for k, v in definitions[name]["properties"].items() if "description" not in v]
        assert undescribed == [], name


def test_defaults_are_written_as_in_the_file(schema: dict[str, Any]) -> None:
    campaign = schema["$defs"]["Campaign"]["properties"]
    assert campaign["cooldown"]["default"] == "90d"
    assert campaign["quiet_hours"]["default"] == "21:00-09:00"


def test_settings_that_cannot_be_described_accept_anything(plugins: Any) -> None:
    from typing import Annotated

    from pydantic import ConfigDict, PlainValidator

    from crmsync.sdk import Settings

    class Odd(Settings):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: Annotated[FileNotFoundError, PlainValidator(lambda value: value)]

    plugins.rules = {"odd": type("OddRule", (), {"Settings": Odd, "title": "Odd"})}
    jsonschema.validate({"rules": {"odd": {"thing": 1}}}, config_schema(plugins))

"""The rule `vip`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_vip.rule import Vip

    return [Vip]

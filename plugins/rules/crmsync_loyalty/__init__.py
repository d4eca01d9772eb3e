"""The rule `loyalty`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_loyalty.rule import Loyalty

    return [Loyalty]

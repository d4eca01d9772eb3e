"""The rule `cross_sell`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_cross_sell.rule import CrossSell

    return [CrossSell]

"""The rule `late_delivery`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_late_delivery.rule import LateDelivery

    return [LateDelivery]

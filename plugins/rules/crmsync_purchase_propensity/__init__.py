"""The rule `purchase_propensity`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_purchase_propensity.rule import PurchasePropensity

    return [PurchasePropensity]

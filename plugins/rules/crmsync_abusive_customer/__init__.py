"""The rule `abusive_customer`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_abusive_customer.rule import AbusiveCustomer

    return [AbusiveCustomer]

"""The rule `lifecycle`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_lifecycle.rule import Lifecycle

    return [Lifecycle]

"""The rule `churn_risk`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_churn_risk.rule import ChurnRisk

    return [ChurnRisk]

"""The rule `service_scorecard`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_service_scorecard.rule import ServiceScorecard

    return [ServiceScorecard]

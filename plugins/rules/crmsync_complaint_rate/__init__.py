"""The rule `complaint_rate`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_complaint_rate.rule import ComplaintRate

    return [ComplaintRate]

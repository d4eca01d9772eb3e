"""The rule `complaint`."""

from crmsync.sdk import Rule, hookimpl


@hookimpl
def crmsync_rules() -> list[type[Rule]]:
    from crmsync_complaint.rule import Complaint

    return [Complaint]

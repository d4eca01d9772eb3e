"""Every check, in the order in which an author meets them: importing a module adds its checks."""

from crmsync.testing.conformance.checks import (
    changes,
    declaration,
    events,
    faults,
    manners,
    opening,
    pushes,
    records,
    walks,
)  # isort: skip

__all__ = ["changes", "declaration", "events", "faults", "manners", "opening", "pushes", "records", "walks"]

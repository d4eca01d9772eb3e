"""Facts made by hand, and what a rule says of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
from histories import day

from crmsync.sdk import Facts, Finding, Model, Rule
from crmsync.sdk.columns import COLUMNS, TEXT

NOW = day(300)


def facts(
    subject: Any,
    rows: list[dict[str, Any]],
    *,
    as_of: datetime = NOW,
    past: Callable[[datetime], Facts] | None = None,
) -> Facts:
    """Facts with these values; every other column is 0, and text is missing. `id` names a subject."""
    columns = {}
    for column in COLUMNS[subject]:
        missing: Any = None if column.name in TEXT else 0.0
        values = [row.get(column.name, missing) for row in rows]
        columns[column.name] = np.array(values, dtype=object if column.name in TEXT else float)
    ids = np.array([row.get("id", str(number)) for number, row in enumerate(rows)], dtype=object)
    return Facts(subject, as_of, ids, columns, past)


def rule(kind: type[Rule[Any]], **settings: Any) -> Rule[Any]:
    return kind(kind.Settings(**settings))


def findings(rule: Rule[Any], facts: Facts, model: Model | None = None) -> dict[str, Finding]:
    return {finding.subject_id: finding for finding in rule.judge(facts, model)}


def told(finding: Finding, language: str = "en") -> list[str]:
    return [reason.told.text(language) for reason in finding.reasons]

"""The page of facts."""

from __future__ import annotations

from crmsync.sdk.columns import COLUMNS, Column
from refpages.page import code, described, table


def facts() -> str:
    """The columns of facts, per subject."""
    text = (
        "# Facts\n\nWhat a rule finds in `facts[name]`, one value per subject. A missing value is NaN, or "
        "None in a column of text.\n*Derived* columns follow from the others and the clock when facts are "
        "read.\n"
    )
    for subject, columns in COLUMNS.items():
        text += f"\n## {subject}\n\n"
        text += table(("column", "unit", "meaning"), (fact_row(subject, column) for column in columns))
    return text


def fact_row(subject: str, column: Column) -> tuple[str, ...]:
    """Name, unit and meaning. Raises Undescribed."""
    meaning = described(f"{subject}.{column.name}", column.meaning)
    return code(column.name), column.unit, f"{meaning} (*derived*)" if column.derived else meaning

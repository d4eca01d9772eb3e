"""A text that only fills in a form the platform keeps: one `name: value` a line."""

from __future__ import annotations


def form_fields(text: str) -> dict[str, str]:
    """The values by their names; empty lines are left out.

    Raises ValueError for a line without a colon or a name, and for a name that stands there twice.
    """
    fields: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon or not name:
            raise ValueError(f"line {number} of the text is no `name: value`")
        if name in fields:
            raise ValueError(f"{name} stands in the text twice")
        fields[name] = value.strip()
    return fields

"""Writing flags and the steps of their history, many at once.

SQLite runs one prepared statement a row. PostgreSQL takes all rows of a step as one value: a statement a row
costs several times what the row does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, literal, select, text, update

from crmsync.store.tables import Flag, FlagEvent, to_instant

_VERDICT = ("level", "state", "score", "reasons")
_STEP = ("flag_id", "rule", "subject", "subject_id", "change", *_VERDICT)
_TYPES = {"flag_id": "integer", "score": "double precision"}

Rows = Sequence[Mapping[str, Any]]


def raise_flags(connection: Connection, key: Mapping[str, str], rows: Rows, now: datetime) -> None:
    """Insert flags with this rule and subject (`key`), and the step that raised each."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        names = ("subject_id", *_VERDICT)
        connection.execute(
            text(f"""WITH raised AS (
 INSERT INTO flag (rule, subject, {", ".join(names)}, raised_at, changed_at)
 SELECT :rule, :subject, {", ".join(names)}, :now, :now FROM {_given(names)} RETURNING *
)
INSERT INTO flag_event ({", ".join(_STEP)}, at)
SELECT id, rule, subject, subject_id, 'raised', {", ".join(_VERDICT)}, raised_at FROM raised"""),
            {**key, "now": to_instant(now), **_value(names, rows)},
        )
        return
    before = connection.execute(select(func.coalesce(func.max(Flag.id), 0))).scalar_one()
    connection.execute(insert(Flag), [{**key, **row, "raised_at": now, "changed_at": now} for row in rows])
    step = (Flag.id, Flag.rule, Flag.subject, Flag.subject_id, literal("raised"))
    verdict = (Flag.level, Flag.state, Flag.score, Flag.reasons, Flag.raised_at)
    raised = select(*step, *verdict).where(Flag.id > before, Flag.rule == key["rule"])
    connection.execute(insert(FlagEvent).from_select([*_STEP, "at"], raised))


def rewrite_flags(connection: Connection, rows: Rows, changed_at: datetime | None = None) -> None:
    """Give flags (`flag_id`) another verdict, and, where it is a step, the time of that."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        names = ("flag_id", *_VERDICT)
        news = ", ".join(f"{name} = given.{name}" for name in _VERDICT)
        step = ", changed_at = :now" if changed_at else ""
        connection.execute(
            text(f"UPDATE flag SET {news}{step} FROM {_given(names)} WHERE flag.id = given.flag_id"),
            _value(names, rows) | ({"now": to_instant(changed_at)} if changed_at else {}),
        )
        return
    connection.execute(
        update(Flag)
        .where(Flag.id == bindparam("flag_id"))
        .values(
            {
                **{name: bindparam(f"new_{name}") for name in _VERDICT},
                **({"changed_at": changed_at} if changed_at else {}),
            }
        ),
        [{"flag_id": row["flag_id"], **{f"new_{name}": row[name] for name in _VERDICT}} for row in rows],
    )


def clear_flags(connection: Connection, ids: Iterable[int], now: datetime) -> None:
    """Let these flags stand no more."""
    rows = [{"flag_id": flag_id} for flag_id in ids]
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                f"UPDATE flag SET cleared_at = :now FROM {_given(['flag_id'])} WHERE flag.id = given.flag_id"
            ),
            {"now": to_instant(now), **_value(["flag_id"], rows)},
        )
        return
    connection.execute(update(Flag).where(Flag.id == bindparam("flag_id")).values(cleared_at=now), rows)


def record_steps(connection: Connection, rows: Rows, now: datetime) -> None:
    """Add steps to the history."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        names = ", ".join(_STEP)
        connection.execute(
            text(f"INSERT INTO flag_event ({names}, at) SELECT {names}, :now FROM {_given(_STEP)}"),
            {"now": to_instant(now), **_value(_STEP, rows)},
        )
        return
    connection.execute(
        insert(FlagEvent), [{**{name: row[name] for name in _STEP}, "at": now} for row in rows]
    )


def _given(names: Sequence[str]) -> str:
    """PostgreSQL's relation `given` of the rows bound as `:rows`."""
    columns = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in names)
    return f"json_to_recordset(CAST(:rows AS json)) AS given({columns})"


def _value(names: Sequence[str], rows: Rows) -> dict[str, Any]:
    return {"rows": msgspec.json.encode([{name: row[name] for name in names} for row in rows]).decode()}

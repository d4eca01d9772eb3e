"""Fitting rules' models, and keeping what was learned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from crmsync.rules.reasons import dump_told, load_told, plain
from crmsync.sdk import Facts, Model, NotEnoughEvidence, Rule, Told
from crmsync.store import Store
from crmsync.store.tables import ModelFit


@dataclass(frozen=True, slots=True)
class Fit:
    """A try to fit: the model, or why there is none."""

    model: Model | None
    refusal: Told | None


def settings_digest(rule: Rule[Any]) -> str:
    """Tells one rule with its settings from another."""
    settings = rule.settings.model_dump_json()
    return hashlib.sha256(json.dumps([rule.name, rule.version, settings]).encode()).hexdigest()[:16]


def learns(rule: Rule[Any]) -> bool:
    """Whether the rule has anything to fit."""
    return type(rule).fit is not Rule.fit


def try_fit(rule: Rule[Any], facts: Facts) -> Fit:
    try:
        model = rule.fit(facts)
    except NotEnoughEvidence as refused:
        return Fit(None, Told("{why}", {"why": str(refused)}))
    return Fit(model, model.refusal if model else None)


def store_fit(connection: Connection, name: str, digest: str, fit: Fit, subjects: int, now: datetime) -> int:
    """Keep this fit; its id."""
    model = fit.model or Model(kind="none")
    return connection.execute(
        insert(ModelFit).values(
            rule=name,
            kind=model.kind,
            fitted_at=now,
            settings_digest=digest,
            subjects=subjects,
            parameters=json.dumps(plain(model.parameters), sort_keys=True),
            diagnostics=json.dumps(plain(model.diagnostics), sort_keys=True),
            refusal=json.dumps(dump_told(fit.refusal), ensure_ascii=False) if fit.refusal else None,
        )
    ).inserted_primary_key[0]


def load_model(connection: Connection, fit_id: int | None) -> Model | None:
    """A kept model."""
    row = kept_fits(connection, [fit_id]).get(fit_id) if fit_id else None
    return model_of(row) if row else None


def kept_fits(connection: Connection, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Fits as they are stored, by id: `model_of` each is its model."""
    columns = (ModelFit.id, ModelFit.kind, ModelFit.parameters, ModelFit.diagnostics, ModelFit.refusal)
    return {row.id: row for row in connection.execute(select(*columns).where(ModelFit.id.in_(ids)))}


def model_of(row: Row[Any]) -> Model:
    refusal = load_told(json.loads(row.refusal)) if row.refusal else None
    return Model(row.kind, json.loads(row.parameters), json.loads(row.diagnostics), refusal)


def last_fitted_to(connection: Connection) -> dict[str, int]:
    """The number of subjects the last fit of each rule had seen, successful or not."""
    last = select(func.max(ModelFit.id)).group_by(ModelFit.rule)
    rows = connection.execute(select(ModelFit.rule, ModelFit.subjects).where(ModelFit.id.in_(last)))
    return {row.rule: row.subjects for row in rows}


@dataclass(frozen=True, slots=True)
class KnownFit:
    """A fit as the faces show it."""

    rule: str
    kind: str
    fitted_at: datetime
    subjects: int
    parameters: dict[str, Any]
    diagnostics: dict[str, Any]
    refusal: Told | None


def last_fits(store: Store) -> dict[str, KnownFit]:
    """The latest fit of each rule, usable or refused."""
    with store.read() as connection:
        rows = connection.execute(
            select(
                ModelFit.rule,
                ModelFit.kind,
                ModelFit.fitted_at,
                ModelFit.subjects,
                ModelFit.parameters,
                ModelFit.diagnostics,
                ModelFit.refusal,
            ).order_by(ModelFit.id)
        ).all()
    return {
        row.rule: KnownFit(
            row.rule,
            row.kind,
            row.fitted_at,
            row.subjects,
            json.loads(row.parameters),
            json.loads(row.diagnostics),
            load_told(json.loads(row.refusal)) if row.refusal else None,
        )
        for row in rows
    }

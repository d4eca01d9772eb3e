"""What the rules learned, and how far each has judged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant


class ModelFit(SQLModel, table=True):
    """One fit of a rule's model: parameters and diagnostics as JSON, and why it is not usable if it is not.

    `refusal` is a told message as JSON. A row with a refusal is kept for the record; the rule goes
    on with its last usable model, or with its named fallback when there never was one.
    """

    __tablename__ = "model_fit"

    id: int | None = Field(default=None, primary_key=True)
    rule: str = Field(index=True)
    kind: str
    fitted_at: datetime = instant()
    settings_digest: str
    subjects: int
    parameters: str = Field(sa_type=Text)
    diagnostics: str = Field(sa_type=Text)
    refusal: str | None = Field(default=None, sa_type=Text)


class RuleState(SQLModel, table=True):
    """How far a rule has judged: with which settings and model, the facts as of which refresh.

    `judged_at` is the last judging of any subject, `full_at` the last one of all subjects,
    `fit_tried_at` the last fit, successful or refused.
    """

    __tablename__ = "rule_state"

    rule: str = Field(primary_key=True)
    settings_digest: str
    judged_at: datetime = instant()
    full_at: datetime = instant()
    fit_tried_at: datetime | None = instant(default=None)
    refresh_id: int
    model_fit_id: int | None = Field(default=None, foreign_key="model_fit.id")

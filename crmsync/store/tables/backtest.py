"""How rules did on the shop's own past."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant


class Backtest(SQLModel, table=True):
    """One backtest of a rule: what it predicted at past times against what then happened.

    `verdict` compares it with its rule of thumb, by AUC over all windows: better, unproven, worse, or
    refused. `result` is all of it as JSON, as the command prints it; `refusal` a told message as JSON.
    """

    __tablename__ = "backtest"

    id: int | None = Field(default=None, primary_key=True)
    rule: str = Field(index=True)
    ran_at: datetime = instant()
    settings_digest: str
    first_as_of: datetime = instant()
    last_as_of: datetime = instant()
    horizon_days: float
    windows: int
    verdict: str
    thumb: str
    auc: float | None = None
    thumb_auc: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    refusal: str | None = Field(default=None, sa_type=Text)
    result: str = Field(sa_type=Text)

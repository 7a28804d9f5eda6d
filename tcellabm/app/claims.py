"""Whether what a story says holds: numbers of the patients, compared with its claims."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from tcellabm.app import stories
from tcellabm.app.plan import ARMS
from tcellabm.app.stories import Claim, Story
from tcellabm.app.twins import Twins
from tcellabm.model import TumorTCellModel

# Sums of columns of the series that texts speak of.
SUMS = {
    "leukemia": ("leukemia_cd19_positive", "leukemia_cd19_negative"),
    "car_t": ("car_t_memory", "car_t_effector", "car_t_exhausted"),
    "cd19_negative": ("leukemia_cd19_negative",),
}


def broken(story: Story, twins: Twins) -> list[str]:
    """Return the claims of a story that two patients, at their last day, do not bear out."""
    return [
        f"{claim.says!r}: {claim.what} is {value:.4g}"
        for claim in story.claims
        if not claim.least <= (value := measured(claim, twins)) <= claim.most
    ]


def measured(claim: Claim, twins: Twins) -> float:
    """Return the number that a claim is about; NaN where there is none."""
    mine = _value(claim, twins, claim.arm)
    return mine / _reference(claim, twins) if claim.of else mine


def _reference(claim: Claim, twins: Twins) -> float:
    """Return what the number of a claim is divided by."""
    model, (word, _, rest) = _model(twins, claim.arm), claim.of.partition(" ")
    if word == "twin":
        return _value(claim, twins, ARMS[1 - ARMS.index(claim.arm)])
    if word == "story":
        return _value(claim, _played(rest), ARMS[0])
    if word == "start":
        return at(model, claim.what, 0.0)
    if word == "day":
        return at(model, claim.what, float(rest))
    if word == "peak":
        return float(column(model, claim.what).max())
    if claim.day is None:
        return float(extended(model)[word])
    return at(model, word, claim.day)


@cache
def _played(name: str) -> Twins:
    """Return the patients of another story at their last day."""
    plan = stories.plan_of(name)
    twins = Twins(plan)
    twins.advance(plan.days)
    return twins


def _model(twins: Twins, arm: str) -> TumorTCellModel:
    return twins.arms[ARMS.index(arm)]


def _value(claim: Claim, twins: Twins, arm: str) -> float:
    model = _model(twins, arm)
    if claim.day is None:
        return float(extended(model)[claim.what])
    return at(model, claim.what, claim.day)


def column(model: TumorTCellModel, what: str) -> np.ndarray:
    """Return a column of the series, or a sum of SUMS, shape (rows,)."""
    parts = [model.record.column(name) for name in SUMS.get(what, (what,))]
    summed: np.ndarray = np.sum(parts, axis=0)
    return summed


def at(model: TumorTCellModel, what: str, day: float) -> float:
    """Return a column of the series, or a sum of SUMS, as it was last noted by a day.

    Parameters
    ----------
    model : TumorTCellModel
        Of which the series is read.
    what : str
        Column of the series, or a key of SUMS.
    day : float
        Day after infusion, 0 or later.

    Returns
    -------
    float
        In the unit of the column.
    """
    row = int(np.searchsorted(model.record.column("day"), day, side="right")) - 1
    return float(column(model, what)[row])


def extended(model: TumorTCellModel) -> dict[str, Any]:
    """Return the outcomes of a patient, with the doses that they do not count."""
    counted = {"car_t_doses": "car_t", "anakinra_doses": "anakinra"}
    doses = {name: len(model.record.days_of(drug)) for name, drug in counted.items()}
    return model.outcomes() | doses

"""What tells patients with severe CRS, or a relapse, from those without: covariates, ranked.

The measure is the probability that, of two patients at the same point, one of each kind, the one
with the event has the higher value (the area under the ROC curve; Bamber 1975, its error by
placements, DeLong 1988, here summed by patient over all points). Only runs at the same point are
compared, so that what the points differ in decides nothing. Limits hold for all covariates at
once: naming the largest of many does not flatter it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tcellabm.analysis.paired import critical_value
from tcellabm.analysis.summary import SEVERE_PENN

EVENTS = {
    "severe_crs": "severe CRS, of all infused",
    "relapse": "relapse, of those in remission",
}
SHOWN = 3
LEAST_PATIENTS = 10  # with the event at some point, and without it at some point


@dataclass(frozen=True)
class _Outcome:
    """One event: who had it at each point, and who could have; shape (patients, points)."""

    happened: np.ndarray
    could: np.ndarray


def drivers(
    outcomes: pd.DataFrame, keys: Sequence[str], covariates: Sequence[str], seed: int = 1
) -> pd.DataFrame:
    """Rank covariates by how well they separate patients with an event from those without.

    Parameters
    ----------
    outcomes : DataFrame
        A row per run, of the whole map or of some of its points.
    keys : sequence of str
        Columns that tell points apart.
    covariates : sequence of str
        Columns that are a patient's own, equal at every point.
    seed : int
        Of the resampling of patients.

    Returns
    -------
    DataFrame
        `event` (see EVENTS), `covariate`, `higher` (probability that the patient with the event
        has the higher value; a half: it tells nothing), with limits `higher_low`, `higher_high` of
        95 % for all covariates at once; `patients` who had it somewhere, and `others` who did not
        somewhere; `separates` (the limits exclude a half). Best first, by event; no row for an
        event of too few patients, or for a covariate that does not vary.
    """
    columns = list(covariates)
    runs = outcomes[outcomes["error"] == ""]
    patient, _ = pd.factorize(runs["seed"])
    values = runs[columns].groupby(patient).first().to_numpy(float)
    point = runs.groupby(list(keys), sort=False).ngroup().to_numpy() if keys else patient * 0
    tables = [
        _ranked(name, _arranged(*flags, patient, point), values, columns, seed)
        for name, flags in _events(runs).items()
    ]
    return pd.concat(tables, ignore_index=True)


def _events(runs: pd.DataFrame) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """Return by event, per run, whether it happened and whether it could have."""
    severe = (runs["crs_grade_penn"] >= SEVERE_PENN).to_numpy()
    relapsed, remission = runs["relapse_day"].notna().to_numpy(), runs["remission"].to_numpy(bool)
    return {"severe_crs": (severe, np.ones_like(severe)), "relapse": (relapsed, remission)}


def _arranged(
    happened: np.ndarray, could: np.ndarray, patient: np.ndarray, point: np.ndarray
) -> _Outcome:
    size = (patient.max(initial=-1) + 1, point.max(initial=-1) + 1)
    table = _Outcome(np.zeros(size), np.zeros(size))
    np.add.at(table.happened, (patient, point), (happened & could).astype(float))
    np.add.at(table.could, (patient, point), could.astype(float))
    return table


def _ranked(
    event: str, outcome: _Outcome, values: np.ndarray, columns: list[str], seed: int
) -> pd.DataFrame:
    """Return the rows of one event."""
    ill, well = outcome.happened, outcome.could - outcome.happened
    counts = [int((side.sum(axis=1) > 0).sum()) for side in (ill, well)]
    head = ("event", "covariate", "higher", "higher_low", "higher_high")
    names = [*head, "patients", "others", "separates"]
    if min(counts) < LEAST_PATIENTS:
        return pd.DataFrame(columns=names)
    found = list(_areas(ill, well, values, columns))
    area = np.array([each[1] for each in found])
    influence = np.column_stack([each[2] for each in found]) if found else np.zeros((len(ill), 0))
    error = influence.std(axis=0, ddof=1) / math.sqrt(len(influence))
    half = critical_value(influence, error, seed) * error
    table = pd.DataFrame(
        {
            "event": event,
            "covariate": [each[0] for each in found],
            "higher": area,
            "higher_low": np.maximum(area - half, 0.0),
            "higher_high": np.minimum(area + half, 1.0),
            "patients": counts[0],
            "others": counts[1],
            "separates": np.abs(area - 0.5) > half,
        }
    )
    order = (table["higher"] - 0.5).abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order]


def _areas(
    ill: np.ndarray, well: np.ndarray, values: np.ndarray, columns: list[str]
) -> Iterator[tuple[str, float, np.ndarray]]:
    """Yield covariates that vary, with area and each patient's influence on it."""
    pairs = ill * well.sum(axis=0) + well * ill.sum(axis=0)  # that a patient is part of
    whole = float(np.sum(ill.sum(axis=0) * well.sum(axis=0)))
    for column, value in zip(columns, values.T, strict=True):
        if whole == 0.0 or np.isnan(value).any() or np.ptp(value) == 0.0:
            continue
        won = ill * _below(well, value) + well * (ill.sum(axis=0) - _below(ill, value))
        area = float(np.sum(ill * _below(well, value))) / whole
        own = won.sum(axis=1) - area * pairs.sum(axis=1)
        yield column, area, own * len(value) / whole


def _below(weights: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return by patient and point the weight of those with a lower value, half of equal ones."""
    order = np.argsort(value, kind="stable")
    ranked = value[order]
    sums = np.vstack([np.zeros((1, weights.shape[1])), np.cumsum(weights[order], axis=0)])
    first, last = (np.searchsorted(ranked, value, side) for side in ("left", "right"))
    return np.asarray(0.5 * (sums[first] + sums[last]))

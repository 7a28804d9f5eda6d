"""Runs as arrays of patients by points: for comparisons between points, by patient."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tcellabm.analysis.summary import observed


@dataclass(frozen=True)
class Cube:
    """What became of each patient at each point.

    Attributes
    ----------
    points : DataFrame
        The keys, a row per point, in the order of the runs.
    seeds : ndarray, shape (patients,)
        Who they are.
    shares : mapping of str to ndarray, shape (patients, points)
        By rate, the mean of the patient's runs at the point: 1 or 0 where there is one. NaN where
        none ended well, and at a point where any run did not show it.
    """

    points: pd.DataFrame
    seeds: np.ndarray
    shares: Mapping[str, np.ndarray]

    def place(self, point: Mapping[str, object]) -> int | None:
        """Return which point has these values; None if none has."""
        same = np.ones(len(self.points), bool)
        for key in self.points:
            same &= (self.points[key] == point[key]).to_numpy()
        places = np.flatnonzero(same)
        return int(places[0]) if len(places) else None

    def part(self, places: np.ndarray) -> "Cube":
        """Return some of the points."""
        shares = {rate: values[:, places] for rate, values in self.shares.items()}
        return Cube(self.points.iloc[places].reset_index(drop=True), self.seeds, shares)


def cube_of(outcomes: pd.DataFrame, keys: Sequence[str]) -> Cube:
    """Arrange runs by patient and point.

    Parameters
    ----------
    outcomes : DataFrame
        A row per run, as in `outcomes.parquet`.
    keys : sequence of str
        Columns that tell points apart.
    """
    points = outcomes[list(keys)].drop_duplicates()
    point = outcomes.groupby(list(keys), sort=False, dropna=False).ngroup().to_numpy()
    patient, seeds = pd.factorize(outcomes["seed"])
    size = (len(seeds), len(points))
    cell = patient * size[1] + point
    good = (outcomes["error"] == "").to_numpy()
    shares = {}
    for rate, column in observed(outcomes).items():
        values = column.to_numpy(float)
        unseen = np.zeros(size[1], bool)
        unseen[point[good & np.isnan(values)]] = True
        runs = np.bincount(cell[good], minlength=size[0] * size[1])
        sums = np.bincount(cell[good], np.nan_to_num(values[good]), size[0] * size[1])
        share = np.full(runs.shape, math.nan)
        np.divide(sums, runs, out=share, where=runs > 0)
        shares[rate] = np.where(unseen, math.nan, share.reshape(size))
    return Cube(points.reset_index(drop=True), np.asarray(seeds), shares)

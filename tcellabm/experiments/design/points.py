"""The points of a sweep: all combinations of the values of its axes, or a sample of them."""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tcellabm.params import InputError, Range, Sweep
from tcellabm.params.loading import GRID
from tcellabm.params.size import check_size

MOST_RUNS = 2_000_000  # of one plan: each takes 1.6 kB, see docs/sweeps.md
KINDS = ("latin_hypercube", "sobol", "saltelli")


class Law(Protocol):
    """A distribution of the values of an axis."""

    def at(self, share: float) -> Any:
        """Return the quantile at a probability of 0 to 1."""
        ...

    def as_table(self) -> dict[str, Any]:
        """Return it as JSON values."""
        ...


Axis = list[Any] | Law


def axes_of(sweep: Sweep, where: str) -> dict[str, Axis]:
    """Return the axes that a file or the overrides name, none of the sweep's own size."""
    if fixed := [key for key in sweep.axes if key.startswith("sweep.")]:
        raise InputError(f"{fixed[0]} is a list", where, "allowed: one value for all points")
    return {k: axis if isinstance(axis, Range) else list(axis) for k, axis in sweep.axes.items()}


def check_runs(runs: int, where: str = "") -> None:
    """Refuse what no process has the memory to plan.

    Raises
    ------
    InputError
        There are too many.
    """
    if runs > MOST_RUNS:
        raise InputError(f"{runs} runs", where, f"allowed: up to {MOST_RUNS}")


def points_of(sweep: Sweep, axes: Mapping[str, Axis], seed: int) -> list[dict[str, Any]]:
    """Return what every point sets: the grid, or a sample of it.

    Parameters
    ----------
    sweep : Sweep
        `sweep.sample` and `sweep.points` of its parameters decide.
    axes : mapping
        Dotted name -> values or distribution.
    seed : int
        Seed of the sample.

    Returns
    -------
    list of dict
        Value by dotted key; of a grid the last axis runs fastest.

    Raises
    ------
    InputError
        A grid has a range as axis, a sample has no axis, a point is not allowed, or there are
        too many.
    """
    size = sweep.params.sweep
    ranges = [key for key, axis in axes.items() if not isinstance(axis, list)]
    if size.sample == GRID:
        if ranges:
            allowed = "allowed: a list, linspace, logspace; or --set sweep.sample=sobol"
            raise InputError(f"{ranges[0]} is a range to sample from", "", allowed)
        return sweep.points()
    if not axes:
        raise InputError(f"sweep.sample = {size.sample}", "", "allowed: with one axis or more")
    rows = size.points * (len(axes) + 2 if size.sample == "saltelli" else 1)
    check_runs(rows * size.patients * size.replicates, "sweep.points")
    sample = unit_sample(size.sample, size.points, len(axes), seed)
    points = [
        {key: pick(axis, share) for (key, axis), share in zip(axes.items(), row, strict=True)}
        for row in sample.tolist()
    ]
    for point in points:
        check_size(sweep.params.replace(point))  # some values are allowed only next to others
    return points


def pick(axis: Axis, share: float) -> Any:
    """Return what a share between 0 and 1 picks: of a list every value is as probable."""
    if not isinstance(axis, list):
        return axis.at(share)
    return axis[min(math.floor(share * len(axis)), len(axis) - 1)]


def unit_sample(kind: str, points: int, dimensions: int, seed: int) -> np.ndarray:
    """Return points of a sample.

    Parameters
    ----------
    kind : str
        One of KINDS. `saltelli` gives `points` (dimensions + 2) rows: those that Sobol indices of
        first and total order need.
    points, dimensions : int
        Size of the sample; a power of 2 for all but the Latin hypercube.
    seed : int
        Seed of the sweep.

    Returns
    -------
    ndarray, shape (rows, dimensions)
        Between 0 and 1.

    Raises
    ------
    InputError
        `points` is not a power of 2 where it must be.
    """
    if kind != "latin_hypercube" and math.log2(points) % 1:
        allowed = f"allowed with {kind}: a power of 2"
        raise InputError(f"sweep.points = {points}", "", allowed)
    entropy = np.random.SeedSequence(seed, spawn_key=(0,))
    if kind == "saltelli":
        return _saltelli(points, dimensions, int(entropy.generate_state(1)[0]))
    from scipy.stats import qmc

    rng = np.random.default_rng(entropy)
    engine = qmc.Sobol if kind == "sobol" else qmc.LatinHypercube
    sample: np.ndarray = engine(dimensions, rng=rng).random(points)
    return sample


def _saltelli(points: int, dimensions: int, seed: int) -> np.ndarray:
    """Return blocks of A, A with one column of B, ..., B, as SALib's analysis takes them."""
    from scipy.stats import qmc

    both = qmc.Sobol(2 * dimensions, rng=np.random.default_rng(seed)).random(points)
    a, b = both[:, :dimensions], both[:, dimensions:]
    rows = [a] + [np.where(np.arange(dimensions) == column, b, a) for column in range(dimensions)]
    return np.stack([*rows, b], axis=1).reshape(-1, dimensions)

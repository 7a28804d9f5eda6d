"""Sensitivity indices of finished runs: Morris's elementary effects and Sobol's shares."""

import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.summary import observed
from tcellabm.params import Parameters

LEVELS = 4  # of Morris's grid
# A grid over all of a distribution would sit on its ends: Morris looks at the middle 90 %.
LOWEST, HIGHEST = 0.05, 0.95
_RESAMPLES = 500
_Z = 1.96
_FIFTH = 0.2  # of a parameter's distribution, at each end: the tornado


def problem(inputs: int) -> dict[str, Any]:
    """Return the unit cube as SALib describes it."""
    names = [f"x{place}" for place in range(inputs)]
    return {"num_vars": inputs, "names": names, "bounds": [[0.0, 1.0]] * inputs}


def outputs(outcomes: pd.DataFrame, params: Parameters) -> dict[str, np.ndarray]:
    """Return the numbers that are analyzed, one per run.

    A run that failed has the mean of the others, which moves no index of its own. Remission on
    day 365 counts all infused: relapse-free survival from remission is not defined for a patient
    without one. Outputs that were not observed, or do not vary, are left out.
    """
    least = params.assay.quantification_limit_copies_per_ug
    cmax = outcomes["cmax_copies_per_ug"].fillna(0.0).clip(lower=least)
    found = {**observed(outcomes), "log10_cmax": np.log10(cmax)}
    good = outcomes["error"] == ""
    values = {name: column.where(good).to_numpy(float) for name, column in found.items()}
    unseen = {name for name, column in found.items() if column[good].isna().any()}
    return {
        name: np.where(good, column, np.nanmean(column) if good.any() else 0.0)
        for name, column in values.items()
        if name not in unseen and good.any() and np.nanstd(column) > 0
    }


def indices(
    method: str, unit: np.ndarray, values: np.ndarray, inputs: list[str], seed: int = 1
) -> pd.DataFrame:
    """Return what each input does to one output.

    Parameters
    ----------
    method : str
        `morris` (Morris 1991; Campolongo 2007) or `sobol` (Sobol 2001; Saltelli 2010).
    unit : ndarray, shape (rows, inputs)
        The sample between 0 and 1.
    values : ndarray, shape (rows,)
        The output.
    inputs : list of str
        Names.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        `input`; `mu`, `mu_star`, `sigma` or `first`, `total`, of which `_low` and `_high` are
        95 % intervals; `at_low`, `at_high`: the mean output where the input is in its lowest and
        highest fifth (Morris: before and after its step up, all else equal, about the mean of
        all runs), with intervals.
    """
    table = pd.DataFrame({"input": inputs})
    analyze = partial(_morris, unit) if method == "morris" else _sobol
    for name, (value, half) in analyze(values, len(inputs), seed).items():
        table[name] = value
        if half is not None:
            low = value - half
            table[f"{name}_low"] = np.maximum(low, 0.0) if name == "mu_star" else low
            table[f"{name}_high"] = value + half
    low, high = values.min(), values.max()
    for name, (mean, half) in _ends(method, unit, values, seed).items():
        table[name] = mean
        table[f"{name}_low"] = np.maximum(mean - half, low)
        table[f"{name}_high"] = np.minimum(mean + half, high)
    return table


Found = dict[str, tuple[np.ndarray, np.ndarray | None]]


def _morris(unit: np.ndarray, values: np.ndarray, inputs: int, seed: int) -> Found:
    from SALib.analyze.morris import analyze

    levels = (unit - LOWEST) / (HIGHEST - LOWEST)
    found = analyze(problem(inputs), levels, values, _RESAMPLES, num_levels=LEVELS, seed=seed)
    star, half = (np.asarray(found[name], float) for name in ("mu_star", "mu_star_conf"))
    mu, sigma = (np.asarray(found[name], float) for name in ("mu", "sigma"))
    return {"mu_star": (star, half), "mu": (mu, None), "sigma": (sigma, None)}


def _sobol(values: np.ndarray, inputs: int, seed: int) -> Found:
    from SALib.analyze.sobol import analyze

    found = analyze(
        problem(inputs), values, calc_second_order=False, num_resamples=_RESAMPLES, seed=seed
    )
    return {
        name: (np.asarray(found[short], float), np.asarray(found[f"{short}_conf"], float))
        for name, short in (("first", "S1"), ("total", "ST"))
    }


def _ends(
    method: str, unit: np.ndarray, values: np.ndarray, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the mean output at both ends of each input; intervals by bootstrap over groups."""
    found = {}
    groups = _at_steps(unit, values) if method == "morris" else _at_fifths(unit, values)
    for name, (sums, counts) in groups.items():
        draws = np.random.default_rng(seed)
        weights = draws.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), _RESAMPLES)
        with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of an end where no run is
            mean = sums.sum(axis=0) / counts.sum(axis=0)
            found[name] = (mean, _Z * np.nanstd((weights @ sums) / (weights @ counts), axis=0))
    return found


Groups = dict[str, tuple[np.ndarray, np.ndarray]]  # sums and counts, shape (groups, inputs)


def _at_steps(unit: np.ndarray, values: np.ndarray) -> Groups:
    """Sum outputs on both sides of each input's step, by trajectory: all else is equal there.

    What a trajectory has in common is taken off, as chance: sides lie about the mean of all runs.
    """
    inputs = unit.shape[1]
    paths, rows = unit.reshape(-1, inputs + 1, inputs), values.reshape(-1, inputs + 1)
    steps = np.diff(paths, axis=1)
    which = np.abs(steps).argmax(axis=2)
    up = np.take_along_axis(steps, which[:, :, None], axis=2)[:, :, 0] > 0
    middle = (rows[:, :-1] + rows[:, 1:]) / 2 - rows.mean()
    before, after = rows[:, :-1] - middle, rows[:, 1:] - middle
    sides = {"at_low": np.where(up, before, after), "at_high": np.where(up, after, before)}
    place = np.arange(len(paths))[:, None]
    found = {}
    for name, side in sides.items():
        sums = np.zeros((len(paths), inputs))
        sums[place, which] = side
        found[name] = (sums, np.ones_like(sums))
    return found


def _at_fifths(unit: np.ndarray, values: np.ndarray) -> Groups:
    """Sum outputs of the runs at both ends of each input, by Saltelli block.

    Of a block two rows are independent, the first and the last: those count.
    """
    size = unit.shape[1] + 2
    ends = [0, -1]
    blocks = unit.reshape(-1, size, unit.shape[1])[:, ends]
    rows = values.reshape(-1, size)[:, ends, None]
    inside = {"at_low": blocks <= _FIFTH, "at_high": blocks >= 1 - _FIFTH}
    return {name: ((there * rows).sum(axis=1), there.sum(axis=1)) for name, there in inside.items()}


def as_csv(table: pd.DataFrame) -> bytes:
    """Return the indices as the text of a CSV file."""
    return str(table.to_csv(index=False, float_format="%.6g", lineterminator="\n")).encode()

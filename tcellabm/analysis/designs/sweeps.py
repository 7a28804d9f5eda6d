"""A paired sweep as a table of potential outcomes: every patient at every dose."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tcellabm.analysis.designs.endpoints import days
from tcellabm.analysis.designs.patients import Table
from tcellabm.params import InputError

IDENTITY = ["patient", "replicate"]


def chosen(
    runs: pd.DataFrame, axes: Sequence[str], at: Mapping[str, object], option: str
) -> pd.DataFrame:
    """Return the runs at some values of some axes.

    Parameters
    ----------
    runs : DataFrame
        One row per run.
    axes : sequence of str
        What was varied.
    at : mapping
        Axis -> the one value wanted.
    option : str
        Option of the command, named in an error.

    Returns
    -------
    DataFrame
        Some of the rows.

    Raises
    ------
    InputError
        There is no such axis, or the sweep does not hold such a value.
    """
    for key, value in at.items():
        if key not in axes:
            allowed = "allowed: an axis of the sweep"
            raise InputError(f"{key} was not varied", option, allowed)
        held = runs[key].unique().tolist()
        if value not in held:
            what = f"the sweep holds no {key}={value}"
            names = [f"{one:g}" if isinstance(one, float) else str(one) for one in held]
            raise InputError(what, option, f"allowed: {', '.join(names)}")
        runs = runs[runs[key] == value]
    return runs


def by_patient(runs: pd.DataFrame, axis: str, others: Sequence[str]) -> pd.DataFrame:
    """Return the runs as a table with a row per patient and a column per value of an axis.

    Patients with an error at any value are left out.

    Parameters
    ----------
    runs : DataFrame
        One row per run, with the columns of IDENTITY, `seed` and `error`.
    axis : str
        Column of which each value becomes a column.
    others : sequence of str
        Further axes: a patient at other values of them is another patient.

    Returns
    -------
    DataFrame of int
        Places in `runs`; columns in the order of the runs.

    Raises
    ------
    InputError
        The same patients were not simulated at every value.
    """
    who = [*IDENTITY, *others]
    places = runs.assign(place=np.arange(len(runs))).set_index([*who, axis])["place"]
    if places.index.has_duplicates:
        raise InputError("a sweep that is not paired: a run twice", axis, "allowed: each once")
    wide = places.unstack(axis)[runs[axis].unique().tolist()]
    if wide.isna().any(axis=None) or not _same_seeds(runs, who):
        what = f"a sweep that is not paired: other patients at other values of {axis}"
        raise InputError(what, "", "allowed: a grid, the same patients at every point")
    failed = (runs["error"] != "").to_numpy()[wide.to_numpy(int)]
    whole = wide[~failed.any(axis=1)].astype(int)
    if not len(whole):
        raise InputError("no patient without an error at every value", axis, "allowed: some")
    return whole


def _same_seeds(runs: pd.DataFrame, who: list[str]) -> bool:
    return bool((runs.groupby(who)["seed"].nunique() == 1).all())


def dose_table(
    runs: pd.DataFrame,
    axis: str,
    others: Sequence[str],
    toxicity: str,
    response: str,
    window: float,
) -> tuple[list[float], Table]:
    """Return doses in ascending order, and what becomes of every patient at each.

    Parameters
    ----------
    runs : DataFrame
        One row per run, with the columns of outcomes.
    axis : str
        Column of the dose.
    others : sequence of str
        Further axes: a patient at other values of them is another patient.
    toxicity, response : str
        Events, see `endpoints.days`.
    window : float
        Days from infusion for toxicity; a response may come later.

    Returns
    -------
    doses : list of float
        In the unit of the axis.
    table : Table
        Days from infusion and US dollars, shape (patients, doses).

    Raises
    ------
    InputError
        There is one dose, the axis has no numbers, runs are not paired, or an endpoint can't be
        read.
    """
    if not pd.api.types.is_numeric_dtype(runs[axis]) or runs[axis].dtype == bool:
        raise InputError(f"{axis} has no numbers to escalate", "--axis", "allowed: a dose")
    doses = sorted(runs[axis].unique().tolist())
    if len(doses) < 2:
        what = f"a design with one dose, {axis}={doses[0]:g}"
        raise InputError(what, "--axis", "allowed: a sweep with two values of it or more")
    place = by_patient(runs, axis, others)[doses].to_numpy()

    def of(values: pd.Series) -> np.ndarray:
        return values.to_numpy(float)[place]

    toxic = of(days(runs, toxicity, window, "--toxicity"))
    responding = of(days(runs, response, window, "--response", later=True))
    return doses, Table(toxic, responding, of(runs["cost_usd"]))

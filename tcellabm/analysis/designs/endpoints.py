"""Endpoints as a user names them: columns with the day of an event, and conditions on others.

`crs_astct3_day` is an event on that day; `cured` and `crs_grade_penn>=4` have no day and count as
known at the end of the window. Several are joined by commas: whichever comes first.
"""

import operator
import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from tcellabm.analysis.summary import observed
from tcellabm.columns import OUTCOMES
from tcellabm.params import InputError
from tcellabm.params.errors import nearest

TOXICITY = "crs_astct3_day,icans3_day,death_day"  # CRS or ICANS of grade 3 or more, or death
RESPONSE = "remission_day"
_SIGNS: dict[str, Callable[..., pd.Series]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(?:(>=|<=|>|<)\s*(\S+))?\s*")
_KINDS = {column.name: column.kind for column in OUTCOMES}


def days(
    runs: pd.DataFrame, events: str, window_days: float, option: str, later: bool = False
) -> pd.Series:
    """Return the day of the first of some events within a window; infinite where there is none.

    Parameters
    ----------
    runs : DataFrame
        One row per run, with the columns of outcomes.
    events : str
        Days of events and conditions, separated by commas.
    window_days : float
        From infusion; a condition that is met counts on its last day.
    option : str
        Option of the command, named in an error.
    later : bool
        Events after the window count too.

    Returns
    -------
    Series of float
        Days from infusion, by the index of `runs`.

    Raises
    ------
    InputError
        An event does not exist, or runs are too short to show it.
    """
    _check_followed(runs, window_days, option)
    each = [_day(runs, event, window_days, option) for event in events.split(",")]
    first = pd.concat(each, axis=1).min(axis=1)
    return first if later else first.where(first <= window_days, np.inf)


def happened(runs: pd.DataFrame, endpoint: str, option: str) -> pd.Series:
    """Tell for each run whether an endpoint was met.

    Parameters
    ----------
    runs : DataFrame
        One row per run, with the columns of outcomes.
    endpoint : str
        A yes-or-no column, a rate of the summary (`remission_365`, `severe_crs`), or a condition.
    option : str
        Option of the command, named in an error.

    Returns
    -------
    Series of bool
        By the index of `runs`.

    Raises
    ------
    InputError
        It does not exist, is not of that kind, or was not observed in all runs.
    """
    named = observed(runs)
    if endpoint not in named:
        return _condition(runs, endpoint, option)
    values = named[endpoint]
    if values.isna().any():
        what = f"{endpoint} is not observed in {values.isna().sum()} of {len(values)} runs"
        raise InputError(what, option, "allowed: an endpoint within the days that were followed")
    return values == 1.0


def _day(runs: pd.DataFrame, event: str, window_days: float, option: str) -> pd.Series:
    name = event.strip()
    if name.endswith("_day") and name in _KINDS:
        return runs[name].fillna(np.inf)
    met = _condition(runs, name, option)
    return pd.Series(np.where(met, window_days, np.inf), index=runs.index)


def _condition(runs: pd.DataFrame, text: str, option: str) -> pd.Series:
    found = _CONDITION.fullmatch(text)
    name, sign, limit = found.groups(default="") if found else (text, "", "")
    kind = _KINDS.get(name)
    if kind is None:
        close = nearest(name, _KINDS)
        raise InputError(f"no endpoint of that name: {name}", option, f"nearest: {close}")
    if not sign:
        if kind is not bool:
            allowed = f"allowed: a condition, such as {name}>=3"
            raise InputError(f"{name} is not yes or no", option, allowed)
        return runs[name]
    if kind is str:
        raise InputError(f"{name} holds text", option, "allowed: a column of numbers")
    try:
        return _SIGNS[sign](runs[name], float(limit))
    except ValueError:
        what = f"{limit} is no number"
        raise InputError(what, option, f"allowed: {name}{sign}NUMBER") from None


def _check_followed(runs: pd.DataFrame, window_days: float, option: str) -> None:
    alive = runs["death_day"].isna()
    shortest = runs.loc[alive, "followed_days"].min() if alive.any() else np.inf
    if not shortest >= window_days:
        what = f"a window of {window_days:g} days in runs of {shortest:g}"
        raise InputError(what, option, "allowed: a window within the days of the sweep")

"""Likelihood of the published rows in a weighted population, each at its published n.

`params/trials/likelihood.csv` says of each row which form it has:

- `binomial`: so many of n;
- `median`: that the median of n patients rounds to the published one, by order statistics;
- `log_normal`: mean of logs, with variance s^2 / n of the population and a tolerance;
- `log_normal_ratio`: the same of responders less others, n and n_other of them;
- `kaplan_meier`: normal in log(-log S), with the standard error of the published interval.

A row whose figure was recalled, not read, has its variance doubled: half of its log likelihood.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from tcellabm.analysis.cohort import Columns
from tcellabm.analysis.comparison import NORMAL_95
from tcellabm.analysis.patientwise import ROWS, Curve, Group, responders
from tcellabm.analysis.survival import DAYS_PER_MONTH
from tcellabm.kernels.survival import weighted_kaplan_meier
from tcellabm.params import InputError

FORMS = ("binomial", "median", "log_normal", "log_normal_ratio", "kaplan_meier")
RECALLED = 0.5  # of the log likelihood: a doubled variance
_LEAST = 1e-9  # shares are kept so far from 0 and 1


@dataclass(frozen=True)
class Row:
    """One row to fit.

    Attributes
    ----------
    name, form : str
        Id in `published.csv`, and one of FORMS.
    value : float
        Published, in the unit of the row; rates in percent.
    n, n_other : float
        Patients it is about; of a ratio those of both groups.
    rounding : float
        Half the unit that a median was rounded to.
    tolerance : float
        Standard deviation of the logarithm that another way of measuring adds.
    error : float
        Standard error of log(-log S), of a Kaplan-Meier estimate.
    weight : float
        Of the log likelihood.
    measure : str
        Id of what is measured, where the name is another one.
    """

    name: str
    form: str
    value: float
    n: float
    n_other: float = math.nan
    rounding: float = 0.0
    tolerance: float = 0.0
    error: float = math.nan
    weight: float = 1.0
    measure: str = field(default="", repr=False)  # the name tells it, and recipes hold the rest

    @property
    def measured(self) -> str:
        """Id of what is measured, in `patientwise.ROWS`."""
        return self.measure or self.name


def read_forms(path: Path) -> pd.DataFrame:
    """Read which form each row has, by id: `form`, `n`, `n_other`, `rounding`, `tolerance`.

    Raises
    ------
    InputError
        It cannot be read, or lacks a column.
    """
    needed = ("id", "form", "n", "n_other", "rounding", "tolerance")
    try:
        return pd.read_csv(path)[list(needed)].set_index("id")
    except (OSError, ValueError, KeyError) as error:
        allowed = f"allowed: columns {', '.join(needed)}; a row for each marked calibrate"
        raise InputError(f"forms of likelihood: {error}", str(path), allowed) from None


def read_rows(path: Path, published: pd.DataFrame) -> list[Row]:
    """Read the forms of all rows marked `calibrate`.

    Raises
    ------
    InputError
        The table lacks a row or column, has one too many, or a number is missing.
    """
    table = read_forms(path)
    figures = published[published["use"] == "calibrate"].set_index("id")
    if not table.index.is_unique or set(table.index) != set(figures.index):
        odd = set(table.index) ^ set(figures.index) or {"an id twice"}
        allowed = "allowed: a row for each marked calibrate"
        raise InputError(f"forms of likelihood: {min(odd)}", str(path), allowed)
    return [_row(str(name), table.loc[name], figures.loc[name], str(path)) for name in table.index]


def _row(name: str, form: pd.Series, figure: pd.Series, where: str) -> Row:
    kind = str(form["form"])
    numbers: dict[str, Any] = {
        key: float(form[key]) for key in ("n_other", "rounding", "tolerance") if form[key] >= 0.0
    }
    needs = {"median": "rounding", "log_normal_ratio": "n_other"}.get(kind)
    if kind not in FORMS or name not in ROWS or not form["n"] > 0 or needs not in (None, *numbers):
        allowed = f"allowed: {', '.join(FORMS)}, with n, rounding or n_other"
        raise InputError(f"{name}: {kind}, n = {form['n']}", where, allowed)
    error = error_of(figure) if kind == "kaplan_meier" else math.nan
    confidence = str(figure["confidence"])
    recalled = confidence.startswith("recalled") or (
        kind == "kaplan_meier" and "recalled" in confidence
    )
    weight = RECALLED if recalled else 1.0
    return Row(
        name, kind, float(figure["value"]), float(form["n"]), error=error, weight=weight, **numbers
    )


def error_of(figure: Mapping[str, Any] | pd.Series) -> float:
    """Return the standard error of log(-log S) that a 95 % interval, `low` to `high`, implies."""
    low, high = (log_log(float(figure[end]) / 100.0) for end in ("low", "high"))
    return abs(float(high - low)) / (2.0 * NORMAL_95)


def log_log(share: Any) -> Any:
    """Return log(-log S) of a share without event."""
    return np.log(-np.log(np.clip(share, _LEAST, 1.0 - _LEAST)))


class Likelihood:
    """Log likelihood of rows for weights of a pool of infused patients.

    Parameters
    ----------
    rows : sequence of Row
        What is fitted.
    infused : mapping
        Columns of the pool, see `analysis.cohort`.
    """

    def __init__(self, rows: Sequence[Row], infused: Columns) -> None:
        self.rows = list(rows)
        self._curves: dict[str, _Sorted] = {}
        self._medians: dict[str, _Ordered] = {}
        self._columns: dict[str, slice] = {}
        parts: list[np.ndarray] = []
        for row in self.rows:
            taken = ROWS[row.measured](infused)
            if isinstance(taken, Curve):
                self._curves[row.name] = _Sorted.of(taken)
            else:
                if row.form == "median":
                    self._medians[row.name] = _Ordered.of(taken)
                stacked = _stacked(row, taken, responders(infused))
                start = sum(len(part) for part in parts)
                self._columns[row.name] = slice(start, start + len(stacked))
                parts.append(stacked)
        self._matrix = np.vstack(parts).T.copy() if parts else np.zeros((len(infused["seed"]), 0))

    def figures(self, weights: np.ndarray) -> np.ndarray:
        """Return what the population says to each row, shape (thetas, rows), in its unit."""
        sums = weights @ self._matrix
        found = [self._figure(row, weights, sums) for row in self.rows]
        return np.stack(found, axis=-1)

    def _figure(self, row: Row, weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
        if row.name in self._curves:
            return 100.0 * self._curves[row.name].at(weights)
        if row.form == "median":
            return self._medians[row.name].at(weights)
        own = sums[:, self._columns[row.name]]
        with np.errstate(all="ignore"):
            if row.form == "binomial":
                share: np.ndarray = 100.0 * own[:, 1] / own[:, 0]
                return share
            mean, _ = _log_mean(row, own)
            return np.exp(mean)

    def by_row(self, weights: np.ndarray) -> np.ndarray:
        """Return the log likelihood of each row, shape (thetas, rows).

        Parameters
        ----------
        weights : ndarray, shape (thetas, patients)
            They sum to 1 at each theta.
        """
        sums = weights @ self._matrix
        with np.errstate(all="ignore"):
            found = [row.weight * self._log(row, weights, sums) for row in self.rows]
        logs = np.stack(found, axis=-1)
        return np.where(np.isnan(logs), -np.inf, logs)

    def _log(self, row: Row, weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
        if row.name in self._curves:
            return log_kaplan_meier(row, self._curves[row.name].at(weights))
        own = sums[:, self._columns[row.name]]
        if row.form == "binomial":
            return log_binomial(row, own[:, 1] / own[:, 0])
        if row.form == "median":
            return log_median(row, own[:, 1] / own[:, 0], own[:, 2] / own[:, 0])
        return log_normal(row, *_log_mean(row, own))


def _stacked(row: Row, group: Group, answered: np.ndarray) -> np.ndarray:
    """Return what sums over patients of a row are made of, shape (sums, patients)."""
    member = group.member.astype(float)
    if row.form == "binomial":
        return np.stack([member, member * group.value.astype(float)])
    value = np.where(group.member, group.value, 1.0)
    if row.form == "median":
        ends = (row.value - row.rounding, row.value + row.rounding)
        return np.stack([member, *(member * (value < end) for end in ends)])
    logs = np.log(np.where(group.member, value, 1.0))
    moments = np.stack([member, member * logs, member * logs**2])
    if row.form == "log_normal":
        return moments
    return np.vstack([moments * answered, moments * ~answered])


def _log_mean(row: Row, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of logs, or the difference of two, and its variance at n."""
    mean, variance = np.zeros(len(own)), np.full(len(own), row.tolerance**2)
    for sign, n, start in ((1.0, row.n, 0), (-1.0, row.n_other, 3)):
        if start < own.shape[1]:
            total, first, second = own[:, start : start + 3].T
            middle = first / total
            mean = mean + sign * middle
            variance = variance + np.maximum(second / total - middle**2, 0.0) / n
    return mean, variance


# --- forms ----------------------------------------------------------------------------------------


def log_binomial(row: Row, share: np.ndarray) -> np.ndarray:
    """Return the log probability of the published number of n."""
    share = np.clip(share, _LEAST, 1.0 - _LEAST)
    successes = round(row.value / 100.0 * row.n)
    ways = special.gammaln(row.n + 1.0) - special.gammaln(successes + 1.0)
    ways -= special.gammaln(row.n - successes + 1.0)
    logs: np.ndarray = ways + special.xlogy(successes, share)
    return logs + special.xlog1py(row.n - successes, -share)


def log_median(row: Row, below_low: np.ndarray, below_high: np.ndarray) -> np.ndarray:
    """Return the log probability that the median of n lies within the rounding of the published.

    At most half of n lie below an end with the probability of an order statistic, a beta law.

    Parameters
    ----------
    row : Row
        With n.
    below_low, below_high : ndarray, shape (thetas,)
        Share of the population below each end.

    Returns
    -------
    ndarray, shape (thetas,)
        At least log(1e-300).
    """
    half = 0.5 * (row.n + 1.0)
    inside = special.betainc(half, half, below_high) - special.betainc(half, half, below_low)
    logs: np.ndarray = np.log(np.maximum(inside, 1e-300))
    return logs


def log_normal(row: Row, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the log density of the published mean of logs.

    Parameters
    ----------
    row : Row
        With its value, above 0.
    mean, variance : ndarray, shape (thetas,)
        Of the mean of logs of n patients, tolerance included.

    Returns
    -------
    ndarray, shape (thetas,)
        Of the log of the value.
    """
    off = math.log(row.value) - mean
    density: np.ndarray = -0.5 * (off**2 / variance + np.log(2.0 * math.pi * variance))
    return density


def log_kaplan_meier(row: Row, share: np.ndarray) -> np.ndarray:
    """Return the log density of the published share without event, in log(-log S)."""
    off = (log_log(row.value / 100.0) - log_log(share)) / row.error
    density: np.ndarray = -0.5 * off**2 - math.log(row.error * math.sqrt(2.0 * math.pi))
    return density


@dataclass(frozen=True)
class _Sorted:
    """Patients of a curve in the order of their times; at one time events come first."""

    order: np.ndarray  # of all members
    event: np.ndarray  # whether an event of theirs counts

    @classmethod
    def of(cls, curve: Curve) -> "_Sorted":
        """Sort those who are in it."""
        members = np.flatnonzero(curve.member)
        days, event = curve.times.days[members], curve.times.event[members]
        order = np.lexsort((~event, days))
        counts = event[order] & (days[order] <= curve.months * DAYS_PER_MONTH)
        return cls(members[order], counts)

    def at(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted Kaplan-Meier estimate, shape (thetas,); NaN without patients."""
        shares = np.empty(len(weights))
        weighted_kaplan_meier(np.ascontiguousarray(weights), self.order, self.event, shares)
        return shares


@dataclass(frozen=True)
class _Ordered:
    """Patients of a median, in the order of their values."""

    order: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, group: Group) -> "_Ordered":
        """Sort those who are in it."""
        members = np.flatnonzero(group.member)
        order = members[np.argsort(group.value[members], kind="stable")]
        return cls(order, group.value[order])

    def at(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted median, shape (thetas,); NaN without patients."""
        if not len(self.order):
            return np.full(len(weights), math.nan)
        below = np.cumsum(weights[:, self.order], axis=1)
        place = np.argmax(below >= 0.5 * below[:, -1:], axis=1)
        return np.asarray(self.values[place], float)

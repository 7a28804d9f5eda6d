"""The rows to fit, patient by patient: who a published figure is about, and what each adds to it.

A weighted population needs them so; `measures` says the same of a cohort as one number.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tcellabm.analysis import survival
from tcellabm.analysis.cohort import Columns
from tcellabm.analysis.survival import Times


class Group(NamedTuple):
    """Patients that a row is about, and a value of each: true or false, or a number."""

    member: np.ndarray  # bool, of the infused
    value: np.ndarray


class Curve(NamedTuple):
    """Patients that a Kaplan-Meier row is about, their times, and when it is read."""

    member: np.ndarray
    times: Times
    months: float


def _all(c: Columns) -> np.ndarray:
    return np.ones(len(c["seed"]), bool)


def _remission(c: Columns) -> np.ndarray:
    return c["remission"].astype(bool)


def _crs(c: Columns) -> np.ndarray:
    reached: np.ndarray = c["crs_grade_penn"] > 0
    return reached


def _severe(c: Columns) -> np.ndarray:
    return np.isin(c["crs_grade_penn"], (3, 4))


def _treated(c: Columns) -> np.ndarray:
    given: np.ndarray = c["tocilizumab_doses"] > 0
    return given


Who = Callable[[Columns], np.ndarray]


def _least(column: str, least: float, who: Who = _all) -> Callable[[Columns], Group]:
    return lambda c: Group(who(c), c[column] >= least)


def _number(column: str, who: Who) -> Callable[[Columns], Group]:
    """Take a number of those who have one."""
    return lambda c: Group(who(c) & ~np.isnan(c[column]), c[column])


def _positive(column: str, who: Who = _all) -> Callable[[Columns], Group]:
    """Take a number of those in whom it is above 0."""
    return lambda c: Group(who(c) & (c[column] > 0.0), c[column])


def _late(column: str, held_until: float = 0.0) -> Callable[[Columns], Group]:
    """Take a later transgene over its peak, of responders still in remission on a day."""

    def share(c: Columns) -> Group:
        held = _remission(c) & ~(c["relapse_day"] <= held_until)
        measured = held & (c[column] > 0.0) & (c["cmax_copies_per_ug"] > 0.0)
        peak = np.where(measured, c["cmax_copies_per_ug"], 1.0)
        return Group(measured, np.where(measured, c[column], 1.0) / peak)

    return share


def _answered(c: Columns) -> Group:
    first = c["first_tocilizumab_day"]
    soon = c["crs_onset_day"] + c["crs_duration_days"] - first <= 14.0
    died = c["death_day"] <= first + 14.0
    return Group(_treated(c), soon & (c["tocilizumab_doses"] <= 2) & ~died)


def _curve(of: Callable[[Columns], Times], months: float) -> Callable[[Columns], Curve]:
    return lambda c: Curve(_remission(c), of(c), months)


Taken = Callable[[Columns], Group | Curve]
OXYGEN, PRESSURE = "worst_oxygen_need", "worst_blood_pressure_need"

ROWS: dict[str, Taken] = {
    "E01": lambda c: Group(_all(c), _remission(c)),
    "E02": _curve(survival.relapse_free, 6.0),
    "E03": _curve(survival.relapse_free, 12.0),
    "E09": _least("crs_grade_penn", 1),
    "E11": _least("crs_grade_penn", 3),
    "E12": _number("crs_onset_day", _crs),
    "E13": _number("crs_duration_days", _crs),
    "E14": _least("tocilizumab_doses", 1),
    "E18": _least("icans_grade", 1),
    "E19": lambda c: Group(_all(c), c["icans_grade"] == 3),
    "E21": _curve(survival.aplasia, 6.0),
    "P04b": _number("crs_duration_days", _severe),
    "P07": _least("steroid_doses", 1, _crs),
    "P08": _least(PRESSURE, 3, _crs),
    "P08b": _least(OXYGEN, 3, _crs),
    "P09": lambda c: Group(_crs(c), c["fever_days"] > 0.0),
    "P09c": _positive("fever_days", _crs),
    "K02": _positive("tmax_day"),
    "K03": _positive("cmax_copies_per_ug"),
    "K04": _positive("doubling_days"),
    "K05": _positive("contraction_half_life_days"),
    "K06": _positive("terminal_half_life_days", _remission),
    "K11": _positive("cmax_copies_per_ug"),  # of responders over others
    "K28": _late("copies_day_60"),
    "K29": _late("copies_day_180", held_until=180.0),
    "C13": _answered,
}


def responders(c: Columns) -> np.ndarray:
    """Return who is in remission by month 3."""
    return _remission(c)

"""Virtual patients run in two processes, for studies that pair them by seed.

Arms of a study take the same seeds: patient `s` has the same covariates in every arm. The dynamics
draw from the same stream too, but as soon as arms differ so do the draws: pairs share who the
patient is, not what happens to a cell.
"""

import functools
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm import TumorTCellModel, load

SCENARIO = "scenarios/kymriah.toml"
# A death would end a course before what is compared.
NOBODY_DIES = {
    "neurotoxicity.icans_death_per_day": 0.0,
    "physiology.progression_death_per_day": 0.0,
    "physiology.crs_death_per_day": 0.0,
}
# A coarse body: 4 voxels and half the agents; the slow studies show that this hardly matters.
COARSE = NOBODY_DIES | {
    "marrow.rows": 2,
    "marrow.cols": 2,
    "resolution.agents_per_population": 32,
}
CAR_T = ["car_t_memory", "car_t_effector", "car_t_exhausted"]
LEUKEMIA = ["leukemia_cd19_positive", "leukemia_cd19_negative"]
PROCESSES = min(2, os.cpu_count() or 1)

_off: dict[str, Any] = {}


class Course(NamedTuple):
    """One patient: outcomes, and the series with `car_t`, `leukemia`, `b_cells_per_ul` added."""

    seed: int
    outcomes: dict[str, Any]
    series: pd.DataFrame


@contextmanager
def switched_off(overrides: Mapping[str, Any]):
    """Lay overrides under those of every arm: how a mechanism is taken out of a whole study."""
    before = dict(_off)
    _off.update(overrides)
    try:
        yield
    finally:
        _off.clear()
        _off.update(before)


def course_of(seed: int, model: TumorTCellModel) -> Course:
    series = model.series
    series["car_t"] = series[CAR_T].sum(axis=1)
    series["leukemia"] = series[LEUKEMIA].sum(axis=1)
    series["b_cells_per_ul"] = model.record.column("b_cells_per_ul")
    return Course(seed, model.outcomes(), series)


def follow(overrides: Mapping[str, Any], days: float, seed: int) -> Course:
    """Run one patient."""
    model = TumorTCellModel(load(SCENARIO, overrides), rng=seed)
    model.run_until(days)
    return course_of(seed, model)


def cohort(patients: int, days: float, overrides: Mapping[str, Any] | None = None) -> list[Course]:
    """Run patients 1 to `patients` for `days`; the same arm asked for again is not run again."""
    return together(follow, patients, days, overrides)


def together(
    one: Callable[[Mapping[str, Any], float, int], Any],
    patients: int,
    days: float,
    overrides: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Call `one(overrides, days, seed)` for seeds 1 to `patients`."""
    return _together(one, patients, days, tuple(sorted((_off | dict(overrides or {})).items())))


@functools.cache
def _together(one, patients, days, overrides) -> list[Any]:
    call = functools.partial(one, dict(overrides), days)
    return list(_pool().map(call, range(1, patients + 1), chunksize=2))


@functools.cache
def _pool() -> ProcessPoolExecutor:
    """Return two processes, started afresh: a fork of a process with threads may hang."""
    return ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn"))


# --- measures -------------------------------------------------------------------------------------


def outcome(arm: list[Course], name: str) -> np.ndarray:
    """Return one outcome column of an arm."""
    return np.array([course.outcomes[name] for course in arm])


def at(course: Course, column: str, day: float) -> float:
    """Return a column of the series at the last row on or before `day`."""
    series = course.series
    return float(series[column].to_numpy()[series["day"].to_numpy() <= day][-1])


def peak(course: Course, column: str = "copies_per_ug", until: float = 28.0) -> float:
    """Return the maximum of a column up to a day, over all ticks."""
    day = course.series["day"].to_numpy()
    return float(course.series[column].to_numpy()[day <= until].max())


def peak_day(
    course: Course, column: str = "copies_per_ug", after: float = 3.0, until: float = 60.0
) -> float:
    """Return the day on which a column peaks, once infused cells have left the blood."""
    day = course.series["day"].to_numpy()
    then = (day >= after) & (day <= until)
    return float(day[then][np.argmax(course.series[column].to_numpy()[then])])


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def mean(values: np.ndarray) -> Interval:
    """Return a mean with its normal interval; of paired differences, the paired interval."""
    values = np.asarray(values, float)
    half = 1.96 * values.std(ddof=1) / np.sqrt(values.size)
    return Interval(values.mean(), values.mean() - half, values.mean() + half)


def ratio(above: np.ndarray, below: np.ndarray) -> Interval:
    """Return the geometric mean ratio of pairs; pairs in which either is zero count as 1 unit."""
    logs = np.log(np.maximum(above, 1.0)) - np.log(np.maximum(below, 1.0))
    return Interval(*np.exp(mean(logs)))


def digest(overrides: Mapping[str, Any], days: float, seed: int) -> dict[str, Any]:
    """Run one patient and keep the outcomes, with the day of the peak over all ticks."""
    course = follow(overrides, days, seed)
    return course.outcomes | {"peak_day": peak_day(course), "peak_copies": peak(course)}

"""What the course of a patient can be on a day: bounds that a checkpoint is held to."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tcellabm.clinic.course import ALERT_DAYS, HOMING_DAYS
from tcellabm.clinic.physiology import CAUSES, neutropenia_ends
from tcellabm.clinic.record import MOST_CELLS, TREATMENTS, Record
from tcellabm.kernels.course import ALIVE, DENSE_DAYS, HOMING_HALVINGS, Course
from tcellabm.params import Parameters

HOTTEST_C = 60.0
MOST_NEED, MOST_GRADE = 3, 4
_GRADES = ("crs_grade_penn", "crs_grade_astct", "crs_grade_lee", "icans_grade")
_DEVIATIONS = 10.0  # of a Poisson number: more never happens
_SLACK = 100  # rows and numbers beyond what the law of large numbers has


def most_rows(params: Parameters, day: float) -> int:
    """Return how many rows a series can have by a day: one per tick, per day later."""
    dense = min(day, DENSE_DAYS) * 2.0 ** _finest(params)
    return math.ceil(dense + day) + _SLACK


def most_infections(params: Parameters) -> int:
    """Return how many background fevers a patient can have."""
    mean = params.physiology.neutropenic_fever_per_day * neutropenia_ends(params)
    return math.ceil(mean + _DEVIATIONS * math.sqrt(mean)) + _SLACK


def _finest(params: Parameters) -> int:
    return max(params.time.tick_halvings + HOMING_HALVINGS, params.time.slow_tick_halvings)


def check_course(
    values: Mapping[str, Any], now: Course, record: Record, params: Parameters, day: float
) -> None:
    """Check that a course, its record and its clock can be those of a patient on a day.

    Parameters
    ----------
    values : mapping
        What was saved besides `now` and `record`.
    now : Course
        At the end of the last tick.
    record : Record
        What was observed.
    params : Parameters
        With the patient's covariates.
    day : float
        Day after infusion, on which it was saved.

    Raises
    ------
    ValueError
        They cannot; the first that is out of bounds is named.
    """
    _check_record(record, day)
    _check_clock(now, record, params, day)
    _check_series(record, day)
    _within("asked", values["asked"], 0.0, day)
    _within("look_again", values["look_again"], day, math.inf)
    levels = (now.drugs, now.body, now.cns, now.fastest)
    _within("a level", list(_numbers(levels)), 0.0, np.finfo(float).max)
    _within("temperature", now.body.temperature_c, 0.0, HOTTEST_C)
    _within("a need", now.signs.needs[2:], 0, MOST_NEED)
    _within("icans", now.signs.icans, 0, MOST_GRADE)
    _within("death", record.death_cause in ("", *CAUSES), 1, 1)


def _numbers(parts: Any) -> Iterator[float]:
    """Yield all numbers of nested tuples."""
    if not isinstance(parts, tuple):
        yield parts
        return
    for part in parts:
        yield from _numbers(part)


def _within(name: str, values: Any, least: float, most: float) -> None:
    array = np.asarray(values)
    fits = (array >= least) & (array <= most)  # of what is no number neither holds
    if not fits.all():
        what = f"{name} = {array[~fits].flat[0]}"
        raise ValueError(f"{what}, not from {least:g} to {most:g}")


def _check_clock(now: Course, record: Record, params: Parameters, day: float) -> None:
    """Check that the next tick is one, and comes after the day; that the dead stay so."""
    _within("halvings", now.halvings, 0, _finest(params))
    _within("day of the last tick", now.day, 0.0, day)
    if now.due != now.day + 0.5**now.halvings:
        raise ValueError(f"the next tick ends on day {now.due}, not {0.5**now.halvings} later")
    _within("homing_until", now.homing_until, 0.0, day + HOMING_DAYS)
    _within("alert_until", now.alert_until, 0.0, day + max(ALERT_DAYS.values()))
    _within("hazard left", now.left, -np.finfo(float).max, np.finfo(float).max)
    alive = now.cause == ALIVE
    if alive and now.due <= day:
        raise ValueError(f"the next tick ends on day {now.due}, not after day {day}")
    if alive and min(now.left) <= 0.0:
        raise ValueError("alive, and no hazard left")
    cause = "" if alive else CAUSES[now.cause] if 0 <= now.cause < len(CAUSES) else "none"
    both = math.isnan(now.died) and math.isnan(record.death_day) or now.died == record.death_day
    if record.death_cause != cause or not both or alive != math.isnan(now.died):
        raise ValueError(f"death of {record.death_cause!r} on day {record.death_day}")
    if not alive:
        _within("day of death", now.died, 0.0, day)


def _check_record(record: Record, day: float) -> None:
    """Check draws, assessments and treatments: in order, by the day, of known kinds."""
    days = {
        "draws": [one.day for one in record.draws],
        "assessments": [one.day for one in record.assessments],
        "treatments": [one.day for one in record.treatments],
    }
    for name, found in days.items():
        _check_days(name, found, day)
        if bool(found) != bool(record.treatments):
            raise ValueError(f"{name} are missing, or the infusion is")
    _within("copies", [one.copies_per_ug for one in record.draws], 0.0, np.finfo(float).max)
    shares = [(one.blast_share, one.mrd) for one in record.assessments]
    _within("a share of marrow", shares, 0.0, 1.0)
    _within("an amount given", [one.amount for one in record.treatments], 0.0, MOST_CELLS)
    for one in record.treatments:
        if one.name not in TREATMENTS:
            raise ValueError(f"treatment {one.name!r}, not one of {', '.join(TREATMENTS)}")


def _check_days(name: str, days: Sequence[float] | np.ndarray, last: float) -> None:
    _within(f"a day of {name}", days, 0.0, last)
    if (np.diff(days) < 0.0).any():
        raise ValueError(f"{name} are not in the order of time")


def _check_series(record: Record, day: float) -> None:
    """Check the rows of the series, and the days of background fevers."""
    if bool(len(record)) != bool(record.treatments):
        raise ValueError("the series is missing, or the infusion is")
    _check_days("the series", record.column("day"), day)
    _check_days("infections", record.chart.infections, np.finfo(float).max)
    for name in record.chart.rows.dtype.names or ():
        _within(name, record.column(name), *_bounds(name))


def _bounds(name: str) -> tuple[float, float]:
    if name in ("blood_pressure_need", "oxygen_need"):
        return 0, MOST_NEED
    if name in _GRADES:
        return 0, MOST_GRADE
    if name == "temperature_c":
        return 0.0, HOTTEST_C
    return 0.0, np.finfo(float).max

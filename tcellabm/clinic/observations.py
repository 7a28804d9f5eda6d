"""What a trial notes of each infused patient beside the outcomes: courses, and when things happen.

Courses are lists over COURSE_DAYS. Days count from infusion and are NaN where nothing happened.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tcellabm.clinic.outcomes import first_day, in_icu, late_fever, time_in
from tcellabm.clinic.record import Record
from tcellabm.params import Parameters
from tcellabm.units import HOURS_PER_DAY

COURSE_DAYS = (*range(0, 29), 35, 42, 49, 56, 60, *range(90, 361, 30))
COURSES = {
    "copies_by_day": "copies_per_ug",
    "il6_by_day": "il6_pg_per_ml",
    "ifng_by_day": "ifng_pg_per_ml",
    "crp_by_day": "crp_mg_per_l",
    "temperature_by_day": "temperature_c",
}
NAN = math.nan
PEAK_DAYS = 28.0  # peaks are those of the first four weeks
TRIAL_FEVER_C = 38.6  # Levine 2021
FEVER_C = 38.0
TERMINAL_FROM, TERMINAL_TO = 60.0, 365.0
AFTER_DRUG_DAYS = 2.0
LATE_DAYS = (60.0, 180.0)  # on which the transgene is compared with its peak


def observations(record: Record, params: Parameters) -> dict[str, Any]:
    """Return the further columns of one patient, in a fixed order."""
    day = record.column("day")
    courses = {
        name: on_days(day, record.column(of), COURSE_DAYS).tolist() for name, of in COURSES.items()
    }
    return courses | _toxicity(record, params) | _drug(record) | _cells(record, params)


def on_days(
    day: np.ndarray, values: np.ndarray, wanted: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Return a column of a record on some days: the last row up to then; NaN after the end.

    Parameters
    ----------
    day, values : ndarray, shape (rows,)
        The record.
    wanted : sequence of float
        Days from 0.

    Returns
    -------
    ndarray, shape (wanted,)
        In the unit of the column.
    """
    rows = np.searchsorted(day, wanted, side="right") - 1
    return np.where(np.asarray(wanted) <= day[-1], values[rows], NAN)


def _toxicity(record: Record, params: Parameters) -> dict[str, Any]:
    day = record.column("day")
    month = day <= PEAK_DAYS
    fever = month & (record.column("temperature_c") >= TRIAL_FEVER_C)
    spent = np.diff(day, prepend=0.0)
    peaks = {
        f"{name}_peak_day": float(day[np.argmax(record.column(column)[month])])
        for name, column in (
            ("il6", "il6_pg_per_ml"),
            ("il1", "il1_pg_per_ml"),
            ("ifng", "ifng_pg_per_ml"),
            ("crp", "crp_mg_per_l"),
            ("ferritin", "ferritin_ng_per_ml"),
        )
    }
    return peaks | {
        "peak_ferritin": float(record.column("ferritin_ng_per_ml")[month].max()),
        "fever_onset_day": first_day(day, fever),
        "fever_days": float(spent[fever].sum()),
        "worst_blood_pressure_need": int(record.column("blood_pressure_need")[month].max()),
        "worst_oxygen_need": int(record.column("oxygen_need")[month].max()),
        "late_fever_day": _new_fever(record, params),
        "icu_entry_day": first_day(day, in_icu(record, params)),
        "cerebral_edema": bool(record.column("cerebral_edema").any()),
    }


def _new_fever(record: Record, params: Parameters) -> float:
    """Return the first day of a late fever that did not go on from before, whatever that was."""
    fever = record.column("temperature_c") >= params.physiology.fever_c
    before = np.append(False, fever[:-1])
    return first_day(record.column("day"), late_fever(record, params) & ~before)


def _drug(record: Record) -> dict[str, Any]:
    """Return when tocilizumab came first, when fever ended then, and what serum IL-6 did."""
    given, day = record.days_of("tocilizumab"), record.column("day")
    none = dict.fromkeys(
        ("first_tocilizumab_day", "fever_after_tocilizumab_hours", "il6_after_over_before"), NAN
    )
    if not given:
        return none
    first = given[0]
    cool = (day >= first) & (record.column("temperature_c") < FEVER_C)
    il6 = record.column("il6_pg_per_ml")
    before, after = il6[day <= first], il6[(day > first) & (day <= first + AFTER_DRUG_DAYS)]
    return {
        "first_tocilizumab_day": first,
        "fever_after_tocilizumab_hours": (first_day(day, cool) - first) * HOURS_PER_DAY,
        "il6_after_over_before": float(after.max() / before[-1]) if after.size else NAN,
    }


def _cells(record: Record, params: Parameters) -> dict[str, Any]:
    day = record.column("day")
    low = record.column("b_cells_per_ul") < params.assay.aplasia_b_cells_per_ul
    gone = first_day(day, low)  # NaN, which no day is after, where they were never low
    limit = params.assay.quantification_limit_copies_per_ug
    copies = np.maximum(record.column("copies_per_ug"), 0.5 * limit)  # as what is below it is read
    at = {f"copies_day_{on:.0f}": float(copies[day <= on][-1]) for on in LATE_DAYS if day[-1] >= on}
    return (
        dict.fromkeys((f"copies_day_{on:.0f}" for on in LATE_DAYS), NAN)
        | at
        | {
            "b_cells_back_day": first_day(day, ~low & (day > gone)),
            "peak_day": float(day[np.argmax(_car_t(record))]),
            "ventilated_days": time_in(day, record.column("oxygen_need") == 3),
            "terminal_half_life_days": _terminal(record, params),
            "blasts_on_day_0": record.assessments[0].blast_share,
        }
    )


def _car_t(record: Record) -> np.ndarray:
    total: np.ndarray = record.column("car_t_memory") + record.column("car_t_effector")
    return total + record.column("car_t_exhausted")


def _terminal(record: Record, params: Parameters) -> float:
    """Return the half-life of the transgene in blood after day 60, from monthly draws, days."""
    limit = params.assay.quantification_limit_copies_per_ug
    late = [
        (draw.day, draw.copies_per_ug)
        for draw in record.draws
        if TERMINAL_FROM <= draw.day <= TERMINAL_TO and draw.copies_per_ug >= limit
    ]
    if len(late) < 3:
        return NAN
    days, copies = np.array(late).T
    slope = float(np.polyfit(days, np.log2(copies), 1)[0])
    return -1.0 / slope if slope < 0.0 else NAN

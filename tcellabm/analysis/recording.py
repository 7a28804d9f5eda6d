"""What a page plays of one patient without a model: counts, needs and curves, a byte each.

Every quarter day to day 30, every day to day 60, then every four days. Cells and cytokines are kept
as they are on the day; temperature, needs and grades are the worst since the day before.
"""

import numpy as np
import pandas as pd

from tcellabm.analysis.packed import DECADES, MISSING, Quantity, codes

__all__ = ["GRID", "MISSING", "NEEDS", "QUANTITIES", "at_days", "record"]

IN_ICU = "in_icu"  # column beside those of the series: 1 in intensive care
GRID = ((0.0, 0.25), (30.0, 1.0), (60.0, 4.0))  # from a day on, a place every so many days
NEEDS = (
    ("blood_pressure_need", "oxygen_need"),
    ("crs_grade_astct", "icans_grade"),
    (IN_ICU, IN_ICU),
)


def _cells(column: str) -> Quantity:
    return Quantity(column, "cells", (column,), 0.0, DECADES, True, False)


def _level(column: str) -> Quantity:
    return Quantity(column, "pg/mL", (column,), -1.0, 8.0 / 253.0, True, False)


QUANTITIES = (
    *map(
        _cells,
        (
            *("leukemia_cd19_positive", "leukemia_cd19_negative"),
            *("car_t_memory", "car_t_effector", "car_t_exhausted"),
            *("b_cell", "myeloid_activated"),
        ),
    ),
    *map(_level, ("il6_pg_per_ml", "ifng_pg_per_ml")),
    Quantity("temperature_c", "°C", ("temperature_c",), 34.0, 0.04, False, True),
)


def at_days(days: float) -> np.ndarray:
    """Return the days that are kept of a follow-up of some days; the last one is its end."""
    starts = [start for start, _ in GRID]
    ends = [*starts[1:], np.inf]
    parts = [
        np.arange(start, min(end, days), step)
        for (start, step), end in zip(GRID, ends, strict=True)
        if start < days
    ]
    return np.append(np.concatenate(parts), days)


def record(series: pd.DataFrame, in_icu: np.ndarray, days: float) -> bytes:
    """Return the course of a patient as bytes.

    Parameters
    ----------
    series : DataFrame
        The record of a model.
    in_icu : ndarray of bool, shape (rows,)
        Which rows lie in intensive care.
    days : float
        Follow-up wanted; the record is shorter where the patient died.

    Returns
    -------
    bytes
        `len(at_days(days))` of each of QUANTITIES, then of NEEDS: the first and 16 times the
        second of a pair.
    """
    columns = series.assign(**{IN_ICU: np.asarray(in_icu, float)})
    return codes(columns, at_days(days), QUANTITIES, *NEEDS).tobytes()

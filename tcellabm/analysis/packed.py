"""The course of one patient in some 600 bytes: a byte a quantity and day, coarse in time.

Days 0 to 60, then every two weeks; the last place holds the end of the record. Cells and
cytokines are kept as they are on the day, on a logarithmic scale; temperature and grades are the
worst since the day before, so that no fever between two days is lost.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

DAILY_UNTIL, STEP = 60, 14  # days
MISSING = 255  # after the end of the record
_GRADES = ("crs_grade_penn", "icans_grade")


class Quantity(NamedTuple):
    """How one quantity is written as bytes from 0 to 254.

    Attributes
    ----------
    name, unit : str
        What it is.
    columns : tuple of str
        Of the series, whose sum it is.
    low, step : float
        Byte b stands for `low + step (b - 1)`, or 10 to that power if `log`, where 0 is none.
    log : bool
        Whether bytes follow the logarithm.
    worst : bool
        Whether it is the highest since the day before, not the value on the day.
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    low: float
    step: float
    log: bool
    worst: bool


DECADES = 13.0 / 253.0  # of 1 to 1e13 cells: a step is 12.6 %
QUANTITIES = (
    Quantity("leukemia, CD19+", "cells", ("leukemia_cd19_positive",), 0.0, DECADES, True, False),
    Quantity("leukemia, CD19−", "cells", ("leukemia_cd19_negative",), 0.0, DECADES, True, False),
    Quantity(
        "CAR T cells", "cells", ("car_t_memory", "car_t_effector", "car_t_exhausted"),
        0.0, DECADES, True, False,
    ),
    Quantity("B cells", "cells", ("b_cell",), 0.0, DECADES, True, False),
    Quantity("IL-6", "pg/mL", ("il6_pg_per_ml",), -1.0, 8.0 / 253.0, True, False),
    Quantity("temperature", "°C", ("temperature_c",), 34.0, 0.04, False, True),
)  # fmt: skip


def grid(days: float) -> np.ndarray:
    """Return the days that are kept of a follow-up of some days; the last may lie after it."""
    later = math.ceil(max(0.0, days - DAILY_UNTIL) / STEP)
    daily = min(DAILY_UNTIL, math.ceil(days))
    return np.append(np.arange(daily + 1.0), DAILY_UNTIL + STEP * np.arange(1.0, later + 1))


def pack(series: pd.DataFrame, days: float) -> bytes:
    """Return the course of a patient as bytes.

    Parameters
    ----------
    series : DataFrame
        The record of a model.
    days : float
        Follow-up wanted; the record is shorter where the patient died.

    Returns
    -------
    bytes
        `len(grid(days))` of each of QUANTITIES, then of the grades: CRS (Penn) and 16 times that
        of ICANS.
    """
    return codes(series, grid(days), QUANTITIES, _GRADES).tobytes()


def codes(
    series: pd.DataFrame, at: np.ndarray, quantities: Sequence[Quantity], *pairs: tuple[str, str]
) -> np.ndarray:
    """Return a record as bytes on some days.

    Parameters
    ----------
    series : DataFrame
        The record of a model, or columns of it.
    at : ndarray, shape (days,)
        The days, in order.
    quantities : sequence of Quantity
        What is kept.
    *pairs : tuple of str
        Two columns of grades, 0 to 5, which share a byte: the worst of the first since the day
        before, and 16 times that of the second.

    Returns
    -------
    ndarray of uint8, shape (quantities + pairs, days)
        MISSING after the end of the record.
    """
    day = series["day"].to_numpy(float)
    if not day.size:
        return np.full((len(quantities) + len(pairs), at.size), MISSING, np.uint8)
    last = np.searchsorted(day, at, side="right") - 1  # the row in force on each day
    observed = np.append(-math.inf, at[:-1]) < day[-1]  # one place after the end shows the end
    values = np.array([_shown(series, each, last) for each in quantities])
    graded = [[_worst(series[name].to_numpy(float), last) for name in pair] for pair in pairs]
    grades = [first + 16.0 * second for first, second in graded]
    coded = np.vstack([_coded(values, quantities), *grades])
    return np.where(observed, coded, MISSING).astype(np.uint8)


def _shown(series: pd.DataFrame, quantity: Quantity, last: np.ndarray) -> np.ndarray:
    """Return what is kept of a quantity on each day, in its unit."""
    rows = np.array([series[name].to_numpy(float) for name in quantity.columns]).sum(axis=0)
    values = _worst(rows, last) if quantity.worst else rows[last]
    if not quantity.log:
        return values
    return np.log10(values, out=np.full(values.size, -math.inf), where=values > 0)


def _coded(values: np.ndarray, quantities: Sequence[Quantity]) -> np.ndarray:
    low, step = (np.array([getattr(each, name) for each in quantities]) for name in ("low", "step"))
    exact = np.rint((values - low[:, None]) / step[:, None]) + 1.0
    return np.clip(np.nan_to_num(exact), 0.0, MISSING - 1.0)


def _worst(values: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the highest value since the place before, shape of `last`."""
    first = np.append(0, last[:-1] + 1)
    highest = np.maximum.reduceat(np.append(values, -math.inf), first)
    return np.where(first <= last, highest, values[last])


def unpack(packed: bytes, days: float) -> pd.DataFrame:
    """Return a packed course as a table: `day`, QUANTITIES by name, `CRS` and `ICANS` grades.

    Days after the end of the record are not in it.

    Raises
    ------
    ValueError
        The bytes are not of a follow-up of so many days.
    """
    at = grid(days)
    rows = np.frombuffer(packed, np.uint8).reshape(len(QUANTITIES) + 1, at.size)
    rows = rows[:, rows[0] != MISSING]
    table = {"day": at[: rows.shape[1]]}
    for quantity, row in zip(QUANTITIES, rows, strict=False):
        values = quantity.low + quantity.step * (row - 1.0)
        table[quantity.name] = np.where(row > 0, 10.0**values, 0.0) if quantity.log else values
    return pd.DataFrame(table | {"CRS": rows[-1] % 16, "ICANS": rows[-1] // 16})

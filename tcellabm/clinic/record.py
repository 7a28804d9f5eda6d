"""The chart of one patient: a row per tick, then per day; draws, marrow assessments, treatments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm import columns
from tcellabm.clinic.drugs import DRUGS
from tcellabm.columns import SERIES, SERIES_RECORD
from tcellabm.kernels.course import Chart
from tcellabm.kernels.records import like, put

TREATMENTS = ("car_t", *DRUGS)
MOST_CELLS = 1e15  # of an infusion: counts are 64-bit integers
FIRST_ROWS = 512


class Draw(NamedTuple):
    """A blood draw."""

    day: float
    copies_per_ug: float  # below the limit of quantification as measured, not zero


class Assessment(NamedTuple):
    """A marrow aspirate with the blood count of that day."""

    day: float
    blast_share: float  # of marrow nucleated cells, as counted
    mrd: float  # share found by flow cytometry
    circulating: bool  # blasts seen in blood
    mostly_cd19_negative: bool  # of the blasts, by the cytometer


class Treatment(NamedTuple):
    """Something given."""

    day: float
    name: str  # car_t, tocilizumab, corticosteroid, anakinra
    amount: float = 0.0  # cells of the body, or mg


_DRAW = Draw(0.0, 0.0)
_ASSESSMENT = Assessment(0.0, 0.0, 0.0, False, False)
_TREATMENT = Treatment(0.0, "", 0.0)


class Record:
    """What was observed so far, in the order of time.

    Attributes
    ----------
    chart : Chart
        Rows of the series, as kernels write them.
    """

    def __init__(self, infections: np.ndarray | None = None) -> None:
        """Start empty; `infections` are the days on which background fevers will begin."""
        self.draws: list[Draw] = []
        self.assessments: list[Assessment] = []
        self.treatments: list[Treatment] = []
        self.death_day = float("nan")
        self.death_cause = ""
        rows, used = np.empty(FIRST_ROWS, SERIES_RECORD), np.zeros(1, np.int64)
        self.chart = Chart(rows, used, np.zeros(0) if infections is None else infections)

    @classmethod
    def of(cls, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> Record:
        """Return a record that was saved.

        Raises
        ------
        ValueError, KeyError, TypeError
            It is none.
        """
        record, rows = cls(), arrays["rows"]
        patterns = {"draws": _DRAW, "assessments": _ASSESSMENT, "treatments": _TREATMENT}
        for name, pattern in patterns.items():
            setattr(record, name, [like(pattern, one) for one in values[name]])
        record.death_day, record.death_cause = like((0.0, ""), values["death"])
        table = np.empty(rows.size + FIRST_ROWS, SERIES_RECORD)
        put(table[: rows.size], rows)
        infections = np.zeros(arrays["infections"].size)
        put(infections, arrays["infections"])
        record.chart = Chart(table, np.array([rows.size], np.int64), infections)
        return record

    def __len__(self) -> int:
        """Return the number of rows so far."""
        return int(self.chart.used[0])

    def make_room(self) -> None:
        """Double the table where it is full."""
        rows = self.chart.rows
        if len(self) == rows.size:
            self.chart = self.chart._replace(rows=np.concatenate([rows, np.empty_like(rows)]))

    def column(self, name: str) -> np.ndarray:
        """Return one column of the series so far, shape (rows,)."""
        values: np.ndarray = self.chart.rows[name][: len(self)]
        return values

    def days_of(self, treatment: str) -> tuple[float, ...]:
        """Return the days on which something was given; cells or drug of no amount are none."""
        return tuple(
            given.day for given in self.treatments if given.name == treatment and given.amount > 0.0
        )

    def series(self) -> pd.DataFrame:
        """Return the published columns as a table: a row per tick to day 60, per day after."""
        return pd.DataFrame({name: self.column(name).copy() for name in columns.names(SERIES)})

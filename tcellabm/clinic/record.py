"""The chart of one patient: a row per tick, then per day; draws, marrow assessments, treatments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcellabm import columns
from tcellabm.clinic.drugs import DRUGS
from tcellabm.columns import SERIES, SERIES_RECORD
from tcellabm.kernels.course import Chart

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


@dataclass
class Record:
    """What was observed so far, in the order of time.

    Attributes
    ----------
    chart : Chart
        Rows of the series, as kernels write them.
    """

    draws: list[Draw] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    treatments: list[Treatment] = field(default_factory=list)
    death_day: float = float("nan")
    death_cause: str = ""
    chart: Chart = field(default_factory=lambda: _chart(np.empty(FIRST_ROWS, SERIES_RECORD), 0))

    def __len__(self) -> int:
        """Return the number of rows so far."""
        return int(self.chart.used[0])

    def add_row(self, **values: float) -> None:
        """Append a row of the series, by name of its columns; 0 where nothing is given."""
        self.make_room()
        row = self.chart.rows[len(self)]
        row[:] = np.zeros((), SERIES_RECORD)
        for name, value in values.items():
            row[name] = value
        self.chart.used[0] += 1

    def make_room(self) -> None:
        """Double the table where it is full."""
        rows = self.chart.rows
        if len(self) == rows.size:
            self.chart = _chart(np.concatenate([rows, np.empty_like(rows)]), len(self))

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


def _chart(rows: np.ndarray, used: int) -> Chart:
    return Chart(rows, np.array([used], np.int64))

"""The chart of one patient: a row per tick, then per day; draws, marrow assessments, treatments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

DRUGS = ("tocilizumab", "corticosteroid", "anakinra")
TREATMENTS = ("car_t", *DRUGS)
MOST_CELLS = 1e15  # of an infusion: counts are 64-bit integers
CELL_COLUMNS = (
    "leukemia_cd19_positive",
    "leukemia_cd19_negative",
    "car_t_memory",
    "car_t_effector",
    "car_t_exhausted",
    "b_cell",
    "myeloid_activated",
)
SERIES_COLUMNS = (
    "day",
    *CELL_COLUMNS,
    "copies_per_ug",
    "il6_pg_per_ml",
    "il1_pg_per_ml",
    "il2_pg_per_ml",
    "ifng_pg_per_ml",
    "tocilizumab_ug_per_ml",
    "temperature_c",
    "crp_mg_per_l",
    "ferritin_ng_per_ml",
    "blood_pressure_need",
    "oxygen_need",
    "crs_grade_penn",
    "crs_grade_astct",
    "crs_grade_lee",
    "icans_grade",
)
# Kept beside the published columns, for outcomes alone.
OWN_COLUMNS = ("b_cells_per_ul", "blood_blasts_per_ul", "fever_hours", "cerebral_edema")
_COLUMNS = SERIES_COLUMNS + OWN_COLUMNS
_INTEGERS = (
    "blood_pressure_need",
    "oxygen_need",
    "crs_grade_penn",
    "crs_grade_astct",
    "crs_grade_lee",
    "icans_grade",
)
DENSE_DAYS = 60.0  # a row per tick until then, per day after


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
    """What was observed so far, in the order of time."""

    draws: list[Draw] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    treatments: list[Treatment] = field(default_factory=list)
    death_day: float = float("nan")
    death_cause: str = ""
    _rows: np.ndarray = field(default_factory=lambda: np.empty((512, len(_COLUMNS))))
    _used: int = 0

    def __len__(self) -> int:
        """Return the number of rows so far."""
        return self._used

    def add_row(self, row: tuple[float, ...]) -> None:
        """Append a row of the series, in the order of SERIES_COLUMNS then OWN_COLUMNS."""
        if self._used == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._used] = row
        self._used += 1

    def wants_row(self, day: float) -> bool:
        """Tell whether the series gets a row at this time."""
        return day <= DENSE_DAYS or day == int(day)

    def column(self, name: str) -> np.ndarray:
        """Return one column of the series so far, float, shape (rows,)."""
        return self._rows[: self._used, _COLUMNS.index(name)]

    def days_of(self, treatment: str) -> tuple[float, ...]:
        """Return the days on which something was given."""
        return tuple(given.day for given in self.treatments if given.name == treatment)

    def series(self) -> pd.DataFrame:
        """Return the published columns as a table: a row per tick to day 60, per day after."""
        data = {name: self.column(name).copy() for name in SERIES_COLUMNS}
        return pd.DataFrame(data).astype(dict.fromkeys(_INTEGERS, np.int64))

    def copy(self) -> Record:
        """Return an independent copy."""
        return Record(
            list(self.draws),
            list(self.assessments),
            list(self.treatments),
            self.death_day,
            self.death_cause,
            self._rows.copy(),
            self._used,
        )

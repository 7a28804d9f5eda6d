"""Groups of the patients of a virtual trial, as columns, and the numbers that sum them up."""

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
import pandas as pd

from tcellabm.analysis import survival

Columns = Mapping[str, np.ndarray]


class Cohort:
    """Patients of a trial as columns, and the groups that figures are about."""

    def __init__(self, enrolled: Columns) -> None:
        self.enrolled = enrolled

    @classmethod
    def of(cls, patients: pd.DataFrame) -> "Cohort":
        """Take a table of patients, all enrolled; runs that failed count as not infused."""
        ok = patients[patients["error"] == ""]
        names = [name for name in ok.columns if not name.endswith("_by_day")]
        return cls({name: ok[name].to_numpy() for name in names})

    def resampled(
        self, rng: np.random.Generator, weights: np.ndarray | None = None, n: int = 0
    ) -> "Cohort":
        """Draw as many patients with replacement, or `n`; by weights, if any.

        Parameters
        ----------
        rng : numpy.random.Generator
            Of the resampling.
        weights : ndarray, shape (enrolled,), optional
            Probability of each patient; they sum to 1.
        n : int
            Patients drawn; 0 for as many as there are.

        Returns
        -------
        Cohort
            Of those drawn.
        """
        known = len(self.enrolled["seed"])
        if weights is None:
            return Cohort(where(self.enrolled, rng.integers(known, size=n or known)))
        return Cohort(where(self.enrolled, rng.choice(known, size=n or known, p=weights)))

    @cached_property
    def infused(self) -> Columns:
        """Those infused."""
        return where(self.enrolled, self.enrolled["infused"].astype(bool))

    @cached_property
    def responders(self) -> Columns:
        """Those in remission by month 3."""
        return where(self.infused, self.infused["remission"].astype(bool))

    @cached_property
    def others(self) -> Columns:
        """Infused and not in remission by month 3."""
        return where(self.infused, ~self.infused["remission"].astype(bool))

    @cached_property
    def crs(self) -> Columns:
        """Those with CRS of any grade."""
        return where(self.infused, self.infused["crs_grade_penn"] > 0)

    @cached_property
    def treated(self) -> Columns:
        """Those given tocilizumab."""
        return where(self.infused, self.infused["tocilizumab_doses"] > 0)

    @cached_property
    def relapse_free(self) -> survival.Times:
        """Of responders, from remission."""
        return survival.relapse_free(self.responders)

    @cached_property
    def event_free(self) -> survival.Times:
        """Of those infused."""
        return survival.event_free(self.infused)

    @cached_property
    def overall(self) -> survival.Times:
        """Of those infused."""
        return survival.overall(self.infused)

    @cached_property
    def aplasia(self) -> survival.Times:
        """Of responders, without B cells."""
        return survival.aplasia(self.responders)

    def graded(self, low: int, high: int) -> Columns:
        """Those infused whose Penn grade lies between two."""
        grade = self.infused["crs_grade_penn"]
        return where(self.infused, (grade >= low) & (grade <= high))


class _Chosen(Columns):
    """Some of the patients; a column is taken when it is asked for, since most never are."""

    def __init__(self, columns: Columns, which: np.ndarray) -> None:
        self._columns, self._which = columns, which
        self._taken: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._taken:
            self._taken[name] = self._columns[name][self._which]
        return self._taken[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def where(columns: Columns, which: np.ndarray) -> Columns:
    """Return some of the patients: those marked, or by number."""
    return _Chosen(columns, which)


def percent(state: np.ndarray) -> float:
    """Return the share of true ones in percent; NaN if there are none."""
    return 100.0 * float(np.mean(state)) if len(state) else float("nan")


def median(values: np.ndarray) -> float:
    """Return the median of the numbers there are; NaN if there are none."""
    known = values[~np.isnan(values.astype(float))]
    return float(np.median(known)) if known.size else float("nan")


def positive(values: np.ndarray) -> np.ndarray:
    """Return the values above 0."""
    return values[values > 0.0]


def geometric_mean(values: np.ndarray) -> float:
    """Return the geometric mean of what is above 0; NaN if there are none."""
    present = values[values > 0.0]
    return float(np.exp(np.mean(np.log(present)))) if present.size else float("nan")


def geometric_cv(values: np.ndarray) -> float:
    """Return the geometric coefficient of variation, percent."""
    present = values[values > 0.0]
    if present.size < 2:
        return float("nan")
    return 100.0 * float(np.sqrt(np.expm1(np.var(np.log(present), ddof=1))))

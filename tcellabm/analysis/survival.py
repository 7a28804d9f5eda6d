"""Kaplan-Meier estimates of a virtual trial, from the columns of its patients."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tcellabm.units import DAYS_PER_MONTH as DAYS_PER_MONTH


@dataclass(frozen=True, eq=False)
class Times:
    """How long each patient was followed, and whether that ended in the event."""

    days: np.ndarray
    event: np.ndarray  # bool

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (days, share without event), a step down at each event, from (0, 1)."""
        return np.r_[0.0, self._fit.quantiles], np.r_[1.0, self._fit.probabilities]

    def band(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the 95 % interval (log-log, Greenwood) at the days of `curve`."""
        fit = self._fit
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without events there is no variance
            interval = fit.confidence_interval(0.95, method="log-log")
        low, high = (
            np.where(np.isnan(edge.probabilities), fit.probabilities, edge.probabilities)
            for edge in (interval.low, interval.high)
        )
        return np.r_[1.0, low], np.r_[1.0, high]

    def at(self, months: float) -> float:
        """Return the share without event at so many months; NaN without patients."""
        if self.days.size == 0:
            return float("nan")
        return float(self._fit.evaluate(months * DAYS_PER_MONTH))

    @cached_property
    def _fit(self) -> Any:
        from scipy import stats  # takes memory that a sweep, which draws no curve, does without

        return stats.ecdf(stats.CensoredData.right_censored(self.days, ~self.event)).sf


def _until(columns: Mapping[str, np.ndarray], end: np.ndarray, event: np.ndarray) -> Times:
    """Censor at transplant."""
    transplant = columns["transplant_day"]
    cut = transplant < end
    return Times(np.where(cut, transplant, end), event & ~cut)


def relapse_free(columns: Mapping[str, np.ndarray]) -> Times:
    """From remission to relapse or death, of responders; censored at transplant."""
    ends = np.fmin(columns["relapse_day"], columns["death_day"])
    event = ~np.isnan(ends)
    end = np.where(event, ends, columns["followed_days"])
    times = _until(columns, end, event)
    return Times(np.maximum(times.days - columns["remission_day"], 0.0), times.event)


def event_free(columns: Mapping[str, np.ndarray]) -> Times:
    """From infusion to no response (day 0), relapse or death; censored at transplant."""
    return _until(columns, columns["event_free_days"], columns["event_free_event"].astype(bool))


def overall(columns: Mapping[str, np.ndarray]) -> Times:
    """From infusion to death, transplanted or not, as the published curve counts."""
    death = columns["death_day"]
    event = ~np.isnan(death)
    return Times(np.where(event, death, columns["followed_days"]), event)


def aplasia(columns: Mapping[str, np.ndarray]) -> Times:
    """From infusion to the return of B cells; censored at relapse, death and transplant."""
    back = columns["b_cells_back_day"]
    gone = np.fmin(np.fmin(columns["relapse_day"], columns["death_day"]), columns["followed_days"])
    event = back <= gone
    return _until(columns, np.where(event, back, gone), event)

"""Survival and transgene of a virtual trial, with the published points and curve."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tcellabm.analysis import survival
from tcellabm.clinic.observations import COURSE_DAYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIMULATED = "#0072b2"
_MONTHS = 60.0
# Rows of the comparison that are points of a curve; one for each month, the mature ones.
_POINTS = {"RFS": ("E02", "E03", "E27", "E31"), "EFS": ("E05", "E06", "E29")}
_AT = {"E02": 6, "E03": 12, "E27": 36, "E31": 60, "E05": 6, "E06": 12, "E29": 36}
_TITLES = {
    "RFS": "Relapse-free survival of responders",
    "EFS": "Event-free survival of all infused",
}


def draw_survival(
    panel: "Axes", infused: pd.DataFrame, comparison: pd.DataFrame, which: str
) -> None:
    """Draw a Kaplan-Meier curve with its band, published points, and how many are at risk.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Drawn on.
    infused : DataFrame
        One row per infused patient, with the days of outcomes.
    comparison : DataFrame
        Of the trial; the published points are in percent.
    which : str
        `RFS`, of responders from remission, or `EFS`, of all infused from infusion.
    """
    group = infused[infused["remission"]] if which == "RFS" else infused
    columns = {name: group[name].to_numpy() for name in group.columns if "_by_day" not in name}
    times = (survival.relapse_free if which == "RFS" else survival.event_free)(columns)
    panel.set_title(f"{_TITLES[which]} ({which})")
    if len(group):
        _draw_curve(panel, times)
    _draw_points(panel, comparison, _POINTS[which])
    panel.set(xlim=(-1, _MONTHS + 2.5), ylim=(0, 103), ylabel="% without event")
    panel.set_xticks(range(0, 61, 12))
    panel.set_xlabel("months since " + ("remission" if which == "RFS" else "infusion"))
    panel.grid(axis="y", color="0.92")
    _write_at_risk(panel, times.days)
    panel.legend(loc="lower left", frameon=False, fontsize=9)


def _draw_curve(panel: "Axes", times: survival.Times) -> None:
    days, share = times.curve()
    months = np.r_[days / survival.DAYS_PER_MONTH, _MONTHS + 2]
    low, high = times.band()
    low, high = (100 * np.r_[edge, edge[-1]] for edge in (low, high))
    panel.fill_between(months, low, high, step="post", color=SIMULATED, alpha=0.2, lw=0)
    panel.step(
        months,
        100 * np.r_[share, share[-1]],
        where="post",
        color=SIMULATED,
        lw=2.2,
        label="simulated, 95 % band",
    )


def _draw_points(panel: "Axes", comparison: pd.DataFrame, ids: tuple[str, ...]) -> None:
    rows = comparison[comparison["id"].isin(ids)]
    recalled = rows["confidence"].str.contains("recalled")
    for some, fill, label in (
        (rows[~recalled], "black", "published (read), 95 % CI"),
        (rows[recalled], "white", "published (in part recalled), 95 % CI"),
    ):
        if some.empty:
            continue
        gaps = (
            some["published"] - some["published_low"],
            some["published_high"] - some["published"],
        )
        panel.errorbar(
            [_AT[name] for name in some["id"]],
            some["published"],
            yerr=np.array(gaps),
            fmt="o",
            color="black",
            markerfacecolor=fill,
            capsize=3,
            lw=1.3,
            ms=6,
            label=label,
        )


def _write_at_risk(panel: "Axes", days: np.ndarray) -> None:
    panel.text(-0.035, -0.2, "at risk", transform=panel.transAxes, ha="right", fontsize=8.5)
    for month in range(0, 61, 12):
        left = int((days >= month * survival.DAYS_PER_MONTH).sum())
        place = panel.get_xaxis_transform()
        panel.text(month, -0.2, f"{left}", transform=place, ha="center", fontsize=8.5)


def draw_transgene(
    panel: "Axes", infused: pd.DataFrame, curves: pd.DataFrame, limit: float
) -> None:
    """Draw copies/ug over a year, median and 5-95 %, over the published typical curve.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Drawn on.
    infused : DataFrame
        One row per infused patient, with `copies_by_day`, copies/ug.
    curves : DataFrame
        Published curves: `curve`, `day`, `value` in copies/ug.
    limit : float
        Limit of quantification, copies/ug.
    """
    days = np.array(COURSE_DAYS, float)
    panel.set_title(
        "CAR transgene in blood: a month (left, daily) and the year to follow (right, compressed)"
    )
    if len(infused):
        copies = np.maximum(np.vstack(list(infused["copies_by_day"])), 1.0)
        measured = ~np.isnan(copies).all(axis=0)
        days = days[measured]
        low, middle, high = np.nanquantile(copies[:, measured], [0.05, 0.5, 0.95], axis=0)
        panel.fill_between(days, low, high, color=SIMULATED, alpha=0.2, lw=0, label="5-95 %")
        panel.plot(days, middle, color=SIMULATED, lw=2.4, label="simulated median of those alive")
    stein = curves[curves["curve"] == "stein_typical"]
    panel.plot(
        stein["day"],
        stein["value"],
        "o--",
        color="black",
        ms=5,
        lw=1.4,
        label="typical curve, Stein 2019 (ELIANA + ENSIGN)",
    )
    panel.axhline(limit, color="0.45", lw=1)
    panel.text(0.4, limit * 0.82, "limit of quantification", va="top", color="0.35", fontsize=8.5)
    panel.set_yscale("log")
    panel.set_xscale("function", functions=(_squeeze, _stretch))
    panel.set(xlim=(0, 370), ylim=(5, 1e6), ylabel="copies/µg DNA", xlabel="days since infusion")
    panel.set_xticks([0, 7, 14, 21, 28, 60, 90, 180, 270, 365])
    panel.set_xticks([], minor=True)
    panel.grid(color="0.92")
    panel.legend(loc="upper right", frameon=False)


_BEND, _SLOPE = 28.0, 0.12  # a day after the first month is that much narrower


def _squeeze(day: np.ndarray) -> np.ndarray:
    day = np.asarray(day, float)
    return np.where(day <= _BEND, day, _BEND + (day - _BEND) * _SLOPE)


def _stretch(place: np.ndarray) -> np.ndarray:
    place = np.asarray(place, float)
    return np.where(place <= _BEND, place, _BEND + (place - _BEND) / _SLOPE)

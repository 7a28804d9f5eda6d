"""Benefit against harm: the Pareto front, and the window in which both are acceptable."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from tcellabm.analysis.summary import pareto_front
from tcellabm.figures.canvas import image, look, new_figure
from tcellabm.figures.labels import axis_label, settings_told, value_label
from tcellabm.figures.map import patients_told
from tcellabm.figures.rates import TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INSIDE, _OUTSIDE, _WINDOW = "#0072b2", "0.45", "#cfe6f5"
_MOST_NAMED = 12
_MOST_WHISKERS = 60


def in_window(points: pd.DataFrame, benefit: str, least: float, most: float) -> pd.DataFrame:
    """Tell which points have enough benefit and not too much severe CRS.

    Parameters
    ----------
    points : DataFrame
        Rates by point.
    benefit : str
        `remission` or `remission_365`.
    least, most : float
        The least benefit and the most severe CRS that are acceptable.

    Returns
    -------
    DataFrame of bool
        `inside` by the rates; `surely` where the 95 % intervals are inside too.
    """
    inside = (points[benefit] >= least) & (points["severe_crs"] <= most)
    surely = (points[f"{benefit}_low"] >= least) & (points["severe_crs_high"] <= most)
    return pd.DataFrame({"inside": inside, "surely": surely})


def draw_tradeoff(
    points: pd.DataFrame,
    axes: Sequence[str],
    benefit: str,
    limits: tuple[float, float],
    settings: Mapping[str, object] | None = None,
    form: str = "png",
) -> bytes:
    """Draw each point by its severe CRS and its benefit; mark the front and the window.

    Parameters
    ----------
    points : DataFrame
        Rates by point.
    axes : sequence of str
        Columns that name a point.
    benefit : str
        `remission` or `remission_365`.
    limits : tuple of float
        The window: least benefit, most severe CRS.
    settings : mapping, optional
        What was set for all points.
    form : str
        One of `canvas.FORMS`.

    Returns
    -------
    bytes
        An image.
    """
    with look():
        figure = new_figure(10.0, 8.2)
        panel = figure.subplots()
        figure.subplots_adjust(0.085, 0.095, 0.965, 0.82)
        labels = _draw(panel, points, list(axes), benefit, limits)
        notes = [patients_told(points), *settings_told(settings or {})]
        title = "Benefit against harm, and the therapeutic window"
        figure.text(0.012, 0.985, title, va="top", fontsize=14, fontweight="bold")
        notes_below = [f"{'; '.join(notes)}. Whiskers: 95 % intervals.", *labels]
        figure.text(0.012, 0.945, "\n".join(notes_below), va="top", fontsize=10, linespacing=1.5)
        return image(figure, form)


def _draw(
    panel: "Axes", points: pd.DataFrame, axes: list[str], benefit: str, limits: tuple[float, float]
) -> list[str]:
    least, most = limits
    known = points[points[benefit].notna() & points["severe_crs"].notna()]
    window = in_window(known, benefit, least, most)
    _draw_window(panel, least, most)
    _draw_points(panel, known, window["inside"], benefit)
    front = known[pareto_front(known[benefit].to_numpy(), known["severe_crs"].to_numpy())]
    place = [benefit, "severe_crs"]
    front = front.assign(alike=front.groupby(place)["n"].transform("size"))
    front = front.sort_values("severe_crs").drop_duplicates(place)
    style: Any = {"color": "black", "linewidth": 1.4, "zorder": 3}
    panel.plot(front["severe_crs"], front[benefit], drawstyle="steps-post", **style)
    panel.plot(front["severe_crs"], front[benefit], "*", color="black", markersize=13, zorder=5)
    _name(panel, front, axes, benefit)
    _frame(panel, benefit)
    stars = "★ and line: the Pareto front, no other point is as good in both and better in one. "
    inside, surely = int(window["inside"].sum()), int(window["surely"].sum())
    return [
        f"Shaded: the window, {_name_of(benefit)} in at least {least:.0%} and severe CRS in at "
        f"most {most:.0%};",
        f"{inside} of {len(known)} points are in it by their rates, {surely} with their "
        "whole intervals.",
        stars + "Where intervals overlap, chance may decide.",
    ]


def _draw_window(panel: "Axes", least: float, most: float) -> None:
    from matplotlib.patches import Rectangle

    panel.add_patch(Rectangle((0, least), most, 1 - least, color=_WINDOW, zorder=0))
    panel.plot([0, most, most], [least, least, 1], color=_INSIDE, linewidth=1.2, linestyle="--")


def _draw_points(panel: "Axes", points: pd.DataFrame, inside: pd.Series, benefit: str) -> None:
    for flag, color, fill in ((False, _OUTSIDE, "white"), (True, _INSIDE, _INSIDE)):
        some = points[inside == flag]
        x, y = some["severe_crs"].to_numpy(float), some[benefit].to_numpy(float)
        whiskers: Any = {
            "xerr": [x - some["severe_crs_low"], some["severe_crs_high"] - x],
            "yerr": [y - some[f"{benefit}_low"], some[f"{benefit}_high"] - y],
        }
        style: Any = {"color": color, "linewidth": 0.6, "alpha": 0.6, "zorder": 1}
        if len(points) <= _MOST_WHISKERS:
            panel.errorbar(x, y, fmt="none", **whiskers, **style)
        panel.plot(x, y, "o", color=color, markerfacecolor=fill, markersize=6, zorder=4)


def _name(panel: "Axes", front: pd.DataFrame, axes: list[str], benefit: str) -> None:
    """Write at points of the front what they set."""
    for row in front.tail(_MOST_NAMED).to_dict("records"):
        text = ", ".join(value_label(key, row[key]) for key in axes)
        if row["alike"] > 1:
            text += f" and {row['alike'] - 1} more"
        place = (row["severe_crs"], row[benefit])
        offset: Any = {"xytext": (8, 5), "textcoords": "offset points", "fontsize": 9}
        panel.annotate(text, place, zorder=6, **offset)
    if axes:
        labels = "labels: " + ", ".join(axis_label(key) for key in axes)
        panel.text(0.99, 0.01, labels, transform=panel.transAxes, ha="right", va="bottom", size=9)


def _frame(panel: "Axes", benefit: str) -> None:
    from matplotlib.ticker import PercentFormatter

    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1.02)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    panel.grid(color="0.92")
    panel.set_axisbelow(True)
    panel.set_xlabel(TITLES["severe_crs"])
    panel.set_ylabel(TITLES[benefit])


def _name_of(benefit: str) -> str:
    return "remission" if benefit == "remission" else "remission on day 365"

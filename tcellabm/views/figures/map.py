"""The map of a sweep: how often remission, how often severe toxicity, at every grid point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tcellabm.experiments.summary import RATES, pareto_best, wilson
from tcellabm.views.figures.canvas import look, new_figure, png
from tcellabm.views.figures.labels import axis_label, place_axes, value_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {
    "remission": "Remission (CR or CRi)\nconfirmed, by month 3 — more is better",
    "remission_365": "In remission on day 365\nof all infused — more is better",
    "severe_crs": "Severe cytokine release syndrome\nCRS of Penn grade 3 or more — less is better",
}
_COLORS = {"remission": "Blues", "remission_365": "Blues", "severe_crs": "Oranges"}
_UNSEEN = "not observed: followed\nfor less than 365 days"
_MOST_FACETS = 6
_MOST_ANNOTATED = 12


def draw_map(summary: pd.DataFrame, axes: Sequence[str]) -> bytes:
    """Draw the three rates of a sweep over its axes.

    Two axes give heat maps, one gives lines, none a row of points. Of further axes, each
    combination gets a row of its own; if that were more than six, their patients are pooled.

    Parameters
    ----------
    summary : DataFrame
        A row per grid point, as `experiments.summary.summarize` returns it.
    axes : sequence of str
        Columns that are axes.

    Returns
    -------
    bytes
        A PNG image.
    """
    within, further = place_axes(axes)
    notes = [_patients(summary)]
    if further and len(summary[further].drop_duplicates()) > _MOST_FACETS:
        notes.append(f"pooled over {', '.join(map(axis_label, further))}")
        summary, further = _pooled(summary, within), []
    facets = list(_facets(summary, further))
    with look():
        return png(_figure(facets, within, notes))


def _patients(summary: pd.DataFrame) -> str:
    least, most = summary["n"].min(), summary["n"].max()
    n = f"{most}" if least == most else f"{least} to {most}"
    same = ", the same at every point" if len(summary) > 1 else ""
    return f"{n} virtual patients per point{same}"


def _pooled(summary: pd.DataFrame, axes: list[str]) -> pd.DataFrame:
    """Add up the patients of all points that differ in other axes only."""
    counts = summary[axes].assign(n=summary["n"], **{r: summary[r] * summary["n"] for r in RATES})
    groups = counts.groupby(axes, sort=False)
    pooled = groups.agg({"n": "sum"} | {r: lambda k: k.sum(skipna=False) for r in RATES})
    pooled = pooled.reset_index()
    for rate in RATES:
        bounds = [wilson(k, n) for k, n in zip(pooled[rate], pooled["n"], strict=True)]
        pooled[[f"{rate}_low", f"{rate}_high"]] = bounds
        pooled[rate] = pooled[rate] / pooled["n"]
    return pooled.assign(pareto=pareto_best(pooled["remission_365"], pooled["severe_crs"]))


@dataclass(frozen=True)
class _Facet:
    title: str
    points: pd.DataFrame


def _facets(summary: pd.DataFrame, further: list[str]) -> list[_Facet]:
    if not further:
        return [_Facet("", summary)]
    return [
        _Facet(_setting(further, values), points)
        for values, points in summary.groupby(further, sort=False)
    ]


def _setting(keys: list[str], values: tuple[object, ...]) -> str:
    pairs = zip(keys, values, strict=True)
    return "; ".join(f"{axis_label(key)}: {value_label(key, value)}" for key, value in pairs)


def _figure(facets: list[_Facet], axes: list[str], notes: list[str]) -> "Figure":
    rows, columns = len(facets), len(RATES)
    height = {0: 2.6, 1: 3.6}.get(len(axes), 4.9)
    figure = new_figure(15.0, 1.5 + height * rows)
    bottom, top = 0.62 / figure.get_figheight(), 1 - 1.12 / figure.get_figheight()
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(0.055, bottom, 0.99, top, wspace=0.17, hspace=0.5)
    draw = _draw_heat if len(axes) == 2 else _draw_points
    for facet, panels in zip(facets, grid, strict=True):
        for rate, panel in zip(RATES, panels, strict=True):
            panel.set_title(_TITLES[rate] + (f"\n{facet.title}" if facet.title else ""))
            draw(panel, facet.points, axes, rate)
    _head(figure, axes, notes)
    return figure

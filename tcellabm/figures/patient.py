"""One patient over time: cells, cytokines, fever, grades and what was given."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.figures.canvas import look, new_figure, png
from tcellabm.figures.charts import (
    draw_cells,
    draw_cytokines,
    draw_grades,
    draw_temperature,
    name_panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EARLY_DAYS = 60.0
_HEIGHTS = (3.4, 2.2, 1.3, 1.1)
_DRUGS = {"tocilizumab": "T", "corticosteroid": "C", "anakinra": "A"}
_PHENOTYPES = {"cd19_positive": "CD19+ ", "cd19_negative": "CD19− "}

Treatments = Sequence[tuple[float, str]]


def draw_patient(
    series: pd.DataFrame,
    outcomes: Mapping[str, Any],
    treatments: Treatments,
    mrd_limit_cells: float,
) -> bytes:
    """Draw the course of one patient: the first 60 days enlarged, and all of it.

    Parameters
    ----------
    series : DataFrame
        The record, with the columns of `series.parquet`.
    outcomes : mapping
        The outcome columns.
    treatments : sequence of (float, str)
        Day and name of each drug given.
    mrd_limit_cells : float
        Leukemic cells in the body at the limit of detection of residual disease.

    Returns
    -------
    bytes
        A PNG image.
    """
    with look():
        return png(_figure(series, outcomes, treatments, mrd_limit_cells))


def _figure(
    series: pd.DataFrame, outcomes: Mapping[str, Any], treatments: Treatments, limit: float
) -> "Figure":
    days = float(series["day"].max())
    ends = [_EARLY_DAYS, days] if days > _EARLY_DAYS else [max(1.0, days)]  # of no days too
    figure, grid = _panels(len(ends))
    for column, end in zip(grid.T, ends, strict=True):
        shown = series[series["day"] <= end]
        draw_cells(column[0], shown, limit)
        draw_cytokines(column[1], shown)
        draw_temperature(column[2], shown)
        draw_grades(column[3], shown)
        _mark_drugs(column, treatments, end)
        column[0].set_xlim(0, end)
        column[0].set_title(f"days 0 to {end:.0f}", pad=18)
        column[3].set_xlabel("days after infusion")
    name_panels(grid)
    _mark_events(grid[0, -1], outcomes)
    _head(figure, outcomes, treatments)
    return figure


def _panels(columns: int) -> tuple["Figure", np.ndarray]:
    """Return a figure with four rows; margins have the same size however many columns."""
    width = 10.0 if columns == 1 else 14.5
    figure = new_figure(width, 10.0)
    shape = {"height_ratios": _HEIGHTS, "width_ratios": [3, 2][:columns]}
    grid = figure.subplots(4, columns, squeeze=False, sharex="col", sharey="row", gridspec_kw=shape)
    left, right = 1.15 / width, 1 - 1.85 / width
    figure.subplots_adjust(left, 0.065, right, 0.87, wspace=0.04, hspace=0.12)
    return figure, grid


def _mark_drugs(column: Sequence["Axes"], treatments: Treatments, end: float) -> None:
    """Draw a line through all panels for each dose; letters of doses close together join."""
    order = list(_DRUGS)
    given = [(day, name) for day, name in treatments if name in _DRUGS and day <= end]
    marks: list[tuple[float, str]] = []
    for day, name in sorted(given, key=lambda dose: (dose[0], order.index(dose[1]))):
        for panel in column:
            panel.axvline(day, color="0.35", linewidth=1.1, linestyle=(0, (4, 2)), zorder=0)
        if marks and day - marks[-1][0] < 0.025 * end:
            first, letters = marks[-1]
            if _DRUGS[name] not in letters:
                marks[-1] = (first, f"{letters}+{_DRUGS[name]}")
        else:
            marks.append((day, _DRUGS[name]))
    above = column[0].get_xaxis_transform()
    for day, letters in marks:
        column[0].text(
            day, 1.01, letters, transform=above, ha="center", va="bottom", weight="bold", size=9
        )


def _mark_events(panel: "Axes", outcomes: Mapping[str, Any]) -> None:
    kind = _PHENOTYPES.get(outcomes["relapse_phenotype"], "")
    events = {"remission": "remission_day", f"{kind}relapse": "relapse_day", "death": "death_day"}
    across = panel.get_xaxis_transform()
    for name, column in events.items():
        day = outcomes[column]
        if _happened(day) and day <= panel.get_xlim()[1]:
            panel.axvline(day, color="black", linewidth=0.8)
            text = f"{name}, day {day:.0f}"
            paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8}
            style: Any = {"rotation": 90, "ha": "left", "va": "bottom", "size": 9, "bbox": paper}
            panel.text(day, 0.17, f" {text}", transform=across, **style)


def _head(figure: "Figure", outcomes: Mapping[str, Any], treatments: Treatments) -> None:
    title = f"One virtual patient (seed {outcomes['seed']}): {_headline(outcomes)}"
    figure.text(0.012, 0.985, title, va="top", fontsize=13.5, fontweight="bold")
    figure.text(0.012, 0.95, _given(treatments), va="top", fontsize=10)


def _headline(outcomes: Mapping[str, Any]) -> str:
    until = f"no confirmed remission by day {outcomes['followed_days']:.0f}"
    parts = ["remission" if outcomes["remission"] else until]
    if _happened(outcomes["relapse_day"]):
        parts.append(f"{_PHENOTYPES.get(outcomes['relapse_phenotype'], '')}relapse")
    if outcomes["cured"]:
        parts.append("cured")
    if _happened(outcomes["death_day"]):
        parts.append("death")
    return f"{', '.join(parts)}; worst CRS grade {outcomes['crs_grade_penn']} (Penn)"


def _given(treatments: Treatments) -> str:
    parts = []
    for name, letter in _DRUGS.items():
        days = [f"{day:.1f}" for day, given in treatments if given == name]
        if days:
            more = f" and {len(days) - 4} more" if len(days) > 4 else ""
            parts.append(f"{letter} = {name} on day {', '.join(days[:4])}{more}")
    return f"Given: {'; '.join(parts) or 'no drug against CRS'}"


def _happened(day: float | None) -> bool:
    return day is not None and day == day  # NaN is not equal to itself

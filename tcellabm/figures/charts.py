"""The four panels of the patient figure, one under the other."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe-Ito colors, which color-blind readers tell apart; line styles and widths for gray print.
_CELLS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "leukemia, CD19+": (
        ("leukemia_cd19_positive",),
        {"color": "#d55e00", "linewidth": 2.6},
    ),
    "leukemia, CD19−": (
        ("leukemia_cd19_negative",),
        {"color": "#d55e00", "linewidth": 1.8, "linestyle": (0, (4, 1.5))},
    ),
    "CAR T cells": (
        ("car_t_memory", "car_t_effector", "car_t_exhausted"),
        {"color": "#0072b2", "linewidth": 2.6},
    ),
    "B cells": (
        ("b_cell",),
        {"color": "#009e73", "linewidth": 1.8, "linestyle": (0, (1, 1.2))},
    ),
}
_CYTOKINES: dict[str, tuple[str, dict[str, Any]]] = {
    "IL-6": ("il6_pg_per_ml", {"color": "black", "linewidth": 2.4}),
    "IFN-γ": ("ifng_pg_per_ml", {"color": "#0072b2", "linestyle": (0, (5, 1.5))}),
    "IL-1": ("il1_pg_per_ml", {"color": "#e69f00", "linestyle": (0, (6, 1.5, 1, 1.5))}),
    "IL-2": ("il2_pg_per_ml", {"color": "#cc79a7", "linestyle": (0, (1, 1.2))}),
}
_GRADES = {"Penn": "crs_grade_penn", "ASTCT": "crs_grade_astct", "Lee": "crs_grade_lee"}
_POWERS = {1.0: "1", 1e3: "10³", 1e6: "10⁶", 1e9: "10⁹", 1e12: "10¹²"}
_NONE_LEFT = 0.1
_TOP = 10**12.7
_FEVER = 38.0


def draw_cells(panel: "Axes", series: pd.DataFrame, mrd_limit_cells: float) -> None:
    """Draw cells of the body on a log axis, with a row below 1 for none.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Drawn on.
    series : DataFrame
        The record of a patient; cells of the body.
    mrd_limit_cells : float
        Marked by a line, cells; 0 for no line.
    """
    day = series["day"].to_numpy()
    panel.set_yscale("log")
    for name, (columns, style) in _CELLS.items():
        cells = series[list(columns)].sum(axis=1).to_numpy(float)
        panel.plot(day, np.where(cells >= 1, cells, _NONE_LEFT), label=name, **style)
    panel.axhspan(_NONE_LEFT / 4, 0.45, color="0.92", zorder=0, linewidth=0)
    if mrd_limit_cells > 0:
        panel.axhline(mrd_limit_cells, color="0.4", linewidth=1, label="MRD limit")
    panel.set_ylim(_NONE_LEFT / 4, _TOP)
    panel.set_yticks([_NONE_LEFT, *_POWERS], ["none left", *_POWERS.values()])
    panel.set_yticks([], minor=True)
    panel.grid(axis="y", color="0.92")


def draw_cytokines(panel: "Axes", series: pd.DataFrame) -> None:
    """Draw serum cytokines on a log axis."""
    panel.set_yscale("log")
    for name, (column, style) in _CYTOKINES.items():
        panel.plot(series["day"], series[column].clip(lower=0.1), label=name, **style)
    panel.yaxis.set_major_formatter("{x:,.10g}")
    panel.grid(axis="y", color="0.92")


def draw_temperature(panel: "Axes", series: pd.DataFrame) -> None:
    """Draw temperature, fever filled."""
    day, temperature = series["day"].to_numpy(), series["temperature_c"].to_numpy(float)
    panel.plot(day, temperature, color="black", linewidth=1.4)
    fever = np.maximum(temperature, _FEVER)
    panel.fill_between(day, _FEVER, fever, color="#d55e00", alpha=0.45, linewidth=0)
    panel.axhline(_FEVER, color="0.4", linewidth=1)
    panel.set_ylim(temperature.min(initial=36.0), temperature.max(initial=41.0))


def draw_grades(panel: "Axes", series: pd.DataFrame) -> None:
    """Draw a bar per grading scale, darker and numbered where the grade is higher."""
    from matplotlib import colormaps

    shades = colormaps["Oranges"]
    for row, column in enumerate(_GRADES.values()):
        for start, end, grade in _stretches(series["day"].to_numpy(), series[column].to_numpy()):
            ink = "white" if grade >= 4 else "black"
            panel.barh(row, end - start, left=start, height=0.8, color=shades(grade / 5))
            if grade and end - start > 0.012 * series["day"].max():
                middle = (start + end) / 2
                panel.text(middle, row, f"{grade}", ha="center", va="center", color=ink, size=8.5)
    panel.set_yticks(range(len(_GRADES)), list(_GRADES))
    panel.set_ylim(len(_GRADES) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)


def _stretches(day: np.ndarray, grade: np.ndarray) -> list[tuple[float, float, int]]:
    """Return the times of constant grade as (start, end, grade)."""
    starts = np.flatnonzero(np.diff(grade, prepend=-1))
    ends = [*starts[1:], len(day) - 1][: len(starts)]  # none of no days
    return [
        (float(day[start]), float(day[end]), int(grade[start]))
        for start, end in zip(starts, ends, strict=True)
    ]


def name_panels(grid: np.ndarray) -> None:
    """Write what is on the axes, on the left, and what the lines are, on the right."""
    names = ("cells in the body", "cytokines in serum\n(pg/mL)", "temperature\n(°C)", "CRS grade")
    for panel, name in zip(grid[:, 0], names, strict=True):
        panel.set_ylabel(name)
    grid[0, 0].figure.align_ylabels(grid[:, 0])
    for panel in grid[:2, -1]:
        panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, handlelength=2.4)
    beside = grid[2, -1].get_yaxis_transform()
    grid[2, -1].text(1.02, _FEVER, "fever: 38 °C", transform=beside, va="center")
    grid[3, -1].text(1.02, 0.5, "0 none\n5 death", transform=grid[3, -1].transAxes, va="center")

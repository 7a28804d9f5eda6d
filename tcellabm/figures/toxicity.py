"""Grades and timing of toxicity in a virtual trial, beside the published."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.clinic.observations import COURSE_DAYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES = ("#f2f2f2", "#fee6ce", "#fdae6b", "#e6550d", "#a63603", "#3f1d0b")
_INK = ("black", "black", "black", "black", "white", "white")
_NAMES = ("none", "grade 1", "grade 2", "grade 3", "grade 4", "grade 5 (death)")
# Published bars: rows that give the shares, and how grades are lumped there.
_PENN, _ASTCT = ("E09", "E11"), ("H04", "H04b", "H04c")
_LEAST_WIDTH = 4.0  # percent; a narrower part gets no number
_COURSES: dict[str, tuple[str, dict[str, Any]]] = {
    "IFN-γ": ("ifng_by_day", {"color": "#0072b2", "linestyle": (0, (5, 1.5))}),
    "IL-6": ("il6_by_day", {"color": "black", "linewidth": 2.6}),
    "CRP": ("crp_by_day", {"color": "#d55e00", "linestyle": (0, (1, 1.2)), "linewidth": 2.2}),
}


def draw_grade_bars(panel: "Axes", infused: pd.DataFrame, comparison: pd.DataFrame) -> None:
    """Draw stacked bars of CRS and ICANS grades, simulated under published.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Drawn on.
    infused : DataFrame
        One row per infused patient, with the grades of outcomes.
    comparison : DataFrame
        Of the trial; the published shares are in percent.
    """
    value = comparison.set_index("id")["published"]
    any_grade, severe = (float(value[name]) for name in _PENN)
    none, mild, worse = (float(value[name]) for name in _ASTCT)
    bars: list[tuple[str, dict[tuple[int, ...], float]]] = [
        (
            "CRS, Penn\nELIANA, n = 79",
            {(0,): 100 - any_grade, (1, 2): any_grade - severe, (3, 4): severe},
        ),
        ("simulated", _shares(infused["crs_grade_penn"])),
        ("CRS, mostly ASTCT\nreal world, n = 471*", {(0,): none, (1, 2): mild, (3, 4): worse}),
        ("simulated", _shares(infused["crs_grade_astct"])),
        ("ICANS, ASTCT\nsimulated", _shares(infused["icans_grade"])),
    ]
    places = (0.0, 0.9, 2.1, 3.0, 4.2)
    for (_, shares), place in zip(bars, places, strict=True):
        _stack(panel, place, shares)
    panel.set_yticks(places, [name for name, _ in bars])
    panel.tick_params(axis="y", length=0)
    panel.set(
        xlim=(0, 100),
        ylim=(4.7, -0.5),
        xlabel="% of infused patients   (* other patients than simulated; 2.5 % without a grade)",
    )
    panel.set_title("Worst grade: published (hatched where grades were lumped) and simulated")
    _name_grades(panel)


def _shares(grades: pd.Series) -> dict[tuple[int, ...], float]:
    n = max(len(grades), 1)
    return {(grade,): 100.0 * float((grades == grade).sum()) / n for grade in range(6)}


def _stack(panel: "Axes", place: float, shares: dict[tuple[int, ...], float]) -> None:
    left = 0.0
    for grades, share in shares.items():
        color = _SHADES[grades[0]]
        lumped = len(grades) > 1
        hatch = "///" if lumped else None
        panel.barh(
            place,
            share,
            left=left,
            height=0.8,
            color=color,
            hatch=hatch,
            edgecolor="white" if hatch else "0.35",
            linewidth=0.6,
        )
        if share >= _LEAST_WIDTH:
            text = f"{share:.0f} %"
            if lumped:
                text += f" (grade {grades[0]}-{grades[-1]})"
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2} if lumped else None
            ink = "black" if lumped else _INK[grades[0]]
            middle = left + share / 2
            panel.text(middle, place, text, ha="center", va="center", color=ink, size=9, bbox=box)
        left += share


def _name_grades(panel: "Axes") -> None:
    from matplotlib.patches import Patch

    keys = [
        Patch(facecolor=shade, edgecolor="0.35", label=name)
        for shade, name in zip(_SHADES, _NAMES, strict=True)
    ]
    panel.legend(
        handles=keys,
        loc="upper center",
        bbox_to_anchor=(0.46, -0.2),
        ncols=6,
        frameon=False,
        fontsize=9,
        handlelength=1.2,
        columnspacing=1.2,
    )


def draw_cytokine_times(panel: "Axes", infused: pd.DataFrame, comparison: pd.DataFrame) -> None:
    """Draw when cytokines peak: median course of patients with CRS, each over its own peak.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Drawn on.
    infused : DataFrame
        One row per infused patient, with courses by day (`..._by_day`).
    comparison : DataFrame
        Of the trial; its times are in days since infusion.
    """
    ill = infused[infused["crs_grade_penn"] > 0]
    days = np.array(COURSE_DAYS[:29], float)
    panel.set_title("When: serum levels of patients with CRS, each over its own peak (median, IQR)")
    for name, (column, style) in _COURSES.items() if len(ill) else ():
        course = np.nan_to_num(np.vstack(list(ill[column]))[:, : days.size])
        share = 100.0 * course / np.nanmax(course, axis=1, keepdims=True)
        low, middle, high = np.nanquantile(share, [0.25, 0.5, 0.75], axis=0)
        panel.plot(days, middle, label=name, **style)
        if name == "IL-6":
            panel.fill_between(days, low, high, color="0.5", alpha=0.25, lw=0)
    rows = comparison.set_index("id")
    marks = (("E12", "fever and CRS begin"), ("K10b", "first tocilizumab"), ("C20", "IL-6 peaks"))
    for line, (row, name) in enumerate(marks):
        _mark(panel, 128.0 - 11.0 * line, rows.loc[row], name)
    panel.axhline(101.5, color="0.8", lw=0.8)
    panel.set(xlim=(0, 28), ylim=(0, 136), xlabel="days since infusion", ylabel="% of own peak")
    panel.set_yticks(range(0, 101, 25))
    panel.set_xticks(range(0, 29, 2))
    if len(ill):
        panel.legend(loc="center right", frameon=False)


def _mark(panel: "Axes", height: float, row: pd.Series, name: str) -> None:
    """Draw a published time above a simulated one."""
    panel.plot([row["published_low"], row["published_high"]], [height] * 2, color="black", lw=1.2)
    panel.plot(row["published"], height, "o", color="black", ms=6)
    panel.plot(
        [row["simulated_low"], row["simulated_high"]], [height - 4] * 2, color="#0072b2", lw=1.2
    )
    panel.plot(row["simulated"], height - 4, "D", color="#0072b2", ms=5)
    panel.text(
        15.2, height - 2, f"{name}: ● published, ◆ simulated median", va="center", fontsize=9
    )

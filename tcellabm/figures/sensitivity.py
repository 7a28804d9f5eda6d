"""What matters: a tornado of each parameter's two ends, and Morris or Sobol indices."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.figures.canvas import look, new_figure, png
from tcellabm.figures.labels import axis_label, settings_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OUTPUTS = {
    "remission": "Remission (CR or CRi)",
    "remission_365": "In remission on day 365",
    "log10_cmax": "Cmax (log10 of copies/µg)",
    "severe_crs": "Severe CRS (Penn grade 3 or more)",
}
_MOST = 12  # inputs shown of an output
_LOW, _HIGH = "#56b4e9", "#d55e00"
_FIRST, _TOTAL = "#0072b2", "#e69f00"
_ROW, _HEAD, _FOOT = 0.30, 1.35, 0.85  # inches
_WHISKER: Any = {"fmt": "none", "ecolor": "black", "elinewidth": 0.9, "capsize": 2.5}


def draw_tornado(table: pd.DataFrame, notes: Sequence[str], settings: Mapping[str, Any]) -> bytes:
    """Draw the mean of each output at both ends of each input.

    Parameters
    ----------
    table : DataFrame
        As `experiments.studies.sensitivity.Study.analyze` returns it.
    notes : sequence of str
        Method and number of runs.
    settings : mapping
        What was set for all runs.

    Returns
    -------
    bytes
        A PNG image.
    """
    note = "Mean of runs with the parameter in the lowest and highest fifth of its distribution"
    if "mu_star" in table:
        note = "A step up of the parameter by 0.6 of its distribution, about the mean of all runs"
    note += "; whiskers: 95 % interval."
    return _draw("What each parameter does", [*notes, note], table, settings, _tornado)


def draw_indices(table: pd.DataFrame, notes: Sequence[str], settings: Mapping[str, Any]) -> bytes:
    """Draw the indices of each output.

    Parameters
    ----------
    table : DataFrame
        As `experiments.studies.sensitivity.Study.analyze` returns it.
    notes : sequence of str
        Method and number of runs.
    settings : mapping
        What was set for all runs.

    Returns
    -------
    bytes
        A PNG image.
    """
    if "mu_star" in table:
        title = "Morris screening: how far each parameter moves an outcome"
        note = (
            "μ*: mean size of the effect of crossing the middle 90 % of its range; "
            "σ: how much that differs from place to place (interactions, chance)."
        )
    else:
        title = "Sobol indices: whose variation the outcome's variance comes from"
        note = "First: by itself; total: with all it interacts with. Whiskers: 95 % interval."
    panel = _morris if "mu_star" in table else _sobol
    return _draw(title, [*notes, note], table, settings, panel)


Panel = Callable[["Axes", pd.DataFrame, str], None]


def _draw(
    title: str, notes: list[str], table: pd.DataFrame, settings: Mapping[str, Any], panel: Panel
) -> bytes:
    found = [name for name in _OUTPUTS if (table["output"] == name).any()]
    each = {name: _most_important(table[table["output"] == name]) for name in found}
    rows = max((len(part) for part in each.values()), default=1)
    tall = math.ceil(max(len(found), 1) / 2)
    inside = tall * (_ROW * rows + 1.0) - 0.5
    height = _HEAD + inside + _FOOT
    with look():
        figure = new_figure(15.0, height)
        grid = np.ravel(figure.subplots(tall, 2, squeeze=False))
        figure.subplots_adjust(
            0.16, _FOOT / height, 0.985, 1 - _HEAD / height, wspace=0.42, hspace=1.9 / rows + 0.16
        )
        for axes, name in zip(grid, found, strict=False):
            panel(axes, each[name], name)
            axes.set_title(_OUTPUTS[name])
        if found:
            keys = grid[0].get_legend_handles_labels()
            figure.legend(*keys, loc="upper right", frameon=False, ncols=2, fontsize=11)
        for axes in grid[len(found) :]:
            axes.set_visible(False)
        figure.text(0.012, 1 - 0.12 / height, title, va="top", fontsize=14, fontweight="bold")
        inputs = table["input"].nunique()
        if inputs > _MOST:
            notes = [*notes, f"Shown: the {_MOST} that matter most of {inputs}."]
        text = "\n".join([" ".join(notes[:1] + settings_told(settings)), " ".join(notes[1:])])
        figure.text(0.012, 1 - 0.44 / height, text, va="top", fontsize=10, linespacing=1.5)
        return png(figure)


def _most_important(part: pd.DataFrame) -> pd.DataFrame:
    by = "mu_star" if "mu_star" in part else "total"
    return part.sort_values(by, ascending=False).head(_MOST).iloc[::-1]


def _tornado(axes: "Axes", part: pd.DataFrame, output: str) -> None:
    place = np.arange(len(part))
    middle = float(np.nanmean(part[["at_low", "at_high"]].to_numpy()))
    for name, color, shift in (("at_low", _LOW, 0.19), ("at_high", _HIGH, -0.19)):
        mean = part[name].to_numpy(float)
        end = {"at_low": "low", "at_high": "high"}[name]
        label = f"parameter {end}"
        axes.barh(place + shift, mean - middle, 0.38, left=middle, color=color, label=label)
        half = np.abs(part[[f"{name}_low", f"{name}_high"]].to_numpy(float).T - mean)
        axes.errorbar(mean, place + shift, xerr=half, **_WHISKER)
    axes.axvline(middle, color="black", linewidth=0.9)
    _frame(axes, part, percent=output != "log10_cmax")


def _sobol(axes: "Axes", part: pd.DataFrame, output: str) -> None:
    place = np.arange(len(part))
    for name, color, shift in (("first", _FIRST, 0.19), ("total", _TOTAL, -0.19)):
        value = part[name].to_numpy(float)
        axes.barh(place + shift, value, 0.38, color=color, label=name)
        half = np.abs(part[[f"{name}_low", f"{name}_high"]].to_numpy(float).T - value)
        axes.errorbar(value, place + shift, xerr=half, **_WHISKER)
    axes.axvline(0.0, color="black", linewidth=0.9)
    axes.set_xlabel("share of the variance")
    _frame(axes, part)


def _morris(axes: "Axes", part: pd.DataFrame, output: str) -> None:
    place, star = np.arange(len(part)), part["mu_star"].to_numpy(float)
    axes.barh(place, star, 0.62, color=_FIRST, label="μ*")
    half = np.abs(part[["mu_star_low", "mu_star_high"]].to_numpy(float).T - star)
    axes.errorbar(star, place, xerr=half, **_WHISKER)
    style: Any = {"color": _HIGH, "markeredgecolor": "black", "markersize": 6}
    axes.plot(part["sigma"].to_numpy(float), place, "D", label="σ", **style)
    axes.set_xlim(left=0)
    _frame(axes, part)
    unit = "decades" if output == "log10_cmax" else "in the probability"
    axes.set_xlabel(f"effect, {unit}")


def _frame(axes: "Axes", part: pd.DataFrame, percent: bool = False) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set_yticks(np.arange(len(part)), [axis_label(key).split(" (")[0] for key in part["input"]])
    axes.set_ylim(-0.6, len(part) - 0.4)
    if percent:
        axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)

"""What trial designs do: what they declare beside the truth, whom they treat, what they take."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.analysis.designs.comparative import ALPHA, WANTED_POWER
from tcellabm.analysis.designs.words import NAMES, price
from tcellabm.figures.canvas import look, new_figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colors, apart for color-blind readers; hatches for print in gray.
_LOOKS = {
    "3+3": ("#999999", ""),
    "boin": ("#0072b2", "//"),
    "crm": ("#e69f00", "\\\\"),
    "utility": ("#009e73", ".."),
}
_TOXIC, _RESPONSE = "#d55e00", "#0072b2"
_ROOM = 0.8  # of a dose's width, for the bars of all designs


def draw_designs(table: pd.DataFrame, labels: Sequence[str], target: float, notes: str) -> bytes:
    """Draw operating characteristics of dose finding.

    Parameters
    ----------
    table : DataFrame
        From `analysis.designs.characteristics`.
    labels : sequence of str
        Name of the axis, with its unit, then of each dose.
    target : float
        The toxicity sought.
    notes : str
        Whom the trials draw from, and what counts as toxicity and response.

    Returns
    -------
    bytes
        A PNG image.
    """
    designs = {str(name): rows for name, rows in table.groupby("design", sort=False)}
    with look():
        figure = new_figure(11.0, 8.6)
        panels = figure.subplots(2, 2)
        figure.subplots_adjust(0.075, 0.09, 0.985, 0.86, wspace=0.2, hspace=0.42)
        _draw_truth(panels[0, 0], next(iter(designs.values())), labels, target)
        _draw_declared(panels[0, 1], designs, labels)
        _draw_treated(panels[1, 0], designs, labels)
        _draw_price(panels[1, 1], designs)
        title = "Which dose do trial designs find, and at what price?"
        figure.text(0.012, 0.985, title, va="top", fontsize=14, fontweight="bold")
        figure.text(0.012, 0.945, notes, va="top", fontsize=10, linespacing=1.5)
        return png(figure)


def _draw_truth(panel: "Axes", table: pd.DataFrame, labels: Sequence[str], target: float) -> None:
    doses = table.iloc[:-1]
    place = np.arange(len(doses))
    aim: Any = {"color": "0.35", "linewidth": 1.0, "linestyle": "--", "zorder": 1}
    panel.axhline(target, label=f"target {target:.0%} toxicity", **aim)
    for key, color, mark, name in (
        ("toxicity", _TOXIC, "s", "dose-limiting toxicity"),
        ("response", _RESPONSE, "o", "response"),
    ):
        y = doses[key].to_numpy()
        error = [y - doses[f"{key}_low"], doses[f"{key}_high"] - y]
        style: Any = {"color": color, "label": name, "linewidth": 1.6, "elinewidth": 0.9}
        panel.errorbar(place, y, yerr=error, fmt=mark + "-", capsize=2, **style)
    _frame(panel, labels, "The truth in the sweep (95 %)", "share of patients")
    panel.legend(loc="best", frameon=False)


def _draw_declared(panel: "Axes", designs: dict[str, pd.DataFrame], labels: Sequence[str]) -> None:
    for name, place, width, rows in _bars(designs):
        y = rows["selected"].to_numpy()
        error = [y - rows["selected_low"], rows["selected_high"] - y]
        style: Any = {"error_kw": {"linewidth": 0.8}, **_style(name)}
        panel.bar(place, y, width, yerr=error, label=NAMES[name], **style)
        right = rows["right"].to_numpy()
        panel.plot(place[right], rows["selected_high"][right] + 0.03, "v", color="black", ms=5)
    named = [*labels, "no dose"]
    _frame(panel, named, "What trials declare (▼ what they should)", "share of trials")
    panel.legend(loc="best", frameon=False, ncols=2)


def _draw_treated(panel: "Axes", designs: dict[str, pd.DataFrame], labels: Sequence[str]) -> None:
    for name, place, width, rows in _bars(designs):
        rows, place = rows.iloc[:-1], place[:-1]
        panel.bar(place, rows["patients"], width, **_style(name))
        panel.bar(place, rows["toxicities"], width, color="black", alpha=0.75)
    _name_doses(panel, labels, "Patients infused at each dose (black: with toxicity)")
    panel.set_ylabel("patients of a trial, mean")


def _draw_price(panel: "Axes", designs: dict[str, pd.DataFrame]) -> None:
    """Draw what a trial takes, each as a share of the most that a design takes."""
    prices = [price(table) for table in designs.values()]
    kinds = list(prices[0])
    values = np.array([list(each.values()) for each in prices])
    most = values.max(axis=0)
    shares = np.divide(values, most, out=np.zeros_like(values), where=most > 0)
    height = _ROOM / len(designs)
    for number, name in enumerate(designs):
        place = np.arange(len(kinds)) + (number - (len(designs) - 1) / 2) * height
        panel.barh(place, shares[number], 0.8 * height, **_style(name))
        for y, share, value in zip(place, shares[number], values[number], strict=True):
            panel.text(share + 0.01, y, f"{value:.1f}", va="center", size=7.5)
    panel.set_yticks(range(len(kinds)), kinds)
    panel.invert_yaxis()
    panel.set_xlim(0, 1.15)
    panel.set_xticks([])
    panel.spines["bottom"].set_visible(False)
    panel.set_title("What a trial takes, mean")


def _bars(designs: dict[str, pd.DataFrame]) -> Any:
    """Yield each design with the places and the width of its bars, and its rows."""
    width = _ROOM / len(designs)
    for number, (name, rows) in enumerate(designs.items()):
        rows = rows.reset_index(drop=True)
        shift = (number - (len(designs) - 1) / 2) * width
        yield name, np.arange(len(rows)) + shift, width, rows


def _style(name: str) -> Any:
    color, hatch = _LOOKS[name]
    return {"color": color, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}


def _name_doses(panel: "Axes", labels: Sequence[str], title: str) -> None:
    panel.set_xticks(range(len(labels) - 1), list(labels[1:]))
    panel.set_xlabel(labels[0])
    panel.set_title(title)
    panel.grid(axis="y", color="0.92")
    panel.set_axisbelow(True)


def _frame(panel: "Axes", labels: Sequence[str], title: str, of: str) -> None:
    from matplotlib.ticker import PercentFormatter

    _name_doses(panel, labels, title)
    panel.set_ylim(0, 1)
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    panel.set_ylabel(of)


def draw_comparison(table: pd.DataFrame, endpoint: str, arms: Sequence[str], notes: str) -> bytes:
    """Draw power and error of the first kind of two-arm trials against their size.

    Parameters
    ----------
    table : DataFrame
        From `analysis.designs.comparative.comparison`.
    endpoint : str
        Its name.
    arms : sequence of str
        Names of the control and the experimental arm.
    notes : str
        Whom the trials draw from.

    Returns
    -------
    bytes
        A PNG image.
    """
    from matplotlib.ticker import PercentFormatter, ScalarFormatter

    with look():
        figure = new_figure(9.0, 6.6)
        panel = figure.subplots()
        figure.subplots_adjust(0.085, 0.1, 0.97, 0.78)
        for (name, rows), color in zip(
            table.groupby("design", sort=False), ("#0072b2", "#e69f00"), strict=False
        ):
            for key, mark, what in (("power", "o-", "power"), ("type_1_error", "s:", "sham arm")):
                y = rows[key].to_numpy()
                error = [y - rows[f"{key}_low"], rows[f"{key}_high"] - y]
                style: Any = {"color": color, "capsize": 2, "label": f"{what}, {name}"}
                panel.errorbar(rows["per_arm"], y, yerr=error, fmt=mark, **style)
        for level in (WANTED_POWER, ALPHA):
            panel.axhline(level, color="0.35", linewidth=1.0, linestyle="--", zorder=1)
        panel.set_xscale("log")
        panel.set_xticks(sorted(table["per_arm"].unique()))
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.minorticks_off()
        panel.set_ylim(0, 1.02)
        panel.yaxis.set_major_formatter(PercentFormatter(1))
        panel.set_xlabel("patients enrolled in each arm")
        panel.set_ylabel("trials that find a difference (p < 0.05)")
        panel.grid(color="0.92")
        panel.legend(loc="center right", frameon=False)
        first = table.iloc[0]
        notes_below = [
            f"{endpoint}: {first['control']:.1%} of all enrolled with {arms[0]}, "
            f"{first['experimental']:.1%} with {arms[1]}.",
            f"{notes} Dashed: 80 % and 5 %. Bars: Monte Carlo, 95 %.",
        ]
        title = "Do two-arm trials find the difference?"
        figure.text(0.012, 0.985, title, va="top", fontsize=14, fontweight="bold")
        figure.text(0.012, 0.935, "\n".join(notes_below), va="top", fontsize=10, linespacing=1.5)
        return png(figure)

"""Two result folders compared, on one page: rates, who changed, and where on the map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.analysis.compared import MEASURES, SHARE, Pairs
from tcellabm.analysis.fates import FATES, fates
from tcellabm.figures.canvas import look, new_figure, png
from tcellabm.figures.labels import axis_label, value_label
from tcellabm.params.errors import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MORE, _LESS, _OPEN = "#0072b2", "#d55e00", "0.55"  # more in B, less in B, not resolved
_GRADES = range(6)
_MAPPED = ("remission", "remission_365", "severe_crs")
_MOST_POINTS = 12  # of an axis that is drawn


def draw_differences(pairs: Pairs, differences: pd.DataFrame, a: str, b: str) -> bytes:
    """Draw a comparison.

    Parameters
    ----------
    pairs : Pairs
        The runs compared.
    differences : DataFrame
        As `analysis.compared.differences` returns them.
    a, b : str
        Names of the two folders.

    Returns
    -------
    bytes
        A PNG image.
    """
    keys = [key for key in pairs.keys if pairs.points[key].nunique() > 1]
    mapped = len(keys) in (1, 2) and all(
        pairs.points[key].nunique() <= _MOST_POINTS for key in keys
    )
    with look():
        figure = new_figure(14.0, 9.6 if mapped else 5.4)
        height, low = figure.get_figheight(), 5.3 if mapped else 1.0
        tall = 3.0 / height  # inches of each row
        _forest(figure.add_axes((0.16, low / height, 0.25, tall)), differences)
        _fates(figure.add_axes((0.565, low / height, 0.19, tall)), pairs)
        _grades(figure.add_axes((0.81, low / height, 0.18, tall)), pairs)
        for place, name in enumerate(_MAPPED if mapped else ()):
            panel = figure.add_axes((0.055 + 0.325 * place, 0.85 / height, 0.275, tall))
            _map(panel, differences, keys, name)
        _head(figure, pairs, a, b)
        return png(figure)


def _head(figure: "Figure", pairs: Pairs, a: str, b: str) -> None:
    height = figure.get_figheight()
    title = "The same virtual patients in two result folders"
    figure.text(0.012, 1 - 0.1 / height, title, va="top", fontsize=14, fontweight="bold")
    patients = int(pairs.patient.max()) + 1
    text = f"A: {shorten(a, 70)}    B: {shorten(b, 70)}\n"
    text += f"{len(pairs.points)} pairs of runs, {patients} patients. "
    text += "Differences are B − A with bootstrap intervals of 95 % over patients (pointwise)."
    figure.text(0.012, 1 - 0.4 / height, text, va="top", fontsize=10, linespacing=1.4)


def _forest(panel: "Axes", differences: pd.DataFrame) -> None:
    """Draw the rates over all points."""
    rows = differences[(differences["at"] == "all") & differences["effect"].notna()]
    rows = rows[[MEASURES[name].kind == SHARE for name in rows["measure"]]]
    for place, row in enumerate(rows.to_dict("records")):
        low, middle, high = (100 * row[f"effect{end}"] for end in ("_low", "", "_high"))
        color = _color(row)
        panel.plot([low, high], [place, place], color=color, lw=2.4, solid_capstyle="butt")
        panel.plot(middle, place, "o" if row["resolved"] else "s", color=color, ms=7)
        text = f"{100 * row['a']:.0f} → {100 * row['b']:.0f} %"
        panel.text(
            1.02, place, text, transform=panel.get_yaxis_transform(), va="center", fontsize=9
        )
    panel.axvline(0, color="0.4", lw=1)
    panel.set_yticks(range(len(rows)), [MEASURES[name].label for name in rows["measure"]])
    panel.set_ylim(len(rows) - 0.5, -0.5)
    most = _most(rows)
    panel.set_xlim(-most, most)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x", color="0.92")
    panel.set_xlabel("B − A, percentage points; ● interval on one side of 0, ■ not")
    panel.set_title("Rates, of all pairs (right: A → B)")


def _most(rows: pd.DataFrame) -> float:
    """Return where an axis ends, percentage points: what is hardly a difference looks like none."""
    far = rows[["effect", "effect_low", "effect_high"]].abs().max().max()
    return 1.1 * max(5.0, 100.0 * float(far))


def _color(row: Any) -> str:
    if not row["resolved"]:
        return _OPEN
    return _MORE if row["effect"] > 0 else _LESS


def _fates(panel: "Axes", pairs: Pairs) -> None:
    names = ["in re-\nmission", "relapsed", "no re-\nmission", "died of\ntoxicity"]
    place = {fate: number for number, fate in enumerate(FATES)}
    a, b = (fates(runs).map(place).to_numpy() for runs in (pairs.a, pairs.b))
    _matrix(panel, a, b, names)
    panel.set_title("Outcome: pairs of runs")


def _grades(panel: "Axes", pairs: Pairs) -> None:
    a, b = (runs["crs_grade_penn"].to_numpy(int) for runs in (pairs.a, pairs.b))
    _matrix(panel, a, b, [str(grade) for grade in _GRADES])
    panel.set_title("Worst CRS grade (Penn)")


def _matrix(panel: "Axes", a: np.ndarray, b: np.ndarray, names: Sequence[str]) -> None:
    """Draw how many pairs go from which value to which; the diagonal is unchanged."""
    size = len(names)
    counts = np.bincount(a * size + b, minlength=size * size).reshape(size, size)
    shares = counts / np.maximum(counts.sum(), 1)
    panel.imshow(np.sqrt(shares), cmap="Greys", vmin=0, vmax=1.3, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            weight = "normal" if row == column else "bold"
            ink = "white" if np.sqrt(shares[row, column]) > 0.7 else "black"
            panel.text(column, row, str(count), ha="center", va="center", color=ink, weight=weight)
    panel.plot([-0.5, size - 0.5], [-0.5, size - 0.5], color="0.6", lw=0.8, zorder=1)
    panel.set_xticks(range(size), names, fontsize=8.5)
    panel.set_yticks(range(size), names, fontsize=8.5)
    panel.set_xlabel("in B")
    panel.set_ylabel("in A")
    panel.tick_params(length=0)


def _map(panel: "Axes", differences: pd.DataFrame, keys: list[str], name: str) -> None:
    rows = differences[(differences["at"] == "point") & (differences["measure"] == name)]
    panel.set_title(f"{MEASURES[name].label}: B − A, points")
    if rows.empty or rows["effect"].isna().all():
        panel.set_axis_off()
        panel.text(0.5, 0.5, "not observed", ha="center", transform=panel.transAxes)
    elif len(keys) == 2:
        _heat(panel, rows, keys)
    else:
        _line(panel, rows, keys[0])


def _named(key: str) -> str:
    side, _, plain = key.rpartition(" ")
    return f"{axis_label(plain)}{f', of {side}' if side else ''}"


def _heat(panel: "Axes", rows: pd.DataFrame, keys: list[str]) -> None:
    """Draw a square per point, colored where the interval lies on one side of 0."""
    columns, lines = (sorted(rows[key].unique()) for key in keys)
    shown = np.full((len(lines), len(columns)), np.nan)
    for row in rows.to_dict("records"):
        y, x = lines.index(row[keys[1]]), columns.index(row[keys[0]])
        shown[y, x] = row["effect"] if row["resolved"] else np.nan
        text = f"{100 * row['effect']:+.0f}" if np.isfinite(row["effect"]) else ""
        weight = "bold" if row["resolved"] else "normal"
        panel.text(x, y, text, ha="center", va="center", fontsize=9, weight=weight)
    most = max(0.1, float(np.nanmax(np.abs(rows["effect"]))))
    panel.set_facecolor("0.9")
    panel.imshow(
        shown, cmap="PuOr", vmin=-1.6 * most, vmax=1.6 * most, origin="lower", aspect="auto"
    )
    for ticks, key, values in (
        (panel.set_xticks, keys[0], columns),
        (panel.set_yticks, keys[1], lines),
    ):
        ticks(range(len(values)), [value_label(key.rpartition(" ")[2], value) for value in values])
    panel.set_xlabel(f"{_named(keys[0])}; gray: not resolved")
    panel.set_ylabel(_named(keys[1]))


def _line(panel: "Axes", rows: pd.DataFrame, key: str) -> None:
    for place, row in enumerate(rows.to_dict("records")):
        low, middle, high = (100 * row[f"effect{end}"] for end in ("_low", "", "_high"))
        panel.plot([place, place], [low, high], color=_color(row), lw=2.4)
        panel.plot(place, middle, "o" if row["resolved"] else "s", color=_color(row), ms=7)
    panel.axhline(0, color="0.4", lw=1)
    most = _most(rows)
    panel.set_ylim(-most, most)
    plain = key.rpartition(" ")[2]
    panel.set_xticks(range(len(rows)), [value_label(plain, value) for value in rows[key]])
    panel.set_xlabel(_named(key))
    panel.margins(x=0.15)

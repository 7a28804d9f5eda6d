"""One panel of the map: a rate over two axes, over one, or at a single point."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.figures import squares
from tcellabm.figures.labels import axis_label, value_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {
    "remission": "Remission (CR or CRi): more is better",
    "remission_365": "In remission on day 365: more is better",
    "severe_crs": "Severe CRS (Penn grade 3 or more): less is better",
}
_INKS = {"remission": "#08519c", "remission_365": "#08519c", "severe_crs": "#a63603"}
_UNSEEN = "not observed:\nfollowed for less than 365 days"
_MOST_WRITTEN = 14


def draw_heat(panel: "Axes", points: pd.DataFrame, axes: Sequence[str], rate: str) -> None:
    """Draw a heat map with the rate and its interval written into each cell.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Drawn on.
    points : DataFrame
        Rates, shares with `_low` and `_high`, and `best`, by point.
    axes : sequence of str
        The axis across and the one up.
    rate : str
        A key of TITLES.
    """
    across, up = axes
    columns, rows = list(points[across].unique()), list(points[up].unique())
    share = np.full((len(rows), len(columns)), np.nan)
    written = max(share.shape) <= _MOST_WRITTEN
    for point in points.to_dict("records"):
        row, column = rows.index(point[up]), columns.index(point[across])
        share[row, column] = point[rate]
        if written:
            _write(panel, column, row, point, rate)
        if point["best"]:
            _mark(panel, column, row, written)
    image = panel.imshow(
        share, cmap=squares.SHADES[rate], vmin=0, vmax=1, origin="lower", aspect="auto"
    )
    if not written:
        _colorbar(panel, image)
    cell_borders(panel, share.shape)
    label_axes(panel, across, columns, up, rows)
    if np.isnan(share).all():
        say_unseen(panel)


def _write(panel: "Axes", x: int, y: int, point: dict[str, Any], rate: str) -> None:
    if np.isnan(point[rate]):
        return
    ink = squares.ink_on(squares.color_of_share(point[rate], rate))
    share, ends = squares.percent(point, rate), squares.interval(point, rate)
    center: Any = {"ha": "center", "color": ink}
    panel.text(x, y - 0.02, share, va="bottom", size=12, weight="bold", **center)
    panel.text(x, y - 0.1, ends, va="top", size=9, **center)


def _mark(panel: "Axes", x: int, y: int, framed: bool) -> None:
    """Frame a cell and put a star in its corner; both are visible on any color."""
    from matplotlib.patches import Rectangle

    star: Any = {"color": "black", "markersize": 11, "markeredgecolor": "white"}
    if not framed:  # cells too small for it
        panel.plot(x, y, "*", **star)
        return
    corner = (x - 0.47, y - 0.46)
    panel.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, edgecolor="black", linewidth=1.6))
    panel.plot(x + 0.36, y + 0.31, "*", **star)


def _colorbar(panel: "Axes", image: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    percent = PercentFormatter(1, symbol="")
    bar = panel.figure.colorbar(image, ax=panel, fraction=0.04, pad=0.01, format=percent, label="%")
    bar.outline.set_visible(False)


def cell_borders(panel: "Axes", shape: tuple[int, ...]) -> None:
    """Part the cells of a heat map by white lines."""
    panel.set_xticks(np.arange(shape[1] + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(shape[0] + 1) - 0.5, minor=True)
    panel.grid(which="minor", color="white", linewidth=2)
    panel.tick_params(which="both", length=0)
    panel.spines[:].set_visible(False)


def label_axes(panel: "Axes", across: str, columns: list[Any], up: str, rows: list[Any]) -> None:
    """Name the axes of a heat map and their values, with units.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        With a cell at each whole number.
    across, up : str
        Dotted names of the axes.
    columns, rows : list
        Their values, from the left and from below.
    """
    panel.set_xticks(range(len(columns)), [value_label(across, value) for value in columns])
    upright: Any = {"rotation": 90, "va": "center"} if isinstance(rows[0], str) else {}
    panel.set_yticks(range(len(rows)), [value_label(up, value) for value in rows], **upright)
    panel.set_xlabel(axis_label(across))
    panel.set_ylabel(axis_label(up))


def draw_points(
    panel: "Axes", points: pd.DataFrame, axes: Sequence[str], rate: str, joined: bool = False
) -> None:
    """Draw the rate at each value of one axis, or at the only point, with its interval.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Drawn on.
    points : DataFrame
        Rates, shares with `_low` and `_high`, and `best`, by point.
    axes : sequence of str
        The first is the axis across; empty for a single point.
    rate : str
        A key of TITLES.
    joined : bool
        Join the points by a line, and write no numbers.
    """
    from matplotlib.ticker import PercentFormatter

    x = np.arange(len(points))
    share = points[rate].to_numpy(float)
    low, high = points[f"{rate}_low"].to_numpy(float), points[f"{rate}_high"].to_numpy(float)
    whiskers = [share - low, high - share]
    ink = _INKS[rate]
    panel.errorbar(x, share, whiskers, fmt="o", color=ink, capsize=4, markersize=6, linewidth=1.2)
    if joined:
        panel.plot(x, share, color=ink, linewidth=1.2)
    best = points["best"].to_numpy(bool)
    panel.plot(x[best], np.minimum(high[best] + 0.05, 0.97), "*", color="black", markersize=12)
    for place, value in zip(x, share, strict=True):
        if joined or np.isnan(value):  # a line would run through the numbers
            continue
        panel.annotate(
            f"{value:.0%}", (place, value), (9, 0), textcoords="offset points", va="center", size=11
        )
    labels = [value_label(axes[0], value) for value in points[axes[0]]] if axes else [""]
    panel.set_xticks(x, labels)
    panel.set_xlim(-0.5, len(points) - 0.5)
    panel.set_ylim(0, 1)
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    panel.grid(axis="y", color="0.9")
    panel.set_xlabel(axis_label(axes[0]) if axes else "")
    if np.isnan(share).all():
        say_unseen(panel)


def say_unseen(panel: "Axes") -> None:
    """Write on an empty panel why it is empty."""
    panel.set_facecolor("0.94")
    panel.grid(visible=False, which="both")
    panel.text(0.5, 0.5, _UNSEEN, transform=panel.transAxes, ha="center", va="center", size=11)

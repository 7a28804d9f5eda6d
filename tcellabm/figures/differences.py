"""One panel of the map with a reference: cells that differ from it are colored, others gray."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.figures import squares
from tcellabm.figures.labels import DOSE, axis_label, value_label
from tcellabm.figures.rates import cell_borders, label_axes, say_unseen

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_WRITTEN = 14


def has_differences(points: pd.DataFrame) -> bool:
    """Tell whether points are held against a reference."""
    columns = [name for name in points if str(name).endswith("_difference")]
    return bool(columns) and bool(points[columns].notna().to_numpy().any())


def draw_difference_cells(
    panel: "Axes",
    points: pd.DataFrame,
    axes: Sequence[str],
    rate: str,
    reference: int | None,
    label: Sequence[float] = (),
) -> None:
    """Draw a cell per point of two axes: rate, interval, and by how much it differs.

    Parameters
    ----------
    panel : Axes
        Where to.
    points : DataFrame
        Rates and differences by point.
    axes : sequence of str
        The axis across and the one up.
    rate : str
        Which rate.
    reference : int, optional
        Index of the reference in `points`.
    label : sequence of float
        Lowest and highest dose of the label; empty for none.
    """
    across, up = axes
    columns, rows = list(points[across].unique()), list(points[up].unique())
    written = max(len(columns), len(rows)) <= _MOST_WRITTEN
    colors = np.ones((len(rows), len(columns), 3))
    for place, point in points.iterrows():
        x, y = columns.index(point[across]), rows.index(point[up])
        colors[y, x] = _color(point, rate)
        if written:
            _write(panel, x, y, point, rate, place == reference)
        if place == reference and not np.isnan(point[rate]):
            _frame(panel, x, y)
    panel.imshow(colors, origin="lower", aspect="auto")
    cell_borders(panel, colors.shape[:2])
    label_axes(panel, across, columns, up, rows)
    _mark_label(panel, across, columns, label)
    if points[rate].isna().all():
        say_unseen(panel)


def _color(point: pd.Series, rate: str) -> squares.Color:
    difference, resolved = point[f"{rate}_difference"], point[f"{rate}_resolved"]
    return squares.color_of(float(difference), bool(resolved), rate)


def _write(panel: "Axes", x: int, y: int, point: pd.Series, rate: str, itself: bool) -> None:
    if np.isnan(point[rate]):
        return
    style: Any = {"ha": "center", "color": squares.ink_on(_color(point, rate))}
    share, ends = squares.percent(point, rate), squares.interval(point, rate)
    panel.text(x, y + 0.06, share, va="bottom", size=12, weight="bold", **style)
    panel.text(x, y + 0.01, ends, va="top", size=9, **style)
    below = squares.REFERENCE if itself else squares.change(point, rate)
    panel.text(x, y - 0.25, below, va="top", size=8.5, weight="bold", **style)


def _frame(panel: "Axes", x: int, y: int) -> None:
    from matplotlib.patches import Rectangle

    corner = (x - 0.47, y - 0.46)
    panel.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, edgecolor="black", linewidth=2.2))


def _mark_label(panel: "Axes", across: str, columns: list[Any], label: Sequence[float]) -> None:
    """Draw a bar over the doses that the product's label allows."""
    inside = [x for x, value in enumerate(columns) if label and label[0] <= value <= label[1]]
    if across != DOSE or not inside:
        return
    line: Any = {"transform": panel.get_xaxis_transform(), "clip_on": False}
    left, right = inside[0] - 0.45, inside[-1] + 0.45
    panel.plot([left, right], [1.015, 1.015], color="black", linewidth=3, **line)
    ends = "–".join(value_label(DOSE, end) for end in label)
    middle = (left + right) / 2
    line |= {"ha": "center", "va": "bottom", "fontsize": 8.5}
    panel.text(middle, 1.025, f"within the label ({ends})", **line)


def draw_difference_points(
    panel: "Axes", points: pd.DataFrame, axes: Sequence[str], rate: str, reference: int | None
) -> None:
    """Draw the rate at each value of one axis, with its interval and by how much it differs.

    Parameters
    ----------
    panel : Axes
        Where to.
    points : DataFrame
        Rates and differences by point, in the order in which they are drawn.
    axes : sequence of str
        The first is the axis across.
    rate : str
        Which rate.
    reference : int, optional
        Index of the reference in `points`.
    """
    from matplotlib.ticker import PercentFormatter

    for x, (place, point) in enumerate(points.iterrows()):
        share = float(point[rate])
        if np.isnan(share):
            continue
        whisker = [[share - point[f"{rate}_low"]], [point[f"{rate}_high"] - share]]
        color = _color(point, rate) if point[f"{rate}_resolved"] else "0.6"
        shape: Any = {"fmt": "D" if place == reference else "o", "markeredgecolor": "black"}
        panel.errorbar(x, share, whisker, color=color, ecolor="0.4", capsize=4, ms=8, **shape)
        below = "reference" if place == reference else squares.change(point, rate)
        text = f"{squares.percent(point, rate)}\n{below}"
        side: Any = {"textcoords": "offset points", "va": "center", "size": 10}
        panel.annotate(text.rstrip(), (x, share), (10, 0), **side)
    panel.set_xticks(range(len(points)), [value_label(axes[0], v) for v in points[axes[0]]])
    panel.set(xlim=(-0.5, len(points) - 0.3), ylim=(0, 1), xlabel=axis_label(axes[0]))
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    panel.grid(axis="y", color="0.9")
    if points[rate].isna().all():
        say_unseen(panel)

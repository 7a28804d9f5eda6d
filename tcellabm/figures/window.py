"""Smooth rates along each axis with their bands, and the therapeutic window with its sureness."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.analysis.answer import Answer, Sheet
from tcellabm.figures.canvas import image, look, new_figure
from tcellabm.figures.labels import DOSE, axis_label, settings_told, value_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "remission": ("remission", {"color": "#56b4e9", "linestyle": (0, (1, 1.2)), "marker": "^"}),
    "remission_365": ("in remission on day 365", {"color": "#0072b2", "marker": "o"}),
    "severe_crs": ("severe CRS", {"color": "#d55e00", "linestyle": (0, (5, 1.5)), "marker": "s"}),
}
_ROW = 4.6  # inches
_BETWEEN = 12  # places between two values of an axis
_SURE = (0.05, 0.5, 0.95)
_SHADES = ("#ffffff", "#deebf7", "#9ecae1", "#4292c6")
PANELS = 3


def draw_sheet(panels: Sequence["Axes"], sheet: Sheet, answer: Answer) -> None:
    """Draw a surface in three panels: along each axis through the reference, and the window.

    Parameters
    ----------
    panels : sequence of Axes
        Three; one that is not needed is hidden.
    sheet : Sheet
        The surface, with the values of further axes that it belongs to.
    answer : Answer
        With the points themselves, the reference and the window.
    """
    keys = sheet.surface.keys
    for panel, key in zip(panels[:2], keys, strict=False):
        _draw_along(panel, sheet, answer, key)
    if len(keys) == 1:
        panels[1].set_visible(False)
    _draw_window(panels[2], sheet, answer)


def draw_sheets(
    answer: Answer,
    notes: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
    form: str = "png",
) -> bytes:
    """Draw all surfaces of a sweep, one a row: small multiples over the further axes.

    Parameters
    ----------
    answer : Answer
        With one surface or more.
    notes : sequence of str
        What else to tell above.
    settings : mapping, optional
        What was set for all points.
    form : str
        One of `canvas.FORMS`.

    Returns
    -------
    bytes
        An image.
    """
    rows = len(answer.sheets)
    height = 1.35 + _ROW * rows
    with look():
        figure = new_figure(15.0, height)
        grid = figure.subplots(rows, PANELS, squeeze=False)
        low, high = 1.3 / height, 1 - 1.35 / height
        figure.subplots_adjust(0.045, low, 0.985, high, wspace=0.16, hspace=0.62)
        for panels, sheet in zip(grid, answer.sheets, strict=True):
            draw_sheet(panels, sheet, answer)
        grid[-1][0].legend(loc="lower left", bbox_to_anchor=(0.0, -0.36), ncols=3, frameon=False)
        title = "Smooth rates, and the therapeutic window"
        figure.text(0.012, 1 - 0.12 / height, title, va="top", fontsize=14, fontweight="bold")
        note = (
            f"{'; '.join([*notes, *settings_told(settings or {})])}. Penalized logistic surfaces "
            "with 95 % bands over patients resampled; open marks: points as simulated."
        )
        figure.text(0.012, 1 - 0.46 / height, note, va="top", fontsize=10)
        return image(figure, form)


def _draw_along(panel: "Axes", sheet: Sheet, answer: Answer, key: str) -> None:
    """Draw all rates along one axis; the other stays at the reference."""
    from matplotlib.ticker import PercentFormatter

    surface, reference = sheet.surface, answer.question.reference
    scale = surface.scales[surface.keys.index(key)]
    values = scale.between(_BETWEEN)
    fixed = {other: float(reference[other]) for other in surface.keys if other != key}
    line = pd.DataFrame({key: values, **fixed})
    rows = _rows(answer.summary, sheet.setting | fixed).sort_values(key)
    for rate in surface.fitted:
        name, style = _LINES[rate]
        low, high = surface.band(rate, line)
        x, shape = scale.at(values), {k: v for k, v in style.items() if k != "marker"}
        panel.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)
        panel.plot(x, surface.rates(rate, line), linewidth=2.2, label=name, **shape)
        dots: Any = {"color": style["color"], "marker": style["marker"], "linestyle": "none"}
        panel.plot(scale.at(rows[key]), rows[rate], markerfacecolor="white", zorder=4, **dots)
    _mark(panel, scale.at, key, answer)
    panel.set_xticks(scale.at(scale.values), [value_label(key, value) for value in scale.values])
    panel.set(xlim=(-0.02, 1.02), ylim=(0, 1), xlabel=axis_label(key))
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    panel.grid(color="0.93")
    settings = fixed | sheet.setting
    at = "; ".join(f"{_short(k)} {value_label(k, v)}" for k, v in settings.items())
    panel.set_title(f"Along {_short(key)}{f' (at {at})' if at else ''}", pad=8)


def _rows(points: pd.DataFrame, setting: Mapping[str, Any]) -> pd.DataFrame:
    for key, value in setting.items():
        points = points[points[key] == value]
    return points


def _mark(panel: "Axes", at: Any, key: str, answer: Answer) -> None:
    """Shade the doses of the label, and draw a line at the reference."""
    label = answer.question.label
    if key == DOSE and label:
        panel.axvspan(*at(label), color="0.93", zorder=0, label="within the label")
    place = float(at(float(answer.question.reference[key])))
    panel.axvline(place, color="black", linewidth=1, linestyle=":", label="reference")


def _draw_window(panel: "Axes", sheet: Sheet, answer: Answer) -> None:
    """Draw how surely points meet the window."""
    window = answer.question.window
    if not window or not window.keys() <= sheet.surface.fitted.keys():
        why = "not observed: followed for less than 365 days" if window else "none was asked for"
        panel.text(0.5, 0.5, f"therapeutic window:\n{why}", ha="center", va="center", size=11)
        panel.set_axis_off()
        return
    draw = _window_line if len(sheet.surface.scales) == 1 else _window_area
    draw(panel, sheet, answer)
    asked = (
        f"Therapeutic window: in remission on day 365\n≥ {window['remission_365']:.0%} and "
        f"severe CRS ≤ {window['severe_crs']:.0%}"
    )
    for key, value in sheet.setting.items():
        asked += f"; {_short(key)} {value_label(key, value)}"
    panel.set_title(asked, pad=8)


def _window_line(panel: "Axes", sheet: Sheet, answer: Answer) -> None:
    from matplotlib.ticker import PercentFormatter

    (scale,) = sheet.surface.scales
    values = scale.between(_BETWEEN)
    inside = sheet.surface.inside(answer.question.window, pd.DataFrame({scale.key: values}))
    panel.fill_between(scale.at(values), 0, inside, color=_SHADES[2], linewidth=0)
    panel.plot(scale.at(values), inside, color="#08519c", linewidth=2)
    _mark(panel, scale.at, scale.key, answer)
    names = [value_label(scale.key, value) for value in scale.values]
    panel.set_xticks(scale.at(scale.values), names)
    panel.set(xlim=(-0.02, 1.02), ylim=(0, 1.02), xlabel=axis_label(scale.key))
    panel.set_ylabel("how surely it is met: share of resamplings")
    panel.yaxis.set_major_formatter(PercentFormatter(1))


def _window_area(panel: "Axes", sheet: Sheet, answer: Answer) -> None:
    """Draw limits of both rates as lines, and the share of resampled surfaces as shades."""
    surface, window = sheet.surface, answer.question.window
    first, second = surface.scales
    across, up = first.between(_BETWEEN), second.between(_BETWEEN)
    points = pd.DataFrame(
        {first.key: np.tile(across, len(up)), second.key: np.repeat(up, len(across))}
    )
    x, y = first.at(across), second.at(up)
    size = (len(up), len(across))
    inside = surface.inside(window, points).reshape(size)
    panel.contourf(x, y, inside, [-0.01, *_SURE, 1.01], colors=_SHADES)
    for rate, limit in window.items():
        name, style = _LINES[rate]
        shape: Any = {"colors": [style["color"]], "linewidths": 2.4}
        shape["linestyles"] = [style.get("linestyle", "solid")]
        share = surface.rates(rate, points).reshape(size)
        if share.min() < limit < share.max():  # else it is met everywhere, or nowhere
            lines = panel.contour(x, y, share, [limit], **shape)
            text = f"{name.removeprefix('in ')} {limit:.0%}"
            panel.clabel(lines, fmt={limit: text}, fontsize=8.5)
    _finish_area(panel, sheet, answer, inside)


def _finish_area(panel: "Axes", sheet: Sheet, answer: Answer, inside: np.ndarray) -> None:
    """Name axes and shades, mark the reference and the points that were simulated."""
    from matplotlib.patches import Patch

    first, second = sheet.surface.scales
    dots = _rows(answer.summary, sheet.setting)
    panel.plot(first.at(dots[first.key]), second.at(dots[second.key]), ".", color="0.45", ms=4)
    reference = answer.question.reference
    place = (first.at(float(reference[first.key])), second.at(float(reference[second.key])))
    panel.plot(*place, "D", color="white", markeredgecolor="black", ms=8, zorder=5)
    for scale, axis in ((first, panel.xaxis), (second, panel.yaxis)):
        names = [value_label(scale.key, value) for value in scale.values]
        axis.set_ticks(scale.at(scale.values), names)
    if first.key == DOSE and answer.question.label:
        ends = first.at(answer.question.label)
        panel.plot(ends, [1.015] * 2, color="black", lw=3, solid_capstyle="butt")
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))
    panel.set(xlabel=axis_label(first.key), ylabel=axis_label(second.key))
    shares = [f"{share:.0%}" for share in _SURE]
    names = [f"< {shares[0]}", *(f"{a} to {b}" for a, b in zip(shares, shares[1:], strict=False))]
    names.append(f"≥ {shares[-1]}")
    patches = [
        Patch(facecolor=shade, edgecolor="0.5", label=name)
        for shade, name in zip(_SHADES, names, strict=True)
    ]
    legend: Any = {"fontsize": 8.5, "title_fontsize": 8.5, "loc": "lower center", "ncols": 4}
    legend |= {"frameon": False, "columnspacing": 1.0, "handlelength": 1.4}
    legend["title"] = "how surely it is met: share of resamplings (◇ reference, · points, ▬ label)"
    panel.legend(handles=patches, bbox_to_anchor=(0.5, -0.32), **legend)
    if not (inside > 0).any():
        panel.text(0.5, 0.5, "no point meets it", ha="center", size=11, weight="bold")


def _short(key: str) -> str:
    return axis_label(key).split(" (")[0]

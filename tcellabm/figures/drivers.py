"""Which covariates separate patients with severe CRS, or a relapse, from those without."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcellabm.analysis.drivers import EVENTS, LEAST_PATIENTS
from tcellabm.figures.canvas import image, look, new_figure
from tcellabm.figures.labels import axis_label, settings_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 10
_COLOR, _GRAY = "#0072b2", "0.6"


def draw_drivers(
    found: pd.DataFrame,
    notes: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
    form: str = "png",
) -> bytes:
    """Draw the covariates that separate most, for each event.

    Parameters
    ----------
    found : DataFrame
        From `analysis.drivers.drivers`.
    notes : sequence of str
        Which points and patients.
    settings : mapping, optional
        What was set for all points.
    form : str
        One of `canvas.FORMS`.

    Returns
    -------
    bytes
        An image.
    """
    with look():
        figure = new_figure(15.0, 5.6)
        panels = figure.subplots(1, len(EVENTS))
        figure.subplots_adjust(0.2, 0.16, 0.985, 0.74, wspace=0.62)
        for panel, (event, name) in zip(panels, EVENTS.items(), strict=True):
            _draw(panel, found[found["event"] == event], name)
        figure.text(0.012, 0.98, "Who is it?", va="top", fontsize=14, fontweight="bold")
        note = (
            f"{'; '.join([*notes, *settings_told(settings or {})])}. Of two patients at the same "
            "point, one with the event and one without: how often the one with it\nhas the higher "
            "value. 50 % tells nothing. Bars: 95 % limits for all covariates at once; gray: they "
            "include 50 %, so that it may be chance."
        )
        figure.text(0.012, 0.925, note, va="top", fontsize=10, linespacing=1.5)
        return image(figure, form)


def _draw(panel: "Axes", rows: pd.DataFrame, name: str) -> None:
    from matplotlib.ticker import PercentFormatter

    panel.set_title(name[:1].upper() + name[1:])
    rows = rows.head(_MOST).iloc[::-1]
    if rows.empty:
        panel.set_axis_off()
        why = f"fewer than {LEAST_PATIENTS} patients\nwith it, or without it"
        panel.text(0.5, 0.5, why, transform=panel.transAxes, ha="center", va="center", size=11)
        return
    for y, row in enumerate(rows.to_dict("records")):
        color = _COLOR if row["separates"] else _GRAY
        whisker = [[row["higher"] - row["higher_low"]], [row["higher_high"] - row["higher"]]]
        style: Any = {"color": color, "capsize": 4, "markersize": 7, "linewidth": 1.6}
        marker: Any = {"markerfacecolor": color if row["separates"] else "white"}
        panel.errorbar(row["higher"], y, xerr=whisker, fmt="o", **style, **marker)
    panel.axvline(0.5, color="black", linewidth=0.9)
    labels = [axis_label(key).split(" (")[0] for key in rows["covariate"]]
    panel.set_yticks(np.arange(len(rows)), labels)
    panel.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    panel.xaxis.set_major_formatter(PercentFormatter(1))
    last = rows.iloc[0]
    counts = f"{last['patients']} patients had it at some point, {last['others']} did not at some"
    panel.set_xlabel(f"← lower with the event        higher with the event →\n{counts}")
    panel.grid(axis="x", color="0.9")

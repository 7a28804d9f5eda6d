"""Marginal curves: each rate along each axis, over all that differs in other axes."""

from collections.abc import Mapping, Sequence

import pandas as pd

from tcellabm.analysis.summary import RATES, pooled
from tcellabm.figures.canvas import image, look, new_figure
from tcellabm.figures.labels import axis_label, settings_told
from tcellabm.figures.map import patients_told
from tcellabm.figures.rates import TITLES, draw_points

_BINS = 8
_TOP, _BOTTOM, _ROW = 1.25, 0.75, 3.0  # inches


def draw_curves(
    outcomes: pd.DataFrame,
    axes: Sequence[str],
    settings: Mapping[str, object] | None = None,
    form: str = "png",
) -> bytes:
    """Draw every rate along every axis.

    Parameters
    ----------
    outcomes : DataFrame
        A row per run, as in `outcomes.parquet`.
    axes : sequence of str
        Columns that are axes; at least one.
    settings : mapping, optional
        What was set for all points.
    form : str
        One of `canvas.FORMS`.

    Returns
    -------
    bytes
        An image.
    """
    height = _TOP + _BOTTOM + _ROW * len(axes)
    with look():
        figure = new_figure(15.0, height)
        grid = figure.subplots(len(axes), len(RATES), squeeze=False)
        figure.subplots_adjust(
            0.045, _BOTTOM / height, 0.985, 1 - _TOP / height, wspace=0.16, hspace=0.38
        )
        for key, panels in zip(axes, grid, strict=True):
            points = pooled(outcomes, [key], _BINS).assign(best=False)
            for rate, panel in zip(RATES, panels, strict=True):
                draw_points(panel, points, [key], rate, joined=True)
        for rate, panel in zip(RATES, grid[0], strict=True):
            panel.set_title(TITLES[rate], pad=8)
        notes = [patients_told(points), *settings_told(settings or {})]
        title = f"Along {', '.join(axis_label(key).split(' (')[0] for key in axes)}"
        figure.text(0.012, 1 - 0.12 / height, title, va="top", fontsize=14, fontweight="bold")
        note = (
            f"{'; '.join(notes)}. Percent of all infused, over all values of the other axes; "
            "whiskers: 95 % interval, the same patient counted once where runs are alike."
        )
        figure.text(0.012, 1 - 0.46 / height, note, va="top", fontsize=10)
        return image(figure, form)

"""The table of a sweep's points: rates, differences from the reference, smooth rates, window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.cube import Cube, cube_of
from tcellabm.analysis.paired import differences
from tcellabm.analysis.summary import RATES, summarize
from tcellabm.analysis.surface import Surface, scales_of, smooth
from tcellabm.params import Question

DIFFERENCE = ("difference", "difference_low", "difference_high", "resolved")
SMOOTH = ("smooth", "smooth_low", "smooth_high")
INSIDE = "in_window"
_MOST_SURFACES = 12
_AXES = 2  # of a surface


@dataclass(frozen=True)
class Sheet:
    """One surface, of the points that are equal in all further axes.

    Attributes
    ----------
    setting : dict
        Values of the further axes; empty if there are none.
    surface : Surface
        Over one or two axes.
    """

    setting: dict[str, Any]
    surface: Surface


@dataclass(frozen=True)
class Answer:
    """What a sweep says.

    Attributes
    ----------
    summary : DataFrame
        A row per point: what `summarize` returns, then the columns of DIFFERENCE and of SMOOTH
        for each rate, then `in_window`: the share of resampled surfaces that meet the window.
    sheets : tuple of Sheet
        The surfaces; empty where no axis can be smoothed, and without a reference.
    question : Question
        What was asked.
    critical : float
        Standard errors from a difference to its simultaneous limits; NaN without a reference.
    """

    summary: pd.DataFrame
    sheets: tuple[Sheet, ...]
    question: Question
    critical: float = math.nan

    @property
    def reference(self) -> int | None:
        """Which row is the reference; None if there is none, or none of its runs has ended."""
        return place_of(self.summary, self.question)


def place_of(points: pd.DataFrame, question: Question) -> int | None:
    """Return which row of a table of points is the reference."""
    same = np.full(len(points), bool(question.reference))
    for key, value in question.reference.items():
        same &= (points[key] == value).to_numpy() if key in points else False
    places = np.flatnonzero(same)
    return int(places[0]) if len(places) else None


def answer(
    outcomes: pd.DataFrame,
    keys: Sequence[str],
    question: Question,
    rates: pd.DataFrame | None = None,
) -> Answer:
    """Answer a question from runs.

    Parameters
    ----------
    outcomes : DataFrame
        A row per run, as in `outcomes.parquet`.
    keys : sequence of str
        Columns that tell points apart.
    question : Question
        What they are held against; without a reference there are no differences and surfaces. Of
        the reference only these keys count: over all that differs else, a patient's runs are
        averaged.
    rates : DataFrame, optional
        Rates by point, to be used in the place of `summarize`.

    Returns
    -------
    Answer
        With its table of points.
    """
    asked = {key: value for key, value in question.reference.items() if key in keys}
    question = replace(question, reference=asked)
    summary = summarize(outcomes, keys) if rates is None else rates
    place = place_of(summary, question)
    sheets: tuple[Sheet, ...] = ()
    critical = math.nan
    if place is not None:
        cube = cube_of(outcomes, keys)
        origin = cube.place(question.reference)
        assert origin is not None
        table, critical = differences(cube, origin)
        summary = summary.merge(cube.points.join(table), on=list(keys), how="left")
        sheets = _sheets(cube, keys)
    for rate in RATES:
        for name in () if place is not None else DIFFERENCE:
            summary[f"{rate}_{name}"] = False if name == "resolved" else math.nan
    return Answer(_with_smooth(summary, sheets, question), sheets, question, critical)


def smooth_axes(points: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Return the axes that a surface goes over: the first that are numbers of several values."""
    return [key for key in keys if scales_of(points, [key])][:_AXES]


def _sheets(cube: Cube, keys: Sequence[str]) -> tuple[Sheet, ...]:
    """Fit a surface for each combination of what is not smoothed."""
    axes = smooth_axes(cube.points, keys)
    further = [key for key in keys if key not in axes]
    groups = [((), cube.points)]
    if further:
        groups = list(cube.points.groupby(further, sort=False, dropna=False))
    if not axes or len(groups) > _MOST_SURFACES:
        return ()
    sheets = []
    for values, points in groups:
        surface = smooth(cube.part(points.index.to_numpy()), axes)
        if surface is not None:
            sheets.append(Sheet(dict(zip(further, values, strict=True)), surface))
    return tuple(sheets)


def _with_smooth(
    summary: pd.DataFrame, sheets: tuple[Sheet, ...], question: Question
) -> pd.DataFrame:
    """Add smooth rates with their bands, and how surely each point is in the window."""
    table = summary.copy()
    for name in [*(f"{rate}_{name}" for rate in RATES for name in SMOOTH), INSIDE]:
        table[name] = math.nan
    for sheet in sheets:
        rows = np.ones(len(table), bool)
        for key, value in sheet.setting.items():
            rows &= (table[key] == value).to_numpy()
        points, surface = table[rows], sheet.surface
        for rate in surface.fitted:
            columns = (surface.rates(rate, points), *surface.band(rate, points))
            for name, values in zip(SMOOTH, columns, strict=True):
                table.loc[rows, f"{rate}_{name}"] = values
        table.loc[rows, INSIDE] = surface.inside(question.window, points)
    return table

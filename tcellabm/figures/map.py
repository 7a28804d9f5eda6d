"""The map of a sweep: how often remission, how often severe toxicity, at every grid point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from tcellabm.analysis.answer import Answer
from tcellabm.analysis.summary import RATES, TRADE_OFF, pareto_front, wilson
from tcellabm.figures.canvas import image, look, new_figure
from tcellabm.figures.differences import (
    draw_difference_cells,
    draw_difference_points,
    has_differences,
)
from tcellabm.figures.labels import axis_label, place_axes, settings_told, value_label
from tcellabm.figures.rates import TITLES, draw_heat, draw_points
from tcellabm.figures.squares import LEGEND
from tcellabm.figures.window import PANELS, draw_sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_FACETS = 6
_PANEL_INCHES = {0: 2.4, 1: 3.6, 2: 4.3}
_SHEET_INCHES = 4.6


def draw_map(
    summary: pd.DataFrame,
    axes: Sequence[str],
    settings: Mapping[str, object] | None = None,
    notes: Sequence[str] = (),
    answer: Answer | None = None,
    form: str = "png",
) -> bytes:
    """Draw the three rates of a sweep over its axes.

    Two axes give heat maps, one gives points, none a single one. Of further axes, each
    combination gets a row of its own; if that were more than six, they are averaged. Where points
    are held against a reference, those that differ from it are colored and all others gray; where
    there is one surface, it is drawn below with its band and the therapeutic window.

    Parameters
    ----------
    summary : DataFrame
        A row per grid point, as `analysis.summary.summarize` returns it.
    axes : sequence of str
        Columns that are axes.
    settings : mapping, optional
        What was set for all points, shown above the map.
    notes : sequence of str
        What else to tell there.
    answer : Answer, optional
        What the points were held against, with surfaces; its own table is `summary`.
    form : str
        One of `canvas.FORMS`.

    Returns
    -------
    bytes
        An image.
    """
    within, further = place_axes(axes)
    notes = [*notes, patients_told(summary), *settings_told(settings or {})]
    if further and len(summary[further].drop_duplicates()) > _MOST_FACETS:
        notes.append(f"averaged over {', '.join(map(axis_label, further))}")
        summary, further = _averaged(summary, within), []
    held = has_differences(summary)
    if answer is not None and answer.question.reference and not held:
        notes.append("nothing to compare with: the reference has no finished runs")
    front = pareto_front(*(summary[rate].to_numpy(float) for rate in TRADE_OFF))
    summary = summary.assign(best=front & (len(summary) > 1) & (not held))
    with look():
        page = _Page(_facets(summary, further), within, notes, answer if held else None)
        return image(_figure(page), form)


def patients_told(summary: pd.DataFrame) -> str:
    """Say how many patients a rate is of."""
    count = summary["patients" if "patients" in summary else "n"]
    least, most = int(count.min()), int(count.max())
    n = f"{most}" if least == most else f"{least} to {most}"
    people = "patient" if n == "1" else "patients"
    same = " per point, the same at every point" if len(summary) > 1 else ""
    return f"{n} virtual {people}{same}"


def _averaged(summary: pd.DataFrame, axes: list[str]) -> pd.DataFrame:
    """Average over all points that differ in other axes only.

    They are the same patients each time, so intervals get no narrower by it.
    """
    groups = summary.groupby(axes, sort=False)
    means = groups[["n", *RATES]].agg(lambda values: values.mean(skipna=False)).reset_index()
    for rate in RATES:
        counts = zip(means[rate] * means["n"], means["n"], strict=True)
        bounds = [wilson(successes, n) for successes, n in counts]
        means[[f"{rate}_low", f"{rate}_high"]] = bounds
    return means


@dataclass(frozen=True)
class _Facet:
    title: str
    points: pd.DataFrame


def _facets(summary: pd.DataFrame, further: list[str]) -> list[_Facet]:
    if not further:
        return [_Facet("", summary)]
    return [
        _Facet(_setting(further, values), points)
        for values, points in summary.groupby(further, sort=False)
    ]


def _setting(keys: list[str], values: tuple[object, ...]) -> str:
    pairs = zip(keys, values, strict=True)
    return "; ".join(f"{axis_label(key)}: {value_label(key, value)}" for key, value in pairs)


@dataclass(frozen=True)
class _Page:
    """What is drawn: rows of panels, what is written above them, what points are held against."""

    facets: list[_Facet]
    axes: list[str]
    notes: list[str]
    answer: Answer | None

    @property
    def sheets(self) -> int:
        """How many rows of panels the surfaces get: of several they have a figure of their own."""
        return 1 if self.answer is not None and len(self.answer.sheets) == 1 else 0


def _figure(page: _Page) -> "Figure":
    rows = len(page.facets)
    top = (1.5 if page.facets[0].title else 1.3) + (0.3 if page.answer else 0.0)
    heights = [_PANEL_INCHES[len(page.axes)]] * rows + [_SHEET_INCHES] * page.sheets
    bottom = 1.5 if page.sheets else 0.75
    height = top + bottom + sum(heights)
    figure = new_figure(15.0, height)
    shape: Any = {"squeeze": False, "gridspec_kw": {"height_ratios": heights}}
    grid = figure.subplots(len(heights), len(RATES), **shape)
    space = {"wspace": 0.16, "hspace": 0.27 if page.sheets else 0.32}
    figure.subplots_adjust(0.045, bottom / height, 0.985, 1 - top / height, **space)
    for facet, panels in zip(page.facets, grid, strict=False):
        for rate, panel in zip(RATES, panels, strict=True):
            title = TITLES[rate] + (f"\n{facet.title}" if facet.title else "")
            panel.set_title(title, pad=22 if page.answer else 8)
            _draw(panel, facet.points, page, rate)
    if page.answer is not None and page.sheets:
        draw_sheet(grid[-1][:PANELS], page.answer.sheets[0], page.answer)
        grid[-1][0].legend(loc="lower left", bbox_to_anchor=(0.0, -0.32), ncols=3, frameon=False)
    _head(figure, page)
    return figure


def _draw(panel: "Axes", points: pd.DataFrame, page: _Page, rate: str) -> None:
    """Draw one rate, against the reference if there is one."""
    if page.answer is None:
        (draw_heat if len(page.axes) == 2 else draw_points)(panel, points, page.axes, rate)
        return
    place, label = page.answer.reference, page.answer.question.label
    if len(page.axes) == 2:
        draw_difference_cells(panel, points, page.axes, rate, place, label)
    else:
        draw_difference_points(panel, points, page.axes, rate, place)


def _head(figure: "Figure", page: _Page) -> None:
    height = figure.get_figheight()
    title = "CAR T cells against leukemia: remission and severe cytokine release syndrome (CRS)"
    figure.text(0.012, 1 - 0.12 / height, title, va="top", fontsize=14, fontweight="bold")
    lines = [f"{'; '.join(page.notes)}. Percent of all infused, with its 95 % interval."]
    if page.answer is not None:
        lines.append(LEGEND)
    if page.sheets:
        lines.append(
            "Below: penalized logistic surface with its 95 % band over resampled patients; "
            "open marks are the points as simulated."
        )
    if any(facet.points["best"].any() for facet in page.facets):
        lines.append(
            "★ best trade-offs (Pareto): no other point is at least as good in both remission on "
            "day 365 and severe CRS, and better in one. Where intervals overlap, chance may decide."
        )
    figure.text(0.012, 1 - 0.44 / height, "\n".join(lines), va="top", fontsize=10, linespacing=1.5)

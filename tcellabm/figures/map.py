"""The map of a sweep: how often remission, how often severe toxicity, at every grid point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from tcellabm.analysis.summary import RATES, TRADE_OFF, pareto_front, wilson
from tcellabm.figures.canvas import look, new_figure, png
from tcellabm.figures.labels import axis_label, place_axes, value_label
from tcellabm.figures.rates import TITLES, draw_heat, draw_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_FACETS = 6
_PANEL_INCHES = {0: 2.4, 1: 3.6, 2: 4.3}


def draw_map(
    summary: pd.DataFrame,
    axes: Sequence[str],
    settings: Mapping[str, object] | None = None,
    notes: Sequence[str] = (),
) -> bytes:
    """Draw the three rates of a sweep over its axes.

    Two axes give heat maps, one gives lines, none a row of points. Of further axes, each
    combination gets a row of its own; if that were more than six, they are averaged.

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

    Returns
    -------
    bytes
        A PNG image.
    """
    within, further = place_axes(axes)
    notes = [*notes, patients_told(summary), *settings_told(settings or {})]
    if further and len(summary[further].drop_duplicates()) > _MOST_FACETS:
        notes.append(f"averaged over {', '.join(map(axis_label, further))}")
        summary, further = _averaged(summary, within), []
    front = pareto_front(*(summary[rate].to_numpy(float) for rate in TRADE_OFF))
    summary = summary.assign(best=front & (len(summary) > 1))
    with look():
        return png(_figure(_facets(summary, further), within, notes))


def patients_told(summary: pd.DataFrame) -> str:
    """Say how many patients a rate is of."""
    count = summary["patients" if "patients" in summary else "n"]
    least, most = int(count.min()), int(count.max())
    n = f"{most}" if least == most else f"{least} to {most}"
    people = "patient" if n == "1" else "patients"
    same = " per point, the same at every point" if len(summary) > 1 else ""
    return f"{n} virtual {people}{same}"


def settings_told(settings: Mapping[str, object]) -> list[str]:
    """Say what was set for all points."""
    shown = {key: value for key, value in settings.items() if not key.startswith("sweep.")}
    text = ", ".join(
        f"{axis_label(key)} = {value_label(key, value)}" for key, value in shown.items()
    )
    return [f"set: {text if len(text) <= 90 else text[:87] + '...'}"] if text else []


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


def _figure(facets: list[_Facet], axes: list[str], notes: list[str]) -> "Figure":
    top = 1.5 if facets[0].title else 1.3
    height = top + 0.75 + _PANEL_INCHES[len(axes)] * len(facets)
    figure = new_figure(15.0, height)
    grid = figure.subplots(len(facets), len(RATES), squeeze=False)
    space = {"wspace": 0.16, "hspace": 0.32}
    figure.subplots_adjust(0.045, 0.75 / height, 0.985, 1 - top / height, **space)
    for facet, panels in zip(facets, grid, strict=True):
        for rate, panel in zip(RATES, panels, strict=True):
            panel.set_title(TITLES[rate] + (f"\n{facet.title}" if facet.title else ""), pad=8)
            draw = draw_heat if len(axes) == 2 else draw_points
            draw(panel, facet.points, axes, rate)
    _head(figure, notes, any(facet.points["best"].any() for facet in facets))
    return figure


def _head(figure: "Figure", notes: list[str], stars: bool) -> None:
    height = figure.get_figheight()
    title = "CAR T cells against leukemia: remission and severe cytokine release syndrome (CRS)"
    figure.text(0.012, 1 - 0.12 / height, title, va="top", fontsize=14, fontweight="bold")
    lines = [f"{'; '.join(notes)}. Percent of all infused, with its 95 % interval."]
    if stars:
        lines.append(
            "★ best trade-offs (Pareto): no other point is at least as good in both remission on "
            "day 365 and severe CRS, and better in one. Where intervals overlap, chance may decide."
        )
    figure.text(0.012, 1 - 0.44 / height, "\n".join(lines), va="top", fontsize=10, linespacing=1.5)

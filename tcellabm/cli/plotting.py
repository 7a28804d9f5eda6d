"""Figures of a sweep: which, of what, and where they are written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tcellabm.cli.options import refuse

if TYPE_CHECKING:
    import pandas as pd

    from tcellabm.experiments.results.outcomes import Opened, Result
    from tcellabm.experiments.studies.sensitivity import Study
    from tcellabm.params import Question

LIMITS = ("remission_365", "severe_crs")
_WINDOW = (0.6, 0.3)  # of a sweep that asks for none
_BINS = 6  # of an axis of a map that has too many values to show


def map_of(result: "Result") -> bytes:
    """Draw the map of a sweep as it computes, or when it is done."""
    from tcellabm.analysis.summary import pooled
    from tcellabm.figures import draw_map

    notes = _so_far(result.done, result.total)
    if result.is_grid:
        return draw_map(result.summary, result.keys, result.settings, notes, result.answer)
    shown = _first_two(result.keys)
    points = pooled(result.outcomes, shown, _BINS)
    notes += _over(result.keys, shown) + _binned(result.outcomes, shown)
    return draw_map(points, shown, result.settings, notes)


def sensitivity_of(study: "Study", result: "Result") -> dict[str, bytes]:
    """Analyze the runs of a sensitivity study; return table and figures by file name."""
    from tcellabm.analysis.indices import as_csv
    from tcellabm.figures import draw_indices, draw_tornado

    table = study.analyze(result.outcomes)
    failed = f", of which {result.errors} failed" if result.errors else ""
    notes = [f"{study.method.capitalize()}, {result.total} runs{failed}."]
    settings = result.settings
    return {
        "indices.csv": as_csv(table),
        "tornado.png": draw_tornado(table, notes, settings),
        "indices.png": draw_indices(table, notes, settings),
    }


def figures_of(
    sweep: "Opened",
    axes: Sequence[str],
    limits: tuple[float | None, float | None] = (None, None),
    separating: "pd.DataFrame | None" = None,
    forms: Sequence[str] = ("png",),
) -> dict[str, bytes]:
    """Draw all figures of a sweep, by file name.

    Parameters
    ----------
    sweep : Opened
        Its folder, read.
    axes : sequence of str
        Those of the map; by default the first two.
    limits : tuple of float
        The window: least remission, most severe CRS; None for those of the sweep.
    separating : DataFrame, optional
        From `analysis.drivers.drivers`.
    forms : sequence of str
        Of `figures.canvas.FORMS`.

    Returns
    -------
    dict of str to bytes
        `map`, `curves` and others, with the form as ending.
    """
    files: dict[str, bytes] = {}
    for name, draw in _drawings(sweep, axes, limits, separating).items():
        files |= {f"{name}.{form}": draw(form) for form in forms}
    return files


def _drawings(
    sweep: "Opened",
    axes: Sequence[str],
    limits: tuple[float | None, float | None],
    separating: "pd.DataFrame | None",
) -> dict[str, Callable[[str], bytes]]:
    """Return what draws each figure in a given form."""
    from tcellabm import figures
    from tcellabm.analysis.answer import answer
    from tcellabm.analysis.summary import pooled

    runs, settings = sweep.outcomes, sweep.settings
    shown = list(axes) or _first_two(sweep.keys)
    so_far = _so_far(len(runs), sweep.wanted)
    notes = so_far + _over(sweep.keys, shown) + _binned(runs, shown)
    question = _asked(sweep.question, limits)
    points = pooled(runs, shown, _BINS)
    held = answer(runs, shown, question, points) if sweep.is_grid else None
    summary = points if held is None else held.summary
    drawings: dict[str, Callable[[str], bytes]] = {
        "map": lambda form: figures.draw_map(summary, shown, settings, notes, held, form)
    }
    if sweep.keys:
        drawings["curves"] = lambda form: figures.draw_curves(runs, sweep.keys, settings, form)
    named = sweep.keys if sweep.is_grid else shown
    every = pooled(runs, named) if sweep.is_grid else points
    benefit = "remission" if every["remission_365"].isna().all() else "remission_365"
    window = tuple(question.window.values()) or _WINDOW
    drawings["tradeoff"] = lambda form: figures.draw_tradeoff(
        every, named, benefit, (window[0], window[1]), settings, form
    )
    whole = held
    if sweep.is_grid and list(shown) != list(sweep.keys):
        whole = answer(runs, sweep.keys, question)
    if whole is not None and whole.sheets and (whole is not held or len(whole.sheets) > 1):
        sheets = whole  # one that is on the map itself needs no figure of its own
        drawings["window"] = lambda form: figures.draw_sheets(sheets, so_far, settings, form)
    if separating is not None:
        drawings["drivers"] = lambda form: figures.draw_drivers(separating, so_far, settings, form)
    return drawings


def _asked(question: "Question", limits: tuple[float | None, float | None]) -> "Question":
    """Return the question with the limits that the user gave in the place of its own."""
    if limits == (None, None):
        return question
    own = dict(zip(LIMITS, tuple(question.window.values()) or _WINDOW, strict=True))
    given = {name: limit for name, limit in zip(LIMITS, limits, strict=True) if limit is not None}
    return replace(question, window=own | given)


def _so_far(done: int, wanted: int) -> list[str]:
    return [f"{done} of {wanted} runs so far"] if done < wanted else []


def _first_two(keys: Sequence[str]) -> list[str]:
    from tcellabm.figures.labels import place_axes

    return place_axes(keys)[0]


def _over(keys: Sequence[str], shown: Sequence[str]) -> list[str]:
    from tcellabm.figures.labels import axis_label

    further = [axis_label(key).split(" (")[0] for key in keys if key not in shown]
    return [f"over all values of {', '.join(further)}"] if further else []


def _binned(runs: "pd.DataFrame", shown: Sequence[str]) -> list[str]:
    from tcellabm.analysis.summary import MOST_VALUES

    if all(runs[key].nunique() <= MOST_VALUES for key in shown):
        return []
    return ["axes in bins of equal counts, named by their median"]


def chosen(sweep: "Opened", x: str | None, y: str | None) -> list[str]:
    """Return the axes that the user asks for.

    Parameters
    ----------
    sweep : Opened
        The sweep, read from its folder.
    x, y : str, optional
        `--x` and `--y`.

    Returns
    -------
    list of str
        None to two keys, the one across first.

    Raises
    ------
    InputError
        No axis of the sweep, or the same twice.
    """
    wanted = [key for key in (x, y) if key is not None]
    for key in wanted:
        if key not in sweep.keys:
            allowed = f"allowed: {', '.join(sweep.keys) or 'none, the sweep has no axes'}"
            refuse(f"{key} is no axis", "--x or --y", allowed)
    if len(set(wanted)) < len(wanted):
        refuse(f"{x} on both axes", "--x and --y", "allowed: two that differ")
    return wanted


def write(folder: Path, files: Mapping[str, bytes]) -> str:
    """Write files into a folder; return what to say."""
    from tcellabm.disk import write_whole

    for name, content in files.items():
        write_whole(folder / name, content)
    return f"wrote {folder}: {', '.join(files)}"

"""The numbers of a report: points, patients, runs, packed courses, as JSON values."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm.analysis.answer import Answer
from tcellabm.analysis.fates import FATES, fates
from tcellabm.analysis.packed import MISSING, QUANTITIES, grid
from tcellabm.analysis.sentences import sentences
from tcellabm.analysis.summary import binned, pooled
from tcellabm.figures import labels
from tcellabm.figures.labels import place_axes
from tcellabm.figures.report import maps

MOST_RUNS = 10_000  # whose patients are on the page
_BINS = 6  # of an axis that has too many values to show one by one
_DAYS = ("remission_day", "relapse_day", "death_day")
_COUNTS = ("crs_grade_penn", "icans_grade", "tocilizumab_doses", "steroid_doses")
_TEXTS = ("relapse_phenotype", "death_cause")


class Played(NamedTuple):
    """How the command line and the class page are told of a point, or of a patient's own values.

    Attributes
    ----------
    command : str
        Words to add to the command line.
    query : str
        What to add to the query of the class page's address.
    why_no_command, why_no_query : str
        Why there is none; empty if there is.
    """

    command: str = ""
    query: str = ""
    why_no_command: str = ""
    why_no_query: str = ""


@dataclass(frozen=True)
class Contents:
    """What a report shows.

    Attributes
    ----------
    runs : DataFrame
        A row per run, as in `outcomes.parquet`.
    keys : sequence of str
        Columns that tell points apart.
    is_grid : bool
        Whether points are all combinations of values.
    answer : Answer
        What the runs say of each point, and what points are held against.
    notes : sequence of str
        What to tell above the map.
    footer : str
        Where it comes from.
    courses : mapping of str to bytes
        Packed courses by `run_id`, see `analysis.packed`.
    days : float
        Follow-up of the longest run.
    own : sequence of str
        Columns that are set for each patient: of a posterior, or of a cohort file.
    of_point, of_patient : callable
        How to play a point, and a patient's own settings.
    """

    runs: pd.DataFrame
    keys: Sequence[str]
    is_grid: bool
    answer: Answer
    notes: Sequence[str]
    footer: str
    courses: Mapping[str, bytes]
    days: float
    own: Sequence[str]
    of_point: Callable[[dict[str, Any]], Played]
    of_patient: Callable[[dict[str, Any]], Played]


def tables(contents: Contents) -> dict[str, Any]:
    """Return all that the page shows as JSON values."""
    runs = contents.runs[contents.runs["error"] == ""].reset_index(drop=True)
    answer = contents.answer
    within, further = place_axes(contents.keys)
    further = further if contents.is_grid else []
    shown = runs.assign(**{key: binned(runs[key], _BINS) for key in [*within, *further]})
    points = answer.summary if contents.is_grid else pooled(shown, [*within, *further])
    cells = maps.cells(points, [*within, *further], answer.reference if contents.is_grid else None)
    place = {_name(cell["values"]): number for number, cell in enumerate(cells)}
    names = [_name(values) for values in _rows(shown, [*within, *further])]
    included = _first_patients(runs, contents.keys)
    return {
        "notes": [*contents.notes, *_left_out(runs, included)],
        "sentences": sentences(answer, labels),
        "legend": maps.legend(answer, points, within),
        "panels": maps.panels(answer, points),
        "label": maps.within_label(answer.question.label, within, cells),
        "footer": contents.footer,
        "first": next((n for n, cell in enumerate(cells) if cell["reference"]), len(cells) // 2),
        "axes": [maps.axis(key, cells, number) for number, key in enumerate(within)],
        "facets": maps.facets(cells, further, len(within)),
        "cells": cells,
        "points": _points(contents, runs[included]),
        "patients": _patients(contents, runs[included]),
        "runs": _runs(
            contents,
            runs[included],
            [place[name] for name, k in zip(names, included, strict=True) if k],
        ),
        "fates": list(FATES),
        "days": [float(day) for day in grid(contents.days)],
        "quantities": [quantity._asdict() for quantity in QUANTITIES],
        "courses": _courses(contents, runs[included]),
    }


def _rows(table: pd.DataFrame, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    if not keys:
        return [()] * len(table)
    return list(table[list(keys)].itertuples(index=False, name=None))


def _name(values: Sequence[Any]) -> str:
    return repr([value.item() if isinstance(value, np.generic) else value for value in values])


def _first_patients(runs: pd.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """Mark the runs on the page: of the same first patients at every point."""
    points = max(1, len(runs[list(keys)].drop_duplicates())) if keys else 1
    first = (runs["patient"] < max(1, MOST_RUNS // points)).to_numpy()
    marked: np.ndarray = first & (np.cumsum(first) <= MOST_RUNS)
    return marked


def _left_out(runs: pd.DataFrame, included: np.ndarray) -> list[str]:
    if included.all():
        return []
    return [f"Patients of {included.sum()} runs are shown one by one, rates are of all {len(runs)}"]


def _points(contents: Contents, runs: pd.DataFrame) -> list[dict[str, str]]:
    """Return how each point is played, in the order in which runs name them."""
    keys = list(contents.keys)
    rows = dict.fromkeys(_rows(runs, keys))
    points = (dict(zip(keys, map(maps.plain, row), strict=True)) for row in rows)
    return [contents.of_point(point)._asdict() for point in points]


def _patients(contents: Contents, runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return number, seed and own settings of each patient; a seed is text, too long for JSON."""
    first = runs.drop_duplicates("seed")
    own = _rows(first, contents.own)
    listed = zip(first["patient"], first["seed"], own, strict=True)
    return [
        {"number": int(number), "seed": str(seed)}
        | contents.of_patient(_given(contents, values))._asdict()
        for number, seed, values in listed
    ]


def _given(contents: Contents, values: Sequence[Any]) -> dict[str, Any]:
    """Return what is set for a patient: a number that is none was drawn."""
    pairs = zip(contents.own, map(maps.plain, values), strict=True)
    return {key: value for key, value in pairs if value == value}


def _runs(contents: Contents, runs: pd.DataFrame, cells: list[int]) -> dict[str, list[Any]]:
    """Return the columns of the table of patients, a place per run."""
    point = {row: number for number, row in enumerate(dict.fromkeys(_rows(runs, contents.keys)))}
    who = {seed: number for number, seed in enumerate(runs["seed"].unique().tolist())}
    table: dict[str, list[Any]] = {
        "cell": cells,
        "point": [point[row] for row in _rows(runs, contents.keys)],
        "who": [who[seed] for seed in runs["seed"].tolist()],
        "fate": [FATES.index(fate) for fate in fates(runs)],
        "remission": runs["remission"].astype(int).tolist(),
        "mrd_negative": runs["mrd_negative"].astype(int).tolist(),
        "cured": runs["cured"].astype(int).tolist(),
    }
    for name in (*_DAYS, "icu_days", "followed_days"):
        table[name] = [maps.number(value, 1) for value in runs[name].tolist()]
    for name in _COUNTS:
        table[name] = [int(value) for value in runs[name].tolist()]
    for name in _TEXTS:
        table[name] = runs[name].tolist()
    return table


def _courses(contents: Contents, runs: pd.DataFrame) -> str:
    """Return the packed courses one after the other, all of the longest's length, as base64."""
    rows = len(QUANTITIES) + 1
    length = len(grid(contents.days))
    packed = []
    for name in runs["run_id"]:
        course = np.frombuffer(contents.courses.get(name, b""), np.uint8).reshape(rows, -1)
        whole = np.full((rows, length), MISSING, np.uint8)
        whole[:, : course.shape[1]] = course[:, :length]
        packed.append(whole.tobytes())
    return base64.b64encode(b"".join(packed)).decode()

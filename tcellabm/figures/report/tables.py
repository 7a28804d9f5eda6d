"""The numbers of a report: points, patients, runs, packed courses, as JSON values."""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm.analysis.fates import FATES, fates
from tcellabm.analysis.packed import MISSING, QUANTITIES, grid
from tcellabm.analysis.summary import RATES, binned, pooled
from tcellabm.figures.labels import axis_label, place_axes, value_label

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
    summary : DataFrame
        A row per point, as `analysis.answer.answer` returns it.
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
    summary: pd.DataFrame
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
    within, further = place_axes(contents.keys)
    further = further if contents.is_grid else []
    shown = runs.assign(**{key: binned(runs[key], _BINS) for key in [*within, *further]})
    cells = _cells(contents, runs, shown, within, further)
    place = {_name(cell["values"]): number for number, cell in enumerate(cells)}
    names = [_name(values) for values in _rows(shown, [*within, *further])]
    included = _first_patients(runs, contents.keys)
    return {
        "notes": [*contents.notes, *_left_out(runs, included)],
        "footer": contents.footer,
        "first": len(cells) // 2,
        "axes": [_axis(key, cells, number) for number, key in enumerate(within)],
        "facets": _facets(cells, further, len(within)),
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


def _cells(
    contents: Contents,
    runs: pd.DataFrame,
    shown: pd.DataFrame,
    within: list[str],
    further: list[str],
) -> list[dict[str, Any]]:
    """Return a cell per square of the maps, with its rates."""
    keys = [*within, *further]
    table = contents.summary if contents.is_grid else pooled(shown, keys)
    rows = table.to_dict("records")
    cells = [_cell(row, keys) for row in rows]
    order = sorted(range(len(cells)), key=lambda number: _sorting(cells[number]["values"]))
    return [cells[number] for number in order]


def _sorting(values: Sequence[Any]) -> list[tuple[bool, Any]]:
    return [(isinstance(value, str), value) for value in values]


def _cell(row: Mapping[Any, Any], keys: Sequence[str]) -> dict[str, Any]:
    values = [row[key] for key in keys]
    rates = {rate: [_number(row[rate + end]) for end in ("", "_low", "_high")] for rate in RATES}
    cell = {"values": [_plain(value) for value in values], "n": int(row["n"]), "rates": rates}
    cell["labels"] = [value_label(key, value) for key, value in zip(keys, values, strict=True)]
    if f"{RATES[0]}_difference" in row:
        cell["differences"] = {rate: _difference(row, rate) for rate in RATES}
    return cell


def _difference(row: Mapping[Any, Any], rate: str) -> list[Any]:
    numbers = [_number(row[f"{rate}_difference{end}"]) for end in ("", "_low", "_high")]
    return [*numbers, bool(row[f"{rate}_resolved"])]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _number(value: Any, digits: int = 4) -> float | None:
    number = float(value)
    return round(number, digits) if math.isfinite(number) else None


def _axis(key: str, cells: list[dict[str, Any]], number: int) -> dict[str, Any]:
    values = {cell["labels"][number]: cell["values"][number] for cell in cells}
    labels = sorted(values, key=lambda label: _sorting([values[label]]))
    return {"key": key, "label": axis_label(key), "values": labels}


def _facets(cells: list[dict[str, Any]], further: list[str], start: int) -> list[str]:
    """Give each cell the number of its small multiple; return the titles of these."""
    titles: dict[str, int] = {}
    for cell in cells:
        pairs = zip(further, cell["labels"][start:], strict=True)
        title = "; ".join(f"{axis_label(key)}: {label}" for key, label in pairs)
        cell["facet"] = titles.setdefault(title, len(titles))
    return list(titles)


def _points(contents: Contents, runs: pd.DataFrame) -> list[dict[str, str]]:
    """Return how each point is played, in the order in which runs name them."""
    keys = list(contents.keys)
    rows = dict.fromkeys(_rows(runs, keys))
    return [
        contents.of_point(dict(zip(keys, map(_plain, row), strict=True)))._asdict() for row in rows
    ]


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
    pairs = zip(contents.own, map(_plain, values), strict=True)
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
        table[name] = [_number(value, 1) for value in runs[name].tolist()]
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

"""A hundred patients on a grid: how each ended, and what is asked about them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tcellabm.analysis.words import cells
from tcellabm.app import stories
from tcellabm.app.classroom.trees import Run
from tcellabm.app.ending import ending

FILE = Path(stories.FILE).with_name("hundred.toml")
LETTERS = {"remission": "r", "relapse": "l", "no_remission": "n", "death": "d"}
_NAMES = ("dose", "persistence", "policy")  # of the axes, in questions


class Axis(NamedTuple):
    """One slider: its name, and what its values are called, in full and in short."""

    key: str
    name: str
    values: tuple[str, ...]
    short: tuple[str, ...]


class Question(NamedTuple):
    """A question about two points, with the numbers of a hundred patients at both."""

    ask: str
    cuts: tuple[float, ...]
    answers: tuple[str, ...]
    first: float
    second: float

    @property
    def change(self) -> float:
        """From the first point to the second."""
        return self.second - self.first

    @property
    def right(self) -> int:
        """The index of the right answer."""
        return sum(self.change >= cut for cut in self.cuts)


class Hundred:
    """Patients at every point of a grid.

    Parameters
    ----------
    runs : DataFrame
        One row per run, of each point all patients; the last axis runs fastest.
    axes : mapping
        Values by key, in the order of the grid.
    """

    def __init__(self, runs: pd.DataFrame, axes: Mapping[str, Sequence[Any]]) -> None:
        """Part the runs by point."""
        table = tomllib.loads(FILE.read_text(encoding="utf-8"))
        self.start: list[int] = table["start"]
        self.axes = [_axis(key, table["axes"][key], values) for key, values in axes.items()]
        self.patients = int(runs["patient"].nunique())
        firsts = range(0, len(runs), self.patients)
        self.points = [runs.iloc[first : first + self.patients] for first in firsts]
        self.questions = [self._question(raw) for raw in table["questions"]]

    def at(self, place: Sequence[int]) -> pd.DataFrame:
        """Return the runs of the point with these numbers of the axes' values."""
        index = 0
        for axis, value in zip(self.axes, place, strict=True):
            index = index * len(axis.values) + value
        return self.points[index]

    def _question(self, raw: Mapping[str, Any]) -> Question:
        first, second = (of_a_hundred(self.at(raw[end]), raw["what"]) for end in ("from", "to"))
        values = (axis.values[at] for axis, at in zip(self.axes, raw["from"], strict=True))
        ask = raw["ask"].format(**dict(zip(_NAMES, values, strict=True)))
        return Question(ask, tuple(raw["cuts"]), tuple(raw["answers"]), first, second)


def _axis(key: str, raw: Mapping[str, Any], values: Sequence[Any]) -> Axis:
    if "names" in raw:
        names = tuple(str(raw["names"][value]) for value in values)
        return Axis(key, raw["name"], names, names)
    numbers = [cells(value).replace(".0 ", " ") for value in values]
    full, short = (tuple(raw[form].format(n) for n in numbers) for form in ("value", "short"))
    return Axis(key, raw["name"], full, short)


def end_of(outcomes: Run) -> str:
    """Return how a patient ended, a key of LETTERS: a death counts, whatever came before it."""
    if outcomes["death_cause"]:
        return "death"
    if outcomes["relapse_phenotype"]:
        return "relapse"
    return "remission" if outcomes["remission"] else "no_remission"


def fate(run: Run) -> str:
    """Return how a run ended, a key of `ending.NAMES`."""
    end = ending(run)
    infused = run["cmax_cells"] > 0
    return "untreated" if end in ("no_response", "death_of_leukemia") and not infused else end


def ends(runs: pd.DataFrame) -> list[str]:
    """Return how each patient ended, keys of LETTERS."""
    return [end_of(row) for row in runs.to_dict("records")]


def of_a_hundred(runs: pd.DataFrame, what: str) -> float:
    """Return a number of the runs of a point, for a hundred patients.

    Parameters
    ----------
    runs : DataFrame
        Of one point.
    what : str
        A key of LETTERS or `intensive_care`, which count patients; `icu_days`, which are summed.
    """
    if what == "icu_days":
        number = float(runs["icu_days"].sum())
    elif what == "intensive_care":
        number = float((runs["icu_days"] > 0).sum())
    else:
        number = float(ends(runs).count(what))
    return 100.0 * number / len(runs)

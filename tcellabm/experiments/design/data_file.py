"""Data of one's own to fit: rows of groups of patients, or transgene time courses of single ones.

Rows have columns `id,value,n` and, where they are known, `low,high,n_other`; courses have
`ID,TIME,DV,CENS,DOSE,WT`. Row numbers in messages count from 1, the row of column names.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm.analysis.courses import Individual
from tcellabm.analysis.likelihood import Row, error_of
from tcellabm.experiments.design.cohort_file import MOST_BYTES, csv_lines, number_of
from tcellabm.identity import digest
from tcellabm.params import InputError
from tcellabm.params.errors import nearest, shorten
from tcellabm.params.files import find_file, read_text
from tcellabm.params.meta import meta_of

COURSE_COLUMNS = ("ID", "TIME", "DV", "CENS", "DOSE", "WT")
ROW_COLUMNS = ("id", "value", "n")
INTERVAL = ("low", "high")
OTHERS = (*INTERVAL, "n_other")
SHARES = ("binomial", "kaplan_meier")  # forms whose values are percent
OWN = "own "  # before the id of a row of one's own: a published row may have the same
DOSE, WEIGHT, DAYS = "product.dose_cells_per_kg", "patient.weight_kg", "time.days"
_ALLOWED = (
    f"allowed: comma-separated, columns {','.join(COURSE_COLUMNS)} or {','.join(ROW_COLUMNS)}"
    f"[,{','.join(OTHERS)}]"
)


class _Cells:
    """One row of the file, whose faults are named by row and column."""

    def __init__(self, cells: dict[str, str], where: str) -> None:
        self._cells, self._where = cells, where

    def at(self, column: str) -> str:
        """Return where a cell stands."""
        return f"{self._where} column {column}"

    def text(self, column: str) -> str:
        """Return a cell that must not be empty."""
        if not (cell := self._cells[column]):
            raise InputError("nothing", self.at(column), "allowed: a value in every row")
        return cell

    def number(self, column: str, allowed: str = "a number") -> float:
        """Return a finite number."""
        value = number_of(self.text(column))
        if isinstance(value, str) or not isfinite(value):
            raise InputError(shorten(self.text(column)), self.at(column), f"allowed: {allowed}")
        return value

    def has(self, column: str) -> bool:
        """Tell whether a column is there and its cell is not empty."""
        return bool(self._cells.get(column))

    def require(self, fits: bool, column: str, allowed: str) -> None:
        """Refuse the value of a column that does not fit."""
        if not fits:
            raise InputError(shorten(self._cells[column]), self.at(column), f"allowed: {allowed}")


@dataclass(frozen=True)
class DataFile:
    """What is in a file of one's own data: rows, or individuals, never both.

    Attributes
    ----------
    name : str
        Of the file, as it was given.
    rows : tuple of Row
        Figures of groups; their names begin with OWN.
    individuals : tuple of Individual
        Time courses, in the order of their first row.
    """

    name: str
    rows: tuple[Row, ...] = ()
    individuals: tuple[Individual, ...] = ()

    @classmethod
    def load(cls, name: str, forms: pd.DataFrame) -> "DataFile":
        """Read a file.

        Parameters
        ----------
        name : str
            The file.
        forms : DataFrame
            From `analysis.likelihood.read_forms`: the measures that are known, and their forms.

        Raises
        ------
        InputError
            It is no such file, too large, not UTF-8, without rows, or has a column or value that
            cannot be used; row and column are named.
        """
        lines = csv_lines(read_text(find_file(name), name, MOST_BYTES), name, _ALLOWED)
        _, header = next(lines, (0, []))
        of_courses = not {"TIME", "DV"}.isdisjoint(map(str.upper, header))
        needed, others = (COURSE_COLUMNS, ()) if of_courses else (ROW_COLUMNS, OTHERS)
        _check_header(header, needed, others, name)
        rows = list(_rows(lines, header, name))
        if not rows:
            raise InputError("no data below the column names", name, _ALLOWED)
        if of_courses:
            return cls(name, individuals=_individuals(rows))
        return cls(name, rows=_figures(rows, forms))

    @cached_property
    def digest(self) -> str:
        """Name of what is in the file, however it is written."""
        people = [
            [each.name, *each.condition, each.days.tolist(), each.values.tolist()]
            + [each.censored.tolist()]
            for each in self.individuals
        ]
        return digest(json.dumps([people, repr(self.rows)]))


def _check_header(
    header: Sequence[str], needed: Sequence[str], others: Sequence[str], name: str
) -> None:
    known = (*needed, *others)
    if not header:
        raise InputError("empty", name, _ALLOWED)
    if missing := [column for column in needed if column not in header]:
        raise InputError("missing", f"{name} row 1 column {missing[0]}", _ALLOWED)
    for column in header:
        if column not in known:
            what = f"unknown column, nearest: {nearest(column, known)}"
            where = f"{name} row 1 column {shorten(column, 20) or 'without a name'}"
            raise InputError(what, where, f"allowed: {', '.join(known)}")
        if header.count(column) > 1:
            raise InputError("there twice", f"{name} row 1 column {column}", "allowed: once")


def _rows(
    lines: Iterator[tuple[int, list[str]]], header: Sequence[str], name: str
) -> Iterator[_Cells]:
    for number, cells in lines:
        where = f"{name} row {number}"
        if len(cells) < len(header):
            where += f" column {header[len(cells)]}"
        if len(cells) != len(header):
            raise InputError(f"{len(cells)} values", where, f"allowed: {len(header)}, one a column")
        yield _Cells(dict(zip(header, cells, strict=True)), where)


# --- time courses ---------------------------------------------------------------------------------


class _Value(NamedTuple):
    day: float
    value: float
    censored: bool


def _individuals(rows: Sequence[_Cells]) -> tuple[Individual, ...]:
    values: dict[str, dict[float, _Value]] = {}
    conditions: dict[str, tuple[float, float]] = {}
    for row in rows:
        who, value = row.text("ID"), _value(row)
        own = values.setdefault(who, {})
        row.require(value.day not in own, "TIME", f"each time of ID {shorten(who, 20)} once")
        own[value.day] = value
        condition = _condition(row)
        for place, column in enumerate(("DOSE", "WT")):
            same = condition[place] == conditions.setdefault(who, condition)[place]
            row.require(same, column, f"one value for ID {shorten(who, 20)}")
    return tuple(_individual(who, own, conditions[who]) for who, own in values.items())


def _value(row: _Cells) -> _Value:
    day = row.number("TIME", "days after infusion")
    row.require(day >= 0.0, "TIME", "0 days after infusion or more")
    meta_of(DAYS, "").check(day, row.at("TIME"))
    censored = row.number("CENS", "0, or 1 below the limit of quantification")
    row.require(censored in (0.0, 1.0), "CENS", "0, or 1 below the limit of quantification")
    dv = row.number("DV", "copies/ug DNA; the limit of quantification where CENS is 1")
    row.require(dv > 0.0, "DV", "above 0; below the limit of quantification CENS=1, DV the limit")
    return _Value(day, dv, censored == 1.0)


def _condition(row: _Cells) -> tuple[float, float]:
    """Return dose and weight, which the model must be able to take."""
    dose, weight = row.number("DOSE", "CAR T cells infused"), row.number("WT", "kg")
    meta_of(WEIGHT, "").check(weight, row.at("WT"))
    meta_of(DOSE, "").check(dose / weight, row.at("DOSE"))
    return dose, weight


def _individual(
    name: str, values: dict[float, _Value], condition: tuple[float, float]
) -> Individual:
    own = [values[day] for day in sorted(values)]
    days, levels, censored = (np.array(column) for column in zip(*own, strict=True))
    return Individual(name, days, levels, censored, *condition)


# --- rows of groups -------------------------------------------------------------------------------


def _figures(rows: Sequence[_Cells], forms: pd.DataFrame) -> tuple[Row, ...]:
    found: dict[str, Row] = {}
    known = [str(name) for name in forms.index]
    for row in rows:
        name = row.text("id")
        row.require(name in known, "id", f"a measure, nearest: {nearest(name, known)}")
        row.require(name not in found, "id", "each measure once")
        found[name] = _figure(name, row, forms.loc[name])
    return tuple(found.values())


def _figure(name: str, row: _Cells, form: pd.Series) -> Row:
    """Return one figure in the form that the measure has, with the n of the user."""
    kind, value = str(form["form"]), row.number("value")
    if kind in SHARES:
        row.require(0.0 <= value <= 100.0, "value", "0 to 100 %")
    else:
        row.require(value > 0.0, "value", "above 0")
    numbers: dict[str, Any] = {
        key: float(form[key]) for key in ("rounding", "tolerance") if form[key] >= 0.0
    }
    figure = Row(OWN + name, kind, value, _size(row, "n"), measure=name, **numbers)
    if kind == "log_normal_ratio":
        figure = replace(figure, n_other=_size(row, "n_other"))
    else:
        row.require(not row.has("n_other"), "n_other", "nothing: no ratio of two groups")
    interval = _interval(row, value)
    if kind == "kaplan_meier":
        return replace(figure, error=_error(row, interval))
    return figure


def _size(row: _Cells, column: str) -> float:
    allowed = "a whole number of patients, 1 or more"
    if not row.has(column):
        raise InputError("nothing", row.at(column), f"allowed: {allowed}")
    n = row.number(column, allowed)
    row.require(n >= 1.0 and n == int(n), column, allowed)
    return n


def _interval(row: _Cells, value: float) -> dict[str, float]:
    """Return the ends of the 95 % interval that are there, which must hold the value."""
    ends = {end: row.number(end) for end in INTERVAL if row.has(end)}
    if "low" in ends:
        row.require(ends["low"] <= value, "low", f"up to the value, {value:g}")
    if "high" in ends:
        row.require(ends["high"] >= value, "high", f"from the value, {value:g}")
    return ends


def _error(row: _Cells, interval: dict[str, float]) -> float:
    """Return the standard error of a Kaplan-Meier estimate, which its interval alone tells."""
    for end in INTERVAL:
        allowed = "allowed: the 95 % interval, between 0 and 100 %, of a Kaplan-Meier estimate"
        if not 0.0 < interval.get(end, 0.0) < 100.0:
            raise InputError(f"{interval.get(end, 'nothing')}", row.at(end), allowed)
    row.require(interval["low"] < interval["high"], "high", "above the low end")
    return error_of(interval)

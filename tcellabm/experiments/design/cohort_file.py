"""One's own patients: a CSV file with a row for each, whose columns are keys of `patient.*`."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any

from tcellabm.identity import digest
from tcellabm.params import InputError, Parameters, Sweep
from tcellabm.params.errors import nearest, shorten
from tcellabm.params.files import find_file, read_text
from tcellabm.params.meta import Meta, Value, catalog
from tcellabm.params.size import check_size

SECTION = "patient."
MOST_BYTES = 10_000_000
_ALLOWED = "allowed: CSV, one row per patient, columns patient.*"


@dataclass(frozen=True)
class CohortFile:
    """What each patient of the file is set to.

    Attributes
    ----------
    keys : tuple of str
        The columns.
    rows : tuple of dict
        Values by key, one mapping a patient; an empty cell is not in it, and is drawn.
    name : str
        Of the file, as it was given.
    """

    keys: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    name: str

    @classmethod
    def load(cls, name: str, params: Parameters) -> "CohortFile":
        """Read a file. Row numbers in messages count from 1, the row of keys, as spreadsheets do.

        Raises
        ------
        InputError
            It is no such file, has no patients, or a key or value can't be used.
        """
        lines = csv_lines(read_text(find_file(name), name, MOST_BYTES), name, _ALLOWED)
        _, keys = next(lines, (0, []))
        metas = _columns(keys, name)
        rows = tuple(_row(cells, metas, f"{name} row {line}", params) for line, cells in lines)
        if not rows:
            raise InputError("no patients", name, _ALLOWED)
        return cls(tuple(keys), rows, name)

    @cached_property
    def digest(self) -> str:
        """Name of what is in the file, however it is written."""
        return digest(json.dumps([self.keys, self.rows], sort_keys=True))

    @property
    def columns(self) -> dict[str, list[Any]]:
        """Values by key, NaN where they are drawn."""
        return {key: [row.get(key, nan) for row in self.rows] for key in self.keys}


def with_cohort(
    sweep: Sweep, size: str, overrides: Mapping[str, object] | None
) -> tuple[Parameters, CohortFile | None]:
    """Return parameters, and the file of one's own patients if one is named.

    Unless the user says how many patients, all of the file are simulated.

    Parameters
    ----------
    sweep : Sweep
        What the files say.
    size : str
        Key of the number of patients.
    overrides : mapping, optional
        What the user has set.

    Returns
    -------
    params : Parameters
        With the number of patients.
    cohort : CohortFile or None
        None if no file is named.

    Raises
    ------
    InputError
        The file can't be used, more patients are wanted than are in it, or a column is set too.
    """
    if (name := sweep.files.get("cohort")) is None:
        return sweep.params, None
    params, given = sweep.params, overrides or {}
    cohort = CohortFile.load(name, params)
    for key in cohort.keys:
        if key in sweep.axes or key in given:
            raise InputError(f"{key} is set and a column too", name, "allowed: one of them")
    return params.replace({size: _patients(params, cohort, size, given)}), cohort


def _patients(
    params: Parameters, cohort: CohortFile, size: str, given: Mapping[str, object]
) -> int:
    """Return how many patients: as many as are wanted, which only who names the file can say."""
    rows = len(cohort.rows)
    if size not in given and ("files.cohort" in given or size not in params.entries):
        return rows
    wanted = int(params.get(size))
    if wanted > rows:
        what = f"{size} = {wanted} with {rows} row{'' if rows == 1 else 's'} of patients"
        raise InputError(what, cohort.name, f"allowed: up to {rows}, or none said for all")
    return wanted


def csv_lines(text: str, name: str, allowed: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a CSV text that are not empty, with their numbers from 1.

    Parameters
    ----------
    text : str
        The content of the file.
    name : str
        Of the file, as it was given.
    allowed : str
        What a file may hold, for the message.

    Yields
    ------
    (int, list of str)
        Number of the line, and its cells without spaces about them.

    Raises
    ------
    InputError
        It is not CSV; `name` and the row are named, and what is `allowed`.
    """
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", f"{name} row {reader.line_num}", allowed) from None


def _columns(keys: Sequence[str], name: str) -> list[Meta]:
    known = [key for key in catalog() if key.startswith(SECTION)]
    for key in keys:
        if key not in known:
            what = f"unknown column {shorten(key) or 'without a name'}"
            raise InputError(
                what, name, f"allowed: {SECTION}* keys, nearest: {nearest(key, known)}"
            )
        if keys.count(key) > 1:
            raise InputError(f"column {key} is there twice", name, "allowed: once")
    return [catalog()[key] for key in keys]


def _row(
    cells: Sequence[str], metas: Sequence[Meta], where: str, params: Parameters
) -> dict[str, Value]:
    if len(cells) != len(metas):
        raise InputError(f"{len(cells)} values", where, f"allowed: {len(metas)}, one a column")
    pairs = zip(cells, metas, strict=True)
    row = {meta.key: meta.check(number_of(cell), where) for cell, meta in pairs if cell}
    check_size(params.replace(row), where)
    return row


def number_of(cell: str) -> float | str:
    """Return a cell as a number; as it is where it is none, for the check to refuse."""
    try:
        return float(cell) if cell.isascii() and "_" not in cell else cell
    except ValueError:
        return cell

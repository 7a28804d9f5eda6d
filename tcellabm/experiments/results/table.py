"""The table of outcomes: its columns, their types, and rows that fit them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tcellabm.columns import FAULT, OUTCOMES, RUN, Column

_ARROW = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}

Row = dict[str, Any]


def outcome_schema(keys: Mapping[str, Sequence[object]], own: Sequence[Column] = ()) -> pa.Schema:
    """Return the columns of `outcomes.parquet`.

    Parameters
    ----------
    keys : mapping
        Dotted name of each axis and set parameter -> the values it takes.
    own : sequence of Column
        Outcomes of one's own.
    """
    fields = [(key, _type_of(values)) for key, values in keys.items()]
    fields += [(column.name, _ARROW[column.kind]) for column in (*RUN, *OUTCOMES, *own, FAULT)]
    return pa.schema(fields)


def _type_of(values: Sequence[object]) -> pa.DataType:
    for kind, arrow in ((bool, pa.bool_()), (int, pa.int64()), (int | float, pa.float64())):
        if all(isinstance(value, kind) for value in values):
            return arrow
    return pa.string()


_EMPTY: dict[pa.DataType, object] = {
    pa.bool_(): False,
    pa.int64(): 0,
    pa.string(): "",
    pa.float64(): math.nan,
}


def to_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; what a row lacks is False, 0, NaN, empty text or list, never null."""
    columns = []
    for field in schema:
        empty = _EMPTY.get(field.type, [])
        values = [_or_empty(row.get(field.name), empty) for row in rows]
        columns.append(pa.array(values, type=field.type))
    return pa.table(columns, schema=schema)


def _or_empty(value: Any, empty: object) -> Any:
    if value is None:
        return empty
    return str(value) if isinstance(empty, str) else value

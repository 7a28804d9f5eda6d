"""Parquet files, and what they say of where they come from."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def parquet(table: pa.Table, provenance: Mapping[str, Any] | None = None) -> bytes:
    """Return a table as the bytes of a Parquet file (zstd).

    Parameters
    ----------
    table : Table
        What to write.
    provenance : mapping, optional
        Where it comes from (JSON values); kept in the file's metadata under `tcellabm`.
    """
    if provenance is not None:
        table = table.replace_schema_metadata(with_provenance(table.schema, provenance).metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def with_provenance(schema: pa.Schema, provenance: Mapping[str, Any]) -> pa.Schema:
    """Return columns whose metadata say where they come from, as JSON under `tcellabm`."""
    own = {b"tcellabm": json.dumps(provenance).encode()}
    return schema.with_metadata({**(schema.metadata or {}), **own})

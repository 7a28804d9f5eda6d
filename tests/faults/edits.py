"""Edits that make a checkpoint one that no model could have written, in a table."""

import io
import json
import math
import struct
import zipfile

import numpy as np

NAN, INF = math.nan, math.inf
HUGE = 10**40

STATE, COURSE = ("state",), ("state", "course")
NOW = (*COURSE, "now")
STREAM = (*STATE, "tissue", "rng")

# Where in the header, and what stands there instead.
VALUES = [
    *((("format",), value) for value in ("other", 2, None)),
    *((("version",), value) for value in (1, 3, "2", 2.5, None)),
    *((("model_version",), value) for value in (0, 99, "5", None)),
    *((("seed",), value) for value in (-1, 0.5, "3", None, [3], True)),
    *((("time",), value) for value in (NAN, INF, -1.0, 1e300, 36501.0, "5", None, 4.0, 9.0)),
    *((("random", 0), value) for value in (2, "3", None)),
    *((("random", 1), value) for value in ([], [0] * 624, [0] * 626, None, "x")),
    *((("random", 1, 0), value) for value in (-1, 2**32, 0.5, "x", NAN)),
    *((("random", 1, 624), value) for value in (-1, 625)),
    *((("random", 2), value) for value in ("x", [0.0])),
    *((("parameters",), value) for value in (None, {}, "x", [["care.policy"]], [[1, 2, 3, 4, 5]])),
    *((("parameters", 0, 0), value) for value in ("no.such", 3, None, "files.product")),
    *((("parameters", 0, 1), value) for value in ("x", NAN, INF, -1.0, None, [1.0], HUGE, True)),
    *((("parameters", 0, 4), value) for value in (1, "yes", None)),
    *((("events",), value) for value in (None, [], {}, [[6.0, 5]], "x")),
    *((("events", 0, 0), value) for value in (NAN, INF, -1.0, 1.0, "7", None, 1e300)),
    *((("events", 0, 1), value) for value in (0, 7, "5", None, 5.5, 10**9)),
    *((("events", 0, 2), value) for value in ("no_such", "__init__", "step_", "give", "", None)),
    *((("events", 0, 2), value) for value in ("_start", "_assess", "reset_rng", "__class__")),
    *(((*STATE, "run_id"), value) for value in ("", "x" * 100, 5, None)),
    *(((*STREAM, "bit_generator"), value) for value in ("MT19937", "no", None)),
    *(((*STREAM, "state", "state"), value) for value in (-1, 2**128, 0.5, "x", None)),
    *(((*STREAM, "state", "inc"), value) for value in (-1, 2**128, "x")),
    *(((*STREAM, "has_uint32"), value) for value in (2, -1, "x")),
    *(((*STREAM, "uinteger"), value) for value in (2**32, -1, "x")),
    *(((*STATE, "orders"), value) for value in (None, [], {}, [[7.0, "tocilizumab"]])),
    *(((*STATE, "orders", 0, 0), value) for value in (NAN, 1.0, INF, "x", 8.0)),
    *(((*STATE, "orders", 0, 1), value) for value in ("aspirin", "", None)),
    *(((*STATE, "orders", 0, 2), value) for value in (NAN, -1.0, INF, 1e16, "x")),
    *(((*NOW,), value) for value in (None, [], {}, [0.0] * 16)),
    *(((*NOW, 0), value) for value in (NAN, -1.0, 6.0, 1.0, "x", 5)),
    *(((*NOW, 1), value) for value in (NAN, 5.0, 5.3, 9.0, INF)),
    *(((*NOW, 2), value) for value in (-1, 7, 10**6, 2**70, 2.0)),
    *(((*NOW, 3, 0, 0), value) for value in (NAN, -1.0, INF)),
    *(((*NOW, 3, 1), value) for value in (NAN, -1.0)),
    *(((*NOW, 4, 0), value) for value in (NAN, 1e6, -300.0, INF)),
    *(((*NOW, 4, 1), value) for value in (NAN, -1.0, INF, None)),
    *(((*NOW, 4, 5), value) for value in (1, "x")),
    *(((*NOW, 5, 0), value) for value in (NAN, -1.0)),
    *(((*NOW, 6, 1, 2), value) for value in (-1, 4, 2**70, 1.0, NAN)),
    *(((*NOW, 6, 2), value) for value in (-1, 5, 2**70)),
    *(((*NOW, 7, 0), value) for value in (NAN, INF, -1.0)),
    *(((*NOW, 8), value) for value in (NAN, -1.0)),
    *(((*NOW, 9), value) for value in (NAN, 1e9, INF)),
    *(((*NOW, 10), value) for value in (NAN, 1e9, INF)),
    *(((*NOW, 11), value) for value in (1, None)),
    *(((*NOW, 14), value) for value in (0, 3, -2, 2**70)),
    *(((*NOW, 15), value) for value in (3.0, INF, None)),
    *(((*COURSE, "asked"), value) for value in (NAN, -1.0, 6.0, INF, "x")),
    *(((*COURSE, "look_again"), value) for value in (NAN, -1.0, 1.0, "x", None)),
    *(((*COURSE, "assays"), value) for value in (-1, 2**64, 0.5, "x")),
    *(((*COURSE, "death"), value) for value in (None, [3.0, "crs"], [NAN, "crs"], [3.0, ""])),
    *(((*COURSE, "draws"), value) for value in (None, [], [[0.0]], [[9.0, 1.0]])),
    *(((*COURSE, "draws"), value) for value in ([[1.0, 1.0], [0.0, 1.0]], [[0.0, NAN]])),
    *(((*COURSE, "assessments"), value) for value in (None, [], [[0.0, 2.0, 0.0, True, False]])),
    *(((*COURSE, "assessments", 0, 1), value) for value in (NAN, -0.1, 1.1, "x")),
    *(((*COURSE, "assessments", 0, 2), value) for value in (NAN, -0.1, 1.1)),
    *(((*COURSE, "assessments", 0, 3), value) for value in (1, "x")),
    *(((*COURSE, "treatments"), value) for value in (None, [], [[0.0, "car_t"]])),
    *(((*COURSE, "treatments", 0, 0), value) for value in (NAN, -1.0, 9.0)),
    *(((*COURSE, "treatments", 0, 1), value) for value in ("aspirin", None)),
    *(((*COURSE, "treatments", 0, 2), value) for value in (NAN, -1.0, INF, 1e16)),
    *(((*place, "more"), 1) for place in ((), STATE, COURSE, (*STATE, "tissue"), STREAM)),
]
GONE = [
    *((name,) for name in ("format", "version", "model_version", "parameters", "seed", "time")),
    *((name,) for name in ("random", "events", "state")),
    *((*STATE, name) for name in ("run_id", "tissue", "course", "orders")),
    *((*COURSE, name) for name in ("now", "asked", "look_again", "assays", "death", "draws")),
    *((*STREAM, name) for name in ("bit_generator", "state", "has_uint32", "uinteger")),
    (*NOW, 15),
    ("events", 0),
    ("events", 1),
    (*STATE, "orders", 0),
]


def cell(name, value, row=0):
    """Return an edit of one value of an array."""

    def edit(arrays):
        array = arrays[name].copy()
        array.reshape(-1)[row] = value
        return arrays | {name: array}

    edit.__name__ = f"{name} {row} {value}"
    return edit


def field(table, name, value, row=0):
    """Return an edit of one value in a column of a table."""

    def edit(arrays):
        array = arrays[table].copy()
        array[name][row] = value
        return arrays | {table: array}

    edit.__name__ = f"{table} {name} {row} {value}"
    return edit


def whole(name, make):
    """Return an edit of an array as a whole."""

    def edit(arrays):
        return arrays | {name: make(arrays[name])}

    edit.__name__ = f"{name} whole"
    return edit


def without(name):
    """Return an edit that leaves out an array."""

    def edit(arrays):
        return {key: array for key, array in arrays.items() if key != name}

    edit.__name__ = f"without {name}"
    return edit


COLUMNS = ("count", "site", "state", "divisions", "unique_id")
ARRAYS = [
    *(cell(f"cells_{name}", -1) for name in COLUMNS),
    *(cell(f"cells_{name}", 2**15 - 1) for name in COLUMNS[1:]),
    cell("cells_count", 2**62),
    cell("cells_count", 10**18 + 1),
    cell("cells_count", 123_457),
    cell("cells_unique_id", 0),
    *(cell("meta", -1, row) for row in range(4)),
    *(cell("meta", 0, row) for row in range(2)),
    cell("meta", 2**62, 1),
    cell("meta", 5, 3),
    *(cell(name, -1) for name in ("body", "blood", "plasma", "densities", "fields")),
    *(cell(name, 2**40) for name in ("body", "blood", "densities")),
    *(cell(name, value) for name in ("plasma", "densities", "fields") for value in (NAN, INF)),
    *(field("sites", name, NAN) for name in ("volume", "room", "killing", "activated_before")),
    *(field("sites", name, -1.0) for name in ("volume", "targets", "activation", "engaged")),
    *(field("sites", name, 1e9) for name in ("volume", "effectors", "lysis", "activated")),
    *(field("rows", "day", value, 3) for value in (NAN, -1.0, 50.0, 0.0)),
    *(field("rows", "temperature_c", value) for value in (NAN, 400.0)),
    *(field("rows", "crs_grade_penn", value) for value in (-1, 5)),
    *(field("rows", "oxygen_need", value) for value in (-1, 4)),
    *(field("rows", "il6_pg_per_ml", value) for value in (NAN, -1.0, INF)),
    *(
        whole(name, lambda array: array[:-1])
        for name in ("meta", "sites", "body", "plasma", "fields", "cells_count", "cells_site")
    ),
    *(
        whole(name, lambda array: np.concatenate([array, array]))
        for name in ("meta", "sites", "blood", "densities", "cells_state", "rows", "header")
    ),
    *(
        whole(name, lambda array: array.astype(np.float32))
        for name in ("body", "plasma", "fields", "cells_count", "infections", "header")
    ),
    whole("rows", lambda array: array[:0]),
    whole("rows", lambda array: array["day"].copy()),
    whole("rows", lambda array: np.tile(array, 10_000)),
    whole("infections", lambda array: np.array([NAN])),
    whole("infections", lambda array: np.array([3.0, 1.0])),
    whole("infections", lambda array: np.zeros(10**6)),
    whole("plasma", lambda array: np.array(["a", "b", "c", "d"])),
    whole("cells_count", lambda array: np.asfortranarray(np.ones((3, 3), np.int64))),
    whole("fields", lambda array: array.T.copy()),
    whole("more", lambda array: array),
    *(without(name) for name in ("header", "meta", "sites", "rows", "cells_site", "infections")),
]


def negative(mean):
    """Return an edit that has no IFN-gamma in space, and a mean of it below 0 in modes."""

    def edit(arrays):
        fields, modes = arrays["fields"].copy(), arrays["modes"].copy()
        fields[-1], modes[-1], modes[-1, 0, 0] = 0.0, 0.0, mean
        return arrays | {"fields": fields, "modes": modes}

    edit.__name__ = f"mean of modes {mean}"
    return edit


MODES = [  # of cytokines that diffuse
    *(negative(mean) for mean in (-1e6, -1e-3, -INF, NAN)),
    *(cell("modes", value) for value in (NAN, INF, -1.0, 0.0)),
    *(cell("modes", value, row) for value in (NAN, INF, 0.1) for row in (1, -1)),
    whole("modes", lambda array: array[:-1]),
    whole("modes", lambda array: array.astype(np.float32)),
    without("modes"),
]


def edited(header, where, value):
    """Return a copy of a header with another value somewhere."""
    header = json.loads(json.dumps(header))
    part = header
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    return header


def lacking(header, where):
    """Return a copy of a header without something."""
    header = json.loads(json.dumps(header))
    part = header
    for name in where[:-1]:
        part = part[name]
    del part[where[-1]]
    return header


def unpacked(path):
    """Return the header and the arrays of a checkpoint."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(arrays["header"].tobytes()), arrays


def write(path, header, arrays):
    """Write a checkpoint as it should not be."""
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **(arrays | {"header": text}))


def bombs(content):
    """Yield (name, bytes) of files that claim or unpack to far more than they are."""
    for name in ("header", "rows"):
        yield f"{name} of 64 MB", _with(content, name, lambda body: body + bytes(2**26))
    yield "3 GB in all", _claiming(content, 3 * 10**9)
    for name in ("header", "rows", "cells_count"):
        yield f"{name} claims to be long", _with(content, name, _longer)


def _longer(body):
    return body.replace(b"'shape': (", b"'shape': (99")


def _with(content, name, change):
    """Return a checkpoint with another member."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", 8) as new:
        for part in old.infolist():
            body = old.read(part)
            new.writestr(part.filename, change(body) if part.filename == f"{name}.npy" else body)
    return made.getvalue()


def _claiming(content, size):
    """Return a checkpoint whose first member is said to unpack to that size."""
    entry = content.index(b"PK\x01\x02") + 24  # of the central directory: uncompressed size
    return content[:entry] + struct.pack("<L", size) + content[entry + 4 :]

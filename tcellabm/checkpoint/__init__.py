"""A model on the disk: arrays in an npz file, all else in it as JSON; nothing is pickled.

Each part of a model states what it is (`state`) and is put back from that (`set_state`). On
restoring, the header is checked by its types and bounds (`header`), the constructor builds the
patient from parameters and seed, arrays are unpacked if their declared types and sizes are those
of such a patient (`archive`), Mesa's clock runs to the time saved, and what was saved takes its
place, if it is what a patient can be.
"""

import io
import json
import os
import random
import zipfile
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from mesa.time import Priority
from pydantic import ValidationError

from tcellabm.checkpoint.archive import Archive
from tcellabm.checkpoint.events import check_events, methods, scheduled
from tcellabm.checkpoint.header import FORMAT, LARGEST, VERSION, Header, Origin
from tcellabm.clinic.plausible import most_infections, most_rows
from tcellabm.disk import write_whole
from tcellabm.identity import MODEL_VERSION
from tcellabm.kernels import layout
from tcellabm.params import Entry, InputError, Parameters
from tcellabm.params.errors import fault_of
from tcellabm.params.meta import meta_of

_HEADER = "header"
_NOTHING = np.zeros(0, np.uint8)
_ALLOWED = "allowed: a whole file written by model.save"


class Saved:
    """A model that can be written to a file and read back."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the patient to a file from which `restore` goes on (npz; nothing is pickled).

        Raises
        ------
        ValueError
            Something is scheduled that is not the model's own method.
        OSError
            The disk is full or read-only.
        """
        save(self, path)

    @classmethod
    def restore(cls, path: str | os.PathLike[str]) -> Self:
        """Return the patient of a file: runs on as the one saved would have.

        Raises
        ------
        InputError
            The file is missing, damaged, no checkpoint, or of another version.
        """
        return restore(cls, path)


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, whole or not at all.

    Raises
    ------
    ValueError
        It cannot be restored: something is scheduled that is not the model's own, its generator
        is not of the usual kind, its day is beyond the longest run, or it has rules of one's own.
    OSError
        The disk is full or read-only.
    """
    if model.params.rules:
        raise ValueError("a patient with rules of one's own is not saved: a file holds no code")
    state, arrays = model.state()
    header = {
        "format": FORMAT,
        "version": VERSION,
        "model_version": MODEL_VERSION,
        "parameters": [[key, *entry] for key, entry in model.params.entries.items()],
        "seed": model.seed,
        "time": model.time,
        "random": model.random.getstate(),
        "events": scheduled(model),
        "state": state,
    }
    parts = {_HEADER: np.frombuffer(_text(header), np.uint8)} | arrays
    file = io.BytesIO()
    np.savez_compressed(file, **parts)
    write_whole(path, file.getvalue())


def _text(header: dict[str, Any]) -> bytes:
    """Return a header as JSON, if it is one that can be read again."""
    text = json.dumps(header, default=_no_json).encode()
    try:
        Header.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"cannot be kept in a checkpoint: {fault_of(error)}") from None
    return text


def _no_json(value: Any) -> str:
    return f"a {type(value).__name__}"


def restore[M](cls: type[M], path: str | os.PathLike[str]) -> M:
    """Return the model that was saved to a file.

    Raises
    ------
    InputError
        The file is missing, damaged, no checkpoint, of another version, or holds what no model
        can be.
    """
    where = os.fspath(path)
    if not os.path.exists(path):
        raise InputError("no such file", where, _ALLOWED)
    if not os.path.isfile(path):
        raise InputError("no file", where, _ALLOWED)
    try:
        with Archive(path) as archive:
            header = _header(archive.read(_HEADER, LARGEST), where)
            model: M = _rebuilt(cls, header, archive)
            return model
    except InputError:
        raise
    except (zipfile.BadZipFile, KeyError, EOFError) as problem:
        what = f"no checkpoint, or damaged ({type(problem).__name__})"
        raise InputError(what, where, _ALLOWED) from None
    except ValidationError as error:
        raise InputError(f"damaged: {fault_of(error)}", where, _ALLOWED) from None
    except ValueError as problem:
        raise InputError(f"damaged: {problem}", where, _ALLOWED) from None
    except Exception as problem:  # what damage does is anybody's guess
        raise InputError(f"damaged ({type(problem).__name__})", where, _ALLOWED) from None


def _header(content: np.ndarray, where: str) -> Header:
    """Check a header as written: first whether it is of this program, then all that it says."""
    text = content.tobytes()
    try:
        origin = Origin.model_validate_json(text)
    except ValidationError:
        raise InputError("no checkpoint", where, "allowed: a file written by model.save") from None
    for name, mine in (("version", VERSION), ("model_version", MODEL_VERSION)):
        if (theirs := getattr(origin, name)) != mine:
            what = f"checkpoint of {name.replace('_', ' ')} {theirs}"
            raise InputError(what, where, f"allowed: {mine}, as this program has")
    return Header.model_validate_json(text)


def _rebuilt(cls: Any, header: Header, archive: Archive) -> Any:
    model = cls(_parameters(header), rng=header.seed)
    arrays = archive.like(model.state()[1] | {_HEADER: _NOTHING}, _free(model, header.time))
    for event in model.scheduled:
        event.cancel()
    model.scheduled.clear()
    model.run_until(header.time)
    model.random = random.Random()
    model.random.setstate(header.random)
    known = methods(model)
    for time, priority, name in header.events:
        if name not in known:
            raise ValueError(f"event {name!r}, allowed: a method of the model")
        model.schedule_event(known[name], at=time, priority=Priority(priority))
    model.set_state(header.state.model_dump(), arrays)
    check_events(model, header.events, header.state.orders)
    return model


def _free(model: Any, time: float) -> dict[str, int]:
    """Return the arrays whose length is their own, and how long they may be by a time."""
    columns = {f"cells_{name}": model.tissue.most_rows for name in layout.Cells._fields[:-1]}
    chart = {"rows": most_rows(model.params, time), "infections": most_infections(model.params)}
    return columns | chart


def _parameters(header: Header) -> Parameters:
    """Return the parameters, each checked as if a file had set it."""
    entries: Mapping[str, Entry] = {
        key: Entry(meta_of(key).check(value, file), source, file, holds)
        for key, value, source, file, holds in header.parameters
    }
    return Parameters.of(entries)

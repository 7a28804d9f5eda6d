"""A model on the disk: arrays in an npz file, all else in it as JSON; nothing is pickled.

Each part of a model states what it is (`state`) and is put back from that (`set_state`). On
restoring, the constructor builds the patient from parameters and seed, Mesa's clock runs to the
time saved, and what was saved takes its place.
"""

import io
import json
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from mesa import Model
from mesa.time import Priority

from tcellabm.disk import write_whole
from tcellabm.params import Entry, InputError, Parameters

FORMAT = "tcellabm checkpoint"
VERSION = 2
MOST_BYTES = 2**31  # of all arrays unpacked: what a file declares is looked at before
_HEADER = "header"


def save(model: Any, path: str | os.PathLike[str], model_version: int) -> None:
    """Write a model to a file, whole or not at all.

    Raises
    ------
    ValueError
        Something is scheduled that is not the model's own.
    OSError
        The disk is full or read-only.
    """
    state, arrays = model.state()
    header = {
        "format": FORMAT,
        "version": VERSION,
        "model_version": model_version,
        "parameters": [[key, *entry] for key, entry in model.params.entries.items()],
        "seed": model.seed,
        "time": model.time,
        "random": model.random.getstate(),
        "events": _events(model),
        "state": state,
    }
    parts = {_HEADER: np.frombuffer(json.dumps(header).encode(), np.uint8)} | arrays
    file = io.BytesIO()
    np.savez_compressed(file, **parts)
    write_whole(path, file.getvalue())


def _events(model: Any) -> list[list[Any]]:
    """Return (time, priority, name of the model's method) of what is scheduled, in order."""
    events = []
    for event in sorted(model.scheduled, key=lambda event: (event.time, event.priority)):
        function = event.fn()
        if getattr(function, "__self__", None) is not model:
            what = f"{function} is scheduled"
            raise ValueError(f"{what}, allowed in a checkpoint: the model's methods")
        events.append([event.time, event.priority, function.__name__])
    return events


def restore[M: Model](cls: type[M], path: str | os.PathLike[str], model_version: int) -> M:
    """Return the model that was saved to a file.

    Raises
    ------
    InputError
        The file is missing, damaged, no checkpoint, or of another version.
    """
    where, allowed = os.fspath(path), "allowed: a whole file written by model.save"
    try:
        arrays = _arrays(Path(path).read_bytes())
        header = json.loads(arrays.pop(_HEADER).tobytes())
        _check(header, where, model_version)
        return _rebuilt(cls, header, arrays)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError("no such file", where, allowed) from None
    except (zipfile.BadZipFile, KeyError, EOFError) as problem:
        what = f"no checkpoint, or damaged ({type(problem).__name__})"
        raise InputError(what, where, allowed) from None
    except Exception as problem:  # what damage does is anybody's guess
        raise InputError(f"damaged ({type(problem).__name__})", where, allowed) from None


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """Unpack the arrays of a file, unless they claim to be larger than any model."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        if sum(part.file_size for part in parts.infolist()) > MOST_BYTES:
            raise ValueError("too large")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _check(header: dict[str, Any], where: str, model_version: int) -> None:
    if header["format"] != FORMAT:
        raise InputError("no checkpoint", where, "allowed: a file written by model.save")
    for name, mine in (("version", VERSION), ("model_version", model_version)):
        if header[name] != mine:
            what = f"checkpoint of {name.replace('_', ' ')} {header[name]}"
            raise InputError(what, where, f"allowed: {mine}, as this program has")


def _rebuilt[M: Model](cls: type[M], header: dict[str, Any], arrays: dict[str, np.ndarray]) -> M:
    entries = {key: Entry(*entry) for key, *entry in header["parameters"]}
    model: Any = cls(Parameters.of(entries), rng=header["seed"])
    for event in model.scheduled:
        event.cancel()
    model.scheduled.clear()
    model.run_until(header["time"])
    version, state, gauss = header["random"]
    model.random = random.Random()
    model.random.setstate((version, tuple(state), gauss))
    for time, priority, name in header["events"]:
        model.schedule_event(getattr(model, name), at=time, priority=Priority(priority))
    model.set_state(header["state"], arrays)
    return model

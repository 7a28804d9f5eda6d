"""A model on the disk: arrays in an npz file, all else in it as JSON; nothing is pickled.

What a model holds is written as it is found, so that new state needs no code here. On restoring
the constructor builds a patient from parameters and seed, and what was saved takes its place;
Mesa's queue is scheduled anew in its order.
"""

import importlib
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mesa import Model
from mesa.discrete_space import PropertyLayer
from mesa.time import EventGenerator, Priority
from pydantic import BaseModel

from tcellabm.disk import write_whole
from tcellabm.params import Entry, InputError, Parameters

FORMAT = "tcellabm checkpoint"
VERSION = 1
_HEADER = "header"
_OWN = "tcellabm."
_BUILT = ("params", "patient", "_ticks")  # by the constructor, from parameters and seed


def save(model: Any, path: str | os.PathLike[str], model_version: int) -> None:
    """Write a model to a file, whole or not at all.

    Raises
    ------
    ValueError
        Something is scheduled that is not the model's own.
    OSError
        The disk is full or read-only.
    """
    writer = _Writer(model)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "model_version": model_version,
        "parameters": [[key, *entry] for key, entry in model.params.entries.items()],
        "seed": model.seed,
        "time": model.time,
        "steps": model.steps,
        "running": model.running,
        "random": model.random.getstate(),
        "events": writer.events(),
        "state": {name: writer.encode(value) for name, value in _state(model).items()},
    }
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    file = io.BytesIO()
    parts: dict[str, Any] = {_HEADER: text, **writer.arrays}
    np.savez_compressed(file, **parts)
    write_whole(path, file.getvalue())


def restore[M: Model](cls: type[M], path: str | os.PathLike[str], model_version: int) -> M:
    """Return the model that was saved to a file.

    Raises
    ------
    InputError
        The file is missing, damaged, no checkpoint, or of another version.
    """
    allowed = "allowed: a whole file written by model.save"
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
        _check(header, os.fspath(path), model_version)
        return _rebuilt(cls, header, arrays)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError("no such file", os.fspath(path), allowed) from None
    except (zipfile.BadZipFile, KeyError, EOFError) as problem:
        what = f"no checkpoint, or damaged ({type(problem).__name__})"
        raise InputError(what, os.fspath(path), allowed) from None
    except Exception as problem:  # what damage does is anybody's guess
        what = f"damaged ({type(problem).__name__})"
        raise InputError(what, os.fspath(path), allowed) from None


def _check(header: dict[str, Any], where: str, model_version: int) -> None:
    if header["format"] != FORMAT:
        raise InputError("no checkpoint", where, "allowed: a file written by model.save")
    for name, mine in (("version", VERSION), ("model_version", model_version)):
        if header[name] != mine:
            what = f"checkpoint of {name.replace('_', ' ')} {header[name]}"
            raise InputError(what, where, f"allowed: {mine}, as this program has")


def _state(model: Model) -> dict[str, Any]:
    """Return what a model has beyond Mesa's own, and its generator."""
    mesa = vars(Model(rng=0)).keys() - {"rng"}
    return {k: v for k, v in vars(model).items() if k not in mesa and k not in _BUILT}


class _Writer:
    """Turns objects into JSON values; arrays are put aside, shared objects written once."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.arrays: dict[str, np.ndarray] = {}
        self._sections = _sections(model.params, "")
        self._seen: dict[int, int] = {}

    def events(self) -> list[list[Any]]:
        """Return what is scheduled, in the order in which it comes."""
        return [
            [event.time, event.priority, self._callee(event.fn())]
            for event in sorted(self._model._event_list._events)
            if not event.CANCELED
        ]

    def _callee(self, function: Callable[..., Any] | None) -> str:
        owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
        if owner is self._model:
            return name
        generators = {"": self._model._ticks, "step": self._model._default_schedule}
        for known, generator in generators.items():
            if owner is generator:
                return f"every {known}".strip()
        raise ValueError(f"{function} is scheduled, allowed in a checkpoint: the model's methods")

    def encode(self, value: Any) -> Any:
        """Return a value as JSON has it."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray):
            return {"array": self._put(value)}
        if isinstance(value, np.generic):
            return self.encode(value.item())
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if isinstance(value, tuple):
            kind = "" if type(value) is tuple else _path(type(value))
            return {"tuple": [self.encode(item) for item in value], "class": kind}
        if isinstance(value, dict):
            return {"dict": [[self.encode(k), self.encode(v)] for k, v in value.items()]}
        return self._object(value)

    def _put(self, array: np.ndarray) -> str:
        if array.dtype == object:
            raise ValueError("an array of objects, allowed in a checkpoint: numbers")
        name = f"a{len(self.arrays)}"
        self.arrays[name] = array
        return name

    def _object(self, value: Any) -> dict[str, Any]:
        if value is self._model:
            return {"model": True}
        if isinstance(value, BaseModel):
            return {"parameters": self._section(value)}
        if id(value) in self._seen:
            return {"again": self._seen[id(value)]}
        self._seen[id(value)] = number = len(self._seen)
        if isinstance(value, np.random.Generator):
            return {"number": number, "generator": value.bit_generator.state}
        if isinstance(value, PropertyLayer):
            return {"number": number, "layer": value.name, "array": self._put(value.data)}
        if not type(value).__module__.startswith(_OWN):
            raise ValueError(f"{type(value)}, allowed in a checkpoint: the model's own state")
        state = self.encode(dict(value.__getstate__()))
        return {"number": number, "class": _path(type(value)), "state": state}

    def _section(self, value: BaseModel) -> str:
        """Return which part of the parameters it is, or in a fork a copy of."""
        for path, part in self._sections:
            if part is value or (type(part) is type(value) and part == value):
                return path
        raise ValueError(f"{type(value)} is no part of the model's parameters")


class _Reader:
    """Turns JSON values back into objects."""

    def __init__(self, model: Any, arrays: dict[str, np.ndarray]) -> None:
        self._model, self._arrays = model, arrays
        self._sections = dict(_sections(model.params, ""))
        self._made: dict[int, Any] = {}

    def decode(self, value: Any) -> Any:
        """Return what a JSON value stands for."""
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "number" in value:
            return self._object(value)
        if "array" in value:
            return self._arrays[value["array"]]
        if "tuple" in value:
            items = [self.decode(item) for item in value["tuple"]]
            return _class(value["class"])(*items) if value["class"] else tuple(items)
        if "dict" in value:
            return {self.decode(key): self.decode(item) for key, item in value["dict"]}
        if "parameters" in value:
            return self._sections[value["parameters"]]
        return self._model if "model" in value else self._made[value["again"]]

    def _object(self, value: dict[str, Any]) -> Any:
        number = value["number"]
        if "generator" in value:
            bits = getattr(np.random, value["generator"]["bit_generator"])()
            bits.state = value["generator"]
            self._made[number] = np.random.Generator(bits)
        elif "layer" in value:
            array = self._arrays[value["array"]]
            layer = PropertyLayer(value["layer"], array.shape, dtype=array.dtype.type)
            layer.data = array
            self._made[number] = layer
        else:
            kind = _class(value["class"])
            made = self._made[number] = kind.__new__(kind)  # before its parts: they may refer to it
            state = self.decode(value["state"])
            put = getattr(made, "__setstate__", made.__dict__.update)
            put(state)
        return self._made[number]


def _rebuilt[M: Model](cls: type[M], header: dict[str, Any], arrays: dict[str, np.ndarray]) -> M:
    entries = {key: Entry(*entry) for key, *entry in header["parameters"]}
    model: Any = cls(Parameters.of(entries), rng=header["seed"])
    reader = _Reader(model, arrays)
    model._ticks.stop()
    model._event_list.clear()
    model.time, model.steps, model.running = (header[name] for name in ("time", "steps", "running"))
    version, state, gauss = header["random"]
    model.random = random.Random()
    model.random.setstate((version, tuple(state), gauss))
    _schedule(model, header["events"])
    for name, value in header["state"].items():
        setattr(model, name, reader.decode(value))
    return model


def _schedule(model: Any, events: list[list[Any]]) -> None:
    """Fill the queue in its order: events of equal time come as they would have."""
    for time, priority, name in events:
        if name == "every":
            model._start_ticks(time)
        elif name == "every step":
            _go_on(model._default_schedule, time)
        else:
            model.schedule_event(getattr(model, name), at=time, priority=Priority(priority))


def _go_on(generator: EventGenerator, time: float) -> None:
    generator._schedule_next(time)


def _sections(part: BaseModel, path: str) -> list[tuple[str, BaseModel]]:
    """Return parameters and all their sections by path."""
    found = [(path, part)]
    for name in type(part).model_fields:
        inner = getattr(part, name)
        if isinstance(inner, BaseModel):
            found += _sections(inner, f"{path}.{name}".lstrip("."))
    return found


def _path(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(path: str) -> Any:
    """Return a class of this package; no other is ever made from a file."""
    module, _, name = path.partition(":")
    if not module.startswith(_OWN):
        raise ValueError(f"class {path}")
    kind = getattr(importlib.import_module(module), name)
    if not isinstance(kind, type) or kind.__module__ != module:
        raise ValueError(f"class {path}")
    return kind

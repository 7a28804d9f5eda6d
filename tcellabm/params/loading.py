"""Layers of parameter files and overrides, resolved into `Parameters`."""

import itertools
import math
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from tcellabm.params.axes import Range, is_axis, read_axis
from tcellabm.params.errors import InputError, shorten
from tcellabm.params.files import Said, find_file, flatten, read_toml
from tcellabm.params.meta import POPULATION, Meta, Value, catalog, meta_of, model_file, settable
from tcellabm.params.own import Source, joined, loaded, read_sources
from tcellabm.params.parameters import OVERRIDE, RULES, Entry, Parameters, entries
from tcellabm.params.question import REFERENCE, Question, is_question, read_question
from tcellabm.params.size import check_size

GRID = "grid"
MOST_POINTS = 100_000  # of a grid: each takes a quarter of a millisecond to plan

type File = str | os.PathLike[str]


# What a file may name beside itself.
FILES = {
    "product": "the infused cells",
    "population": "how patients differ",
    "scenario": "what this sweep or trial rests on",
    "published": "published figures (CSV), in a trial",
    "posterior": "draws of parameters, in a sweep or trial",
    "cohort": "patients of one's own (CSV)",
    "rules": "Python files, or packages, with rules of one's own",
}


class _Role(NamedTuple):
    """What a file may do where it stands."""

    names: tuple[str, ...]  # the files it may name
    varies: bool  # whether it may have axes
    holds: bool  # whether what it sets holds for every patient


_LAYERS = ("product", "population", "rules", "cohort")
_TRIAL = _Role(("scenario", *_LAYERS, "published", "posterior"), varies=False, holds=True)
_SWEEP = _Role(("scenario", *_LAYERS, "posterior"), varies=True, holds=True)
_SCENARIO = _Role(_LAYERS, varies=False, holds=True)
_NAMED = _Role((), varies=False, holds=False)


class _Layer(NamedTuple):
    """What one file, or the overrides, say."""

    files: dict[str, str]
    axes: dict[str, tuple[Value, ...] | Range]
    entries: dict[str, Entry]
    arms: list[Any]
    rules: list[Source]
    question: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Parameters, and the axes along which a sweep varies them.

    Attributes
    ----------
    params : Parameters
        What all points share; at a point, `params.replace(point)`.
    axes : mapping of str to tuple or Range
        Values by dotted key, or what to sample them from; empty for a scenario.
    arms : list
        Treatment arms as written, for who knows treatments to check.
    files : mapping of str to str
        The files named, by what they are.
    question : Question
        What the points are held against; the reference as written.
    """

    params: Parameters
    axes: Mapping[str, tuple[Value, ...] | Range]
    arms: Sequence[Any] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    question: Question = field(default_factory=Question)

    @property
    def is_sample(self) -> bool:
        """Whether points are drawn: they are checked then, and all combinations are not."""
        ranges = any(isinstance(axis, Range) for axis in self.axes.values())
        return ranges or self.params.sweep.sample != GRID

    def points(self) -> list[dict[str, Value]]:
        """Every point of the grid, the last axis running fastest; of a range its two ends.

        Raises
        ------
        InputError
            There are too many.
        """
        values = [_ends(axis) for axis in self.axes.values()]
        if (many := math.prod(map(len, values))) > MOST_POINTS:
            allowed = f"allowed: up to {MOST_POINTS}; sweep.sample draws some"
            raise InputError(f"a grid of {many} points", "", allowed)
        return [dict(zip(self.axes, point, strict=True)) for point in itertools.product(*values)]

    def first(self) -> dict[str, Value]:
        """Return the first value of every axis."""
        return {key: _ends(axis)[0] for key, axis in self.axes.items()}


def _ends(axis: tuple[Value, ...] | Range) -> tuple[Value, ...]:
    return (axis.low, axis.high) if isinstance(axis, Range) else axis


class Row(NamedTuple):
    """One parameter as text, for a listing."""

    key: str
    value: str
    unit: str
    range: str
    source: str


def load(path: File | None = None, overrides: Mapping[str, Any] | None = None) -> Parameters:
    """Resolve a scenario file, and the files it names, into parameters.

    Laws of the population are those of its file. `tcellabm.one_patient` draws them from the
    posterior, as all commands do.

    Parameters
    ----------
    path : path, optional
        Looked for as given, then among the shipped files; without it, `model.toml` alone.
    overrides : mapping, optional
        Values by dotted key; they win over every file.

    Raises
    ------
    InputError
        If a file or a value cannot be used.
    """
    sweep = load_sweep(path, overrides)
    for key in sweep.axes:
        raise InputError(f"{key} is a list", "", "allowed: one value; a list is for a sweep only")
    if name := sweep.files.get("cohort"):
        raise InputError("files.cohort is of many patients", name, "allowed: in run, sweep, trial")
    return sweep.params


def load_sweep(path: File | None = None, overrides: Mapping[str, Any] | None = None) -> Sweep:
    """Resolve a sweep file, or a scenario; a list among the overrides is an axis.

    Raises
    ------
    InputError
        If a file or a value cannot be used.
    """
    return _resolve(path, overrides or {}, _SWEEP)


def load_trial(path: File, overrides: Mapping[str, Any] | None = None) -> Sweep:
    """Resolve a trial file: a scenario that may name published figures and a posterior too.

    Raises
    ------
    InputError
        If a file or a value cannot be used.
    """
    trial = _resolve(path, overrides or {}, _TRIAL)
    for key in trial.axes:
        raise InputError(f"{key} is a list", "", "allowed: one value; a list is for a sweep only")
    return trial


def _resolve(path: File | None, overrides: Mapping[str, Any], role: _Role) -> Sweep:
    given = _overrides(overrides, role)
    top = _read(path, role)
    scenario = _read(top.files.get("scenario"), _SCENARIO)
    files = scenario.files | top.files | given.files
    named = [_read(files.get(kind), _NAMED) for kind in ("product", "population")]
    product, population = named
    merged = product.entries | population.entries
    merged |= _moved(product.entries, population.entries)
    for layer in (scenario, top, given):
        merged |= layer.entries
    axes = {key: axis for key, axis in top.axes.items() if key not in given.entries} | given.axes
    # The reference in the file is a point of its axes: of another axis it is none.
    replaced = {f"{REFERENCE}.{key}" for key in (*given.axes, *given.entries)}
    asked = {key: value for key, value in top.question.items() if key not in replaced}
    question = read_question(asked | given.question, os.fspath(path or OVERRIDE))
    rules = joined([*scenario.rules, *top.rules, *given.rules])
    sweep = Sweep(Parameters.of(merged, rules), axes, top.arms, files, question)
    for point in [sweep.first()] if sweep.is_sample else sweep.points():
        check_size(sweep.params.replace(point))  # some values are allowed only next to others
    return sweep


def _moved(product: Mapping[str, Entry], population: Mapping[str, Entry]) -> dict[str, Entry]:
    """Move the medians of a population by what a product's values are over those of the reference.

    A population says how patients differ, and a product by how much all of them do.
    """
    moved = {}
    for key, entry in product.items():
        median, reference = f"{POPULATION}{key}.median", catalog().get(key)
        if median in population and reference is not None and reference.value:
            factor = float(entry.value) / float(reference.value)
            moved[median] = entry._replace(value=float(population[median].value) * factor)
    return moved


def _read(path: File | None, role: _Role) -> _Layer:
    """Read one file; none, or `model.toml`, adds nothing."""
    if path is None or (file := find_file(os.fspath(path))).samefile(model_file()):
        return _Layer({}, {}, {}, [], [], {})
    where = os.fspath(path)
    return _layer(flatten(read_toml(file, where), where, _leaves()), where, role)


@cache
def _leaves() -> frozenset[str]:
    """Return the keys of a file of which the value may be a table."""
    return frozenset(settable()) | {f"axes.{key}" for key in settable()}


def _overrides(values: Mapping[str, Any], role: _Role) -> _Layer:
    """Read overrides; what stands for many values is an axis."""
    flat = flatten(values, OVERRIDE, settable())
    single = {key for key in flat if key.startswith("files.") or is_question(key)}
    axes = {key for key, (raw, _) in flat.items() if is_axis(raw) and key not in single}
    named = {f"axes.{key}" if key in axes else key: flat[key] for key in flat}
    return _layer(named, OVERRIDE, role._replace(varies=True))


def _layer(flat: Mapping[str, Said], where: str, role: _Role) -> _Layer:
    layer = _Layer({}, {}, {}, [], [], {})
    plain: dict[str, Said] = {}
    for key, value in flat.items():
        match key.split(".", 1):
            case ["files", "rules"] if "rules" in role.names:
                layer.rules.extend(read_sources(value.value, where))
            case ["files", name]:
                layer.files[name] = _file(name, value.value, where, role)
            case ["axes", name]:
                layer.axes[name] = _axis(name, value.value, where, role)
            case ["arms"]:
                layer.arms.extend(_arms(value.value, where, role))
            case ["sweep", name] if is_question(key):
                layer.question[name] = _asked(key, value.value, where, role)
            case _:
                plain[key] = value
    return layer._replace(entries=entries(plain, where, role.holds))


def _file(name: str, raw: object, where: str, role: _Role) -> str:
    if name not in role.names:
        allowed = ", ".join(f"files.{known}" for known in role.names) or "no further files"
        raise InputError(f"unknown key files.{shorten(name)}", where, f"allowed: {allowed}")
    if not isinstance(raw, str):
        raise InputError(f"files.{name} = {shorten(raw)} is not text", where, "allowed: a path")
    return raw


def _axis(key: str, raw: object, where: str, role: _Role) -> tuple[Value, ...] | Range:
    if not role.varies:
        raise InputError(f"{shorten(key)} is an axis", where, "allowed: axes in a sweep file only")
    return read_axis(meta_of(key, where), raw, where)


def _arms(raw: object, where: str, role: _Role) -> list[Any]:
    if not role.varies or not isinstance(raw, list) or not raw:
        raise InputError(f"arms = {shorten(raw)}", where, "allowed: [[arms]] in a sweep file only")
    return raw


def _asked(key: str, raw: object, where: str, role: _Role) -> object:
    if not role.varies:
        raise InputError(f"{shorten(key)} is set", where, "allowed: in a sweep file only")
    return raw


def rows(path: File | None = None, overrides: Mapping[str, Any] | None = None) -> list[Row]:
    """List every effective parameter of a file, distributions last.

    Raises
    ------
    InputError
        If the file or a value cannot be used.
    """
    sweep = load_sweep(path, overrides)
    params = sweep.params.replace(sweep.first())  # an axis pins, so none of it is drawn
    values = dict.fromkeys(catalog(), "drawn") | params.resolved() | dict(sweep.axes)
    values.pop(RULES, None)
    return [_row(params.describe(key), shorten(value, 60)) for key, value in values.items()] + [
        Row(RULES, rule.name, rule.kind, "", str(source))
        for source in params.rules
        for rule in loaded(source)
    ]


def _row(meta: Meta, text: str) -> Row:
    return Row(meta.key, text, meta.unit, meta.bounds, meta.source)


_OPENING = ("[", "{")


def parse_set(items: Iterable[str], option: str = OVERRIDE) -> dict[str, Any]:
    """Read `KEY=VALUE` arguments of an option: a value is TOML, else bare text.

    Raises
    ------
    InputError
        If an argument is not of this form, or a key is given twice.
    """
    found: dict[str, Any] = {}
    for item in items:
        key, equals, text = (part.strip() for part in item.partition("="))
        if not key or not equals:
            raise InputError(f"{shorten(item)} sets nothing", option, "allowed: KEY=VALUE")
        if key in found:
            raise InputError(f"{shorten(key)} is set twice", option, "allowed: once")
        found[key] = _value(key, text)
    return found


def _value(key: str, text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        if text[:1] in _OPENING:
            what = f"{shorten(key)} = {shorten(text)} is no whole list or table"
            raise InputError(what, OVERRIDE, "allowed: such as [1e6, 2e6]") from None
        return text
    return table["value"] if len(table) == 1 else text

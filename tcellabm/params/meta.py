"""What `model.toml` says about each parameter, and the check of a value against it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from numbers import Real
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcellabm.params.errors import InputError, fault_of, nearest, shorten
from tcellabm.params.files import flatten, read_toml, shipped_file
from tcellabm.params.schema import leaves
from tcellabm.rules import is_own

type Value = float | int | bool | str

MODEL_FILE = "model.toml"
POPULATION = "population."
OWN = {"care.policy": "policy", "dosing.schedule": "schedule"}  # may be a rule of one's own
DISTRIBUTION_FIELDS = ("median", "sigma_ln", "low", "high")

_ALIKE = 0.5  # keys less like an unknown one are no help
_WIDEST_SIGMA_LN = 20.0  # e^(20 z) is a float for every z that is ever drawn


@dataclass(frozen=True, slots=True)
class Meta:
    """One parameter: its value, and what may be said of it.

    Attributes
    ----------
    key : str
        Dotted key.
    kind : type
        `float`, `int`, `bool` or `str`.
    value : float, int, bool or str
        The value in force.
    unit : str
        Its unit.
    range : tuple
        Lowest and highest number admitted, or every choice there is.
    source : str
        Where the value comes from.
    file : str
        The file, or `--set`, that says so.
    """

    key: str
    kind: type
    value: Value
    unit: str
    range: tuple[Any, ...]
    source: str
    file: str

    @property
    def bounds(self) -> str:
        """The range in words."""
        between = ", " if self.kind in (bool, str) else " to "
        return between.join(shorten(bound) for bound in self.range)

    def check(self, raw: object, where: str) -> Value:
        """Return `raw` in this parameter's type.

        Raises
        ------
        InputError
            If it is of another type or out of range; `where` is named.
        """
        fault = self._choice_fault(raw) if self.kind in (bool, str) else self._number_fault(raw)
        if isinstance(raw, list | tuple):
            fault = "is a list, for a sweep axis only"
        if fault:
            what = f"{self.key} = {shorten(raw, 30) or 'nothing'} {fault}"
            unit = "" if self.unit in ("1", "bool", "text") else f" {self.unit}"
            raise InputError(what, where, f"allowed: {self.bounds}{unit}")
        value: Value = self.kind(raw)
        return value

    def _choice_fault(self, raw: object) -> str:
        if self.key in OWN and is_own(raw):
            return ""  # `Parameters` look whether it is there
        return "" if isinstance(raw, self.kind) and raw in self.range else "is not a choice"

    def _number_fault(self, raw: object) -> str:
        if isinstance(raw, bool) or not isinstance(raw, Real):
            return "is not a number"
        number: Any = raw  # Real promises too little to the type checker
        low, high = self.range
        if not low <= number <= high:
            return "is out of range" if abs(number) < math.inf else "is not finite"
        return "is not whole" if self.kind is int and number != int(number) else ""


class _Described(BaseModel):
    """What `model.toml` says of one parameter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: Any
    unit: Annotated[str, Field(min_length=1)]
    range: Annotated[list[Any], Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]


@cache
def catalog() -> Mapping[str, Meta]:
    """Every parameter by its dotted key, as `model.toml` has it, in the order of the schema."""
    return read_catalog(model_file())


def model_file() -> Path:
    """Path of the `model.toml` that belongs to this package; none in the current folder counts."""
    path = shipped_file(MODEL_FILE)
    assert path is not None, "the package was installed without its parameter files"
    return path


def read_catalog(path: Path) -> dict[str, Meta]:
    """Read a file that describes every parameter of the schema, and no other."""
    kinds = leaves()
    found = flatten(read_toml(path, path.name), path.name, kinds)
    _refuse("missing", kinds.keys() - found, path.name)
    _refuse("not in the schema", found.keys() - kinds, path.name)
    return {key: _described(key, kind, found[key].value, path.name) for key, kind in kinds.items()}


def _refuse(fault: str, keys: set[str], where: str) -> None:
    if keys:
        raise InputError(f"{fault}: {shorten(', '.join(sorted(keys)), 120)}", where)


def _described(key: str, kind: type, raw: object, where: str) -> Meta:
    try:
        described = _Described.model_validate(raw)
    except ValidationError as error:
        allowed = "allowed: value, unit, range, source"
        raise InputError(f"{key}.{fault_of(error)}", where, allowed) from None
    meta = Meta(
        key, kind, described.value, described.unit, tuple(described.range), described.source, where
    )
    if not _is_range(kind, meta.range):
        what = f"{key}.range = {shorten(described.range)}"
        raise InputError(what, where, "allowed: [low, high], or the choices")
    return replace(meta, value=meta.check(described.value, where))


def _is_range(kind: type, bounds: tuple[Any, ...]) -> bool:
    if kind in (bool, str):
        return all(type(choice) is kind for choice in bounds)
    numbers = all(type(bound) in (int, float) for bound in bounds)
    return numbers and len(bounds) == 2 and bounds[0] <= bounds[1]


@cache
def settable() -> Mapping[str, Meta]:
    """Everything that can be set: the catalog, and a distribution for each of its floats."""
    drawable = [meta for meta in catalog().values() if meta.kind is float]
    return {**catalog(), **{part.key: part for meta in drawable for part in _distribution(meta)}}


def _distribution(meta: Meta) -> tuple[Meta, ...]:
    """Describe the parts of a distribution; where none is set, it has no width."""
    low, high = meta.range
    part = replace(meta, key="", source="unset")
    key = f"{POPULATION}{meta.key}."
    return (
        replace(part, key=f"{key}median", range=(max(0.0, low), high)),
        replace(part, key=f"{key}sigma_ln", value=0.0, unit="1", range=(0.0, _WIDEST_SIGMA_LN)),
        replace(part, key=f"{key}low", value=float(low)),
        replace(part, key=f"{key}high", value=float(high)),
        replace(part, key=f"{key}unit", kind=str, value=meta.unit, unit="text", range=(meta.unit,)),
    )


def meta_of(key: str, where: str = "") -> Meta:
    """Find what is known about a key, or raise `InputError` with the nearest known ones."""
    if key in settable():
        return settable()[key]
    drawn = key.startswith(POPULATION)
    names = [name for name in settable() if name.startswith(POPULATION) == drawn]
    alike = nearest(key, names, _ALIKE) or "none, `tcellabm params` lists all"
    raise InputError(f"unknown key {shorten(key)}", where, f"nearest: {alike}")

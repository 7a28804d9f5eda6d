"""Axes of a sweep: lists of values, evenly spaced ones, and ranges to sample from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tcellabm.params.errors import InputError, nearest, shorten
from tcellabm.params.meta import Meta, Value

SPACED = ("linspace", "logspace")  # [first, last, how many]
RANGES = ("uniform", "log_uniform")  # [low, high], for a sample
KINDS = SPACED + RANGES
_MOST_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Range:
    """A number anywhere between two bounds, evenly or evenly on a logarithmic scale."""

    low: float
    high: float
    log: bool
    whole: bool = False

    def at(self, share: float) -> float | int:
        """Return the value that has this share (0 to 1) of the range below it."""
        if self.log:
            value = math.exp(math.log(self.low) * (1 - share) + math.log(self.high) * share)
        else:
            value = self.low * (1 - share) + self.high * share
        value = min(max(value, min(self.low, self.high)), max(self.low, self.high))
        return round(value) if self.whole else value

    def as_table(self) -> dict[str, list[float]]:
        """Return it as a sweep file has it."""
        return {"log_uniform" if self.log else "uniform": [self.low, self.high]}


def is_axis(raw: object) -> bool:
    """Tell whether a value as written stands for many: a list, or `{linspace = [0, 1, 5]}`."""
    if isinstance(raw, Mapping):
        return bool(raw) and raw.keys().isdisjoint(("value", "unit", "source"))
    return isinstance(raw, list | tuple)


def read_axis(meta: Meta, raw: object, where: str) -> tuple[Value, ...] | Range:
    """Check an axis as written.

    Parameters
    ----------
    meta : Meta
        The parameter.
    raw : object
        A list of values, or a table with one of KINDS.
    where : str
        File or option, named in an error.

    Returns
    -------
    tuple or Range
        Values, each once; a range for `uniform` and `log_uniform`.

    Raises
    ------
    InputError
        It is none, or a value is not one of the parameter.
    """
    if isinstance(raw, Mapping) and (unknown := [str(kind) for kind in raw if kind not in KINDS]):
        what = f"axis {meta.key}: unknown kind {shorten(unknown[0])}"
        raise InputError(what, where, f"nearest: {nearest(unknown[0], KINDS)}")
    if isinstance(raw, Mapping) and len(raw) == 1:
        ((law, numbers),) = raw.items()
        read = _range if law in RANGES else _spaced
        return read(meta, law, numbers, where)
    if not isinstance(raw, list | tuple) or not raw:
        allowed = f"allowed: a list of values, or a table with one of {', '.join(KINDS)}"
        raise InputError(f"axis {meta.key} = {shorten(raw, 30)}", where, allowed)
    axis = tuple(meta.check(item, where) for item in raw)
    if len(set(axis)) < len(axis):
        raise InputError(f"axis {meta.key} repeats a value", where, "allowed: each value once")
    return axis


def _spaced(meta: Meta, law: str, numbers: Any, where: str) -> tuple[Value, ...]:
    first, last, count = _numbers(meta, law, numbers, ("first", "last", "how many"), where)
    if not (count == int(count) and 1 <= count <= _MOST_VALUES):
        allowed = f"allowed: 1 to {_MOST_VALUES} values"
        raise InputError(f"axis {meta.key}: {law} of {shorten(count)}", where, allowed)
    span = _range_of(meta, law, first, last, where)
    steps = [place / max(count - 1, 1) for place in range(int(count))]
    values = [span.at(step) for step in steps]
    # Of numbers like 0.2 + 0.1 the digits that rounding leaves are of no use to anybody.
    return read_values(meta, [float(f"{value:.12g}") for value in values], where)


def read_values(meta: Meta, values: list[float], where: str) -> tuple[Value, ...]:
    """Check values, each once.

    Parameters
    ----------
    meta : Meta
        The parameter.
    values : list of float
        In its unit; may repeat.
    where : str
        File or option, named in an error.

    Returns
    -------
    tuple
        In the type of the parameter, in the order of first appearance.
    """
    return tuple(dict.fromkeys(meta.check(value, where) for value in values))


def _range(meta: Meta, law: str, numbers: Any, where: str) -> Range:
    low, high = _numbers(meta, law, numbers, ("low", "high"), where)
    if not low < high:
        raise InputError(
            f"axis {meta.key}: {law} from {low} to {high}", where, "allowed: low < high"
        )
    return _range_of(meta, law, low, high, where)


def _range_of(meta: Meta, law: str, first: float, last: float, where: str) -> Range:
    log = law in ("logspace", "log_uniform")
    if log and not min(first, last) > 0:
        raise InputError(f"axis {meta.key}: {law} from {first} to {last}", where, "allowed: > 0")
    for end in (first, last):
        meta.check(end, where)
    return Range(first, last, log, meta.kind is int)


def _numbers(meta: Meta, law: str, numbers: Any, names: tuple[str, ...], where: str) -> list[float]:
    fits = isinstance(numbers, list | tuple) and len(numbers) == len(names)
    if meta.kind not in (int, float):
        raise InputError(f"axis {meta.key} is not a number", where, f"allowed: {meta.bounds}")
    if not fits or not all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
        what = f"axis {meta.key}: {law} = {shorten(numbers)}"
        raise InputError(what, where, f"allowed: [{', '.join(names)}]")
    return list(numbers)

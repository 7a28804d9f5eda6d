"""What a sweep is asked: against which point, within which window. No run depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tcellabm.params.errors import InputError, nearest, shorten
from tcellabm.params.meta import Meta, Value

REFERENCE, WINDOW, LABEL = "reference", "window", "label"
LIMITS = ("remission_365", "severe_crs")


@dataclass(frozen=True, slots=True)
class Question:
    """What the points of a sweep are held against.

    Attributes
    ----------
    reference : mapping
        The point that others are compared with: a value by axis; empty if there is none.
    window : mapping
        What is acceptable: `remission_365` at least, `severe_crs` at most; empty if not asked.
    label : tuple of float
        Lowest and highest dose of the product's label, cells/kg; empty if not told.
    """

    reference: Mapping[str, Any] = field(default_factory=dict)
    window: Mapping[str, float] = field(default_factory=dict)
    label: tuple[float, ...] = ()

    def as_table(self) -> dict[str, Any]:
        """Return it as JSON values, without what is empty."""
        table = {REFERENCE: dict(self.reference), WINDOW: dict(self.window)}
        return {key: value for key, value in (table | {LABEL: list(self.label)}).items() if value}


def is_question(key: str) -> bool:
    """Tell whether a dotted key is part of the question, not a parameter."""
    section, _, rest = key.partition(".")
    return section == "sweep" and rest.partition(".")[0] in (REFERENCE, WINDOW, LABEL)


def read_question(raw: Mapping[str, Any], where: str) -> Question:
    """Check what a sweep file and the overrides ask, by key without `sweep.`.

    The reference is taken as it stands: which points there are is known to the plan.

    Raises
    ------
    InputError
        An unknown key, a limit that is no share, a label that is no range.
    """
    reference: dict[str, Any] = {}
    window: dict[str, float] = {}
    label: tuple[float, ...] = ()
    for key, value in raw.items():
        part, _, name = key.partition(".")
        if part == REFERENCE:
            reference[name] = value
        elif part == WINDOW:
            window[name] = _limit(name, value, where)
        else:
            label = _range(value, where)
    if window and len(window) < len(LIMITS):
        missing = next(name for name in LIMITS if name not in window)
        allowed = f"allowed: {' and '.join(LIMITS)}"
        raise InputError(f"sweep.window without {missing}", where, allowed)
    if not all(reference):
        raise InputError("sweep.reference is no table", where, "allowed: { axis = value }")
    return Question(reference, window, label)


def _limit(name: str, raw: Any, where: str) -> float:
    if name not in LIMITS:
        what = f"unknown key sweep.window.{shorten(name)}"
        raise InputError(what, where, f"nearest: {nearest(name, LIMITS)}")
    return float(_number(f"sweep.window.{name}", raw, 1.0, where))


def _range(raw: Any, where: str) -> tuple[float, ...]:
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        raise InputError(f"sweep.label = {shorten(raw)}", where, "allowed: [low, high]")
    low, high = (float(_number("sweep.label", end, 1e12, where)) for end in raw)
    if not low < high:
        raise InputError(f"sweep.label from {low:g} to {high:g}", where, "allowed: low < high")
    return low, high


def _number(key: str, raw: Any, most: float, where: str) -> Value:
    meta = Meta(key, float, 0.0, "1", (0.0, most), "a choice", where)
    return meta.check(raw, where)

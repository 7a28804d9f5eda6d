"""The one error that a user's input can raise, and how it is worded."""

import json
import math
import reprlib
from collections.abc import Iterable
from decimal import Decimal
from difflib import SequenceMatcher

from pydantic import ValidationError

_MESSAGE = 190  # "error: " in front of it makes a line of at most 200 characters


class InputError(ValueError):
    """Input that cannot be used; its message is one printable line.

    Parameters
    ----------
    what : str
        What is wrong.
    where : str
        The file or option it came from.
    allowed : str
        What would be right.
    """

    def __init__(self, what: str, where: str = "", allowed: str = "") -> None:
        parts = (what, shorten(where, 50), allowed)
        super().__init__(shorten(", ".join(part for part in parts if part), _MESSAGE))


def shorten(value: object, limit: int = 36) -> str:
    """Any value on one printable line, cut in the middle when it is longer than `limit`."""
    text = value if isinstance(value, str) else toml_text(value)
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    if len(text) <= limit:
        return text
    tail = limit // 2 - 2
    return f"{text[: limit - tail - 3]}...{text[-tail:]}"


def toml_text(value: object) -> str:
    """Write a value the way a parameter file or `--set` takes it.

    >>> toml_text(1.5e11), toml_text(365.0), toml_text(True), toml_text([1, 2e-12])
    ('1.5e11', '365', 'true', '[1, 2e-12]')
    """
    match value:
        case bool():
            return str(value).lower()
        case float():
            return _float_text(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(map(_item_text, value))}]"
        case _:
            return _foreign_text(value)


def _float_text(value: float) -> str:
    """All digits of a float, with an exponent where there would be many zeros."""
    plain = repr(float(value)).removesuffix(".0")
    if value == 0 or not math.isfinite(value) or 1e-3 <= abs(value) < 1e5:
        return plain
    return format(Decimal(plain).normalize(), "e").replace("e+", "e")


def _item_text(item: object) -> str:
    return "[...]" if isinstance(item, list | tuple) else toml_text(item)


def _foreign_text(value: object) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:  # an int of more digits than Python is willing to write
        return f"a {type(value).__name__}"


def nearest(key: str, known: Iterable[str], least: float = 0.0) -> str:
    """Name up to three known keys most like `key`, above all those that hold its last word.

    Parameters
    ----------
    key : str
        Unknown.
    known : iterable of str
        Those to choose from.
    least : float
        Likeness, 0 to 1, below which a key is not named.

    Returns
    -------
    str
        Names with commas between; empty if no key is alike enough.
    """
    key = key[:100].lower()
    word = key.rpartition(".")[2]

    def likeness(candidate: str) -> float:
        return SequenceMatcher(None, candidate, key).ratio() + (word in candidate)

    names = [name for name in sorted(known, key=likeness, reverse=True) if likeness(name) >= least]
    names = names[:3]
    while len(names) > 1 and len(", ".join(names)) > 90:
        names.pop()
    return ", ".join(names)


def fault_of(error: ValidationError) -> str:
    """Return the first fault that a schema found: where, and what is wrong."""
    first = error.errors(include_url=False, include_context=False)[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))

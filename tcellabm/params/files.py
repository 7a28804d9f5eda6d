"""Parameter files: where they are looked for, and how TOML becomes dotted keys."""

import os
import tomllib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from tcellabm.params.errors import InputError, fault_of, shorten

_PACKAGE = Path(__file__).resolve().parents[1]
_SHIPPED = (_PACKAGE / "_files", _PACKAGE.parent / "params")
_LARGEST_BYTES = 1_000_000
_DEEPEST = 8


def find_file(name: str) -> Path:
    """Look for a file as given, then among the shipped parameter files."""
    path = Path(name) if os.path.exists(name) else shipped_file(name)
    if path is None:
        raise InputError("no such file", name, "allowed: a path, or a shipped file")
    return path


def shipped_file(name: str) -> Path | None:
    """Look for a file in the package, then in the checkout; `params/` may stand before its name."""
    paths = (root / name.removeprefix("params/") for root in _SHIPPED)
    return next((path for path in paths if os.path.exists(path)), None)


def shipped_names(kind: str) -> list[str]:
    """Return the names of the shipped files of a kind: `params/scenarios/kymriah.toml`."""
    root = next(root for root in _SHIPPED if root.is_dir())
    return [f"params/{kind}/{path.name}" for path in sorted((root / kind).glob("*.toml"))]


def read_toml(path: Path, where: str) -> dict[str, Any]:
    """Read a parameter file, refusing whatever is not TOML with keys in it."""
    text = read_text(path, where)
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise InputError("nested too deep", where, "allowed: tables of keys") from None
    except ValueError as error:
        raise InputError("not TOML", where, shorten(str(error), 100)) from None
    if not table:
        raise InputError("sets nothing", where, "allowed: TOML with keys in it")
    return table


def read_form[Form: BaseModel](form: type[Form], file: str, what: str, allowed: str) -> Form:
    """Read a TOML file that is no parameter file, held to a form.

    Parameters
    ----------
    form : type
        What its keys and values are checked against.
    file : str
        As given; shipped files are found too.
    what : str
        What it should be, with its article, for an error.
    allowed : str
        What would be right.

    Returns
    -------
    Form
        Checked.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        return form.model_validate(tomllib.loads(read_text(find_file(file), file)))
    except ValidationError as error:
        fault = fault_of(error)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        fault = str(error)
    raise InputError(f"not {what}: {fault}", file, allowed)


def read_text(path: Path, where: str, most_bytes: int = _LARGEST_BYTES) -> str:
    """Read a file of text in UTF-8, with or without a byte-order mark.

    Parameters
    ----------
    path : Path
        The file.
    where : str
        How an error names it.
    most_bytes : int
        Largest size, bytes.

    Returns
    -------
    str
        Without the byte-order mark.

    Raises
    ------
    InputError
        It is no such file, or larger than allowed; `where` is named.
    """
    try:
        if not os.path.lexists(path):
            raise InputError("no such file", where, "allowed: a path, or a shipped file")
        if not path.is_file() or path.stat().st_size > most_bytes:
            allowed = f"allowed: a file of up to {most_bytes // 1_000_000} MB"
            raise InputError("a folder, or too large", where, allowed)
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError("cannot be read", where, str(error.strerror)) from None
    except UnicodeDecodeError:
        raise InputError("not text", where, "allowed: text in UTF-8") from None


class Said(NamedTuple):
    """A value as written, with the source of the table it stands in."""

    value: Any
    source: str


def flatten(table: Mapping[Any, Any], where: str, leaves: Container[str]) -> dict[str, Said]:
    """Lay nested tables out by dotted key.

    A key in `leaves`, or a table with a `value`, is not entered. The `source` of a table within
    the file holds for everything in it.

    Parameters
    ----------
    table : mapping
        Nested, as TOML gives it.
    where : str
        File or option, named in an error.
    leaves : container of str
        Dotted keys of which the value may be a table.

    Returns
    -------
    dict of str to Said
        By dotted key, in the order of the table.

    Raises
    ------
    InputError
        A key is set twice, is no text, or is nested too deep.
    """
    found: dict[str, Said] = {}
    for key, value in _walk(table, where, leaves, "", ""):
        if key in found:
            raise InputError(f"{shorten(key)} is set twice", where, "allowed: once")
        found[key] = value
    return found


def _walk(
    table: Mapping[Any, Any], where: str, leaves: Container[str], prefix: str, source: str
) -> Iterator[tuple[str, Said]]:
    if prefix.count(".") > _DEEPEST:
        raise InputError(f"{shorten(prefix)} is nested too deep", where, "allowed: section.key")
    for name, value in table.items():
        if not isinstance(name, str):
            raise InputError(f"key {shorten(name)} is not text", where, "allowed: section.key")
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in leaves and "value" not in value:
            inner = {part: raw for part, raw in value.items() if part != "source"}
            yield from _walk(inner, where, leaves, f"{key}.", value.get("source", source))
        else:
            yield key, Said(plain(value), source)


def plain(value: Any) -> Any:
    """Return arrays, series and ranges as lists, and numbers of NumPy as Python's."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(part) for part in value]
    known = hasattr(value, "tolist") and not isinstance(value, type)
    return value.tolist() if known else value

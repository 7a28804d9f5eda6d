"""A site is written beside its place and takes it when it is whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tcellabm.disk import exchanged
from tcellabm.params import InputError

_OWN = re.compile(
    r"index\.html|worksheet\.html|answers\.html|data"
    r"|data/(page\.(css|js)|texts\.js|site\.js|(story|patients)-[\w-]+\.js)"
)


def check(place: Path, overwrite: bool) -> None:
    """Refuse a place that can't be used, before anything is computed.

    Parameters
    ----------
    place : Path
        Where the site shall be.
    overwrite : bool
        Whether a site that is there may be replaced.

    Raises
    ------
    InputError
        It is no folder, or not empty, or has what no site has.
    """
    if place.exists() and not place.is_dir():
        raise InputError("not a folder", str(place), "allowed: a new folder, or an empty one")
    if not place.is_dir():
        return
    if Path.cwd().is_relative_to(place.resolve()):
        raise InputError("the folder you are in", str(place), "allowed: another DIR")
    if not overwrite and any(place.iterdir()):
        allowed = "allowed: a new or an empty folder, --overwrite"
        raise InputError("the folder is not empty", str(place), allowed)
    for path in strangers(place):
        raise InputError(
            f"--overwrite of a folder with {path}", str(place), "allowed: a site of this command"
        )


def strangers(place: Path) -> Iterator[str]:
    """Yield what in a folder is no file of a site, from the folder on."""
    for path in sorted(place.rglob("*")):
        inside = path.relative_to(place).as_posix()
        if not _OWN.fullmatch(inside):
            yield inside


def write(place: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Write a site whole, in the place of one that is there; return its size in bytes.

    Raises
    ------
    OSError
        The disk is full or read-only; what was there is still there.
    """
    place = Path(os.path.realpath(place))
    with _beside(place, "new") as new:
        size = 0
        for name, content in files:
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(content)
            size += len(content)
        _take(new, place)
    return size


def _take(new: Path, place: Path) -> None:
    if not place.exists():
        new.rename(place)
        return
    shutil.copymode(place, new)
    if exchanged(new, place):  # the old site now has the name of the new one, and is removed
        return
    with _beside(place, "old") as old:
        place.rename(old / place.name)
        try:
            new.rename(place)
        except OSError:
            (old / place.name).rename(place)
            raise


@contextmanager
def _beside(place: Path, what: str) -> Iterator[Path]:
    """Make a folder beside a place, which is gone at the end."""
    folder = place.with_name(f".{place.name}.{what}-{os.getpid()}")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

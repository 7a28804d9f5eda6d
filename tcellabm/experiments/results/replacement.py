"""A new result folder takes the name of an old one, whatever happens on the way.

On Linux and macOS the two change names in one step, so that the name always has a whole folder.
Where the file system can't do so they are renamed one after the other: killed in between, the name
has none until the next command puts the old folder back.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tcellabm.disk import exchanged
from tcellabm.experiments.results import shards
from tcellabm.experiments.results.ownership import LOCK, NEW, REPLACED, locked, strangers
from tcellabm.params import InputError


@contextmanager
def replacement(out: Path, new: Path, let_go: Callable[[], None]) -> Iterator[None]:
    """Have a new folder take the place of one that is held, if a block ends well.

    What the old one held beside results of this program moves over: it is somebody's.

    Parameters
    ----------
    out, new : Path
        The old folder and the new one.
    let_go : callable
        Lets go of the lock of the old folder.

    Yields
    ------
    None
        While the block runs, the old folder has its name.
    """
    with suppress(OSError):  # a file system without hard links
        os.link(out / LOCK, new / LOCK)  # there is no moment without a lock
    try:
        with _without_runs_removed(new):
            yield
            (out / REPLACED).touch()
        if os.name == "nt":
            let_go()  # Windows renames no folder with an open file in it
        _swap(new, out)
    finally:
        (new / LOCK).unlink(missing_ok=True)


@contextmanager
def _without_runs_removed(new: Path) -> Iterator[None]:
    """Keep of a block that fails a folder with finished runs: the same command goes on with it."""
    try:
        yield
    except BaseException:
        if not shards.files(new, shards.SHARDS):
            remove(new)
        raise


def begun(out: Path) -> Iterator[Path]:
    """Yield folders that were to take the place of one that is held, and whose command is gone."""
    for new in _beside(out, NEW):
        if not any(strangers(new)) and _is_free(new / LOCK, out / LOCK):
            yield new


def _is_free(lock: Path, own: Path) -> bool:
    if lock.exists() and not lock.samefile(own):  # else the command that is gone linked it
        try:
            with locked(lock.parent):
                return True
        except InputError:
            return False
    return True


def check_replaceable(out: Path) -> None:
    """Refuse a folder that can't get another name: a mount point, or with one in it."""
    mounts = (Path(part.mountpoint) for part in psutil.disk_partitions(all=True))
    within = [place for place in mounts if place.is_relative_to(out)]
    if os.path.ismount(out) or within:
        allowed = "allowed: a folder in it, or an empty one"
        place = within[0] if within else out
        raise InputError("--overwrite of a mount point", str(place), allowed)


def _swap(new: Path, out: Path) -> None:
    old = new
    if not exchanged(new, out):
        old = new.with_name(f"{new.name}.old")
        out.rename(old)
        try:
            new.rename(out)
        except OSError:
            old.rename(out)
            raise
    _clear_away(old, out)
    (out / NEW).unlink(missing_ok=True)


def recover_name(out: Path) -> None:
    """Put back an old folder that lost its name to none: a command was killed in between."""
    for old in _beside(out, REPLACED):
        with locked(old):
            if not out.exists():
                old.rename(out)


def recover(out: Path) -> None:
    """Bring a replacement to its end whose command was killed; the folder is one of its own now."""
    for mark in (REPLACED, NEW):
        (out / mark).unlink(missing_ok=True)
    for old in _beside(out, REPLACED):
        _clear_away(old, out)


def _beside(out: Path, mark: str) -> list[Path]:
    """Return folders with a mark that a replacement of this one has made beside it."""
    try:
        near = [path for path in out.parent.iterdir() if path.name.startswith(f"{out.name}.new-")]
    except (FileNotFoundError, PermissionError):  # one may go through a folder and not read it
        return []
    return sorted(path for path in near if (path / mark).exists())


def _clear_away(old: Path, out: Path) -> None:
    """Move what is somebody's from an old folder to the new one, and remove the rest.

    What has the name of a new result stays where it is, and that is printed.
    """
    for path in list(strangers(old)):
        if not os.path.lexists(out / path):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (old / path).rename(out / path)
    if any(strangers(old)):
        print(f"{old}: left there, since {out} has results of these names", file=sys.stderr)
    else:
        remove(old)


def remove(folder: Path) -> None:
    """Remove a folder of this program, its marks last: stopped in between, it is known again."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (NEW, REPLACED):
            path.unlink()
    for mark in (NEW, REPLACED):
        (folder / mark).unlink(missing_ok=True)
    folder.rmdir()

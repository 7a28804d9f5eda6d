"""One writer per result folder: a lock file that names the process behind it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tcellabm.params import InputError

_NAME = ".lock"
PARTS = "part-*-of-*"  # folders of `--shard`


@contextmanager
def locked(folder: Path, part: str = "") -> Iterator[None]:
    """Hold a folder, or the folder of one part in it, while a block runs.

    The whole folder excludes every part and every part excludes the whole; two different parts
    (`--shard 1/4` and `--shard 2/4`) go together. The lock of a process of this machine that is
    no longer alive is taken over.

    Parameters
    ----------
    folder : Path
        An existing folder.
    part : str
        Name of a folder in it; empty for the whole.

    Raises
    ------
    InputError
        Another process holds it.
    """
    lock = folder / part / _NAME
    _create(lock)
    try:
        for other in [folder / _NAME] if part else folder.glob(f"{PARTS}/{_NAME}"):
            _clear_if_stale(other)
        yield
    finally:
        lock.unlink(missing_ok=True)


def _create(lock: Path) -> None:
    if lock.exists():
        _clear_if_stale(lock)
    try:
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        raise _taken(lock) from None
    try:
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(_me(), file)
    except OSError as error:  # a full disk
        lock.unlink(missing_ok=True)
        error.filename = str(lock)
        raise


def _me() -> dict[str, object]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
    }


def _clear_if_stale(lock: Path) -> None:
    """Remove the lock of a dead process; refuse that of a living one."""
    try:
        text = lock.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    holder = _holder(text)
    if holder:
        allowed = f"allowed: another folder, or delete {lock.name} there if that is gone"
        raise InputError(f"the result folder is in use by {holder}", str(lock.parent), allowed)
    # Of two processes that find the same stale lock one wins the rename; if it was a new lock that
    # got renamed, its owner came first: it goes back.
    aside = lock.with_name(f".stale-{os.getpid()}{lock.name}")
    try:
        lock.rename(aside)
    except FileNotFoundError:
        return
    if aside.read_text(encoding="utf-8") != text:
        aside.rename(lock)
        raise _taken(lock)
    aside.unlink()


def _taken(lock: Path) -> InputError:
    what = "the result folder has just been taken by another process"
    return InputError(what, str(lock.parent), "allowed: another folder")


def _holder(text: str) -> str:
    """Name the living process that a lock belongs to; empty if it is dead."""
    try:
        lock = json.loads(text)
        host, pid, started = lock["host"], int(lock["pid"]), float(lock["started"])
    except (ValueError, KeyError, TypeError):
        return "an unknown process"
    if host != socket.gethostname():
        return f"process {pid} on {host}"
    try:
        # A process number is used again after a while: the start time tells them apart.
        alive = abs(psutil.Process(pid).create_time() - started) < 1.0
    except psutil.NoSuchProcess:
        alive = False
    return f"process {pid}" if alive else ""

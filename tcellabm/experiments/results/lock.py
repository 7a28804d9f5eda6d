"""One writer per result folder: a lock of the operating system, which ends with its holder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tcellabm.experiments.results.names import LOCK, parts
from tcellabm.params import InputError

_PATIENCE = 2.0  # seconds: another part holds the lock of the whole for a moment as it begins


class _Lock:
    """The lock of one folder, taken."""

    def __init__(self, folder: Path, patience: float = 0.0) -> None:
        self._file = folder / LOCK
        self._lock = FileLock(self._file, fallback_to_soft=False)
        try:
            self._lock.acquire(timeout=patience)
            self._own = self._file.stat()
        except Timeout:
            what = "the result folder is in use by another process"
            allowed = "allowed: another folder, or this one later"
            raise InputError(what, str(folder), allowed) from None
        except BaseException:
            self._lock.release()
            raise

    def leave(self) -> None:
        """Remove the file while it is held, unless it is another's by now, and let go of it."""
        with suppress(OSError):  # deleted meanwhile; Windows removes no open file
            if os.path.samestat(self._own, self._file.stat()):
                self._file.unlink()
        self._lock.release()


@contextmanager
def locked(folder: Path, part: str = "") -> Iterator[None]:
    """Hold a folder, or the folder of one part in it, while a block runs.

    The whole folder excludes every part and every part excludes the whole; two different parts
    (`--shard 1/4` and `--shard 2/4`) go together: each takes its own lock while it has that of
    the whole for a moment.

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
    own = whole = _Lock(folder, _PATIENCE if part else 0.0)
    try:
        if part:
            own = _Lock(folder / part)
        else:
            for other in parts(folder):
                if (other / LOCK).exists():
                    _Lock(other).leave()
    except BaseException:
        whole.leave()
        raise
    if part:
        whole.leave()
    try:
        yield
    finally:
        own.leave()

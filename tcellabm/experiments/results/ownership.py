"""Who owns what in a result folder.

Files of this program are known by their names; all else is somebody's own. One process at a time
may write: it holds a lock of the operating system, which ends with its holder.
"""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tcellabm.experiments.results.shards import SERIES, SHARDS, is_part, is_shard, parts
from tcellabm.params import InputError

MANIFEST = "manifest.json"
DAMAGED = ".damaged"  # behind the name of a file that is not as it was written
LOCK = ".tcellabm.lock"
REPLACED = ".tcellabm.replaced"  # in a folder that a newer one takes the name of
NEW = ".tcellabm.new"  # in a folder that is to take the name of an older one
_RESULTS = {
    *("outcomes.json", "series.parquet", "outcomes.parquet", "patients.parquet"),
    *("pool.parquet", "prediction.csv", "hits.csv"),
    *("summary.csv", "comparison.csv", "indices.csv", "counterfactuals.csv"),
    *("characteristics.csv", "courses.parquet", "courses.csv"),
    *("curves.parquet", "report.html", "differences.csv", "changed.csv"),
    *("counterfactuals.md", "validation.md", "figure.png"),
    *("tornado.png", "indices.png", MANIFEST, LOCK, REPLACED, NEW),
    *(  # of `plot`
        f"{name}.{form}"
        for name in ("map", "curves", "tradeoff", "window", "drivers")
        for form in ("png", "svg", "pdf")
    ),
}
_HALF = re.compile(r"\.part-\d+-(.+)")  # what `disk.written_whole` had not brought to its end
_PATIENCE = 2.0  # seconds: another part holds the lock of the whole for a moment as it begins


def check_known(name: str) -> None:
    """Refuse to write a result whose name `--overwrite` would take for somebody's own file.

    Raises
    ------
    ValueError
        The name is not listed here.
    """
    if name not in _RESULTS:
        raise ValueError(f"{name} is no name of a result: add it to _RESULTS")


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder beside the lock and the marks."""
    return [path for path in folder.iterdir() if path.name not in (LOCK, REPLACED, NEW)]


def ours(folder: Path) -> list[Path]:
    """Return what in a folder has a name of this program, but for the lock and the marks."""
    found = ((path, Path(path.name)) for path in entries(folder))
    return [path for path, own in found if _is_our_folder(own) or _is_our_file(own)]


def strangers(folder: Path) -> Iterator[Path]:
    """Yield the paths, from this folder on, of what is not of this program."""
    return (path for path, ours in _walk(folder, Path()) if not ours)


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield the files that a process which was killed in the middle of one has left."""
    walked = (path for path, ours in _walk(folder, Path()) if ours)
    return (folder / path for path in walked if _HALF.fullmatch(path.name))


def _walk(folder: Path, inside: Path) -> Iterator[tuple[Path, bool]]:
    for path in sorted(folder.iterdir()):
        own = inside / path.name
        if path.is_dir() and not path.is_symlink():
            if _is_our_folder(own):
                yield from _walk(path, own)
            else:
                yield own, False
        else:
            yield own, _is_our_file(own)


def _is_our_folder(inside: Path) -> bool:
    return _below_parts(inside) in ((), (SHARDS,), (SERIES,))


def _is_our_file(inside: Path) -> bool:
    *folders, name = _below_parts(inside)
    half = _HALF.fullmatch(name)
    name = (half[1] if half else name).removesuffix(DAMAGED)
    if folders in ([SHARDS], [SERIES]):
        return is_shard(Path(name))
    return not folders and name in _RESULTS


def _below_parts(inside: Path) -> tuple[str, ...]:
    first, *rest = inside.parts
    return tuple(rest) if is_part(first) else inside.parts


def free_folder(command: str, stem: str) -> Path:
    """Make the first free `runs/<command>-<stem>-<number>`."""
    Path("runs").mkdir(exist_ok=True)
    return make_numbered(Path("runs", f"{command}-{stem}-"))


def make_numbered(prefix: Path) -> Path:
    """Make the first free folder; of two processes at it, each gets its own."""
    for number in itertools.count(1):
        folder = prefix.with_name(f"{prefix.name}{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


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

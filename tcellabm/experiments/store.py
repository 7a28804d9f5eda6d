"""Result folders on disk: whole files, finished shards, resume and overwrite."""

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tcellabm.disk import write_whole
from tcellabm.experiments.lock import PARTS, locked
from tcellabm.experiments.parquet import parquet
from tcellabm.params import InputError

MANIFEST = "manifest.json"
SHARDS = "shards"  # finished runs
SERIES = "series"  # their time series, where wanted
RESULTS = {
    *("outcomes.json", "series.parquet", "outcomes.parquet", "patients.parquet"),
    *("summary.csv", "comparison.csv", "indices.csv", "figure.png", "map.png", "validation.md"),
    *("curves.png", "tradeoff.png", "tornado.png", "indices.png", SHARDS, SERIES, MANIFEST),
}


def free_folder(command: str, stem: str) -> Path:
    """Make the first free `runs/<command>-<stem>-<number>`."""
    Path("runs").mkdir(exist_ok=True)
    return _make_numbered(Path("runs", f"{command}-{stem}-"))


def _make_numbered(prefix: Path) -> Path:
    """Make the first free folder; of two processes at it, each gets its own."""
    for number in itertools.count(1):
        folder = prefix.with_name(f"{prefix.name}{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


@dataclass(frozen=True)
class Folder:
    """A result folder that this process holds.

    Attributes
    ----------
    path : Path
        Where files are written; with `--overwrite` a sibling of the folder asked for.
    earlier : dict
        The manifest found on resuming; empty at a fresh start.
    """

    path: Path
    earlier: dict[str, Any]

    @property
    def finished(self) -> bool:
        """Whether an earlier session brought it to its end."""
        return self.earlier.get("status") == "finished"

    def write(self, name: str, content: bytes) -> None:
        """Write one file whole."""
        write_whole(self.path / name, content)

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write `manifest.json`; it comes last, so that a folder with a finished one is whole."""
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        self.write(MANIFEST, text.encode())

    def write_shard(self, table: pa.Table, series: pa.Table | None = None) -> None:
        """Keep finished runs; the name comes from their ids, so that no two shards collide.

        Series go first: a run is finished once its outcomes are there.
        """
        ids = " ".join(table["run_id"].to_pylist())
        name = f"{hashlib.sha256(ids.encode()).hexdigest()[:16]}.parquet"
        for folder, content in ((SERIES, series), (SHARDS, table)):
            if content is not None:
                (self.path / folder).mkdir(exist_ok=True)
                write_whole(self.path / folder / name, parquet(content))

    def read_shards(self, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the finished runs of this folder and of the parts in it, in no order.

        Parameters
        ----------
        schema : Schema
            Of the table of outcomes.
        columns : sequence of str, optional
            Those to read; all if not given.
        """
        wanted = pa.schema([schema.field(name) for name in columns or schema.names])
        tables = []
        for path in self.shards(SHARDS):
            try:
                tables.append(pq.read_table(path, columns=wanted.names).cast(wanted))
            except (pa.ArrowException, OSError, ValueError):
                continue  # damaged from outside: its runs count as not done
        return pa.concat_tables([wanted.empty_table(), *tables])

    def shards(self, kind: str) -> list[Path]:
        """Return the files of one kind (SHARDS or SERIES) in this folder and its parts."""
        return sorted(
            path
            for place in ("", f"{PARTS}/")
            for path in self.path.glob(f"{place}{kind}/[!.]*.parquet")
        )


@contextmanager
def open_folder(
    out: Path | str,
    recipe: dict[str, Any],
    *,
    overwrite: bool = False,
    resume: bool = False,
    part: str = "",
) -> Iterator[Folder]:
    """Hold a result folder for writing while a block runs.

    Parameters
    ----------
    out : path
        The folder asked for; made if missing.
    recipe : dict
        What decides the results (JSON values); on resuming it must equal the one of the manifest.
    overwrite : bool
        Build aside and take the place of what is there when the block ends well.
    resume : bool
        Go on with what is there.
    part : str
        Folder in `out` of the part that this process computes; empty for all of it.

    Raises
    ------
    InputError
        The folder is in use, not empty, or was made from another recipe.
    """
    if overwrite and resume:
        raise InputError("--overwrite and --resume", str(out), "allowed: one of them")
    whole = Path(os.path.abspath(out))
    if overwrite and Path.cwd().is_relative_to(whole):
        raise InputError("--overwrite of the folder you are in", str(out), "allowed: another --out")
    out = whole / part
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for place in dict.fromkeys((whole, out)):
            stack.callback(_remove_if_empty, place)  # last, when the lock is gone
        stack.enter_context(locked(whole, part))
        if resume:
            _remove_leftovers(out)
        folder = Folder(out, {} if overwrite else _earlier(out, recipe, resume))
        if aside := overwrite and bool(_entries(out)):
            folder = Folder(_make_numbered(out.with_name(f"{out.name}.new-")), {})
        try:
            yield folder
        except BaseException:
            if not folder.earlier:
                _remove_if_barren(folder.path)
            raise
        if aside:
            _swap(folder.path, out)


def _remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed in the middle of a file has left."""
    for part in folder.glob("**/.part-*"):
        part.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # not empty, or a mount point
        folder.rmdir()


def _remove_if_barren(folder: Path) -> None:
    """Remove what a command that failed before any result leaves behind."""
    if {path.name for path in _entries(folder)} <= {MANIFEST}:
        (folder / MANIFEST).unlink(missing_ok=True)
        _remove_if_empty(folder)


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith((".lock", ".stale"))]


def _earlier(out: Path, recipe: dict[str, Any], resume: bool) -> dict[str, Any]:
    """Return the manifest to go on from; empty where nothing is there."""
    if not _entries(out):
        return {}
    if not resume:
        allowed = "allowed: an empty folder, --resume, --overwrite"
        raise InputError("the result folder is not empty", str(out), allowed)
    manifests = [_manifest(out / MANIFEST)] if _own(out) else []
    parts = [_manifest(path) for path in sorted(out.glob(f"{PARTS}/{MANIFEST}"))]
    for manifest in manifests + parts:
        before = {key: manifest.get(key) for key in recipe}
        if difference := _difference(before, json.loads(json.dumps(recipe))):
            raise InputError(f"--resume: {difference}", str(out), "allowed: the same as there")
    return manifests[0] if manifests else {}


def _own(out: Path) -> bool:
    """Tell whether there is more in a folder than parts to be joined."""
    return not all(path.match(PARTS) for path in _entries(out))


def _manifest(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8-sig")))
    except (FileNotFoundError, ValueError, TypeError):
        allowed = "allowed: a folder with one, --overwrite"
        what = f"--resume without a readable {MANIFEST}"
        raise InputError(what, str(path.parent), allowed) from None


def _difference(before: dict[str, Any], now: dict[str, Any], path: str = "") -> str:
    """Say in words where two recipes first differ; empty if they don't."""
    for key in [*before, *(key for key in now if key not in before)]:
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            if deeper := _difference(old, new, f"{path}{key} "):
                return deeper
        elif old != new:
            return f"{path}{key} was {_short(old)} there and is {_short(new)} now"
    return ""


def _short(value: object) -> str:
    text = "absent" if value is None else json.dumps(value)
    return text if len(text) <= 30 else text[:27] + "..."


def _swap(new: Path, out: Path) -> None:
    """Put a finished folder in the place of an old one, which is then removed.

    What the old one held beside results of this program moves over: it is somebody's.
    """
    old = new.with_name(f"{new.name}.old")
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise
    for path in _foreign(old):
        if not (out / path.name).exists():
            path.rename(out / path.name)
    shutil.rmtree(old)


def _foreign(folder: Path) -> Sequence[Path]:
    entries = _entries(folder)
    return [path for path in entries if path.name not in RESULTS and not path.match(PARTS)]

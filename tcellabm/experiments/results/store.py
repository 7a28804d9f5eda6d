"""Result folders on disk: whole files, finished shards, resume and overwrite."""

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tcellabm.disk import write_whole
from tcellabm.experiments.results import manifest, shards, swapping
from tcellabm.experiments.results.lock import locked
from tcellabm.experiments.results.names import (
    MANIFEST,
    NEW,
    SERIES,
    SHARDS,
    entries,
    leftovers,
    ours,
    parts,
)
from tcellabm.params import InputError

type Known = Callable[[Path], bool]


def _nothing_known(_: Path) -> bool:
    return False


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
        The manifest found on resuming; empty at a fresh start, or where it is lost.
    lost : tuple of Path
        Manifests that are missing or not as they were written, of runs that are of this recipe.
    """

    path: Path
    earlier: dict[str, Any]
    lost: tuple[Path, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether an earlier session brought it to its end."""
        return self.earlier.get("status") == "finished"

    def write(self, name: str, content: bytes) -> None:
        """Write one file whole."""
        write_whole(self.path / name, content)

    def write_manifest(self, content: dict[str, Any]) -> None:
        """Write `manifest.json`; it comes last, so that a folder with a finished one is whole."""
        self.write(MANIFEST, manifest.to_text(content).encode())

    def write_shard(self, table: pa.Table, series: pa.Table | None = None) -> None:
        """Keep finished runs. Series go first: a run is finished once its outcomes are there."""
        for kind, content in ((SERIES, series), (SHARDS, table)):
            if content is not None:
                shards.write(self.path / kind, content)


@contextmanager
def open_folder(
    out: Path | str,
    recipe: dict[str, Any],
    *,
    overwrite: bool = False,
    resume: bool = False,
    part: str = "",
    known: Known = _nothing_known,
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
    known : callable
        Tells whether there are runs of this recipe in a folder whose manifest is lost.

    Raises
    ------
    InputError
        The folder is in use, not empty, or was made from another recipe.
    """
    if overwrite and resume:
        raise InputError("--overwrite and --resume", str(out), "allowed: one of them")
    whole = Path(os.path.realpath(out))  # a link stays, and what it points to is filled
    if overwrite and Path.cwd().is_relative_to(whole):
        raise InputError("--overwrite of the folder you are in", str(out), "allowed: another --out")
    swapping.recover_name(whole)
    out = whole / part
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for place in dict.fromkeys((whole, out)):
            stack.callback(_remove_if_empty, place)  # last, when the lock is gone
        stack.enter_context(locked(whole, part))
        if not part:
            swapping.recover(whole)
        if resume:
            _remove_leftovers(out)
        folder = Folder(out, {}) if overwrite else _opened(out, recipe, resume, known)
        if overwrite and entries(out):
            swapping.check_replaceable(out)
            folder = _aside(out, recipe, known)
            stack.callback(_remove_if_empty, folder.path)
            stack.enter_context(swapping.replacement(out, folder.path, stack.close))
        try:
            yield folder
        except BaseException:
            if not folder.earlier and not folder.lost:
                _remove_if_barren(folder.path)
            raise


def _aside(out: Path, recipe: dict[str, Any], known: Known) -> Folder:
    """Return the folder to build in: that of a command that was killed at it, or a new one."""
    for new in swapping.begun(out):
        with suppress(InputError):
            _remove_leftovers(new)
            return _opened(new, recipe, True, known)
        swapping.remove(new)
    new = _make_numbered(out.with_name(f"{out.name}.new-"))
    try:
        shutil.copymode(out, new)  # what is private stays so
        (new / NEW).touch()
    except OSError:
        _remove_if_empty(new)
        raise
    return Folder(new, {})


def _remove_leftovers(folder: Path) -> None:
    for path in list(leftovers(folder)):
        path.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # not empty, or a mount point
        folder.rmdir()


def _remove_if_barren(folder: Path) -> None:
    """Remove what a command that failed before any result leaves behind."""
    if {path.name for path in entries(folder)} <= {MANIFEST}:
        (folder / MANIFEST).unlink(missing_ok=True)
        _remove_if_empty(folder)


def _opened(out: Path, recipe: dict[str, Any], resume: bool, known: Known) -> Folder:
    """Return a folder with the manifest to go on from."""
    if not entries(out):
        return Folder(out, {})
    if not resume:
        allowed = "allowed: an empty folder, --resume, --overwrite"
        raise InputError("the result folder is not empty", str(out), allowed)
    now = json.loads(json.dumps(recipe))
    found = {place: _manifest(place, known) for place in _begun(out)}
    for earlier in filter(None, found.values()):
        if difference := _difference(manifest.recipe(earlier), now):
            raise InputError(f"--resume: {difference}", str(out), "allowed: the same as there")
    lost = tuple(place / MANIFEST for place, earlier in found.items() if earlier is None)
    return Folder(out, found.get(out) or {}, lost)


def _begun(out: Path) -> list[Path]:
    """Return where there should be a manifest: in parts, and in the folder if it has more."""
    begun = [part for part in parts(out) if (part / MANIFEST).exists()]
    more = set(ours(out)) - set(parts(out))
    return [out, *begun] if more or not begun else begun


def _manifest(place: Path, known: Known) -> dict[str, Any] | None:
    """Read the manifest of a folder; None if it is lost, and there are runs that are wanted."""
    path = place / MANIFEST
    try:
        return manifest.read(path)
    except ValueError as error:
        if known(place) and not path.is_dir():
            return None
        allowed = "allowed: a folder with one, --overwrite"
        what = f"--resume without a whole {MANIFEST}: {error}"
        raise InputError(what, str(place), allowed) from None


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

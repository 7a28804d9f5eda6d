"""Result folders on disk: whole files, finished shards, resume and overwrite."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from tcellabm.disk import write_whole
from tcellabm.experiments.results import manifest, replacement, shards
from tcellabm.experiments.results.ownership import (
    DAMAGED,
    MANIFEST,
    NEW,
    check_known,
    entries,
    leftovers,
    locked,
    make_numbered,
    ours,
)
from tcellabm.experiments.results.shards import SERIES, SHARDS, parts
from tcellabm.params import InputError

type Known = Callable[[Path], bool]


def _nothing_known(_: Path) -> bool:
    return False


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
        """Write one result whole; its name is one of `ownership`'s."""
        check_known(name)
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

    Yields
    ------
    Folder
        To write in: the one asked for, or the one built aside.

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
    replacement.recover_name(whole)
    out = whole / part
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for path in dict.fromkeys((whole, out)):
            stack.callback(_remove_if_empty, path)  # last, when the lock is gone
        stack.enter_context(locked(whole, part))
        if not part:
            replacement.recover(whole)
        if resume:
            _remove_leftovers(out)
        folder = Folder(out, {}) if overwrite else _opened(out, recipe, resume, known)
        if overwrite and entries(out):
            replacement.check_replaceable(out)
            folder = _aside(out, recipe, known)
            stack.callback(_remove_if_empty, folder.path)
            stack.enter_context(replacement.replacement(out, folder.path, stack.close))
        try:
            yield folder
        except BaseException:
            if not folder.earlier and not folder.lost:
                _remove_if_barren(folder.path)
            raise


def _aside(out: Path, recipe: dict[str, Any], known: Known) -> Folder:
    """Return the folder to build in: that of a command that was killed at it, or a new one."""
    for new in replacement.begun(out):
        with suppress(InputError):
            _remove_leftovers(new)
            return _opened(new, recipe, True, known)
        replacement.remove(new)
    new = make_numbered(out.with_name(f"{out.name}.new-"))
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
        if difference := manifest.difference(manifest.recipe(earlier), now):
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


class Damage(NamedTuple):
    """What was found.

    Attributes
    ----------
    aside : tuple of str
        Files that are not as they were written; they have another name now.
    gone : tuple of str
        The manifest, or results of a finished folder, if they are not there.
    """

    aside: tuple[str, ...]
    gone: tuple[str, ...]

    def report(self, folder: Folder, runs: int) -> None:
        """Say on stderr, in one line, what was found and how many runs are computed for it."""
        found = []
        if self.aside:
            number = _count(len(self.aside), "file")
            found.append(f"{number} not as written, set aside as *{DAMAGED}")
        if self.gone:
            found.append(f"missing: {', '.join(self.gone)}")
        if found or (runs and folder.finished):
            line = "; ".join([*found, f"{_count(runs, 'run')} to compute"])
            print(f"{folder.path}: {line}", file=sys.stderr)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def mend(folder: Folder) -> Damage:
    """Look at every shard, and at the results of a finished folder; set aside what is damaged."""
    results = folder.earlier.get("files", {}) if folder.finished else {}
    gone = tuple(name for name in results if not (folder.path / name).is_file())
    damaged = [*_damaged_shards(folder.path), *_damaged_results(folder.path, results, gone)]
    damaged += [path for path in folder.lost if path.exists()]
    gone = (*(path.name for path in folder.lost if path not in damaged), *gone)
    for path in damaged:
        path.replace(path.with_name(path.name + DAMAGED))
    return Damage(tuple(path.name for path in damaged), gone)


def _damaged_shards(folder: Path) -> Iterator[Path]:
    for kind in (SHARDS, SERIES):
        yield from (path for path in shards.files(folder, kind) if not shards.is_whole(path))


def _damaged_results(
    folder: Path, results: Mapping[str, str], gone: Container[str]
) -> Iterator[Path]:
    for name, wanted in results.items():
        if name not in gone and shards.checksum_of(folder / name) != wanted:
            yield folder / name

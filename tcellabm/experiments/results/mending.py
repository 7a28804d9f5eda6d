"""Damage in a result folder: files that are not as they were written are set aside."""

import sys
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tcellabm.experiments.results import shards
from tcellabm.experiments.results.names import DAMAGED, SERIES, SHARDS
from tcellabm.experiments.results.store import Folder


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

"""What in a result folder is of this program, by its name: all else is somebody's own."""

import re
from collections.abc import Iterator
from pathlib import Path

MANIFEST = "manifest.json"
SHARDS = "shards"  # finished runs
SERIES = "series"  # their time series, where wanted
DAMAGED = ".damaged"  # behind the name of a file that is not as it was written
LOCK = ".tcellabm.lock"
REPLACED = ".tcellabm.replaced"  # in a folder that a newer one takes the name of
NEW = ".tcellabm.new"  # in a folder that is to take the name of an older one
_RESULTS = {
    *("outcomes.json", "series.parquet", "outcomes.parquet", "patients.parquet"),
    *("curves.parquet", "report.html", "differences.csv", "changed.csv"),
    *("summary.csv", "comparison.csv", "indices.csv", "counterfactuals.csv"),
    *("counterfactuals.md", "validation.md", "figure.png", "map.png", "curves.png"),
    *("tradeoff.png", "tornado.png", "indices.png", MANIFEST, LOCK, REPLACED, NEW),
}
_SHARD = re.compile(r"[0-9a-f]{32}\.parquet")
_PART = re.compile(r"part-\d+-of-\d+")
_HALF = re.compile(r"\.part-\d+-(.+)")  # what `disk.written_whole` had not brought to its end


def is_shard(path: Path) -> bool:
    """Tell whether a file has the name of a shard."""
    return _SHARD.fullmatch(path.name) is not None


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder beside the lock and the marks."""
    return [path for path in folder.iterdir() if path.name not in (LOCK, REPLACED, NEW)]


def parts(folder: Path) -> list[Path]:
    """Return the folders of `--shard` in a result folder."""
    return sorted(path for path in folder.iterdir() if _PART.fullmatch(path.name))


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
    return tuple(rest) if _PART.fullmatch(first) else inside.parts

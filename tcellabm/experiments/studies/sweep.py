"""A sweep from its plan to the finished result folder, and the session that all studies share.

A session opens a result folder, computes the runs that it lacks, and once every run is there writes
the files of the study.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from tcellabm.experiments.compute.collect import Work, compute
from tcellabm.experiments.design.plan import CURVES, Plan, Task
from tcellabm.experiments.results import manifest, shards, store
from tcellabm.experiments.results.outcomes import (
    ESSENTIAL,
    DrawReport,
    Plot,
    Products,
    Result,
    csv,
    result_of,
)
from tcellabm.experiments.results.shards import JOINED_SERIES, join_series, parquet, read_runs
from tcellabm.params import InputError

__all__ = ["File", "Interrupted", "Output", "Provenance", "Work", "session", "sweep"]

MAP_SECONDS = 30.0
_MAP_SHARE = 100.0  # the map takes one part of that many of the time


class Interrupted(KeyboardInterrupt):
    """Runs were stopped in the middle; what is finished is kept.

    Parameters
    ----------
    folder : Path
        Where it is kept.
    done, total : int
        Runs finished and runs wanted.

    Attributes
    ----------
    folder : Path
        Where it is kept.
    done, total : int
        Runs finished and runs wanted.
    """

    def __init__(self, folder: Path, done: int, total: int) -> None:
        super().__init__(f"{done} of {total} runs are kept in {folder}")
        self.folder, self.done, self.total = folder, done, total


class StudyResult(Protocol):
    """What every study's result has."""

    @property
    def complete(self) -> bool:
        """Whether every run is there."""
        ...

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows."""
        ...


type Provenance = dict[str, Any]
type File = tuple[str, bytes]  # name, content


class Output[P: Plan, R: StudyResult](NamedTuple):
    """What is made of finished runs.

    Attributes
    ----------
    result : callable
        Plan and table of finished runs -> result.
    files : callable
        Plan, table, result and provenance -> files, written one by one in this order.
    live : callable, optional
        Makes `map.png` of a sweep now and then while it runs.
    """

    result: Callable[[P, pa.Table], R]
    files: Callable[[P, pa.Table, R, Provenance], Iterable[File]]
    live: Plot | None = None


def session[P: Plan, R: StudyResult](
    plan: P,
    out: Path | str,
    work: Work,
    output: Output[P, R],
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
) -> R:
    """Compute what a folder lacks, and its products once every run is there.

    Further errors are those of `sweep`.

    Parameters
    ----------
    plan : Plan
        What to compute.
    out : path
        The folder.
    work : Work
        How to compute it, and which part.
    output : Output
        What is made of finished runs.
    overwrite, resume : bool
        What to do with a folder that is not empty, see `store.open_folder`.
    command : str
        The command line, for the manifest.

    Returns
    -------
    StudyResult
        As `output.result` returns it.

    Raises
    ------
    InputError
        A part is to overwrite, or the folder can't be used.
    Interrupted
        Ctrl-C; finished runs are kept.
    """
    if overwrite and work.part:
        raise InputError("--overwrite and --shard", str(out), "allowed: one of them")
    modes: dict[str, Any] = {"overwrite": overwrite, "resume": resume, "part": work.part}
    with store.open_folder(out, plan.recipe, known=_known_to(plan), **modes) as folder:
        # The same parameters may have been set in other words: the first session's columns stay.
        plan = plan.with_settings(folder.earlier.get("set", plan.given))
        if _had_series(folder):
            work = replace(work, series=True)  # as they were wanted then
        damage = store.mend(folder)
        missing = _missing(plan, folder, work)
        if folder.finished and not any(damage) and not missing:
            return output.result(plan, read_runs(plan, folder.path))
        damage.report(folder, len(missing))
        begun = manifest.begin(plan.recipe, command, folder.earlier) | {
            "set": plan.given,
            "wanted": len(plan.tasks),
        }
        folder.write_manifest(begun)
        try:
            with closing(LiveMap(plan, folder, output.live)) as live:
                compute(plan, missing, folder, work, live.refresh)
            return _finish(plan, folder, work, output, begun)
        except KeyboardInterrupt:
            done = read_runs(plan, folder.path, ["run_id"]).num_rows
            folder.write_manifest(manifest.end(begun, "interrupted", runs=done))
            raise Interrupted(folder.path, done, len(work.share(plan))) from None


def _known_to(plan: Plan) -> store.Known:
    wanted = {task.run_id for task in plan.tasks}
    return lambda place: not wanted.isdisjoint(shards.finished(place, plan.shard_schema))


def _had_series(folder: store.Folder) -> bool:
    listed = JOINED_SERIES in folder.earlier.get("files", {})
    return listed or (bool(folder.lost) and (folder.path / JOINED_SERIES).exists())


def _missing(plan: Plan, folder: store.Folder, work: Work) -> list[Task]:
    """Return the runs of this part that are not in the folder."""
    done = shards.finished(folder.path, plan.shard_schema, work.series)
    return [task for task in work.share(plan) if task.run_id not in done]


def _finish[P: Plan, R: StudyResult](
    plan: P, folder: store.Folder, work: Work, output: Output[P, R], begun: dict[str, Any]
) -> R:
    """Write files if all runs are there, and the manifest last."""
    table = read_runs(plan, folder.path)
    result = output.result(plan, table)
    facts = {"runs": table.num_rows, "errors": result.errors}
    if not work.part:
        if not result.complete:
            return result
        origin = manifest.provenance(begun)
        files = {}
        for name, content in output.files(plan, table, result, origin):
            folder.write(name, content)
            files[name] = shards.checksum(content)
        if work.series:
            files[JOINED_SERIES] = join_series(plan, folder.path, origin)
        facts["files"] = files
    folder.write_manifest(manifest.end(begun, "finished", **facts))
    return result


class LiveMap:
    """Plots `map.png` of the runs so far, beside the main thread, now and then.

    Parameters
    ----------
    plan : Plan
        Of the runs.
    folder : store.Folder
        Where they are, and where the map is written.
    plot : callable, optional
        Makes the map, PNG; none is made if not given.
    """

    def __init__(self, plan: Plan, folder: store.Folder, plot: Plot | None) -> None:
        self._plan, self._folder, self._plot = plan, folder, plot
        self._thread = ThreadPoolExecutor(1)
        self._plotting: Future[float] | None = None
        self._next = time.monotonic() + MAP_SECONDS

    def refresh(self) -> None:
        """Begin a new map if the last one is old enough."""
        if self._plot is None or time.monotonic() < self._next:
            return
        if self._plotting is None:
            self._plotting = self._thread.submit(self._write_map)
        elif self._plotting.done():
            self._next = time.monotonic() + max(MAP_SECONDS, _MAP_SHARE * self._plotting.result())
            self._plotting = None

    def _write_map(self) -> float:
        start = time.monotonic()
        assert self._plot is not None
        with suppress(Exception):  # a full disk, say: the sweep itself will meet it, and say so
            columns = [*self._plan.keys, *ESSENTIAL]
            result = result_of(self._plan, read_runs(self._plan, self._folder.path, columns))
            if result.done and not result.complete:
                self._folder.write("map.png", self._plot(result))
        return time.monotonic() - start

    def close(self) -> None:
        """Wait for a map that is being plotted."""
        self._thread.shutdown(wait=True)


def sweep(
    plan: Plan,
    out: Path | str,
    work: Work | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
    plot: Plot | None = None,
    products: Products | None = None,
    report: DrawReport | None = None,
) -> Result:
    """Compute a sweep into a folder: `outcomes.parquet`, `summary.csv`, `manifest.json`.

    A script that calls it does so under `if __name__ == "__main__":`, since each worker process
    reads the script again; or with `Work(workers=0)`.

    Parameters
    ----------
    plan : Plan
        What to compute.
    out : path
        The folder.
    work : Work, optional
        How to compute it.
    overwrite, resume : bool
        What to do with a folder that is not empty, see `store.open_folder`.
    command : str
        The command line, for the manifest.
    plot : callable, optional
        Makes `map.png` of the result, now and then while it runs and at the end.
    products : callable, optional
        Makes files of the result at the end, by name, in the place of `summary.csv`.
    report : callable, optional
        Makes `report.html` of the result, the plan and the packed courses by `run_id`, which are
        kept for it in `curves.parquet`.

    Returns
    -------
    Result
        Not complete where parts are missing.

    Raises
    ------
    InputError
        The folder can't be used.
    OSError
        The disk is full or read-only; finished runs are kept.
    Interrupted
        Ctrl-C; finished runs are kept.
    """
    if report:
        plan = plan.with_curves()

    def files(plan: Plan, table: pa.Table, result: Result, origin: Provenance) -> Iterator[File]:
        yield "outcomes.parquet", parquet(result.table, origin)
        yield from (products or _tables)(result).items()
        if plot:
            yield "map.png", plot(result)
        if report:
            courses = table.select(["run_id", CURVES])
            courses = courses.filter(pc.not_equal(courses[CURVES], b""))
            yield "curves.parquet", parquet(courses, origin)
            yield "report.html", report(result, plan, _by_run(courses))

    live = None if work and work.part else plot
    output = Output(_result, files, live)
    return session(
        plan, out, work or Work(), output, overwrite=overwrite, resume=resume, command=command
    )


def _result(plan: Plan, table: pa.Table) -> Result:
    outcomes = table.drop_columns(CURVES) if CURVES in table.column_names else table
    return result_of(plan, outcomes)


def _by_run(courses: pa.Table) -> dict[str, bytes]:
    return dict(zip(*(courses[name].to_pylist() for name in ("run_id", CURVES)), strict=True))


def _tables(result: Result) -> dict[str, bytes]:
    return {"summary.csv": csv(result.summary)}

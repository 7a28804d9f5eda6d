"""Runs computed into a result folder, from its opening to its last file: sweeps and trials."""

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from tcellabm.experiments.compute import cluster, runner
from tcellabm.experiments.compute.dispatch import Dispatch
from tcellabm.experiments.compute.progress import progress
from tcellabm.experiments.compute.runner import Report
from tcellabm.experiments.compute.workers import Workers
from tcellabm.experiments.design.plan import Plan, Task
from tcellabm.experiments.results import manifest, shards, store
from tcellabm.experiments.results.keeping import Live, keep
from tcellabm.experiments.results.mending import mend
from tcellabm.experiments.results.result import JOINED_SERIES, Draw, join_series, read
from tcellabm.params import InputError


class Interrupted(KeyboardInterrupt):
    """Runs were stopped in the middle; what is finished is kept.

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


@dataclass(frozen=True)
class Work:
    """How runs are computed; nothing of it changes a number.

    Attributes
    ----------
    workers : int, optional
        Processes; 0 computes in this one. Default: as many as there are CPUs.
    dask : str
        Address of a running Dask scheduler to use instead.
    shard : tuple of int
        (i, n): compute the i-th of n parts, in a folder of its own in that of the sweep. `--resume`
        without a shard joins them.
    series : bool
        Keep thinned time series too.
    limit : float, optional
        Seconds after which a run is taken to hang; by default a hundred times the slowest so far.
    quiet : bool
        No progress on stderr.
    """

    workers: int | None = None
    dask: str = ""
    shard: tuple[int, int] = (1, 1)
    series: bool = False
    limit: float | None = None
    quiet: bool = False

    @property
    def part(self) -> str:
        """Name of the part's folder; empty for the whole."""
        number, parts = self.shard
        return "" if parts == 1 else f"part-{number}-of-{parts}"

    @property
    def processes(self) -> int:
        """Number of processes on this machine."""
        from dask.system import CPU_COUNT

        return max(1, CPU_COUNT if self.workers is None else self.workers)

    def share(self, plan: Plan) -> list[Task]:
        """Return the runs of this part, each once."""
        number, parts = self.shard
        mine = (
            task
            for place, task in enumerate(plan.tasks)
            if place // plan.together % parts == number - 1
        )
        return list({task.run_id: task for task in mine}.values())


class Told(Protocol):
    """What a result says of itself, whatever else is in it."""

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


class Output[P: Plan, R: Told](NamedTuple):
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
    live: Draw | None = None


def session[P: Plan, R: Told](
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

    Parameters and errors are those of `experiments.sweep.sweep`.
    """
    if overwrite and work.part:
        raise InputError("--overwrite and --shard", str(out), "allowed: one of them")
    with store.open_folder(
        out, plan.recipe, overwrite=overwrite, resume=resume, part=work.part
    ) as folder:
        # The same parameters may have been set in other words: the first session's columns stay.
        plan = plan.with_settings(folder.earlier.get("set", plan.given))
        if JOINED_SERIES in folder.earlier.get("files", {}):
            work = replace(work, series=True)  # as they were wanted then
        damage = mend(folder)
        missing = _missing(plan, folder, work)
        if folder.finished and not any(damage) and not missing:
            return output.result(plan, read(plan, folder))
        damage.report(folder, len(missing))
        said = manifest.begin(plan.recipe, command, folder.earlier) | {
            "set": plan.given,
            "wanted": len(plan.tasks),
        }
        folder.write_manifest(said)
        try:
            _compute(plan, missing, folder, work, output.live)
            return _finish(plan, folder, work, output, said)
        except KeyboardInterrupt:
            done = read(plan, folder, ["run_id"]).num_rows
            folder.write_manifest(manifest.end(said, "interrupted", runs=done))
            raise Interrupted(folder.path, done, len(work.share(plan))) from None


def _missing(plan: Plan, folder: store.Folder, work: Work) -> list[Task]:
    """Return the runs of this part that are not in the folder."""
    done = shards.finished(folder.path, plan.kept, work.series)
    return [task for task in work.share(plan) if task.run_id not in done]


def _finish[P: Plan, R: Told](
    plan: P, folder: store.Folder, work: Work, output: Output[P, R], said: dict[str, Any]
) -> R:
    """Write files if all runs are there, and the manifest last."""
    table = read(plan, folder)
    result = output.result(plan, table)
    facts = {"runs": table.num_rows, "errors": result.errors}
    if not work.part:
        if not result.complete:
            return result
        origin = manifest.provenance(said)
        files = {}
        for name, content in output.files(plan, table, result, origin):
            folder.write(name, content)
            files[name] = shards.checksum(content)
        if work.series:
            files[JOINED_SERIES] = join_series(plan, folder, origin)
        facts["files"] = files
    folder.write_manifest(manifest.end(said, "finished", **facts))
    return result


def _compute(
    plan: Plan,
    missing: Sequence[Task],
    folder: store.Folder,
    work: Work,
    draw: Draw | None = None,
) -> None:
    """Compute runs and put them into the folder."""
    if not missing:
        return
    total = len(work.share(plan))
    with ExitStack() as stack:
        reports = _reports(plan, missing, work, stack)
        advance = stack.enter_context(progress(total, total - len(missing), work.quiet))
        live = stack.enter_context(closing(Live(plan, folder, None if work.part else draw)))
        keep(plan, folder, reports, advance, live)


def _tell(dashboard: str, address: str, workers: Workers) -> None:
    """Say where to look, and who is there of a cluster that is not ours."""
    if dashboard:
        print(f"dashboard: {dashboard}", file=sys.stderr)
    if address:
        present = len(workers.present())
        there = f"{present} workers" if present else "no workers yet, waiting for them"
        print(f"{address}: {there}", file=sys.stderr)


def _reports(
    plan: Plan, missing: Sequence[Task], work: Work, stack: ExitStack
) -> Generator[Report]:
    """Start what computes the runs."""
    if work.workers == 0 and not work.dask:
        return runner.run_here(plan.params, missing, work.series)
    if not work.dask:
        runner.warm_up(plan.params.replace(plan.points[-1]), work.quiet)
    client, workers = stack.enter_context(
        cluster.dask_client(work.workers, work.dask, len(missing))
    )
    if not work.quiet:
        _tell(cluster.dashboard(client), work.dask, workers)
    return Dispatch(
        plan.params,
        missing,
        client,
        workers,
        together=plan.together,
        series=work.series,
        limit=work.limit,
        ready=not work.dask,
    ).reports()

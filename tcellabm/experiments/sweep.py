"""A sweep from its plan to the finished result folder."""

import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcellabm.experiments import cluster, manifest, runner, store
from tcellabm.experiments.dispatch import Dispatch
from tcellabm.experiments.keeping import Live, keep
from tcellabm.experiments.parquet import parquet
from tcellabm.experiments.plan import Plan, Task
from tcellabm.experiments.progress import progress
from tcellabm.experiments.result import Draw, Products, Result, csv, join_series, read, result_of
from tcellabm.experiments.runner import Report
from tcellabm.params import InputError


class Interrupted(KeyboardInterrupt):
    """A sweep was stopped in the middle; what is finished is kept.

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
    """How a sweep is computed; nothing of it changes a number.

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


def sweep(
    plan: Plan,
    out: Path | str,
    work: Work | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
    draw: Draw | None = None,
    products: Products | None = None,
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
    draw : callable, optional
        Makes `map.png` of the result, now and then while it runs and at the end.
    products : callable, optional
        Makes files of the result at the end, by name, in the place of `summary.csv`.

    Raises
    ------
    InputError
        The folder can't be used.
    OSError
        The disk is full or read-only; finished runs are kept.
    Interrupted
        Ctrl-C; finished runs are kept.
    """
    work = work or Work()
    if overwrite and work.part:
        raise InputError("--overwrite and --shard", str(out), "allowed: one of them")
    with store.open_folder(
        out, plan.recipe, overwrite=overwrite, resume=resume, part=work.part
    ) as folder:
        # The same parameters may have been set in other words: the first session's columns stay.
        plan = plan.with_settings(folder.earlier.get("set", plan.given))
        if folder.finished:
            return result_of(plan, read(plan, folder))
        session = manifest.begin(plan.recipe, command, folder.earlier) | {
            "set": plan.given,
            "wanted": len(plan.tasks),
        }
        folder.write_manifest(session)
        try:
            compute(plan, folder, work, draw)
            return _finish(plan, folder, work, _products(products, draw), session)
        except KeyboardInterrupt:
            done = read(plan, folder, ["run_id"]).num_rows
            folder.write_manifest(manifest.end(session, "interrupted", runs=done))
            raise Interrupted(folder.path, done, len(work.share(plan))) from None


def compute(plan: Plan, folder: store.Folder, work: Work, draw: Draw | None = None) -> None:
    """Compute the runs of this part that are not in the folder yet, and put them there."""
    mine = work.share(plan)
    done = set(folder.read_shards(plan.schema, ["run_id"])["run_id"].to_pylist())
    missing = [task for task in mine if task.run_id not in done]
    if not missing:
        return
    with ExitStack() as stack:
        reports = _reports(plan, missing, work, stack)
        advance = stack.enter_context(progress(len(mine), len(mine) - len(missing), work.quiet))
        live = stack.enter_context(closing(Live(plan, folder, None if work.part else draw)))
        keep(plan, folder, reports, advance, live)


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
    if not work.quiet and (link := cluster.dashboard(client)):
        print(f"dashboard: {link}", file=sys.stderr)
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


def _products(products: Products | None, draw: Draw | None) -> Products:
    def tables(result: Result) -> dict[str, bytes]:
        return {"summary.csv": csv(result.summary)}

    def files(result: Result) -> dict[str, bytes]:
        made = dict((products or tables)(result))
        return made | ({"map.png": draw(result)} if draw else {})

    return files


def _finish(
    plan: Plan, folder: store.Folder, work: Work, products: Products, session: dict[str, Any]
) -> Result:
    """Write tables, figures and manifest if all runs are there; in that order."""
    table = read(plan, folder)
    said = manifest.provenance(session)
    whole = table.num_rows == len(plan.tasks) and not work.part
    if whole:
        folder.write("outcomes.parquet", parquet(table, said))
    result = result_of(plan, table)
    if work.part:
        facts = {"runs": len(result.outcomes), "errors": result.errors}
        folder.write_manifest(manifest.end(session, "finished", **facts))
    if not whole:
        return result
    if work.series:
        join_series(plan, folder, said)
    for name, content in products(result).items():
        folder.write(name, content)
    facts = {"runs": result.total, "errors": result.errors}
    folder.write_manifest(manifest.end(session, "finished", **facts))
    return result

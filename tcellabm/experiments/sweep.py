"""A sweep from its plan to the finished result folder."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from tcellabm.experiments import manifest, runner, store
from tcellabm.experiments.files import parquet
from tcellabm.experiments.plan import Plan
from tcellabm.experiments.progress import Advance, progress
from tcellabm.experiments.summary import summarize
from tcellabm.experiments.table import Row, to_table
from tcellabm.params import InputError

_SHARD_RUNS = 100
_SHARD_SECONDS = 10.0


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
class Result:
    """A finished sweep, or what is there of it while parts (`--shard`) are missing.

    Attributes
    ----------
    axes : dict
        Dotted name -> values.
    settings : dict
        What the user has set.
    outcomes : DataFrame
        A row per finished run.
    summary : DataFrame
        A row per grid point.
    total : int
        Runs wanted.
    """

    axes: dict[str, list[Any]]
    settings: dict[str, Any]
    outcomes: pd.DataFrame
    summary: pd.DataFrame
    total: int

    @property
    def complete(self) -> bool:
        """Whether every run is there."""
        return len(self.outcomes) == self.total

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows."""
        return int((self.outcomes["error"] != "").sum())


Draw = Callable[[Result], bytes]


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
        (i, n): compute the i-th of n parts. Tables are written when all parts are there.
    quiet : bool
        No progress on stderr.
    """

    workers: int | None = None
    dask: str = ""
    shard: tuple[int, int] = (1, 1)
    quiet: bool = False

    @property
    def part(self) -> str:
        """Name of the part; empty for the whole."""
        number, parts = self.shard
        return "" if parts == 1 else f"{number}-of-{parts}"


def sweep(
    plan: Plan,
    out: Path | str,
    work: Work | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
    draw: Draw | None = None,
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
        Makes `map.png` of the result.

    Raises
    ------
    InputError
        The folder can't be used.
    OSError
        The disk is full or read-only.
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
        plan = plan.with_settings(folder.earlier.get("set", plan.settings))
        if folder.finished:
            return _result(plan, finished_rows(plan, folder))
        session = manifest.begin(plan.recipe, command, folder.earlier) | {"set": plan.settings}
        folder.write_manifest(session)
        try:
            compute(plan, folder, work)
            return _finish(plan, folder, draw, session)
        except KeyboardInterrupt:
            done = len(finished_rows(plan, folder))
            folder.write_manifest(manifest.end(session, "interrupted", runs=done))
            raise Interrupted(folder.path, done, len(plan.tasks)) from None


def compute(plan: Plan, folder: store.Folder, work: Work) -> None:
    """Compute the runs of this part that are not in the folder yet, and put them there."""
    number, parts = work.shard
    mine = plan.tasks[number - 1 :: parts]
    done = set(finished_rows(plan, folder)["run_id"].to_pylist())
    missing = [task for task in mine if task.run_id not in done]
    if not missing:
        return
    with ExitStack() as stack:
        if work.workers == 0 and not work.dask:
            results = runner.run_here(plan.params, missing)
        else:
            if not work.dask:
                runner.warm_up(plan.params.replace(plan.points[-1]), work.quiet)
            client = stack.enter_context(runner.dask_client(work.workers, work.dask, len(missing)))
            results = runner.run_on_dask(plan.params, missing, client)
        show = progress(len(mine), len(mine) - len(missing), work.quiet)
        _keep(plan, folder, results, stack.enter_context(show))


def _keep(
    plan: Plan, folder: store.Folder, results: Generator[list[Row]], advance: Advance
) -> None:
    """Write rows as shards as they come, and the last ones even if something goes wrong."""
    tasks = {task.run_id: task for task in plan.tasks}
    rows: list[Row] = []
    last = time.monotonic()

    def flush() -> None:
        if rows:
            folder.write_shard(to_table(rows, plan.schema))
            rows.clear()

    with closing(results):
        try:
            for batch in results:
                rows += [plan.labeled(row, tasks[row["run_id"]]) for row in batch]
                advance(len(batch))
                if len(rows) >= _SHARD_RUNS or time.monotonic() - last > _SHARD_SECONDS:
                    flush()
                    last = time.monotonic()
        finally:
            flush()


def _finish(plan: Plan, folder: store.Folder, draw: Draw | None, session: dict[str, Any]) -> Result:
    """Write tables, map and manifest if all runs are there; in that order."""
    table = finished_rows(plan, folder)
    result = _result(plan, table)
    if not result.complete:
        return result
    folder.write("outcomes.parquet", parquet(table))
    folder.write("summary.csv", _csv(result.summary))
    if draw:
        folder.write("map.png", draw(result))
    facts = {"runs": result.total, "errors": result.errors}
    folder.write_manifest(manifest.end(session, "finished", **facts))
    return result


def finished_rows(plan: Plan, folder: store.Folder) -> pa.Table:
    """Return the finished runs in the order of the plan, each once."""
    table = folder.read_shards(plan.schema)
    place = {run_id: row for row, run_id in enumerate(table["run_id"].to_pylist())}
    rows = [place[task.run_id] for task in plan.tasks if task.run_id in place]
    return table.take(pa.array(rows, pa.int64())).combine_chunks()


def _result(plan: Plan, table: pa.Table) -> Result:
    outcomes = table.to_pandas()
    summary = summarize(outcomes, list(plan.axes))
    return Result(plan.axes, plan.settings, outcomes, summary, len(plan.tasks))


def _csv(summary: pd.DataFrame) -> bytes:
    text = summary.assign(pareto=summary["pareto"].map({True: "true", False: "false"}))
    return str(text.to_csv(index=False, lineterminator="\n")).encode()

"""Runs computed here, in local processes or on a cluster, and put on the disk as they come."""

import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from tcellabm.experiments.compute import runner
from tcellabm.experiments.compute.runner import Report
from tcellabm.experiments.design.plan import Plan, Row, Task
from tcellabm.experiments.results.shards import to_table
from tcellabm.experiments.results.store import Folder

if TYPE_CHECKING:
    from rich.progress import Progress

    from tcellabm.experiments.compute.cluster import Workers

SHARD_RUNS = 100
SHARD_SECONDS = 10.0
# Seconds at least between two shards: a large cluster gives more than 100 runs a second.
SHARDS_APART = 1.0
SECONDS_BETWEEN_LINES = 30.0
_SPEED_SECONDS = 3600.0  # the rate is that of the last hour

Advance = Callable[[int], None]


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
        Keep downsampled time series too.
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
        own = (
            task
            for index, task in enumerate(plan.tasks)
            if index // plan.together % parts == number - 1
        )
        return list({task.run_id: task for task in own}.values())


def compute(
    plan: Plan,
    missing: Sequence[Task],
    folder: Folder,
    work: Work,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Compute runs and put them on the disk, the last ones even if something goes wrong.

    Parameters
    ----------
    plan : Plan
        What they are runs of.
    missing : sequence of Task
        The runs.
    folder : Folder
        Where shards are written.
    work : Work
        How to compute them.
    after : callable
        Called after each report of runs.

    Raises
    ------
    InputError
        The cluster can't be used.
    OSError
        The disk is full or read-only.
    """
    if not missing:
        return
    total = len(work.share(plan))
    with ExitStack() as stack:
        reports = stack.enter_context(closing(_reports(plan, missing, work, stack)))
        advance = stack.enter_context(progress(total, total - len(missing), work.quiet))
        _collect(plan, reports, folder, advance, after)


def _collect(
    plan: Plan,
    reports: Iterator[Report],
    folder: Folder,
    advance: Advance,
    after: Callable[[], None],
) -> None:
    rows: list[Row] = []
    series: list[pd.DataFrame] = []
    last = time.monotonic()

    def flush() -> None:
        finished, records = rows[:], series[:]
        rows.clear()  # a disk that is full now is full a moment later
        series.clear()
        if finished:
            folder.write_shard(to_table(finished, plan.shard_schema), _joined(records))

    try:
        for report in reports:
            pairs = zip(report.rows, report.tasks, strict=True)
            rows += [plan.labeled(row, task) for row, task in pairs]
            series += report.series
            advance(len(report.rows))
            since = time.monotonic() - last
            if since > SHARD_SECONDS or (len(rows) >= SHARD_RUNS and since > SHARDS_APART):
                flush()
                last = time.monotonic()
            after()
    finally:
        flush()


def _joined(series: list[pd.DataFrame]) -> pa.Table | None:
    if not series:
        return None
    return pa.Table.from_pandas(pd.concat(series), preserve_index=False)


def _reports(
    plan: Plan, missing: Sequence[Task], work: Work, stack: ExitStack
) -> Generator[Report]:
    """Start what computes the runs."""
    if work.workers == 0 and not work.dask:
        return runner.run_here(plan.params, missing, work.series)
    from tcellabm.experiments.compute import cluster, dispatch  # Dask, which takes a while

    if not work.dask:
        runner.warm_up(plan.params.replace(plan.points[-1]), work.quiet)
    client, workers = stack.enter_context(
        cluster.dask_client(work.workers, work.dask, len(missing))
    )
    if not work.quiet:
        _announce(cluster.dashboard(client), work.dask, workers)
    return dispatch.Dispatch(
        plan.params,
        missing,
        client,
        workers,
        together=plan.together,
        series=work.series,
        limit=work.limit,
        ready=not work.dask,
    ).reports()


def _announce(dashboard: str, address: str, workers: "Workers") -> None:
    """Print where to look, and how many workers a cluster that is not ours has."""
    if dashboard:
        print(f"dashboard: {dashboard}", file=sys.stderr)
    if address:
        present = len(workers.present())
        count = f"{present} workers" if present else "no workers yet, waiting for them"
        print(f"{address}: {count}", file=sys.stderr)


@contextmanager
def progress(total: int, done: int, quiet: bool = False) -> Iterator[Advance]:
    """Show a bar with rate and time left; off a terminal, a line every half minute.

    Parameters
    ----------
    total, done : int
        Runs wanted, and runs that an earlier session has done.
    quiet : bool
        Show nothing.

    Yields
    ------
    callable
        To be called with the number of runs just done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    terminal = sys.stderr.isatty() and not quiet
    bar = Progress(
        "sweep",
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} runs"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        disable=not terminal,
        get_time=lambda: time.monotonic(),
        speed_estimate_period=_SPEED_SECONDS,
    )
    sweep = bar.add_task("sweep", total=total, completed=done, left="")
    last = time.monotonic()

    def advance(runs: int) -> None:
        nonlocal last
        bar.advance(sweep, runs)
        left = rate_and_time_left(bar)
        bar.update(sweep, left=left)
        if not terminal and not quiet and time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            count = f"sweep: {bar.tasks[0].completed:.0f} of {total} runs"
            print(*filter(None, (count, left)), sep=", ", file=sys.stderr)

    with bar:
        yield advance


def rate_and_time_left(bar: "Progress") -> str:
    """Return runs per second and the time left; empty before the second report of runs."""
    (task,) = bar.tasks
    if not task.speed or task.time_remaining is None:
        return ""
    return f"{task.speed:.1f} runs/s, {timedelta(seconds=task.time_remaining)} left"

"""What one process computes: runs, one after the other, with the kernels compiled before."""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pandas as pd

from tcellabm.experiments.compute.processes import end_with_parent, interrupts_held
from tcellabm.experiments.design.arms import SharedCourse
from tcellabm.experiments.design.plan import Row, Task
from tcellabm.identity import MODEL_VERSION
from tcellabm.kernels import cache
from tcellabm.params import Parameters

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

TRIES = 3
DAILY_UNTIL = 60.0  # days; weekly after
Follow = Callable[[Parameters, Task], "TumorTCellModel"]


def simulate(params: Parameters, seed: int) -> "TumorTCellModel":
    """Follow one patient to the end."""
    from tcellabm.model import TumorTCellModel  # where a patient is followed, not before

    model = TumorTCellModel(params, rng=seed)
    model.run_until(params.time.days)
    return model


@dataclass
class Report:
    """What a chunk of runs gave.

    Attributes
    ----------
    tasks : sequence of Task
        The runs; from a worker none, since who sent them has them.
    rows : list of dict
        One per run, in the same order.
    series : list of DataFrame
        Downsampled time series with the `run_id`, if they are wanted.
    seconds, slowest : float
        Time of all runs, and of the slowest.
    """

    tasks: Sequence[Task] = ()
    rows: list[Row] = field(default_factory=list)
    series: list[pd.DataFrame] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0


def run_task(
    params: Parameters, task: Task, series: bool = False, follow: Follow | None = None
) -> Report:
    """Compute one run; one that raises becomes a row that says so.

    It gets three tries, since a machine short of memory may be better off a moment later.

    Parameters
    ----------
    params : Parameters
        What all runs share.
    task : Task
        Which run.
    series : bool
        Whether its time series is wanted.
    follow : callable, optional
        Returns the patient of the task at the end.

    Returns
    -------
    Report
        Of this one run.
    """
    error, start = "", time.perf_counter()
    for _ in range(TRIES):
        try:
            model = (follow or _alone)(params, task)
            row = task.observe(model) | task.identity | {"error": ""}
            records = [downsample(model.series, task.run_id)] if series else []
            seconds = time.perf_counter() - start
            return Report([task], [row], records, seconds, seconds)
        except Exception as problem:
            error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:500]
    return failed(task, error, time.perf_counter() - start)


def downsample(series: pd.DataFrame, run_id: str) -> pd.DataFrame:
    """Return a row per day to day 60, one per week after, and the last, marked with the run.

    Parameters
    ----------
    series : DataFrame
        The record of a model; it has a row for every whole day.
    run_id : str
        Name of the run.
    """
    day = series["day"]
    chosen = (day % 1.0 == 0.0) & ((day <= DAILY_UNTIL) | (day % 7.0 == 0.0))
    chosen |= day == day.max()
    rows = series[chosen].reset_index(drop=True)
    rows.insert(0, "run_id", run_id)
    return rows


def _alone(params: Parameters, task: Task) -> "TumorTCellModel":
    own = params.replace(task.settings)
    return (
        simulate(own, task.seed)
        if task.arm is None
        else SharedCourse(own, task.seed, [task.arm]).treated(task.arm)
    )


def _together(tasks: Sequence[Task]) -> Follow:
    """Return what follows the arms of one patient from where they part."""
    shared: list[SharedCourse] = []  # made by the first run, so that an error is that run's

    def follow(params: Parameters, task: Task) -> "TumorTCellModel":
        assert task.arm is not None
        if not shared:
            arms = [each.arm for each in tasks if each.arm is not None]
            shared.append(SharedCourse(params.replace(task.settings), task.seed, arms))
        return shared[0].treated(task.arm)

    return follow


def failed(task: Task, error: str, seconds: float = 0.0) -> Report:
    """Return the report of one run that did not succeed.

    Parameters
    ----------
    task : Task
        The run.
    error : str
        Why, for the column `error`.
    seconds : float
        Time that it took.

    Returns
    -------
    Report
        Without a time series.
    """
    return Report([task], [task.identity | {"error": error}], [], seconds, seconds)


def run_chunk(params: Parameters, tasks: Sequence[Task], series: bool = False) -> Report:
    """Compute some runs.

    Parameters
    ----------
    params : Parameters
        What all runs share.
    tasks : sequence of Task
        The runs.
    series : bool
        Whether their time series are wanted.

    Returns
    -------
    Report
        Rows in the order of the tasks, without the tasks.
    """
    whole = Report()
    for report in run_here(params, tasks, series):
        whole.rows += report.rows
        whole.series += report.series
        whole.seconds += report.seconds
        whole.slowest = max(whole.slowest, report.slowest)
    return whole


def run_here(params: Parameters, tasks: Sequence[Task], series: bool = False) -> Generator[Report]:
    """Compute runs one by one in this process; arms of a patient that stand together share.

    Parameters
    ----------
    params : Parameters
        What all runs share.
    tasks : sequence of Task
        The runs.
    series : bool
        Whether their time series are wanted.

    Yields
    ------
    Report
        Of one run.
    """
    for _, group in groupby(tasks, lambda task: (task.seed, list(task.settings.items()))):
        arms = list(group)
        follow = _together(arms) if len(arms) > 1 and arms[0].arm is not None else None
        for task in arms:
            yield run_task(params, task, series, follow)


def prepare(params: Parameters) -> int:
    """Load the kernels, compiled here if they are not on the disk; return `MODEL_VERSION`."""
    _compile(params)
    return MODEL_VERSION


def warm_up(params: Parameters, quiet: bool = False) -> None:
    """Compile the kernels, unless they are on the disk, so that workers find them there.

    A process of its own does so: the compiler's memory is free again when it ends.

    Parameters
    ----------
    params : Parameters
        Of any of the runs.
    quiet : bool
        Don't say so even if it takes a while.
    """
    if not cache.will_be_filled(params.resolution.single_cell):
        return
    if not quiet:
        print(cache.COMPILING, file=sys.stderr)
    process = get_context("spawn").Process(target=_compile_beside, args=(params,), daemon=True)
    with interrupts_held():
        process.start()
    try:
        process.join()
    finally:
        process.kill()


def _compile_beside(params: Parameters) -> None:
    end_with_parent()
    _compile(params)


def _compile(params: Parameters) -> None:
    # Whatever is wrong with these parameters is reported by the runs themselves, row by row.
    with suppress(Exception):
        simulate(params.replace({"time.days": 1.0}), seed=0)

"""What one process does: compute runs, and have the kernels compiled before."""

import sys
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context

import pandas as pd

from tcellabm.experiments.plan import Task
from tcellabm.experiments.signals import interrupts_held
from tcellabm.experiments.table import Row
from tcellabm.experiments.thinning import thinned
from tcellabm.kernels.jit import stored
from tcellabm.model import MODEL_VERSION, TumorTCellModel
from tcellabm.params import Parameters

TRIES = 3


def simulate(params: Parameters, seed: int) -> TumorTCellModel:
    """Follow one patient to the end."""
    model = TumorTCellModel(params, rng=seed)
    model.run_until(params.time.days)
    return model


@dataclass
class Report:
    """What a chunk of runs gave.

    Attributes
    ----------
    rows : list of dict
        One per run.
    series : list of DataFrame
        Thinned time series with the `run_id`, if they are wanted.
    seconds, slowest : float
        Time of all runs, and of the slowest.
    """

    rows: list[Row] = field(default_factory=list)
    series: list[pd.DataFrame] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0

    def add(self, row: Row, series: pd.DataFrame | None, seconds: float) -> None:
        """Add one run."""
        self.rows.append(row)
        if series is not None:
            self.series.append(series)
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds)


def run_task(params: Parameters, task: Task, series: bool = False) -> Report:
    """Compute one run; one that raises becomes a row that says so.

    It gets three tries, since a machine short of memory may be better off a moment later.
    """
    report, error = Report(), ""
    start = time.perf_counter()
    for _ in range(TRIES):
        try:
            model = simulate(params.replace(task.settings), task.seed)
            row = dict(model.outcomes()) | task.identity | {"error": ""}
            kept = thinned(model.series, task.run_id) if series else None
            report.add(row, kept, time.perf_counter() - start)
            return report
        except Exception as problem:
            error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:500]
    report.add(failed(task, error), None, time.perf_counter() - start)
    return report


def failed(task: Task, error: str) -> Row:
    """Return the row of a run that did not succeed."""
    return task.identity | {"error": error}


def run_chunk(params: Parameters, tasks: Sequence[Task], series: bool = False) -> Report:
    """Compute some runs."""
    whole = Report()
    for task in tasks:
        one = run_task(params, task, series)
        whole.rows += one.rows
        whole.series += one.series
        whole.seconds += one.seconds
        whole.slowest = max(whole.slowest, one.slowest)
    return whole


def run_here(params: Parameters, tasks: Sequence[Task], series: bool = False) -> Generator[Report]:
    """Compute runs one by one in this process."""
    for task in tasks:
        yield run_task(params, task, series)


def prepare(params: Parameters) -> int:
    """Compile the kernels on a machine of a cluster; return its `MODEL_VERSION`."""
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
    if stored("tick_cells" if params.resolution.single_cell else "tick_groups"):
        return
    if not quiet:
        print("compiling the kernels; the next start will be quick", file=sys.stderr)
    process = get_context("spawn").Process(target=_compile, args=(params,), daemon=True)
    with interrupts_held():
        process.start()
    try:
        process.join()
    finally:
        process.kill()


def _compile(params: Parameters) -> None:
    # What is wrong with these parameters will be said by the runs themselves, row by row.
    with suppress(Exception):
        simulate(params.replace({"time.days": 1.0}), seed=0)

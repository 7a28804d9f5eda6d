"""How much work a sweep is, estimated from a few timed runs."""

import math
from dataclasses import dataclass
from time import perf_counter

from tcellabm.experiments.compute import runner
from tcellabm.experiments.compute.runner import Report
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.results.shards import parquet, to_table

_SECONDS = 10.0
_MOST_RUNS = 24
_TABLES = 2  # every row is kept twice: in its shard, and in the table at the end


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take.

    Attributes
    ----------
    points, arms, patients, runs : int
        Sizes; patients with their replicates.
    timed : int
        Runs that the estimate rests on.
    seconds : float
        Of a run, the mean.
    spread : float
        Standard error of that mean.
    disk_bytes : float
        In the end.
    """

    points: int
    arms: int
    patients: int
    runs: int
    timed: int
    seconds: float
    spread: float
    disk_bytes: float

    def lines(self, workers: int) -> list[str]:
        """Say it in words, for a number of processes."""
        arms = f" x {self.arms} arms" if self.arms > 1 else ""
        each = f" x {_counted(self.patients, 'patient')}" if self._several else ""
        wall = self.runs * self.seconds / workers
        error = f" ± {self.spread:.2g}" if self.spread else ""
        return [
            f"{_counted(self.points, 'point')}{arms}{each} = {_counted(self.runs, 'run')}",
            f"{self.seconds:.2g}{error} s a run ({self.timed} timed here, one at a time)",
            f"about {duration(wall)} on {workers} process{'es' if workers > 1 else ''}",
            f"about {size(self.disk_bytes)} on the disk",
        ]

    @property
    def _several(self) -> bool:
        """Whether a point has more than one run."""
        return self.runs > self.points * self.arms


def estimate(plan: Plan, series: bool = False, quiet: bool = False) -> Estimate:
    """Time runs spread evenly over the plan, for ten seconds or so.

    Parameters
    ----------
    plan : Plan
        The sweep.
    series : bool
        Whether time series are stored, too.
    quiet : bool
        Do not announce that kernels are compiled.

    Returns
    -------
    Estimate
        Mean seconds per run with their standard error, and bytes on the disk.
    """
    runner.warm_up(plan.params.replace(plan.points[-1]), quiet)
    runner.prepare(plan.params.replace(plan.points[-1]))  # load what was compiled
    step = max(1, len(plan.tasks) // _MOST_RUNS)
    chosen = [task for task in plan.tasks[::step]][:_MOST_RUNS]
    start, reports = perf_counter(), []
    for task in chosen:
        reports.append(runner.run_task(plan.params, task, series))
        if perf_counter() - start > _SECONDS:
            break
    times = [report.seconds for report in reports]
    mean = sum(times) / len(times)
    variance = sum((each - mean) ** 2 for each in times) / max(1, len(times) - 1)
    size = plan.params.sweep
    return Estimate(
        points=len(plan.points),
        arms=plan.together,
        patients=size.patients * size.replicates,
        runs=len(plan.tasks),
        timed=len(times),
        seconds=mean,
        spread=math.sqrt(variance / len(times)),
        disk_bytes=_bytes(plan, reports) * len(plan.tasks),
    )


def _bytes(plan: Plan, reports: list[Report]) -> float:
    """Return the bytes that a run takes on the disk; of a file of many runs, without its head."""
    rows = [
        plan.labeled(row, task)
        for report in reports
        for task, row in zip(report.tasks, report.rows, strict=True)
    ]
    table = to_table(rows, plan.shard_schema)
    head = len(parquet(table.slice(0, 0)))
    total = _TABLES * (len(parquet(table)) - head)
    for report in reports:
        for series in report.series:
            total += _TABLES * series.memory_usage(index=False).sum() // 3  # as zstd has it, about
    return total / len(rows)


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write a time as people say it."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def size(amount: float) -> str:
    """Write a number of bytes as people say it."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if amount >= length:
            return f"{amount / length:.1f} {unit}"
    return f"{max(1, round(amount / 1e3))} kB"

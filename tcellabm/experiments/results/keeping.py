"""Runs put on the disk as they come, and the map that grows with them."""

import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress

import pandas as pd
import pyarrow as pa

from tcellabm.experiments.compute.progress import Advance
from tcellabm.experiments.compute.runner import Report
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.results import store
from tcellabm.experiments.results.result import ESSENTIAL, Draw, read, result_of
from tcellabm.experiments.results.table import Row, to_table

SHARD_RUNS = 100
SHARD_SECONDS = 10.0
SHARDS_APART = (
    1.0  # seconds at least between two: a large cluster gives more than 100 runs a second
)
_MAP_SECONDS = 30.0
_MAP_SHARE = 100.0  # the map takes one part of that many of the time


class Live:
    """Draws `map.png` of what is there so far, beside the main thread, now and then."""

    def __init__(self, plan: Plan, folder: store.Folder, draw: Draw | None) -> None:
        self._plan, self._folder, self._draw = plan, folder, draw
        self._thread = ThreadPoolExecutor(1)
        self._drawing: Future[float] | None = None
        self._next = time.monotonic() + _MAP_SECONDS

    def refresh(self) -> None:
        """Begin a new map if the last one is old enough."""
        if self._draw is None or time.monotonic() < self._next:
            return
        if self._drawing is None:
            self._drawing = self._thread.submit(self._redraw)
        elif self._drawing.done():
            self._next = time.monotonic() + max(_MAP_SECONDS, _MAP_SHARE * self._drawing.result())
            self._drawing = None

    def _redraw(self) -> float:
        start = time.monotonic()
        assert self._draw is not None
        with suppress(Exception):  # a full disk, say: the sweep itself will meet it, and say so
            columns = [*self._plan.keys, *ESSENTIAL]
            result = result_of(self._plan, read(self._plan, self._folder, columns))
            if result.done and not result.complete:
                self._folder.write("map.png", self._draw(result))
        return time.monotonic() - start

    def close(self) -> None:
        """Let a map that is being drawn get done."""
        self._thread.shutdown(wait=True)


def keep(
    plan: Plan,
    folder: store.Folder,
    reports: Generator[Report],
    advance: Advance,
    live: Live,
) -> None:
    """Write runs as shards as they come, and the last ones even if something goes wrong."""
    tasks, schema = {task.run_id: task for task in plan.tasks}, plan.kept
    rows: list[Row] = []
    series: list[pd.DataFrame] = []
    last = time.monotonic()

    def flush() -> None:
        kept, told = rows[:], series[:]
        rows.clear()  # a disk that is full now is full a moment later
        series.clear()
        if kept:
            folder.write_shard(to_table(kept, schema), _joined(told))

    with closing(reports):
        try:
            for report in reports:
                rows += [plan.labeled(row, tasks[row["run_id"]]) for row in report.rows]
                series += report.series
                advance(len(report.rows))
                since = time.monotonic() - last
                if since > SHARD_SECONDS or (len(rows) >= SHARD_RUNS and since > SHARDS_APART):
                    flush()
                    last = time.monotonic()
                live.refresh()
        finally:
            flush()


def _joined(series: list[pd.DataFrame]) -> pa.Table | None:
    if not series:
        return None
    return pa.Table.from_pandas(pd.concat(series), preserve_index=False)

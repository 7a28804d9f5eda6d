"""A sweep from its plan to the finished result folder."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tcellabm.experiments.design.plan import CURVES, Plan
from tcellabm.experiments.results.parquet import parquet
from tcellabm.experiments.results.result import Draw, Products, Report, Result, csv, result_of
from tcellabm.experiments.studies.session import (
    File,
    Interrupted,
    Output,
    Provenance,
    Work,
    session,
)

__all__ = ["Interrupted", "Work", "sweep"]


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
    report: Report | None = None,
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
    report : callable, optional
        Makes `report.html` of the result, the plan and the packed courses by `run_id`, which are
        kept for it in `curves.parquet`.

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
        if draw:
            yield "map.png", draw(result)
        if report:
            courses = table.select(["run_id", CURVES])
            courses = courses.filter(pc.not_equal(courses[CURVES], b""))
            yield "curves.parquet", parquet(courses, origin)
            yield "report.html", report(result, plan, _by_run(courses))

    live = None if work and work.part else draw
    made = Output(_result, files, live)
    return session(
        plan, out, work or Work(), made, overwrite=overwrite, resume=resume, command=command
    )


def _result(plan: Plan, table: pa.Table) -> Result:
    outcomes = table.drop_columns(CURVES) if CURVES in table.column_names else table
    return result_of(plan, outcomes)


def _by_run(courses: pa.Table) -> dict[str, bytes]:
    return dict(zip(*(courses[name].to_pylist() for name in ("run_id", CURVES)), strict=True))


def _tables(result: Result) -> dict[str, bytes]:
    return {"summary.csv": csv(result.summary)}

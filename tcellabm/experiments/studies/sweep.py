"""A sweep from its plan to the finished result folder."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.results.parquet import parquet
from tcellabm.experiments.results.result import Draw, Products, Result, csv, result_of
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

    def files(plan: Plan, table: pa.Table, result: Result, origin: Provenance) -> Iterator[File]:
        yield "outcomes.parquet", parquet(table, origin)
        yield from (products or _tables)(result).items()
        if draw:
            yield "map.png", draw(result)

    live = None if work and work.part else draw
    made = Output(result_of, files, live)
    return session(
        plan, out, work or Work(), made, overwrite=overwrite, resume=resume, command=command
    )


def _tables(result: Result) -> dict[str, bytes]:
    return {"summary.csv": csv(result.summary)}

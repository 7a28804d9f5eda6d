"""The command `tcellabm calibrate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tcellabm.cli import options, telling
from tcellabm.cli.errors import INTERRUPTED, say
from tcellabm.cli.options import Dask, Out, Resume, Seed, Settings, Shard, Workers

Enrolled = Annotated[
    int | None,
    typer.Option("--patients", "-n", min=20, metavar="N", help="Patients enrolled in a pool."),
]


def calibrate(
    file: Annotated[str, typer.Argument(metavar="FILE")] = "params/trials/calibration.toml",
    settings: Settings = [],  # noqa: B006 - typer reads the default, nothing writes it
    patients: Enrolled = None,
    seed: Seed = 1,
    out: Out = None,
    resume: Resume = False,
    workers: Workers = None,
    dask: Dask = "",
    shard: Shard = "1/1",
) -> None:
    """Fit laws of the population to the rows marked `calibrate`; keep the posterior."""
    from tcellabm.experiments.studies import calibration as experiment
    from tcellabm.experiments.studies.sampler import engine
    from tcellabm.experiments.studies.sweep import Interrupted

    engine()  # before a folder is made
    work = options.work(workers, dask, shard)
    given = options.overrides(settings, {})
    plan = experiment.Calibration.load(file, seed, given, patients)
    folder = options.result_folder("calibrate", file, out, resume)
    try:
        posterior = experiment.calibrate(
            plan, folder, work, resume=resume, command=options.command_line()
        )
    except Interrupted as stop:
        telling.interrupted(Interrupted(folder, stop.done, stop.total))
    except KeyboardInterrupt:
        again = options.command_to_resume(folder)
        say(f"interrupted: pools and whole rounds are kept; go on with: {again}")
        raise typer.Exit(INTERRUPTED) from None
    if posterior is None:
        print(f"a part of the pool is in {folder}; go on with --resume and no --shard")
        return
    _report(posterior, folder)


def _report(posterior: dict[str, Any], folder: Path) -> None:
    from tcellabm.analysis.fit_report import told

    print(*told(posterior), sep="\n")
    print(f"wrote {folder}: posterior.json, rows.csv; to use it: --set files.posterior=FILE")

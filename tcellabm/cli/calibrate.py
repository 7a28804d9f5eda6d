"""The command `tcellabm calibrate`."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tcellabm.cli import completing, messages, options
from tcellabm.cli.errors import INTERRUPTED, say
from tcellabm.cli.options import Dask, Out, Resume, Seed, Settings, Shard, Workers

if TYPE_CHECKING:
    from tcellabm.experiments.compute.collect import Work
    from tcellabm.experiments.studies.calibration import Calibration

CalibrationFile = Annotated[
    str, typer.Argument(metavar="FILE", autocompletion=completing.files("trials"))
]
Check = Annotated[
    bool,
    typer.Option("--check", help="Check the finished calibration in --out; resumes by itself."),
]
Simulations = Annotated[int, typer.Option(min=20, metavar="N", help="Trials simulated by --check.")]
Direct = Annotated[
    int, typer.Option(min=20, metavar="N", help="New patients enrolled at each draw by --check.")
]
Enrolled = Annotated[
    int | None,
    typer.Option("--patients", "-n", min=20, metavar="N", help="Patients enrolled in a pool."),
]


def calibrate(
    file: CalibrationFile = "params/trials/calibration.toml",
    settings: Settings = [],  # noqa: B006 - typer reads the default, nothing writes it
    patients: Enrolled = None,
    seed: Seed = 1,
    out: Out = None,
    resume: Resume = False,
    workers: Workers = None,
    dask: Dask = "",
    shard: Shard = "1/1",
    check: Check = False,
    simulations: Simulations = 200,
    direct: Direct = 6200,
) -> None:
    """Fit laws of the population to the rows marked `calibrate`; keep the posterior; check it."""
    from tcellabm.experiments.studies.calibration import Calibration
    from tcellabm.experiments.studies.sampler import engine

    engine()  # before a folder is made
    work = options.work(workers, dask, shard)
    given = options.overrides(settings, {})
    plan = Calibration.load(file, seed, given, patients)
    if check:
        check_finished(plan, out, work, simulations, direct)
    else:
        compute(plan, options.result_folder("calibrate", file, out, resume), work, resume)


def compute(plan: "Calibration", folder: Path, work: "Work", resume: bool) -> None:
    """Compute a calibration into a folder and print what it found.

    Parameters
    ----------
    plan : Calibration
        What to fit, and how.
    folder : Path
        The result folder.
    work : Work
        Workers and part.
    resume : bool
        Whether to go on with what is there.
    """
    from tcellabm.experiments.studies import calibration as experiment
    from tcellabm.experiments.studies.sweep import Interrupted

    try:
        posterior = experiment.calibrate(
            plan, folder, work, resume=resume, command=options.command_line()
        )
    except Interrupted as stop:
        messages.interrupted(Interrupted(folder, stop.done, stop.total))
    except KeyboardInterrupt:
        again = options.command_to_resume(folder)
        say(f"interrupted: pools and whole rounds are kept; go on with: {again}")
        raise typer.Exit(INTERRUPTED) from None
    if posterior is None:
        print(f"a part of the pool is in {folder}; go on with --resume and no --shard")
        return
    _report(posterior, folder)


def check_finished(
    plan: "Calibration", out: Path | None, work: "Work", simulations: int, direct: int
) -> None:
    """Check a finished calibration and print what the checks found.

    Parameters
    ----------
    plan : Calibration
        What was fitted.
    out : Path, optional
        Its folder.
    work : Work
        Workers; no part.
    simulations : int
        Simulated trials.
    direct : int
        Patients enrolled at each draw that is run directly.
    """
    from tcellabm.analysis.checks_report import page, sentences
    from tcellabm.disk import write_whole
    from tcellabm.experiments.studies.checks import check
    from tcellabm.experiments.studies.sweep import Interrupted

    if out is None or work.part:
        options.refuse(
            "--check without --out, or with --shard", allowed="allowed: --out DIR, to check"
        )
    try:
        found = check(
            plan, out, work, simulations=simulations, direct=direct, command=options.command_line()
        )
    except (Interrupted, KeyboardInterrupt):
        say(f"interrupted: what is finished is kept; go on with: {options.command_line()}")
        raise typer.Exit(INTERRUPTED) from None
    posterior = json.loads((out / "posterior.json").read_text(encoding="utf-8"))
    write_whole(out / "calibration.md", page(posterior, found).encode())
    print(*sentences(found), sep="\n")
    print(f"wrote {out}: checks.json, calibration.md")


def _report(posterior: dict[str, Any], folder: Path) -> None:
    from tcellabm.analysis.fit_report import sentences

    print(*sentences(posterior), sep="\n")
    tables = "".join(
        f", {name}" for name in ("rows.csv", "courses.csv") if (folder / name).exists()
    )
    use = shlex.quote(f"files.posterior={folder / 'posterior.json'}")
    print(f"wrote {folder}: posterior.json{tables}; to use it: --set {use}")

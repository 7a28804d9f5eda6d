"""The command `tcellabm trial`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcellabm.cli import messages, options
from tcellabm.cli.options import (
    Dask,
    Days,
    Out,
    Overwrite,
    Patients,
    Resume,
    Seed,
    Settings,
    Shard,
    TrialFile,
    Workers,
)

if TYPE_CHECKING:
    from tcellabm.experiments.studies.trial import TrialResult


def trial(
    file: TrialFile = "params/trials/eliana.toml",
    settings: Settings = [],  # noqa: B006 - typer reads the default, nothing writes it
    patients: Patients = None,
    seed: Seed = 1,
    days: Days = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    dask: Dask = "",
    shard: Shard = "1/1",
) -> None:
    """Run a virtual trial, -n patients enrolled, and set it beside the published one."""
    work = options.work(workers, dask, shard)
    from tcellabm.analysis.report import agreement
    from tcellabm.experiments.studies import sweep
    from tcellabm.experiments.studies import trial as experiment

    given = options.overrides(settings, {"time.days": days, "trial.patients": patients})
    plan = experiment.TrialPlan.load(file, given, seed)
    folder = options.result_folder("trial", file, out, resume)
    modes: dict[str, Any] = {"overwrite": overwrite, "resume": resume}
    try:
        result = experiment.trial(
            plan, folder, work, command=options.command_line(), plot=_draw, write=_write, **modes
        )
    except sweep.Interrupted as stop:
        messages.interrupted(stop)
    if result.complete:
        print(*agreement(result.patients, result.comparison), sep="\n")
    _report(result, folder, len(plan.enrolled))


def _draw(result: "TrialResult") -> bytes:
    from tcellabm.analysis.comparison import published_curves
    from tcellabm.figures import draw_trial

    curves = published_curves()
    return draw_trial(result.patients, result.comparison, curves, result.limit, result.draws)


def _write(result: "TrialResult", stamp: str) -> str:
    from tcellabm.analysis.cohort import Cohort
    from tcellabm.analysis.comparison import goals
    from tcellabm.analysis.report import validation_report

    windows = goals(Cohort.of(result.patients))
    return validation_report(result.patients, result.comparison, windows, stamp)


def _report(result: "TrialResult", folder: Path, total: int) -> None:
    if not result.complete:
        done = f"{len(result.patients)} of {total} patients are in {folder}"
        print(f"{done}; the tables come with the last part, or with --resume and no --shard")
        return
    messages.wrote(folder, "patients.parquet", result.errors, total)

"""The command `tcellabm predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tcellabm.cli import completing, messages, options
from tcellabm.cli.options import (
    Dask,
    Out,
    Overwrite,
    Patients,
    Resume,
    Seed,
    Settings,
    Shard,
    Workers,
)

if TYPE_CHECKING:
    from tcellabm.experiments.studies.prediction import Predicted


def predict(
    cohort: Annotated[
        str,
        typer.Argument(
            metavar="COHORT",
            help="A cohort, as those in params/cohorts.",
            autocompletion=completing.files("cohorts"),
        ),
    ],
    settings: Settings = [],  # noqa: B006 - typer reads the default, nothing writes it
    patients: Patients = None,
    seed: Seed = 1,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    dask: Dask = "",
    shard: Shard = "1/1",
) -> None:
    """Predict a published cohort (params/cohorts/NAME.toml), before its figures are read."""
    work = options.work(workers, dask, shard)
    from tcellabm.experiments.studies import prediction as experiment
    from tcellabm.experiments.studies import sweep

    given = options.overrides(settings, {"trial.patients": patients})
    plan = experiment.CohortPlan.load(cohort, given, seed)
    print(f"posterior: {experiment.hash_of(plan.posterior)}", flush=True)
    folder = options.result_folder("predict", cohort, out, resume)
    modes: dict[str, Any] = {"overwrite": overwrite, "resume": resume}
    try:
        found = experiment.predict_cohort(
            plan, folder, work, command=options.command_line(), **modes
        )
    except sweep.Interrupted as stop:
        messages.interrupted(stop)
    _report(found, folder, len(plan.tasks))


def _report(found: "Predicted", folder: Path, total: int) -> None:
    from tcellabm.analysis.prediction_report import sentences

    if not found.complete:
        done = f"{len(found.patients)} of {total} runs are in {folder}"
        print(f"{done}; the table comes with --resume and no --shard")
        return
    print(*sentences(found.table), sep="\n")
    messages.wrote(folder, "patients.parquet", found.errors, total)

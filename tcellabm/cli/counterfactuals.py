"""The command `tcellabm counterfactuals`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcellabm.cli import messages, options
from tcellabm.cli.options import (
    Dask,
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
    from tcellabm.experiments.studies.counterfactuals import (
        CounterfactualPlan,
        CounterfactualResult,
    )


def counterfactuals(
    file: TrialFile = "params/trials/eliana.toml",
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
    """Change one thing in the patients of a trial, and say which relations emerge (R1 to R14)."""
    work = options.work(workers, dask, shard)
    from tcellabm.experiments.studies import counterfactuals as experiment
    from tcellabm.experiments.studies import sweep

    given = options.overrides(settings, {"trial.patients": patients})
    plan = experiment.CounterfactualPlan.load(file, given, seed)
    folder = options.result_folder("counterfactuals", file, out, resume)
    modes: dict[str, Any] = {"overwrite": overwrite, "resume": resume}
    try:
        result = experiment.counterfactuals(
            plan, folder, work, command=options.command_line(), write=_write, **modes
        )
    except sweep.Interrupted as stop:
        messages.interrupted(stop)
    _report(result, folder, len(plan.tasks))


def _write(plan: "CounterfactualPlan", result: "CounterfactualResult") -> str:
    from tcellabm.analysis.report import counterfactual_report

    return counterfactual_report(result.effects, plan.params.trial.patients, plan.stamp)


def _report(result: "CounterfactualResult", folder: Path, total: int) -> None:
    from tcellabm.analysis.report import relations_report

    if not result.complete:
        done = f"{len(result.runs)} of {total} runs are in {folder}"
        print(f"{done}; the table comes with the last part, or with --resume and no --shard")
        return
    print(*relations_report(result.effects), sep="\n")
    messages.wrote(folder, "outcomes.parquet", result.errors, total)

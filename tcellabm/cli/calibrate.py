"""The command `tcellabm calibrate`."""

from typing import Annotated

import typer

from tcellabm.cli import options
from tcellabm.cli.errors import INTERRUPTED, say
from tcellabm.cli.options import Out, Resume, Seed, Settings

Enrolled = Annotated[
    int, typer.Option("--patients", "-n", min=1, metavar="N", help="Per particle.")
]
Particles = Annotated[int, typer.Option(min=2, metavar="N", help="Particles a generation.")]
Generations = Annotated[int, typer.Option(min=1, metavar="N", help="In all, earlier ones counted.")]
Processes = Annotated[int, typer.Option(min=1, metavar="N", help="Processes.")]


def calibrate(
    file: Annotated[str, typer.Argument(metavar="FILE")] = "params/trials/calibration.toml",
    settings: Settings = [],  # noqa: B006 - typer reads the default, nothing writes it
    patients: Enrolled = 100,
    particles: Particles = 100,
    generations: Generations = 6,
    seed: Seed = 1,
    out: Out = None,
    resume: Resume = False,
    workers: Processes = 1,
) -> None:
    """Fit population parameters to the rows marked `calibrate`; keep the posterior."""
    from tcellabm.analysis.words import columns
    from tcellabm.experiments.studies.calibration import DATABASE, POSTERIOR, Calibration, engine
    from tcellabm.experiments.studies.calibration import calibrate as run

    engine()  # before a folder is made
    plan = Calibration.load(file, patients, seed, options.overrides(settings, {}))
    folder = options.result_folder("calibrate", file, out, resume)
    try:
        posterior = run(plan, folder, particles, generations, workers, resume=resume)
    except KeyboardInterrupt:
        again = options.command_to_resume(folder)
        say(f"interrupted: whole generations are kept; go on with: {again}")
        raise typer.Exit(INTERRUPTED) from None
    rows = [
        [
            key,
            *(f"{found[name]:.3g}" for name in ("q5", "q50", "q95")),
            f"{found['variance_taken']:.0%}",
            "yes" if found["identified"] else "no",
        ]
        for key, found in posterior["parameters"].items()
    ]
    print(columns(["key", "5 %", "median", "95 %", "variance taken", "identified"], rows))
    print(f"wrote {folder}: {POSTERIOR}, {DATABASE}; to use it: --set files.posterior=FILE")

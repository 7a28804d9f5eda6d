"""The command `tcellabm fit`."""

from typing import Annotated

import typer

from tcellabm.cli import completing, options
from tcellabm.cli.calibrate import Check, Direct, Enrolled, Simulations, check_finished, compute
from tcellabm.cli.options import Dask, Out, Resume, Seed, Settings, Shard, Workers

Data = Annotated[
    str, typer.Argument(metavar="DATA.csv", help="One row per measure, or per transgene value.")
]
Published = Annotated[
    bool, typer.Option("--published", help="Fit the published rows marked `calibrate` as well.")
]
How = Annotated[
    str,
    typer.Option(
        "--how",
        metavar="FILE",
        help="How to fit: laws, error of the assay.",
        autocompletion=completing.files("trials"),
    ),
]


def fit(
    data: Data,
    published: Published = False,
    how: How = "params/trials/fit.toml",
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
    """Fit laws of the population to data of your own: figures of groups, or courses of patients."""
    from tcellabm.experiments.studies.own_fit import OwnFit
    from tcellabm.experiments.studies.sampler import engine

    engine()  # before a folder is made
    work = options.work(workers, dask, shard)
    given = options.overrides(settings, {})
    plan = OwnFit.read(data, seed, given, patients, published_too=published, file=how)
    if check:
        check_finished(plan, out, work, simulations, direct)
    else:
        compute(plan, options.result_folder("fit", data, out, resume), work, resume)

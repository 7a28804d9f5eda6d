"""The command line: `tcellabm run`, `sweep`, `app`, `params` and the others."""

# Everything heavy is imported inside the command that needs it: `tcellabm --help` must be quick.
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tcellabm.cli import answers, messages, options, plotting, reporting, streams
from tcellabm.cli.calibrate import calibrate
from tcellabm.cli.classroom import classroom
from tcellabm.cli.compare import compare
from tcellabm.cli.counterfactuals import counterfactuals
from tcellabm.cli.design import design
from tcellabm.cli.errors import INTERRUPTED, fail, finished, say, stop_on_signals
from tcellabm.cli.fit import fit
from tcellabm.cli.options import (
    Dask,
    Days,
    DryRun,
    Limit,
    Method,
    Out,
    Overwrite,
    Patients,
    Resume,
    Samples,
    Scenario,
    Seed,
    Series,
    Settings,
    Shard,
    SweepFile,
    Workers,
)
from tcellabm.cli.predict import predict
from tcellabm.cli.schema import schema
from tcellabm.cli.trial import trial

if TYPE_CHECKING:
    from tcellabm.experiments.design.plan import Plan
    from tcellabm.experiments.results.outcomes import Result
    from tcellabm.experiments.studies.run import PatientRecord
    from tcellabm.experiments.studies.sweep import Work
    from tcellabm.params import Parameters

app = typer.Typer(
    help="Agent-based model of CAR T cells against B-cell leukemia. Not for clinical use.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=options.show_version, is_eager=True, help="Say which."),
    ] = False,
) -> None:
    pass


@app.command()
def run(
    scenario: Scenario = "params/scenarios/kymriah.toml",
    settings: Settings = [],  # noqa: B006 - typer reads the default, nothing writes it
    patients: Patients = None,
    seed: Seed = 1,
    days: Days = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
) -> None:
    """Simulate one patient: outcomes, record over time, figure; -n or a cohort file: many."""
    if patients is None:
        options.search_for_garbage_less_often()
    import mesa  # noqa: F401 - first: its logger looks through every module there is by then

    from tcellabm.analysis.words import sentences
    from tcellabm.experiments.design.plan import Plan
    from tcellabm.experiments.studies import run as experiment

    given = options.overrides(settings, {"time.days": days, experiment.PATIENTS: patients})
    parameters = experiment.one_or_many(scenario, given, seed)
    if isinstance(parameters, Plan):
        folder = options.result_folder("run", scenario, out, resume)
        modes: dict[str, Any] = {"overwrite": overwrite, "resume": resume}
        _compute(parameters, folder, options.work(workers, ""), modes)
        return
    folder = options.result_folder("run", scenario, out, resume)
    outcomes = experiment.run(
        parameters,
        seed,
        folder,
        overwrite=overwrite,
        resume=resume,
        command=options.command_line(),
        plot=lambda record: _draw_patient(record, parameters),
    )
    print(*sentences(outcomes), sep="\n")
    print(f"wrote {folder}: {messages.files_in(folder)}")


def _draw_patient(record: "PatientRecord", params: "Parameters") -> bytes:
    from tcellabm.figures import draw_patient

    limit = params.assay.mrd_limit * params.marrow.capacity_cells
    return draw_patient(record.series, record.outcomes, record.treatments, limit)


@app.command()
def sweep(
    file: SweepFile = "params/sweeps/dose_persistence.toml",
    settings: Settings = [],  # noqa: B006
    patients: Patients = None,
    seed: Seed = 1,
    days: Days = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    dask: Dask = "",
    shard: Shard = "1/1",
    series: Series = False,
    limit: Limit = None,
    dry_run: DryRun = False,
) -> None:
    """Simulate the same patients at every point of a grid or sample: dose against persistence."""
    work = options.work(workers, dask, shard, series, limit, dry_run)
    from tcellabm.experiments.design.plan import Plan

    given = options.overrides(settings, {"time.days": days, "sweep.patients": patients})
    plan = Plan.load(file, given, seed)
    if dry_run:
        _say_how_much(plan, work)
        return
    folder = options.result_folder("sweep", file, out, resume)
    _compute(plan, folder, work, {"overwrite": overwrite, "resume": resume})


def _compute(plan: "Plan", folder: Path, work: "Work", modes: dict[str, Any]) -> None:
    """Compute a plan into a folder and say what is there."""
    from tcellabm.experiments.studies import sweep as experiment

    drawn: dict[str, Any] = {"plot": plotting.map_of, "report": reporting.report_of}
    try:
        result = experiment.sweep(
            plan, folder, work, command=options.command_line(), **drawn, **modes
        )
    except experiment.Interrupted as stop:
        messages.interrupted(stop)
    if result.complete:
        print(*answers.found(result), sep="\n")
    _report(result, folder)


def _say_how_much(plan: "Plan", work: "Work") -> None:
    from tcellabm.experiments.compute.estimate import estimate

    lines = estimate(plan, work.series).lines(work.processes)
    print(*lines, *answers.resolvable(plan), sep="\n")


def _report(result: "Result", folder: Path) -> None:
    if not result.complete:
        done = f"{result.done} of {result.total} runs are in {folder}"
        print(f"{done}; when all parts are there, join them: the same with --resume, no --shard")
        return
    messages.wrote(folder, "outcomes.parquet", result.errors, result.total)


@app.command()
def params(
    file: Scenario = "params/scenarios/kymriah.toml",
    settings: Settings = [],  # noqa: B006
    days: Days = None,
) -> None:
    """Check a file and print every parameter in force: value, unit, range, source."""
    from tcellabm import params as parameters
    from tcellabm.analysis.words import columns
    from tcellabm.posterior import SHIPPED, Posterior

    given = options.overrides(settings, {"time.days": days})
    rows = parameters.rows(file, given)
    sweep = parameters.load_sweep(file, given)
    posterior = Posterior.chosen(sweep.files, sweep.params)
    print(columns(["key", "value", "unit", "range", "source"], [list(row) for row in rows]))
    if posterior:
        drawn = posterior.settings(sweep.params, 0, sweep.axes)
        name = sweep.files.get("posterior", SHIPPED)
        print(f"Each patient draws its own values of {len(drawn)} of these from {name}:")
        print(*(f"  {key}" for key in drawn), sep="\n")
        print("They stand above as in their files, and hold with --set files.posterior=none.")


@app.command("app")
def browser(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8765,
    page: Annotated[str, typer.Option(metavar="class|lab", help="Page to name.")] = "class",
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; this machine alone.")
    ] = "127.0.0.1",
    allow_origin: Annotated[
        list[str],
        typer.Option(metavar="URL", help="More of the names served under; may be repeated."),
    ] = [],  # noqa: B006
) -> None:
    """Serve the browser pages: a class page with two twins, and a lab page."""
    if page not in ("class", "lab"):
        options.refuse(f"--page {page}", allowed="allowed: class, lab")
    from tcellabm.app import hosts, server

    address = hosts.read_address(host)
    allowed = hosts.Allowed(address, port, allow_origin)
    if lacking := server.missing():
        how = "allowed: after pip install 'tcellabm[app]', or uv run --extra app"
        options.refuse(f"`tcellabm app` needs {lacking}", allowed=how)
    server.check_port(address, port)
    print(server.greeting(address, port, "lab" if page == "lab" else ""), flush=True)
    server.serve(address, port, allowed)


@app.command()
def sensitivity(
    file: Scenario = "params/scenarios/kymriah.toml",
    settings: Settings = [],  # noqa: B006
    method: Method = "morris",
    samples: Samples = None,
    seed: Seed = 1,
    days: Days = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    dask: Dask = "",
    limit: Limit = None,
    dry_run: DryRun = False,
) -> None:
    """Find what matters: of what the population draws, or of --set KEY={uniform=[LOW,HIGH]}."""
    work = options.work(workers, dask, limit=limit, dry_run=dry_run)
    from tcellabm.experiments.studies import sensitivity as experiment
    from tcellabm.experiments.studies.sweep import Interrupted, sweep

    given = options.overrides(settings, {"time.days": days})
    study = experiment.study(file, given, method, samples, seed)
    if dry_run:
        _say_how_much(study.plan, work)
        return
    folder = options.result_folder("sensitivity", file, out, resume)
    modes: dict[str, Any] = {"overwrite": overwrite, "resume": resume}
    try:
        result = sweep(
            study.plan,
            folder,
            work,
            command=options.command_line(),
            products=lambda result: plotting.sensitivity_of(study, result),
            **modes,
        )
    except Interrupted as stop:
        messages.interrupted(stop)
    _report(result, folder)


@app.command()
def plot(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Result folder of a sweep.")],
    x: Annotated[str | None, typer.Option(metavar="KEY", help="Axis that goes across.")] = None,
    y: Annotated[str | None, typer.Option(metavar="KEY", help="Axis that goes up.")] = None,
    remission: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="A",
            help="Window: P(remission) at least A.",
            show_default="that of the sweep",
        ),
    ] = None,
    crs: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="B",
            help="Window: P(severe CRS) at most B.",
            show_default="that of the sweep",
        ),
    ] = None,
    at: Annotated[
        list[str],
        typer.Option(metavar="KEY=VALUE", help="Say who is who at these points; may be repeated."),
    ] = [],  # noqa: B006
) -> None:
    """Draw a sweep again from its table: map, curves, window, who is who, and report.html."""
    from tcellabm.analysis.drivers import drivers
    from tcellabm.experiments.results.outcomes import open_sweep
    from tcellabm.figures.canvas import FORMS
    from tcellabm.params import parse_set

    sweep = open_sweep(folder)
    chosen = plotting.chosen(sweep, x, y)
    found = drivers(answers.at(sweep, parse_set(at, "--at")), sweep.keys, sweep.covariates)
    figures = plotting.figures_of(sweep, chosen, (remission, crs), found, FORMS)
    report = {"report.html": reporting.report_of_folder(folder)}
    print(*answers.who(found), sep="\n")
    print(plotting.write(folder, figures | report))


app.command()(trial)
app.command()(compare)
app.command()(counterfactuals)
app.command()(design)
app.command()(calibrate)
app.command()(fit)
app.command()(classroom)
app.command()(schema)
app.command()(predict)


def execute(arguments: list[str]) -> int:
    """Run one command line and return its exit code; an error becomes one line on stderr.

    With TCELLABM_TRACEBACK set, errors are raised instead.
    """
    with streams.whole():
        try:
            code = app(arguments or ["--help"], prog_name="tcellabm", standalone_mode=False)
        except KeyboardInterrupt:
            say("interrupted; the same command starts again")
            code = INTERRUPTED
        except Exception as error:
            if os.environ.get("TCELLABM_TRACEBACK"):
                raise
            code = fail(error)
    return int(code or 0)


def main() -> None:
    """Run `tcellabm` as a program."""
    # Arrow's own pool keeps what is freed, which takes a large sweep over what a laptop has to
    # spare. Arrow reads this once, when it is loaded; worker processes inherit it.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    streams.make_safe()
    stop_on_signals()
    try:
        code = finished(execute(sys.argv[1:]))
    except KeyboardInterrupt:  # while an error was being printed
        code = INTERRUPTED
    sys.exit(code)

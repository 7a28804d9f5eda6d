"""The command line: `tcellabm run`, `sweep`, `params`, and what is still to come."""

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Never

import typer

# Everything heavy is imported inside the command that needs it: `tcellabm --help` must be quick.
if TYPE_CHECKING:
    from tcellabm.experiments.run import PatientRecord
    from tcellabm.experiments.sweep import Result
    from tcellabm.params import Parameters

app = typer.Typer(
    help="Agent-based model of CAR T cells against B-cell leukemia. Not for clinical use.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter; may be repeated."),
]
Seed = Annotated[
    int, typer.Option(min=0, metavar="N", help="Seed; equal seeds give equal numbers.")
]
Days = Annotated[
    float | None, typer.Option(metavar="D", help="Days to follow, as --set time.days=DAYS.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Result folder.", show_default="runs/...")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is in DIR, once the new is whole.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what is in DIR.")]
Patients = Annotated[
    int | None,
    typer.Option(
        "--patients", "-n", metavar="N", help="Patients a point, as --set sweep.patients=N."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Processes; 0 computes in this one. [default: one per CPU]"
    ),
]
Dask = Annotated[str, typer.Option(metavar="ADDRESS", help="Use a running Dask scheduler.")]
Shard = Annotated[str, typer.Option(metavar="I/N", help="Compute the I-th of N parts.")]


def _version(wanted: bool) -> None:
    if wanted:
        from tcellabm.experiments.manifest import version

        print(version("tcellabm") or "unknown: not installed")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    scenario: Annotated[str, typer.Argument()] = "params/scenarios/kymriah.toml",
    settings: Settings = [],  # noqa: B006 - typer reads defaults, nothing writes them
    seed: Seed = 1,
    days: Days = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
) -> None:
    """Simulate one patient: outcomes, record over time, figure."""
    from tcellabm import params
    from tcellabm.experiments import run as experiment
    from tcellabm.views.words import sentences

    parameters = params.load(scenario, _overrides(settings, {"time.days": days}))
    folder = _folder("run", scenario, out, resume)
    outcomes = experiment.run(
        parameters,
        seed,
        folder,
        overwrite=overwrite,
        resume=resume,
        command=_command(),
        draw=lambda record: _draw_patient(record, parameters, seed),
    )
    print(*sentences(outcomes), sep="\n")
    print(f"wrote {folder}: outcomes.json, series.parquet, figure.png, manifest.json")


@app.command()
def sweep(
    file: Annotated[str, typer.Argument(metavar="SWEEP")] = "params/sweeps/dose_persistence.toml",
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
) -> None:
    """Simulate the same patients at every point of a grid: the map of dose and persistence."""
    from tcellabm.experiments.plan import Plan
    from tcellabm.experiments.sweep import Interrupted, Work
    from tcellabm.experiments.sweep import sweep as experiment

    work = Work(workers, dask, _shard(shard))
    if dask and workers is not None:
        _refuse("--workers and --dask exclude each other")
    plan = Plan.load(
        file, _overrides(settings, {"time.days": days, "sweep.patients": patients}), seed
    )
    folder = _folder("sweep", file, out, resume)
    options: dict[str, Any] = {"overwrite": overwrite, "resume": resume, "command": _command()}
    try:
        result = experiment(plan, folder, work, draw=_draw_map, **options)
    except Interrupted as stop:
        again = _command_to_resume(stop.folder)
        _say(f"interrupted: {stop.done} of {stop.total} runs are kept; go on with: {again}")
        raise typer.Exit(130) from None
    _report(result, folder)


def _report(result: "Result", folder: Path) -> None:
    if not result.complete:
        done = f"{len(result.outcomes)} of {result.total} runs are in {folder}"
        print(f"{done}; the tables come with the last part, or with --resume and no --shard")
        return
    print(f"wrote {folder}: outcomes.parquet, summary.csv, map.png, manifest.json")
    if result.errors:
        _say(
            f"error: {result.errors} of {result.total} runs failed, {folder}/outcomes.parquet, "
            "see its column `error`; rates count the others"
        )
        raise typer.Exit(1)


@app.command()
def params(
    file: Annotated[str, typer.Argument()] = "params/scenarios/kymriah.toml",
    settings: Settings = [],  # noqa: B006
    days: Days = None,
) -> None:
    """Check a file and print every parameter in force: value, unit, range, source."""
    from tcellabm import params as parameters
    from tcellabm.views.words import columns

    rows = parameters.rows(file, _overrides(settings, {"time.days": days}))
    print(columns(["key", "value", "unit", "range", "source"], [list(row) for row in rows]))


def _later(name: str) -> None:
    def command(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        _refuse(f"`tcellabm {name}` is not there yet", "allowed: run, sweep, params")

    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(name, context_settings=settings, help="Not there yet.")(command)


for _name in ("trial", "app", "calibrate", "sensitivity", "plot"):
    _later(_name)


def _overrides(settings: list[str], options: dict[str, object]) -> dict[str, Any]:
    """Join `--set` with the options that stand for a key."""
    from tcellabm.params import parse_set

    given = parse_set(settings)
    for key, value in options.items():
        if value is not None and key in given:
            _refuse(f"{key} is set twice", "--set and an option of its own", "allowed: once")
        if value is not None:
            given[key] = value
    return given


def _folder(command: str, file: str, out: Path | None, resume: bool) -> Path:
    from tcellabm.experiments.store import free_folder

    if out is None and resume:
        _refuse("--resume without --out", "allowed: --out DIR, the folder to go on with")
    return out or free_folder(command, Path(file).stem)


def _shard(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        _refuse(f"--shard {text}", "allowed: I/N with 1 <= I <= N")
    return int(number), int(parts)


def _draw_map(result: "Result") -> bytes:
    from tcellabm.views.figures import draw_map

    return draw_map(result.summary, list(result.axes), result.settings)


def _draw_patient(record: "PatientRecord", params: "Parameters", seed: int) -> bytes:
    from tcellabm.views.figures import draw_patient

    limit = params.assay.mrd_limit * params.marrow.capacity_cells
    return draw_patient(record.series, record.outcomes, record.treatments, limit)


def _command() -> str:
    return shlex.join(["tcellabm", *sys.argv[1:]])


def _command_to_resume(folder: Path) -> str:
    """Repeat the command line with `--out FOLDER --resume`, whatever it said of the two."""
    words = iter(sys.argv[1:])
    kept = []
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out=") and word not in ("--overwrite", "--resume"):
            kept.append(word)
    return shlex.join(["tcellabm", *kept, "--out", str(folder), "--resume"])


def _refuse(*parts: str) -> Never:
    from tcellabm.params import InputError

    raise InputError(*parts)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _error(message: str) -> None:
    """Print an error as one line of at most 200 characters, cut in the middle if need be."""
    text = " ".join(message.split())
    _say(f"error: {text if len(text) <= 193 else f'{text[:95]}...{text[-95:]}'}")


def _interrupt(number: int, frame: object) -> Never:
    """Stop once: what is asked again while things are put in order is not heard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def execute(arguments: list[str]) -> int:
    """Run one command line and return its exit code; errors become one line on stderr."""
    try:
        code = app(arguments or ["--help"], prog_name="tcellabm", standalone_mode=False)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        if os.environ.get("TCELLABM_TRACEBACK"):
            raise
        code = _fail(error)
    return int(code or 0)


def _fail(error: Exception) -> int:
    """Say what went wrong and return the exit code for it."""
    from tcellabm.params import InputError

    if isinstance(error, BrokenPipeError):  # `tcellabm params | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, typer.BadParameter.__mro__[1]):  # any usage error
        _error(error.format_message())
        return 2
    if isinstance(error, InputError):
        _error(str(error))
        return 2
    if isinstance(error, OSError):
        what = error.strerror or error
        _error(
            f"can't write {error.filename or ''}, {what}, allowed: a writable folder with space left"
        )
        return 2
    _error(f"{type(error).__name__}: {error}; TCELLABM_TRACEBACK=1 shows where")
    return 1


def main() -> None:
    """Entry point of `tcellabm`."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(execute(sys.argv[1:]))


if __name__ == "__main__":
    main()

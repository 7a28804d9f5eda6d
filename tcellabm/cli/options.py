"""Options that commands share, and what they mean together."""

import gc
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Never

import typer
from typer import Argument, Option

from tcellabm.cli import completing

if TYPE_CHECKING:
    from tcellabm.experiments.studies.sweep import Work

Settings = Annotated[
    list[str],
    Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a parameter; may be repeated.",
        autocompletion=completing.settings,
    ),
]
Scenario = Annotated[str, Argument(autocompletion=completing.files("scenarios"))]
SweepFile = Annotated[str, Argument(metavar="SWEEP", autocompletion=completing.files("sweeps"))]
TrialFile = Annotated[str, Argument(metavar="TRIAL", autocompletion=completing.files("trials"))]
Seed = Annotated[int, Option(min=0, metavar="N", help="Seed; equal seeds give equal numbers.")]
Days = Annotated[float | None, Option(metavar="D", help="Days to follow: --set time.days=D.")]
Out = Annotated[Path | None, Option(metavar="DIR", help="Result folder.", show_default="runs/...")]
Overwrite = Annotated[
    bool, Option("--overwrite", help="Replace what is in DIR, once the new is whole.")
]
Resume = Annotated[bool, Option("--resume", help="Go on with what is in DIR.")]
Patients = Annotated[
    int | None,
    Option(
        "--patients",
        "-n",
        metavar="N",
        help="Patients at each point; enrolled, in a trial.",
    ),
]
Workers = Annotated[
    int | None,
    Option(min=0, metavar="N", help="Processes, 0 for none beside this; default one per CPU."),
]
Dask = Annotated[str, Option(metavar="ADDRESS", help="Use a running Dask scheduler.")]
Shard = Annotated[
    str, Option(metavar="I/N", help="Compute the I-th of N parts; --resume alone joins them.")
]
Method = Annotated[str, Option(metavar="NAME", help="morris, or sobol, which takes more runs.")]
Samples = Annotated[
    int | None,
    Option(min=1, metavar="N", help="Trajectories (morris, 20) or base samples (sobol, 256)."),
]
Series = Annotated[bool, Option("--series", help="Keep time series too: daily, later weekly.")]
Limit = Annotated[
    float | None,
    Option(min=1e-3, metavar="S", help="Seconds after which a run is taken to hang."),
]
DryRun = Annotated[bool, Option("--dry-run", help="Say how much work it is; write nothing.")]


def show_version(wanted: bool) -> None:
    """Print the version and stop, if that was asked for."""
    if wanted:
        from tcellabm.experiments.results.manifest import version

        print(version("tcellabm") or "unknown: not installed")
        raise typer.Exit


def overrides(settings: Sequence[str], options: Mapping[str, object]) -> dict[str, Any]:
    """Join `--set` with the options that stand for a key.

    Raises
    ------
    InputError
        A key is set twice, or an option is out of its range.
    """
    from tcellabm.params import parse_set
    from tcellabm.params.meta import meta_of

    given = parse_set(settings)
    for key, value in options.items():
        if value is None:
            continue
        if key in given:
            refuse(f"{key} is set twice", "--set and an option of its own", "allowed: once")
        given[key] = meta_of(key).check(value, "--days" if key == "time.days" else "-n")
    return given


def result_folder(command: str, file: str, out: Path | None, resume: bool) -> Path:
    """Return `--out`, or make the first free folder under `runs`.

    Parameters
    ----------
    command : str
        Name of the command.
    file : str
        Its input file, which names the folder.
    out : Path, optional
        `--out`.
    resume : bool
        `--resume`, which needs `--out`.

    Returns
    -------
    Path
        That of `--out` need not exist.

    Raises
    ------
    InputError
        `--resume` without `--out`.
    """
    from tcellabm.experiments.results.ownership import free_folder

    if out is None and resume:
        refuse("--resume without --out", allowed="allowed: --out DIR, the folder to go on with")
    return out or free_folder(command, Path(file).stem)


def part(shard: str) -> tuple[int, int]:
    """Read `--shard I/N`."""
    number, _, parts = shard.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        refuse(f"--shard {shard}", allowed="allowed: I/N with 1 <= I <= N")
    return int(number), int(parts)


def work(
    workers: int | None,
    dask: str,
    shard: str = "1/1",
    series: bool = False,
    limit: float | None = None,
    dry_run: bool = False,
) -> "Work":
    """Return how runs are computed; what worker processes of this machine need begins to load.

    So a command asks for it before it imports, in its turn, what takes a while.

    Parameters
    ----------
    workers : int, optional
        `--workers`.
    dask : str
        `--dask`.
    shard : str
        `--shard`, I/N.
    series : bool
        `--series`.
    limit : float, optional
        `--limit`, seconds.
    dry_run : bool
        `--dry-run`: no workers are needed.

    Returns
    -------
    Work
        For `experiments.studies`.

    Raises
    ------
    InputError
        `--workers` and `--dask` together, or no such shard.
    """
    if dask and workers is not None:
        refuse("--workers and --dask exclude each other")
    share = part(shard)
    if not dask and workers != 0 and not dry_run:
        from tcellabm.experiments.compute import forking

        search_for_garbage_less_often()
        forking.begin()
    from tcellabm.experiments.studies.sweep import Work

    return Work(workers, dask, share, series, limit)


def search_for_garbage_less_often() -> None:
    """Spare a command what is a sixth of its start, where it does not follow many patients itself.

    What is imported and drawn stays, and Python goes through it again and again for cycles that
    nothing else refers to. A patient who is done with is such a cycle, with large arrays.
    """
    gc.set_threshold(100_000)


def command_line() -> str:
    """Return the command line as it was given."""
    return shlex.join(["tcellabm", *sys.argv[1:]])


def command_to_resume(folder: Path) -> str:
    """Return the command line with `--out FOLDER --resume`, whichever of the two it had."""
    words = iter(sys.argv[1:])
    remaining = []
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out=") and word not in ("--overwrite", "--resume"):
            remaining.append(word)
    return shlex.join(["tcellabm", *remaining, "--out", str(folder), "--resume"])


def refuse(what: str, where: str = "", allowed: str = "") -> Never:
    """Raise `InputError`, which is imported only then: it takes its time.

    Parameters
    ----------
    what, where, allowed : str
        As `InputError` takes them.

    Raises
    ------
    InputError
        Always.
    """
    from tcellabm.params import InputError

    raise InputError(what, where, allowed)

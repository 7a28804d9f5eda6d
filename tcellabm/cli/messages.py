"""What commands of many runs print at their end."""

from pathlib import Path
from typing import TYPE_CHECKING, Never

import typer

from tcellabm.cli import options
from tcellabm.cli.errors import INTERRUPTED, say

if TYPE_CHECKING:
    from tcellabm.experiments.studies.sweep import Interrupted


def interrupted(stop: "Interrupted") -> Never:
    """Print what is kept and how to continue, and exit."""
    again = options.command_to_resume(stop.folder)
    say(f"interrupted: {stop.done} of {stop.total} runs are kept; go on with: {again}")
    raise typer.Exit(INTERRUPTED) from None


def files_in(folder: Path) -> str:
    """Return the names of the results in a finished folder, as its manifest lists them."""
    from tcellabm.experiments.results import manifest
    from tcellabm.experiments.results.ownership import MANIFEST

    return ", ".join([*manifest.read(folder / MANIFEST)["files"], MANIFEST])


def wrote(folder: Path, table: str, errors: int, total: int) -> None:
    """Print what was written; exit with 1 if runs failed, which are in `table`.

    Parameters
    ----------
    folder : Path
        The result folder.
    table : str
        File with the column `error`.
    errors, total : int
        Runs that failed, and all.
    """
    print(f"wrote {folder}: {files_in(folder)}")
    if errors:
        say(f"error: {errors} of {total} runs failed, {folder}/{table}, see column `error`")
        raise typer.Exit(1)

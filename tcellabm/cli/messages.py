"""What commands of many runs say at their end."""

from pathlib import Path
from typing import TYPE_CHECKING, Never

import typer

from tcellabm.cli import options
from tcellabm.cli.errors import INTERRUPTED, say

if TYPE_CHECKING:
    from tcellabm.experiments.studies.sweep import Interrupted


def interrupted(stop: "Interrupted") -> Never:
    """Say what is kept and how to go on, and exit."""
    again = options.command_to_resume(stop.folder)
    say(f"interrupted: {stop.done} of {stop.total} runs are kept; go on with: {again}")
    raise typer.Exit(INTERRUPTED) from None


def wrote(folder: Path, files: str, table: str, errors: int, total: int) -> None:
    """Say what is where; exit with 1 if runs failed, which `table` names."""
    print(f"wrote {folder}: {files}")
    if errors:
        say(f"error: {errors} of {total} runs failed, {folder}/{table}, see column `error`")
        raise typer.Exit(1)

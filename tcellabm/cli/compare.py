"""The command `tcellabm compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tcellabm.cli import options
from tcellabm.cli.options import Out, Overwrite

if TYPE_CHECKING:
    from tcellabm.experiments.studies.compare import Comparison


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A result folder.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The one to compare it with.")],
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare two result folders patient by patient: what differs from A to B, and in whom."""
    from tcellabm.analysis.compared_words import recipes_told, sentences, table_told
    from tcellabm.experiments.studies import compare as experiment

    found = experiment.compare(a, b)
    folder = options.result_folder("compare", f"{a.resolve().name}-{b.resolve().name}", out, False)
    experiment.write(found, folder, overwrite=overwrite, command=options.command_line(), draw=_draw)
    print(*recipes_told(found.recipes, str(a), str(b)), "", sep="\n")
    print(table_told(found.differences), "* the interval lies on one side", sep="\n")
    print(*sentences(found.pairs, found.differences, len(found.changed)), sep="\n")
    files = "differences.csv, changed.csv, figure.png, manifest.json"
    print(f"wrote {folder}: {files}")


def _draw(found: "Comparison") -> bytes:
    from tcellabm.figures.compared import draw_differences

    return draw_differences(found.pairs, found.differences, found.a.name, found.b.name)

"""The command `tcellabm classroom`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tcellabm.cli import options
from tcellabm.cli.errors import INTERRUPTED, say
from tcellabm.cli.options import Overwrite, Seed, Workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcellabm.app.classroom.site import Contents
    from tcellabm.app.classroom.trees import Choices, Tree
    from tcellabm.experiments.studies.classroom import ClassroomPlan, ClassroomRuns, StoryPath

FEWEST, MOST = 1, 100
_MEGABYTE = 1e6


def classroom(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the site.")],
    patients: Annotated[
        int,
        typer.Option(
            "--patients",
            "-n",
            min=FEWEST,
            max=MOST,
            metavar="N",
            help="Patients at each dose and persistence.",
        ),
    ] = MOST,
    seed: Seed = 1,
    overwrite: Overwrite = False,
    workers: Workers = None,
) -> None:
    """Write a static site for schools: story trees, a hundred patients, a worksheet; no server."""
    from tcellabm.app.classroom import site, trees, writing
    from tcellabm.experiments.studies import classroom as experiment

    writing.check(folder, overwrite)
    known = trees.read_trees()
    plan = experiment.classroom_plan(paths_of(known), patients, seed)
    runs_folder = experiment.runs_folder(plan, folder.absolute())
    runs = _computed(plan, runs_folder, workers)
    contents = _contents(plan, runs, known)
    size = writing.write(folder, site.files(contents))
    experiment.remove_runs(runs_folder)
    _report(contents, folder, size)


def paths_of(known: "Mapping[str, Tree]") -> "list[StoryPath]":
    """Return every path of story trees, tree by tree."""
    from tcellabm.experiments.studies.classroom import StoryPath

    return [
        StoryPath(tree.settings(path), tree.story.plan.seed, tree.orders(path))
        for tree in known.values()
        for path in tree.choices()
    ]


def _computed(plan: "ClassroomPlan", folder: Path, workers: int | None) -> "ClassroomRuns":
    from tcellabm.experiments.studies import classroom as experiment
    from tcellabm.experiments.studies.sweep import Interrupted

    work, command = options.work(workers, ""), options.command_line()
    try:
        runs = experiment.compute_runs(plan, folder, work, command)
    except Interrupted as stop:
        done = f"interrupted: {stop.done} of {stop.total} runs are kept in {stop.folder}"
        say(f"{done}; the same command goes on")
        raise typer.Exit(INTERRUPTED) from None
    if runs.errors:
        failed = f"{runs.errors} of {len(runs.table)} runs failed"
        say(f"error: {failed}, {folder}, no site was written")
        raise typer.Exit(1)
    return runs


def _contents(
    plan: "ClassroomPlan", runs: "ClassroomRuns", known: "Mapping[str, Tree]"
) -> "Contents":
    from tcellabm.app.classroom.hundred import Hundred
    from tcellabm.app.classroom.site import Contents

    grid = len(plan.points) * plan.params.sweep.patients
    axes = {key: axis for key, axis in plan.axes.items() if isinstance(axis, list)}
    hundred = Hundred(runs.table.iloc[:grid], axes)
    rows = iter(runs.table.iloc[grid:].to_dict("records"))
    paths: dict[str, dict[Choices, dict[str, object]]] = {
        name: {path: next(rows) for path in tree.choices()} for name, tree in known.items()
    }
    return Contents(plan.params, known, paths, hundred)


def _report(contents: "Contents", folder: Path, size: int) -> None:
    hundred = contents.hundred
    paths = sum(len(runs) for runs in contents.paths.values())
    patients = "1 patient" if hundred.patients == 1 else f"{hundred.patients} patients"
    grid = f"{patients} at {len(hundred.points)} points"
    print(f"{len(contents.trees)} stories with {paths} paths; {grid}")
    for question in hundred.questions:
        change = f"from {question.first:.0f} to {question.second:.0f}"
        print(f"{question.ask} {change}: {question.answers[question.right]}")
    index = (folder / "index.html").absolute()
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    print(f"wrote {folder}: {files} files, {size / _MEGABYTE:.1f} MB; open {index.as_uri()}")

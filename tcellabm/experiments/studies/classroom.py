"""The runs of the classroom edition: every path of story trees, and patients on a grid."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow as pa

from tcellabm.analysis.recording import record
from tcellabm.clinic.outcomes import in_icu
from tcellabm.experiments.design.arms import Arm, Order
from tcellabm.experiments.design.plan import Plan, Row, Task, of_arm
from tcellabm.experiments.results import replacement
from tcellabm.experiments.studies.sweep import Output, Work, session
from tcellabm.identity import digest, run_id

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

FILE = "params/sweeps/classroom.toml"
RECORDING, GIVEN = "recording", "given"  # columns


class StoryPath(NamedTuple):
    """One way through a story: a patient, and how that one is treated.

    Attributes
    ----------
    settings : mapping
        Values by dotted key, on top of those of the sweep file.
    seed : int
        The patient.
    orders : sequence of (str, float)
        Treatments after day 0, and their days.
    """

    settings: Mapping[str, Any]
    seed: int
    orders: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTask(Task):
    """One run, whose recording is kept."""

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return outcomes, the recording (`analysis.recording`), and days of treatments (JSON)."""
        days = model.params.time.days
        recording = record(model.series, in_icu(model.record, model.params), days)
        more = {RECORDING: recording, GIVEN: json.dumps(model.treatments)}
        return dict(model.outcomes()) | more


@dataclass(frozen=True, kw_only=True)
class ClassroomPlan(Plan):
    """Patients on a grid, then the paths of stories."""

    paths: tuple[StoryPath, ...] = ()

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of the table: those of a sweep, the recordings, and what was given."""
        recordings = [pa.field(RECORDING, pa.binary()), pa.field(GIVEN, pa.string())]
        return pa.schema([*super().schema, *recordings])

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        paths = [[dict(path.settings), path.seed, list(path.orders)] for path in self.paths]
        return super().recipe | {"paths": paths}


def classroom_plan(paths: Sequence[StoryPath], patients: int, seed: int) -> ClassroomPlan:
    """Return the plan of all runs: the grid of FILE first, then the paths in their order.

    Parameters
    ----------
    paths : sequence of StoryPath
        Ways through stories.
    patients : int
        Patients at each point of the grid.
    seed : int
        Root of the seeds of the grid's patients.

    Returns
    -------
    ClassroomPlan
        One task per patient and point, then one per path.

    Raises
    ------
    InputError
        A key or value of a path can't be used.
    """
    grid = Plan.load(FILE, {"sweep.patients": patients}, seed)
    values = {each.name: getattr(grid, each.name) for each in fields(grid)}
    tasks = [RecordedTask.of(task) for task in grid.tasks]
    tasks += [_path_task(grid, number, path) for number, path in enumerate(paths)]
    return ClassroomPlan(**values | {"tasks": tasks, "paths": tuple(paths)})


def _path_task(grid: Plan, number: int, path: StoryPath) -> RecordedTask:
    arm = Arm("path", tuple(Order(treatment, day) for treatment, day in path.orders))
    own = grid.params.replace(path.settings)
    drawn = grid.posterior.settings(own, path.seed) if grid.posterior else {}
    name = of_arm(run_id(own.replace(drawn), path.seed), arm)
    return RecordedTask({**path.settings, **drawn}, number, 0, path.seed, name, arm)


@dataclass(frozen=True)
class ClassroomRuns:
    """Finished runs of a classroom plan.

    Attributes
    ----------
    table : DataFrame
        One row per run, in the order of the plan's tasks.
    complete : bool
        Whether every run is there.
    """

    table: pd.DataFrame
    complete: bool

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows."""
        return int((self.table["error"] != "").sum())


def runs_folder(plan: ClassroomPlan, site: Path) -> Path:
    """Return where runs are kept until the site is written: beside it, named after the recipe."""
    recipe = digest(json.dumps(plan.recipe, sort_keys=True))
    return site.with_name(f".{site.name}.runs-{recipe}")


def compute_runs(
    plan: ClassroomPlan, folder: Path, work: Work | None = None, command: str = ""
) -> ClassroomRuns:
    """Compute the runs that a folder lacks.

    Parameters
    ----------
    plan : ClassroomPlan
        What to compute.
    folder : Path
        Of `runs_folder`.
    work : Work, optional
        How to compute it.
    command : str
        The command line, for the manifest.

    Returns
    -------
    ClassroomRuns
        The table, in the order of the plan.

    Raises
    ------
    InputError
        The folder can't be used.
    OSError
        The disk is full or read-only; finished runs are kept.
    Interrupted
        Ctrl-C; finished runs are kept, and the same call goes on with them.
    """
    output = Output(_result, lambda *_: ())
    return session(plan, folder, work or Work(), output, resume=True, command=command)


def _result(plan: ClassroomPlan, table: pa.Table) -> ClassroomRuns:
    runs = table.to_pandas()
    return ClassroomRuns(runs, len(runs) == len(plan.tasks))


def remove_runs(folder: Path) -> None:
    """Remove the folder of runs, whose recordings are in the site."""
    replacement.remove(folder)

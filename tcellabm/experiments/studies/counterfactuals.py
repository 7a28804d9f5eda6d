"""Counterfactuals: the same patients of a trial, each with one thing changed.

Arms share seeds and waiting times. No effect is coded; the table says which relations emerge.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from tcellabm.analysis.effects import effects
from tcellabm.clinic.observations import observations
from tcellabm.clinic.outcomes import own_columns
from tcellabm.experiments.design.plan import Plan, Row, Task, outcome_schema
from tcellabm.experiments.design.points import check_runs
from tcellabm.experiments.results.shards import parquet
from tcellabm.experiments.studies.conditions import CONDITIONS
from tcellabm.experiments.studies.sweep import File, Output, Provenance, Work, session
from tcellabm.experiments.studies.trial import TrialPlan, TrialTask
from tcellabm.identity import digest, run_id
from tcellabm.params import Parameters

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

ENROLLED = 1250  # patients by default: about a thousand are infused
FIFTH = 5  # most arms are of one patient in so many
_OBSERVED = (
    *("first_tocilizumab_day", "fever_after_tocilizumab_hours", "il6_after_over_before"),
    *("b_cells_back_day", "peak_day", "late_fever_day"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTask(Task):
    """One patient in one arm."""

    label: str  # of the arm

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return outcomes, and what the relations are measured by besides."""
        observed = observations(model.record, model.params)
        return dict(model.outcomes()) | {name: observed[name] for name in _OBSERVED}


@dataclass(frozen=True, kw_only=True)
class CounterfactualPlan(Plan):
    """The infused patients of a trial, in every arm."""

    trial: TrialPlan

    @classmethod
    def load(
        cls, file: str | Path, overrides: Mapping[str, object] | None = None, seed: int = 1
    ) -> "CounterfactualPlan":
        """Read a trial file; `overrides` come on top. Each patient has an own draw.

        Parameters
        ----------
        file : path
            A trial file.
        overrides : mapping, optional
            Values by dotted key, which replace those of the files.
        seed : int
            Root of all patients' seeds.

        Returns
        -------
        CounterfactualPlan
            By default of ENROLLED patients.

        Raises
        ------
        InputError
            A file, key or value can't be used.
        """
        given = dict(overrides or {})
        if "files.cohort" not in given:  # else it says how many there are
            given = {"trial.patients": ENROLLED} | given
        trial = TrialPlan.load(file, given, seed)
        tasks: list[Task] = list(_tasks(trial.params, trial.infused))
        return cls(trial.params, {}, trial.given, trial.points, tasks, seed, trial=trial)

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of `outcomes.parquet`."""
        given = {key: [value] for key, value in self.given.items()}
        set_by_user = outcome_schema(given, own_columns(self.params))
        more = [("arm", pa.string()), *((name, pa.float64()) for name in _OBSERVED)]
        return pa.schema([*set_by_user, *(pa.field(*column) for column in more)])

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        arms = {name: arm.recipe for name, arm in CONDITIONS.items()}
        return self.trial.recipe | {"conditions": arms}

    @property
    def stamp(self) -> str:
        """Name of what it rests on: patients, arms, parameters, model version."""
        return digest(json.dumps(self.recipe, sort_keys=True))

    def labeled(self, row: Row, task: Task) -> Row:
        """Add to a row what the user has set, unless the arm sets it, and the arm."""
        assert isinstance(task, ArmTask)
        given = {key: task.settings.get(key, value) for key, value in self.given.items()}
        return given | row | {"arm": task.label}


def _tasks(params: Parameters, infused: list[TrialTask]) -> Iterator[ArmTask]:
    """Yield the runs of all arms; the infused of a fifth of the enrolled run most of them."""
    some = infused[: max(1, len(infused) // FIFTH)]
    runs = (len(infused if arm.everyone else some) for arm in CONDITIONS.values())
    check_runs(sum(runs), "trial.patients")
    for label, arm in CONDITIONS.items():
        for task in infused if arm.everyone else some:
            sets = task.settings | arm.of(task.journey)
            name = run_id(params.replace(sets), task.seed)
            yield ArmTask(sets, task.patient, 0, task.seed, name, None, label=label)


@dataclass(frozen=True)
class CounterfactualResult:
    """Finished counterfactuals, or what is there of them while parts (`--shard`) are missing.

    Attributes
    ----------
    runs : DataFrame
        A row per patient and arm.
    effects : DataFrame
        What the changes do, see `effects.effects`; empty until every run is there.
    complete : bool
        Whether every run is there.
    """

    runs: pd.DataFrame
    effects: pd.DataFrame
    complete: bool

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows."""
        return int((self.runs["error"] != "").sum())


Write = Callable[[CounterfactualPlan, CounterfactualResult], str]


def _result(plan: CounterfactualPlan, runs: pa.Table) -> CounterfactualResult:
    table = runs.to_pandas()
    complete = len(table) == len({task.run_id for task in plan.tasks})
    found = effects(table, plan.seed) if complete else pd.DataFrame()
    return CounterfactualResult(table, found, complete)


def counterfactuals(
    plan: CounterfactualPlan,
    out: Path | str,
    work: Work | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
    write: Write | None = None,
) -> CounterfactualResult:
    """Compute counterfactuals into a folder.

    Writes `outcomes.parquet`, `counterfactuals.csv`, `counterfactuals.md` (with `write`) and
    `manifest.json`. Errors are those of `experiments.studies.sweep.sweep`.

    Parameters
    ----------
    plan : CounterfactualPlan
        What to compute.
    out : path
        The folder.
    work : Work, optional
        How to compute it.
    overwrite, resume : bool
        What to do with a folder that is not empty, see `store.open_folder`.
    command : str
        The command line, for the manifest.
    write : callable, optional
        Makes the text of `counterfactuals.md` from plan and result.

    Returns
    -------
    CounterfactualResult
        Not complete where parts are missing.
    """

    def files(
        plan: CounterfactualPlan, runs: pa.Table, result: CounterfactualResult, origin: Provenance
    ) -> Iterator[File]:
        yield "outcomes.parquet", parquet(runs, origin)
        text = result.effects.to_csv(index=False, lineterminator="\n")
        yield "counterfactuals.csv", text.encode()
        if write:
            yield "counterfactuals.md", write(plan, result).encode()

    output = Output(_result, files)
    return session(
        plan, out, work or Work(), output, overwrite=overwrite, resume=resume, command=command
    )

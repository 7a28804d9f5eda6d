"""What would have been: the same patients of a trial, each with one thing changed.

Arms share seeds and ways to infusion. None of the effects is coded; the table says what emerges.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow as pa

from tcellabm.clinic.observations import FEVER_C
from tcellabm.experiments.arms import Arm, Order
from tcellabm.experiments.effects import (
    BURDEN,
    DOSE,
    DRUG,
    DRUG_DAY,
    PERSISTENCE,
    WATCHED_DAYS,
    effects,
)
from tcellabm.experiments.parquet import parquet
from tcellabm.experiments.plan import Plan, Task, of_arm
from tcellabm.experiments.session import File, Output, Provenance, Work, session
from tcellabm.experiments.table import Row, outcome_schema
from tcellabm.experiments.trial import TrialPlan
from tcellabm.identity import digest, run_id
from tcellabm.params import Parameters

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

DRUG_ARMS = (Arm("untreated"), Arm("tocilizumab", (Order("tocilizumab", DRUG_DAY),)))
_PERSISTENCE = "product.persistence_half_life_days"


class Change(NamedTuple):
    """One thing that arms differ in."""

    key: str  # of a parameter
    values: tuple[float, ...]
    days: float  # how long patients are followed


CHANGES = {
    DOSE: Change("product.dose_cells_per_kg", (2e5, 1e6, 5e6), 150.0),
    BURDEN: Change("patient.leukemic_burden", (1e10, 5e10, 2.5e11), 150.0),
    PERSISTENCE: Change(_PERSISTENCE, (120.0, 15.0), 400.0),  # relapse takes a year
}
DRUG_DAYS = 28.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTask(Task):
    """One patient in one arm of one change."""

    change: str
    label: str  # of the arm

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return outcomes, and what the days about the drug were like."""
        series = model.series
        before = series[series["day"] <= DRUG_DAY]
        soon = series[series["day"].between(DRUG_DAY, DRUG_DAY + WATCHED_DAYS, "right")]
        return dict(model.outcomes()) | {
            "fever_at_drug": bool((before["temperature_c"].tail(1) >= FEVER_C).any()),
            "fever_gone": bool((soon["temperature_c"] < FEVER_C).any()),
            "il6_after_pg_per_ml": float(soon["il6_pg_per_ml"].max()),
        }


@dataclass(frozen=True, kw_only=True)
class CounterfactualPlan(Plan):
    """The infused patients of a trial, in every arm of every change."""

    trial: TrialPlan

    @classmethod
    def load(
        cls, file: str | Path, overrides: Mapping[str, object] | None = None, seed: int = 1
    ) -> "CounterfactualPlan":
        """Read a trial file; `overrides` come on top. A posterior gives its median.

        Raises
        ------
        InputError
            A file, key or value can't be used.
        """
        trial = TrialPlan.load(file, dict(overrides or {}) | {"trial.posterior_draws": 0}, seed)
        tasks: list[Task] = [
            *(each for task in trial.tasks for each in _drug_arms(trial.params, task)),
            *_changed_arms(trial.params, trial.tasks),
        ]
        return cls(trial.params, {}, trial.given, trial.points, tasks, seed, trial=trial)

    @property
    def together(self) -> int:
        """Number of runs in a row that are of one patient, and begin alike."""
        return 2

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of `outcomes.parquet`."""
        set_by_user = outcome_schema({key: [value] for key, value in self.given.items()})
        more = [
            *((name, pa.string()) for name in ("change", "arm")),
            *((name, pa.bool_()) for name in ("fever_at_drug", "fever_gone")),
            ("il6_after_pg_per_ml", pa.float64()),
        ]
        return pa.schema([*set_by_user, *(pa.field(*column) for column in more)])

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        drug = [DRUG_DAYS, *(arm.as_table() for arm in DRUG_ARMS)]
        changes = {name: [key, list(v), days] for name, (key, v, days) in CHANGES.items()}
        return self.trial.recipe | {"changes": {DRUG: drug} | changes}

    @property
    def stamp(self) -> str:
        """Name of what it rests on: patients, arms, parameters, model version."""
        return digest(json.dumps(self.recipe, sort_keys=True))

    def labeled(self, row: Row, task: Task) -> Row:
        """Add to a row what the user has set, unless the arm sets it, and the arm."""
        assert isinstance(task, ArmTask)
        said = {key: task.settings.get(key, value) for key, value in self.given.items()}
        return said | row | {"change": task.change, "arm": task.label}


def _drug_arms(params: Parameters, task: Task) -> Iterator[ArmTask]:
    sets = task.settings | {"care.policy": "none", "time.days": DRUG_DAYS}
    name = run_id(params.replace(sets), task.seed)
    for arm in DRUG_ARMS:
        yield _arm_task(task, sets, of_arm(name, arm), DRUG, arm.name, arm)


def _changed_arms(params: Parameters, patients: list[Task]) -> Iterator[ArmTask]:
    for change, (key, values, days) in CHANGES.items():
        for task in patients:
            for value in values:
                sets = task.settings | {key: value, "time.days": days}
                name = run_id(params.replace(sets), task.seed)
                yield _arm_task(task, sets, name, change, f"{value:g}")


def _arm_task(
    task: Task, sets: dict[str, Any], name: str, change: str, label: str, arm: Arm | None = None
) -> ArmTask:
    return ArmTask(sets, task.patient, 0, task.seed, name, arm, change=change, label=label)


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
    told = effects(table, plan.seed) if complete else pd.DataFrame()
    return CounterfactualResult(table, told, complete)


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
    `manifest.json`. Parameters and errors are those of `experiments.sweep.sweep`.
    """

    def files(
        plan: CounterfactualPlan, runs: pa.Table, result: CounterfactualResult, origin: Provenance
    ) -> Iterator[File]:
        yield "outcomes.parquet", parquet(runs, origin)
        text = result.effects.to_csv(index=False, lineterminator="\n")
        yield "counterfactuals.csv", text.encode()
        if write:
            yield "counterfactuals.md", write(plan, result).encode()

    made = Output(_result, files)
    return session(
        plan, out, work or Work(), made, overwrite=overwrite, resume=resume, command=command
    )

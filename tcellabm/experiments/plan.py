"""What a sweep computes: grid points, patients, seeds, names of runs. Nothing here says how."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tcellabm.experiments.table import Row, outcome_schema
from tcellabm.model import MODEL_VERSION, run_id
from tcellabm.params import InputError, Parameters, load_sweep


@dataclass(frozen=True, slots=True)
class Task:
    """One run: the parameters that its grid point sets, and which patient it is."""

    point: dict[str, Any]
    patient: int
    replicate: int
    seed: int
    run_id: str

    @property
    def settings(self) -> dict[str, Any]:
        """What this run sets beyond what all share."""
        return self.point

    @property
    def identity(self) -> Row:
        """The columns that tell a row from all others."""
        names = ("patient", "replicate", "seed", "run_id")
        return {name: getattr(self, name) for name in names}


def patient_seed(root: int, patient: int, replicate: int = 0) -> int:
    """Return the seed of a patient: the same at every grid point, whoever computes it.

    Parameters
    ----------
    root : int
        Seed of the sweep (`--seed`).
    patient, replicate : int
        Numbers from 0.
    """
    sequence = np.random.SeedSequence(root, spawn_key=(patient, replicate))
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def _tasks(params: Parameters, points: list[dict[str, Any]], seed: int) -> list[Task]:
    """Return every run: the patients of the first point, then those of the second, ..."""
    seeds = [patient_seed(seed, number) for number in range(params.sweep.patients)]
    return [
        Task(point, patient, 0, seed, run_id(at_point, seed))
        for point in points
        for at_point in [params.replace(point)]
        for patient, seed in enumerate(seeds)
    ]


@dataclass(frozen=True)
class Plan:
    """A grid of axes, with the same virtual patients at every point.

    Attributes
    ----------
    params : Parameters
        What all points share.
    axes : dict
        Dotted name -> values, in the order of the grid; the last runs fastest.
    given : dict
        What the user has set: columns of the table beside the axes.
    points : list of dict
        What each grid point sets.
    tasks : list of Task
        Every run, in the order of the table.
    seed : int
        The seed that all patients' seeds come from.
    """

    params: Parameters
    axes: dict[str, list[Any]]
    given: dict[str, Any]
    points: list[dict[str, Any]]
    tasks: list[Task]
    seed: int

    @classmethod
    def load(
        cls, file: str | Path, overrides: Mapping[str, object] | None = None, seed: int = 1
    ) -> "Plan":
        """Read a sweep file; `overrides` come on top, a list for the values of an axis.

        Raises
        ------
        InputError
            A file, key or value can't be used.
        """
        sweep = load_sweep(file, overrides)
        axes = {key: list(values) for key, values in sweep.axes.items()}
        if fixed := [key for key in axes if key.startswith("sweep.")]:
            raise InputError(
                f"{fixed[0]} is a list", str(file), "allowed: one value for all points"
            )
        settings = {
            key: value if key.startswith("files.") else sweep.params.get(key)
            for key, value in (overrides or {}).items()
            if key not in axes
        }
        points = sweep.points()
        return cls(sweep.params, axes, settings, points, _tasks(sweep.params, points, seed), seed)

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of the table of outcomes."""
        return outcome_schema(self.axes | {key: [value] for key, value in self.given.items()})

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        return {
            "model_version": MODEL_VERSION,
            "seed": self.seed,
            "axes": self.axes,
            "parameters": self.params.resolved(),
        }

    def with_settings(self, settings: dict[str, Any]) -> "Plan":
        """Return the same plan with other columns beside the axes."""
        return replace(self, given=settings)

    def labeled(self, row: Row, task: Task) -> Row:
        """Add to a row what the axes and the user have set."""
        return row | self.given | task.settings

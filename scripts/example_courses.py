"""Make the example data of `tcellabm fit`: transgene of patients that the model simulated.

python scripts/example_courses.py        # writes examples/simulated_courses.csv
"""

import csv
import io
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tcellabm.analysis.courses import Individual, measured
from tcellabm.clinic.assays import next_draw
from tcellabm.clinic.observations import on_days
from tcellabm.experiments.compute.runner import simulate
from tcellabm.experiments.design.data_file import COURSE_COLUMNS
from tcellabm.experiments.studies.own_fit import FILE, read_fit
from tcellabm.experiments.studies.trial import TrialPlan, TrialTask, enroll
from tcellabm.posterior import NONE

EXAMPLES = Path(__file__).parents[1] / "examples"
TRIAL = "trials/eliana.toml"
Row = tuple[str, float, float, int, float, float]


def made_with() -> dict[str, Any]:
    """Return how many patients, days and which laws of the population."""
    return tomllib.loads((EXAMPLES / "simulated_courses.toml").read_text(encoding="utf-8"))


def draw_days(until: float) -> list[float]:
    """Return the days of planned blood draws, without that of the infusion."""
    days = [next_draw(0.0)]
    while (day := next_draw(days[-1])) <= until:
        days.append(day)
    return days


def patients(recipe: dict[str, Any]) -> tuple[TrialPlan, list[TrialTask]]:
    """Return the first infused patients of a trial with these laws."""
    enrolled = 4 * recipe["patients"]
    sets = {"time.days": recipe["days"], "trial.patients": 1, "files.posterior": NONE}
    plan = TrialPlan.load(TRIAL, sets, recipe["seed"])
    params = plan.params.replace({"trial.patients": enrolled})
    everyone = enroll(params, recipe["seed"], lambda number, seed: dict(recipe["population"]))
    return plan, [task for task in everyone if task.journey.infused][: recipe["patients"]]


def rows(recipe: dict[str, Any]) -> Iterator[Row]:
    """Yield measured values, with the assay error that the fit assumes and the model's limit."""
    plan, chosen = patients(recipe)
    error = read_fit(FILE).courses.error_sd_ln
    limit = plan.params.assay.quantification_limit_copies_per_ug
    rng = np.random.default_rng(recipe["seed"])
    days = np.array(draw_days(recipe["days"]))
    for number, task in enumerate(chosen, start=1):
        record = simulate(plan.params.replace(task.settings), task.seed).record
        copies = on_days(record.column("day"), record.column("copies_per_ug"), days)
        alive = np.isfinite(copies)
        weight = round(task.journey.weight_kg, 1)
        dose = float(f"{task.journey.dose_cells_per_kg * weight:.3g}")
        blank = np.zeros(int(alive.sum()))
        person = Individual(f"simulated-{number}", days[alive], blank, blank > 0.0, dose, weight)
        person = measured(person, copies[alive], limit, error, rng)
        for day, value, censored in zip(*person[1:4], strict=True):
            level = float(f"{value:.4g}")
            yield person.name, float(day), level, int(censored), dose, weight


def cells(row: Row) -> list[str]:
    """Return a row as it is written."""
    return [cell if isinstance(cell, str) else f"{cell:g}" for cell in row]


def text(recipe: dict[str, Any]) -> str:
    """Return the file."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(COURSE_COLUMNS)
    writer.writerows(map(cells, rows(recipe)))
    return content.getvalue()


def main() -> None:
    """Write it."""
    (EXAMPLES / "simulated_courses.csv").write_text(text(made_with()), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Compare products and scenarios, the same patients in every arm, and write docs/products.md.

    python scripts/products.py                       # 100 patients an arm, two processes

Nothing here is coded as an effect: what a file in `params/products` or `params/scenarios` states
is all that differs. Signs are of published comparisons, which were not of the same patients.
"""

import argparse
import math
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm import TumorTCellModel, one_patient
from tcellabm.analysis import relations as of
from tcellabm.analysis.cohort import Columns, geometric_mean, percent
from tcellabm.analysis.effects import effects
from tcellabm.analysis.relations import Relation, difference, last, ratio
from tcellabm.analysis.report import markdown_table, number
from tcellabm.clinic.observations import observations
from tcellabm.clinic.record import Record
from tcellabm.experiments.design.plan import patient_seed
from tcellabm.identity import MODEL_VERSION

PAGE = Path(__file__).parents[1] / "docs" / "products.md"
RESPONSE_DAY = 60.0
OBSERVED = ("peak_day", "copies_day_60")
DOSE, WEIGHT, BURDEN = (
    "product.dose_cells_per_kg",
    "patient.weight_kg",
    "patient.leukemic_burden",
)


class Arm(NamedTuple):
    """What all patients of an arm have in common."""

    scenario: str
    settings: dict[str, Any]
    days: float
    times: int = 1  # as many patients as other arms have


def _product(name: str) -> Arm:
    return Arm("kymriah", {"files.product": f"products/{name}.toml"}, 180.0)


def _leukemia_like(weight: float, burden: float, growth: float) -> Arm:
    """Return leukemia as large as the tumor of a scenario, in an equal body."""
    own = {WEIGHT: weight, BURDEN: burden, "patient.net_growth_per_day": growth}
    return Arm("kymriah", own, 125.0)


def _myeloma(millions: float) -> Arm:
    return Arm("myeloma", {DOSE: millions * 1e6 / 75.0}, 125.0, times=4)


ARMS = {
    "tisagenlecleucel": _product("tisagenlecleucel"),
    "CD28-like": _product("axicabtagene_like"),
    "obe-cel": _product("obe_cel"),
    "allogeneic": _product("allogeneic"),
    "myeloma, 150e6": _myeloma(150.0),
    "myeloma, 300e6": _myeloma(300.0),
    "myeloma, 450e6": _myeloma(450.0),
    "leukemia of 2e11 in 75 kg": Arm(
        "kymriah",
        _leukemia_like(75.0, 2e11, 0.12).settings
        | {DOSE: 2e6, "files.product": "products/axicabtagene_like.toml"},
        125.0,
    ),
    "lymphoma": Arm("lymphoma", {}, 125.0),
    "leukemia of 5e10 in 70 kg": _leukemia_like(70.0, 5e10, 0.03),
    "solid tumor": Arm("solid_tumor", {}, 125.0),
    "autoimmune": Arm("autoimmune", {}, 180.0),
    "autoimmune, lymphodepletion alone": Arm("autoimmune", {DOSE: 0.0}, 180.0),
}


# --- measures of an arm ---------------------------------------------------------------------------


def any_icans(arm: Columns) -> float:
    """Return those with ICANS, percent."""
    return percent(arm["icans_grade"] >= 1)


def left_on_day_60(arm: Columns) -> float:
    """Return the transgene on day 60 over its peak, geometric mean."""
    return geometric_mean(arm["copies_day_60"] / np.maximum(arm["cmax_copies_per_ug"], 25.0))


def aplasia_days(arm: Columns) -> float:
    """Return the mean days with few B cells in blood."""
    return float(np.mean(arm["b_cell_aplasia_days"]))


def response(arm: Columns) -> float:
    """Return those with at most half of their tumor cells left on day 60, percent."""
    return percent(arm["tumor_left"] <= 0.5)


def tumor_left(arm: Columns) -> float:
    """Return tumor cells on day 60 over those before, geometric mean; none counts as 1e-12."""
    return geometric_mean(np.maximum(arm["tumor_left"], 1e-12))


def b_cells_gone(arm: Columns) -> float:
    """Return those with less than one B cell in a microliter of blood at the low, percent."""
    return percent(arm["b_cells_lowest_per_ul"] < 1.0)


_REFERENCE = "tisagenlecleucel"
_POINTS, _RATIO = ("difference, points", difference), ("ratio", ratio)
_SEVERE, _ANY = ("CRS Penn >= 3, %", of.severe), ("CRS of any grade, %", of.any_crs)
_CELLS, _REMISSION = ("CAR T cells at peak", of.peak_cells), ("remission, %", of.remission)
_CD28, _OBE, _DONOR = ((_REFERENCE, name) for name in ("CD28-like", "obe-cel", "allogeneic"))
_STEPS = (
    ("myeloma, 150e6", "myeloma, 300e6"),
    ("myeloma, 300e6", "myeloma, 450e6"),
    ("myeloma, 150e6", "myeloma, 450e6"),
)
_LYMPHOMA = ("leukemia of 2e11 in 75 kg", "lymphoma")
_SOLID = ("leukemia of 5e10 in 70 kg", "solid tumor")
_LUPUS = (_REFERENCE, "autoimmune")
_ALONE = ("autoimmune, lymphodepletion alone", "autoimmune")

COMPARISONS = (
    Relation("CD28", _CD28, "day of peak", of.peak_day, "difference, d", difference, high=0.0),
    Relation("CD28", _CD28, *_CELLS, *_RATIO, low=1.0),
    Relation("CD28", _CD28, "transgene on day 60 over peak", left_on_day_60, *_RATIO, high=1.0),
    Relation("CD28", _CD28, "ICANS of any grade, %", any_icans, *_POINTS, low=0.0),
    Relation("CD28", _CD28, *_SEVERE, *_POINTS),
    Relation("obe-cel", _OBE, *_CELLS, *_RATIO, low=0.7, high=1.5),
    Relation("obe-cel", _OBE, *_SEVERE, *_POINTS, high=0.0),
    Relation("obe-cel", _OBE, *_ANY, *_POINTS, high=0.0),
    Relation("obe-cel", _OBE, *_REMISSION, *_POINTS),
    Relation(
        "allogeneic", _DONOR, "transgene on day 60 over peak", left_on_day_60, *_RATIO, high=0.5
    ),
    Relation("allogeneic", _DONOR, "days of B-cell aplasia", aplasia_days, *_RATIO, high=1.0),
    Relation("allogeneic", _DONOR, *_REMISSION, *_POINTS),
    *(Relation("myeloma", step, "response, %", response, *_POINTS, low=0.0) for step in _STEPS),
    *(Relation("myeloma", step, *_ANY, *_POINTS, low=0.0) for step in _STEPS),
    Relation("lymphoma", _LYMPHOMA, *_CELLS, *_RATIO, high=1.0),
    Relation("lymphoma", _LYMPHOMA, "tumor on day 60 over day 0", tumor_left, *_RATIO, low=1.0),
    Relation("lymphoma", _LYMPHOMA, *_SEVERE, *_POINTS, high=0.0),
    Relation("solid tumor", _SOLID, "response, %", response, *_POINTS, high=0.0),
    Relation("solid tumor", _SOLID, "tumor on day 60 over day 0", tumor_left, *_RATIO, low=1.0),
    Relation("solid tumor", _SOLID, *_CELLS, *_RATIO),
    Relation(
        "autoimmune",
        ("autoimmune",),
        "fewer than 1 B cell/uL at the low, %",
        b_cells_gone,
        "there",
        last,
        low=80.0,
    ),
    Relation("autoimmune", _ALONE, "days of B-cell aplasia", aplasia_days, *_RATIO, low=1.5),
    Relation("autoimmune", ("autoimmune",), *_ANY, "there", last, 30.0, 95.0),
    Relation("autoimmune", ("autoimmune",), *_SEVERE, "there", last, high=10.0),
    Relation("autoimmune", _LUPUS, *_SEVERE, *_POINTS, high=0.0),
)


# --- running --------------------------------------------------------------------------------------


def follow(name: str, patient: int) -> dict[str, Any]:
    """Return one row: a patient in an arm, with what the comparisons are measured by."""
    arm, seed = ARMS[name], patient_seed(1, patient)
    params = one_patient(f"scenarios/{arm.scenario}.toml", arm.settings, seed)
    model = TumorTCellModel(params, rng=seed)
    model.run_until(arm.days)
    seen = observations(model.record, model.params)
    row = dict(model.outcomes()) | {key: seen[key] for key in OBSERVED}
    return row | _courses(model.record) | {"arm": name, "patient": patient, "error": ""}


def _courses(record: Record) -> dict[str, float]:
    """Return the tumor on the day of response over that before, and the low of B cells."""
    tumor = record.column("leukemia_cd19_positive") + record.column("leukemia_cd19_negative")
    then = tumor[record.column("day") <= RESPONSE_DAY][-1]
    return {
        "tumor_left": then / tumor[0] if tumor[0] > 0 else math.nan,
        "b_cells_lowest_per_ul": float(record.column("b_cells_per_ul").min()),
    }


def _follow_all(name: str, patients: int) -> list[dict[str, Any]]:
    return [follow(name, patient) for patient in range(patients * ARMS[name].times)]


def compared(
    patients: int, names: Iterable[str] = ARMS, processes: int = 2
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of some arms, and the comparisons between them."""
    names = list(names)
    with ProcessPoolExecutor(processes) as pool:
        parts = pool.map(_follow_all, names, [patients] * len(names))
        runs = pd.DataFrame([row for part in parts for row in part])
    chosen = tuple(c for c in COMPARISONS if set(c.arms) <= set(names))
    return runs, effects(runs, relations=chosen)


# --- the page -------------------------------------------------------------------------------------

_HEAD = """# Products and scenarios

Generated by `scripts/products.py` (model version {version}, {patients} patients an arm, four
times as many in myeloma, where steps of dose are small); not edited by hand.

Arms share seeds: a patient has the same covariates and the same chance in all arms, unless an
arm sets a value. Differences and ratios are paired. Intervals are of 95 %, over resampled patients,
the same in all arms. A sign is *true* where the interval lies on the expected side,
*false* where it lies on the other, else *unresolved*. Lines without an expected sign are for
information.

The signs are published. Most sizes are assumed, and some were chosen so that the sign comes
out: each file in `params/products` and `params/scenarios` says which. Care is that of the
scenario (`label`). A *response* is a tumor at half its size or less on day {response:g};
"leukemia of ..." is leukemia with the burden, growth and weight of the scenario beside it.
Days of B-cell aplasia are of the 180 that patients are followed.

In myeloma an arm is named after its cells, in a body of 75 kg. Published for 150, 300 and 450
million: response in 50, 69, 82 %, CRS in 50, 76, 96 % (KarMMa, recalled). CRS of any grade
levels off in the model where everyone whose fever answers to cytokines has it. That share is a
law of the population, fitted to leukemia.

Solid tumors respond far less in reality than here. The model has no stroma, no regulatory cells
and no antigen-positive healthy tissue. Peak CAR T cells do not fall, because a tumor that is
killed slowly stimulates them for longer.

"""


def page(table: pd.DataFrame, patients: int) -> str:
    """Return docs/products.md."""
    heading = ("comparison", "arms", "measure", "in the arms", "effect [95 %]", "expected", "so?")
    lines = markdown_table(heading, [_line(row) for _, row in table.iterrows()])
    return (
        _HEAD.format(version=MODEL_VERSION, patients=patients, response=RESPONSE_DAY)
        + "\n".join(lines)
        + "\n"
    )


def _line(row: pd.Series) -> tuple[object, ...]:
    value, least, most = (number(row[name]) for name in ("effect", "effect_low", "effect_high"))
    ends = [f"above {row['low']:g}"] * math.isfinite(row["low"])
    ends += [f"below {row['high']:g}"] * math.isfinite(row["high"])
    effect = f"{row['compared']}: {value} [{least}, {most}]"
    met = row["met"] if row["met"] == "true" else f"**{row['met']}**"
    names = (row["id"], row["arms"], row["measure"], row["values"], effect)
    return *names, " and ".join(ends) or "-", met if ends else "-"


def main() -> None:
    """Run every comparison and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100, help="patients an arm")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    _, table = compared(given.patients, processes=given.processes)
    PAGE.write_text(page(table, given.patients), encoding="utf-8")


if __name__ == "__main__":
    main()

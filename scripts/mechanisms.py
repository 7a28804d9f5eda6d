"""Take each mechanism out of the model, one at a time, and write docs/mechanisms.md.

    python scripts/mechanisms.py                     # 240 patients an arm, two processes

The same patients with all mechanisms and without one. Values are not fitted again without it, so
that a difference says what the mechanism does in this model, not whether another fit could do
without it.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm import TumorTCellModel, one_patient
from tcellabm.analysis import relations as of
from tcellabm.analysis.cohort import Columns, percent
from tcellabm.analysis.effects import effects
from tcellabm.analysis.relations import Relation, difference, ratio
from tcellabm.analysis.report import markdown_table, number
from tcellabm.clinic.observations import observations
from tcellabm.experiments.design.plan import patient_seed
from tcellabm.identity import MODEL_VERSION

PAGE = Path(__file__).parents[1] / "docs" / "mechanisms.md"
SCENARIO = "scenarios/kymriah.toml"
COMMON = {"care.policy": "eliana", "time.days": 366.0}
WHOLE = "all mechanisms"
NEVER = 1e8  # pg/mL: half-points that no level reaches


class Mechanism(NamedTuple):
    """What is taken out, and by which values."""

    name: str
    off: str
    settings: dict[str, Any]


MECHANISMS = (
    Mechanism("IL-7 and IL-15 decay", "they stay at their peak", {"homeostatic.decay_days": 1e3}),
    Mechanism(
        "T cells consume IL-15", "none is consumed", {"homeostatic.consumption_half_per_ul": 1e12}
    ),
    Mechanism("release needs IL-15", "release in full", {"homeostatic.release_least": 1.0}),
    Mechanism(
        "B cells amplify from a small influx",
        "a steady output from the first day, no amplification",
        {"b_cell.influx_per_day": 4e8, "b_cell.division_per_day": 0.0},
    ),
    Mechanism(
        "B-cell precursors are left in the marrow", "none", {"lymphodepletion.b_cells_left": 0.0}
    ),
    Mechanism("a niche", "no cell in it", {"patient.niche_fraction": 0.0}),
    Mechanism("rejection", "nobody rejects", {"rejection.threshold": 1e9}),
    Mechanism("effectors return to memory", "none returns", {"car_t.memory_return_per_day": 0.0}),
    Mechanism("IL-1 gives fever", "it gives none", {"physiology.fever_il1_rise_c": 0.0}),
    Mechanism(
        "IL-1 and IFN-γ open vessels",
        "IL-6 alone does",
        {"physiology.leak_il1_pg_per_ml": NEVER, "physiology.leak_ifng_pg_per_ml": NEVER},
    ),
    Mechanism("leak feeds itself", "it does not", {"physiology.leak_feedback": 0.0}),
    Mechanism("leak adds to ICANS", "it does not", {"neurotoxicity.leak_weight": 0.0}),
    Mechanism(
        "death by progression", "nobody dies of it", {"physiology.progression_death_per_day": 0.0}
    ),
    Mechanism("care of its time", "care by the label, after hours", {"care.policy": "label"}),
)


def any_icans(arm: Columns) -> float:
    """Return those with ICANS, percent."""
    return percent(arm["icans_grade"] >= 1)


def fever(arm: Columns) -> float:
    """Return those with fever of 38 °C or more within the trial's window, percent."""
    return percent(~np.isnan(arm["fever_onset_day"].astype(float)))


MEASURES = {
    "remission": (of.remission, difference),
    "Cmax": (of.cmax, ratio),
    "any CRS": (of.any_crs, difference),
    "CRS Penn ≥ 3": (of.severe, difference),
    "any ICANS": (any_icans, difference),
    "fever": (fever, difference),
    "CD19+ relapse": (of.positive_relapse, difference),
    "late fever": (of.late_fever, difference),
}


def follow(name: str, settings: dict[str, Any], patient: int) -> dict[str, Any]:
    """Return one row: a patient in an arm, with what the measures look at."""
    seed = patient_seed(1, patient)
    params = one_patient(SCENARIO, COMMON | settings, seed)
    model = TumorTCellModel(params, rng=seed)
    model.run_until(params.time.days)
    row = dict(model.outcomes()) | observations(model.record, model.params)
    return row | {"arm": name, "patient": patient, "error": ""}


def _block(task: tuple[Mechanism, range]) -> list[dict[str, Any]]:
    mechanism, patients = task
    return [follow(mechanism.name, mechanism.settings, patient) for patient in patients]


def runs_of(mechanisms: Sequence[Mechanism], patients: int, processes: int = 2) -> pd.DataFrame:
    """Return a row per patient and arm, the arm with all mechanisms first.

    Parameters
    ----------
    mechanisms : sequence of Mechanism
        Those to take out, one in each arm.
    patients : int
        In each arm.
    processes : int
        That compute at once.
    """
    arms = (Mechanism(WHOLE, "", {}), *mechanisms)
    blocks = [range(first, min(first + 40, patients)) for first in range(0, patients, 40)]
    with ProcessPoolExecutor(processes) as pool:
        return pd.DataFrame(
            [row for part in pool.map(_block, product(arms, blocks)) for row in part]
        )


def compared(runs: pd.DataFrame, mechanisms: Sequence[Mechanism]) -> pd.DataFrame:
    """Return the effect of each mechanism's absence on each measure, with its interval."""
    wanted = [
        Relation(one.name, (WHOLE, one.name), measure, function, "", by)
        for one in mechanisms
        for measure, (function, by) in MEASURES.items()
    ]
    return effects(runs, relations=wanted)


_HEAD = """# What each mechanism does

Generated by `scripts/mechanisms.py` (model version {version}, {patients} patients an arm, a year
each, care policy `eliana`); not edited by hand.

The same patients with all mechanisms and without one. Values are **not fitted again** without it: a
difference says what the mechanism does in this model, not whether another fit could do without it.
Differences are in points of percent, of Cmax a ratio, with 95 % intervals over resampled patients;
bold where the interval leaves out no effect (one in twenty would by chance). Relapse is of
responders by day 366; late fever is of responders in remission after day 60.

With all mechanisms: {whole}.

"""


def page(table: pd.DataFrame, mechanisms: Sequence[Mechanism], patients: int) -> str:
    """Return docs/mechanisms.md."""
    rows = {key: part for key, part in table.groupby("id", sort=False)}
    first = rows[mechanisms[0].name]
    whole = ", ".join(
        f"{m} {v.split(' / ')[0]}" for m, v in zip(first["measure"], first["values"], strict=True)
    )
    lines = [
        (f"{one.name}: {one.off}", *(_cell(row) for _, row in rows[one.name].iterrows()))
        for one in mechanisms
    ]
    head = _HEAD.format(version=MODEL_VERSION, patients=patients, whole=whole)
    return head + "\n".join(markdown_table(("taken out", *MEASURES), lines)) + "\n"


def _cell(row: pd.Series) -> str:
    none = 1.0 if row["measure"] == "Cmax" else 0.0
    value, low, high = (number(row[name]) for name in ("effect", "effect_low", "effect_high"))
    text = f"{value} [{low}, {high}]"
    return text if float(low) <= none <= float(high) else f"**{text}**"  # as it is printed


def main() -> None:
    """Run every arm and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=240, help="patients an arm")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    table = compared(runs_of(MECHANISMS, given.patients, given.processes), MECHANISMS)
    PAGE.write_text(page(table, MECHANISMS, given.patients), encoding="utf-8")
    print(f"wrote {PAGE}: {len(MECHANISMS)} mechanisms, {given.patients} patients an arm")


if __name__ == "__main__":
    main()

"""The arms of the counterfactuals: what each changes in a patient, and how long it is followed.

Arms that set a burden set a weight of 40 kg too.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tcellabm.analysis.relations import BURDENS, HIGH, PERSISTENCES, USUAL, WEIGHTS, WITHIN_LABEL
from tcellabm.clinic.pathway import Journey

DOSE, PERSISTENCE = "product.dose_cells_per_kg", "product.persistence_half_life_days"
BURDEN, WEIGHT, POLICY = "patient.leukemic_burden", "patient.weight_kg", "care.policy"
ANTIGEN = "leukemia.antigen_median"
SHORT, CONFIRMED, PAST_YEAR, LONG = 62.0, 125.0, 366.0, 460.0  # days of follow-up


class Condition(NamedTuple):
    """One arm: what it sets, and how long patients are followed.

    Attributes
    ----------
    settings : mapping
        Values by dotted key; one that depends on the patient is a function of the journey.
    days : float
        Length of follow-up.
    everyone : bool
        Whether all infused patients run it; else a fifth of them.
    """

    settings: Mapping[str, Any]
    days: float = CONFIRMED
    everyone: bool = False

    def of(self, journey: Journey) -> dict[str, Any]:
        """Return what the arm sets for one patient."""
        values = {
            key: value(journey) if callable(value) else value
            for key, value in self.settings.items()
        }
        return values | {"time.days": self.days}

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the arm, as JSON values; what depends on the patient has none."""
        values = {key: None if callable(value) else value for key, value in self.settings.items()}
        return {"settings": values, "days": self.days, "everyone": self.everyone}


def _with_burden(cells: float, **more: Any) -> dict[str, Any]:
    return {BURDEN: cells, WEIGHT: 40.0} | more


def _with_weight(kg: float) -> dict[str, Any]:
    """Return the settings of a body of another size, its leukemia as dense."""
    return {WEIGHT: kg, BURDEN: lambda journey: journey.infusion_burden * kg / journey.weight_kg}


NO_B_CELLS = {
    "lymphodepletion.b_cells_left": 0.0,
    "b_cell.influx_per_day": 0.0,
    "b_cell.most_cells": 0.0,
}
SPLIT = {"dosing.schedule": "fractionated", "dosing.interval_days": 7.0}

CONDITIONS: dict[str, Condition] = {
    USUAL: Condition({}, LONG, everyone=True),
    "dose 2e5": Condition({DOSE: 2e5}, PAST_YEAR, everyone=True),
    "dose 5e6": Condition({DOSE: 5e6}, PAST_YEAR, everyone=True),
    "dose 3e6": Condition({DOSE: 3e6}, everyone=True),
    "dose 1e5": Condition({DOSE: 1e5}, everyone=True),
    "dose 1e4": Condition({DOSE: 1e4}, everyone=True),
    "high burden": Condition(_with_burden(HIGH), everyone=True),
    "high burden, dose 2e6": Condition(_with_burden(HIGH) | {DOSE: 2e6}, SHORT, everyone=True),
    "high burden, dose 2e7": Condition(_with_burden(HIGH) | {DOSE: 2e7}, SHORT, everyone=True),
    "high burden, dose 1e8, no care": Condition(
        _with_burden(HIGH) | {DOSE: 1e8, POLICY: "none"}, SHORT
    ),
    "high burden, split": Condition(_with_burden(HIGH) | SPLIT, everyone=True),
    "without lymphodepletion, dose 5e6": Condition({DOSE: 5e6, "lymphodepletion.given": False}),
    "no measurable disease": Condition(_with_burden(1e7) | {DOSE: 5e6}, SHORT),
    "early": Condition({POLICY: "early"}, everyone=True),
    "no care": Condition({POLICY: "none"}, SHORT),
    "no antigen": Condition({"patient.cd19_negative_fraction": 1.0} | NO_B_CELLS, SHORT),
    "no myeloid cells": Condition({"myeloid.pool_cells": 0.0}),
    "affinity a tenth": Condition({"product.affinity": 10.0}, SHORT),
    "antigen a sixth": Condition(
        {"antigen.lysis_half_point": 1800.0}
        | {"antigen.activation_half_point": 12000.0, "antigen.cytokine_half_point": 30000.0},
        SHORT,
    ),
}
CONDITIONS |= {f"burden {b:g}": Condition(_with_burden(b), everyone=True) for b in BURDENS}
CONDITIONS |= {f"{kg:g} kg": Condition(_with_weight(kg), SHORT) for kg in WEIGHTS}
CONDITIONS |= {
    f"half-life {d:g} d": Condition({PERSISTENCE: d}, PAST_YEAR, everyone=True)
    for d in PERSISTENCES
}
CONDITIONS |= {
    f"burden {b:g}, dose {d:g}": Condition(_with_burden(b) | {DOSE: d}, SHORT)
    for b in (1e9, 1e10, 1e11, HIGH)
    for d in WITHIN_LABEL
}

"""CRS grades from the support that a patient needs, by the published scales.

Sources, recalled: Penn (Porter 2018), Lee 2014, ASTCT (Lee 2019). Needs run from 0 to 3: blood
pressure none, fluids, one vasopressor, high-dose or multiple vasopressors; oxygen none, low-flow,
high-flow, ventilation. No cytokine level enters. Grade 5, death by CRS, is given by the outcomes.
"""

from typing import NamedTuple

from tcellabm.kernels.jit import kernel


class Needs(NamedTuple):
    """What a patient needs, as a clinician sees it."""

    fever: bool = False  # sustained
    high_fever: bool = False  # sustained and high: hospital intravenous therapy
    blood_pressure: int = 0  # 0-3
    oxygen: int = 0  # 0-3


@kernel
def penn(needs: Needs) -> int:
    """Return the Penn grade, 0-4."""
    if needs.blood_pressure == 3 or needs.oxygen == 3:
        return 4
    if needs.blood_pressure or needs.oxygen:
        return 3
    return 2 if needs.high_fever else int(needs.fever)


@kernel
def lee(needs: Needs) -> int:
    """Return the grade of Lee 2014, 0-4."""
    if needs.oxygen == 3:
        return 4
    if needs.oxygen == 2 or needs.blood_pressure == 3:
        return 3
    if needs.blood_pressure or needs.oxygen:
        return 2
    return int(needs.fever)


@kernel
def astct(needs: Needs) -> int:
    """Return the ASTCT grade of 2019, 0-4."""
    if needs.blood_pressure == 3 or needs.oxygen == 3:
        return 4
    worst = max(needs.blood_pressure, needs.oxygen)
    return worst + 1 if worst else int(needs.fever)

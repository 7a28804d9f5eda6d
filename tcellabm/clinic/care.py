"""Care policies: when a clinician gives what, from what a clinician sees."""

from collections.abc import Callable
from typing import NamedTuple

from tcellabm.params import Parameters

HOURS_PER_DAY = 24.0
NEVER = float("-inf")


class Bedside(NamedTuple):
    """What a clinician sees and has done so far."""

    day: float
    blood_pressure_need: int
    oxygen_need: int
    tocilizumab_days: tuple[float, ...]
    corticosteroid_days: tuple[float, ...]
    anakinra_days: tuple[float, ...] = ()
    in_crs: bool = False  # a sustained fever and what follows it
    icans_grade: int = 0
    blast_share: float = 0.0  # of the marrow before infusion


Orders = tuple[str, ...]
Policy = Callable[[Bedside, Parameters], Orders]


# --- policies -----------------------------------------------------------------------------------


def none(seen: Bedside, params: Parameters) -> Orders:
    """Give nothing."""
    return ()


def label(seen: Bedside, params: Parameters) -> Orders:
    """Give tocilizumab for any vasopressor or high-flow oxygen, a steroid if that does not help.

    A steroid for ICANS too; anakinra after it, where `care.anakinra` allows.
    """
    return tocilizumab(seen, params) + steroid(seen, params) + anakinra(seen, params)


def early(seen: Bedside, params: Parameters) -> Orders:
    """Give the first tocilizumab at sustained fever; else as labelled."""
    return first_tocilizumab(seen, seen.in_crs) or label(seen, params)


def preemptive(seen: Bedside, params: Parameters) -> Orders:
    """Give the first tocilizumab at sustained fever where burden is high; else as labelled."""
    high = seen.blast_share >= params.care.high_burden_blast_share
    return first_tocilizumab(seen, seen.in_crs and high) or label(seen, params)


def prophylactic(seen: Bedside, params: Parameters) -> Orders:
    """Give the first tocilizumab with the infusion; else as labelled."""
    return first_tocilizumab(seen, True) or label(seen, params)


POLICIES: dict[str, Policy] = {
    "none": none,
    "label": label,
    "early": early,
    "preemptive": preemptive,
    "prophylactic": prophylactic,
}


# --- the drugs of a policy ----------------------------------------------------------------------


def severe(seen: Bedside) -> bool:
    """Tell whether a vasopressor or high-flow oxygen, or more, is needed."""
    return seen.blood_pressure_need >= 2 or seen.oxygen_need >= 2


def hours_since(days: tuple[float, ...], day: float) -> float:
    """Return the hours since the last of some days; infinite if there is none."""
    return (day - (days[-1] if days else NEVER)) * HOURS_PER_DAY


def first_tocilizumab(seen: Bedside, wanted: bool) -> Orders:
    """Order the first dose, unless there was one."""
    return ("tocilizumab",) if wanted and not seen.tocilizumab_days else ()


def tocilizumab(seen: Bedside, params: Parameters) -> Orders:
    """Order a dose for severe CRS, some hours after the last, up to so many."""
    drug, given = params.tocilizumab, seen.tocilizumab_days
    due = hours_since(given, seen.day) >= drug.interval_hours
    wanted = severe(seen) and due and len(given) < drug.maximal_doses
    return ("tocilizumab",) if wanted else ()


def steroid(seen: Bedside, params: Parameters) -> Orders:
    """Order a daily dose for severe CRS that tocilizumab does not help, or for ICANS."""
    drug, given = params.corticosteroid, seen.tocilizumab_days
    waited = hours_since(given[:1], seen.day) >= drug.after_tocilizumab_hours
    helpless = severe(seen) and bool(given) and waited
    due = hours_since(seen.corticosteroid_days, seen.day) >= drug.interval_hours
    wanted = helpless or seen.icans_grade >= drug.icans_grade
    return ("corticosteroid",) if wanted and due else ()


def anakinra(seen: Bedside, params: Parameters) -> Orders:
    """Order a dose where a steroid was given and severe CRS or ICANS goes on."""
    drug = params.anakinra
    due = hours_since(seen.anakinra_days, seen.day) >= drug.interval_hours
    ill = severe(seen) or seen.icans_grade >= params.corticosteroid.icans_grade
    tried = hours_since(seen.corticosteroid_days[:1], seen.day) >= drug.after_steroid_hours
    wanted = params.care.anakinra and bool(seen.corticosteroid_days) and tried and ill
    return ("anakinra",) if wanted and due else ()

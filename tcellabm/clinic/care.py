"""Care policies: when a clinician gives what, from what a clinician sees.

The policies `early`, `preemptive` and `prophylactic` come with the clinic.
"""

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


Policy = Callable[[Bedside, Parameters], tuple[str, ...]]


def severe(seen: Bedside) -> bool:
    """Tell whether a vasopressor or high-flow oxygen, or more, is needed."""
    return seen.blood_pressure_need >= 2 or seen.oxygen_need >= 2


def hours_since(days: tuple[float, ...], day: float) -> float:
    """Return the hours since the last of some days; infinite if there is none."""
    return (day - (days[-1] if days else NEVER)) * HOURS_PER_DAY


def none(seen: Bedside, params: Parameters) -> tuple[str, ...]:
    """Give nothing."""
    return ()


def label(seen: Bedside, params: Parameters) -> tuple[str, ...]:
    """Give tocilizumab for any vasopressor or high-flow oxygen, a steroid if that does not help."""
    if not severe(seen):
        return ()
    drug, steroid = params.tocilizumab, params.corticosteroid
    orders = []
    given = seen.tocilizumab_days
    if len(given) < drug.maximal_doses and hours_since(given, seen.day) >= drug.interval_hours:
        orders.append("tocilizumab")
    waited = hours_since(given[:1], seen.day) >= steroid.after_tocilizumab_hours
    due = hours_since(seen.corticosteroid_days, seen.day) >= steroid.interval_hours
    if given and waited and due:
        orders.append("corticosteroid")
    return tuple(orders)


POLICIES: dict[str, Policy] = {"none": none, "label": label}

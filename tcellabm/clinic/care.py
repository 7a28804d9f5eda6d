"""Care policies: when a clinician gives what, from what a clinician sees."""

from collections.abc import Callable
from typing import NamedTuple

from tcellabm.clinic import drugs
from tcellabm.params import Parameters
from tcellabm.params.own import own
from tcellabm.units import HOURS_PER_DAY

NEVER = float("-inf")


class Bedside(NamedTuple):
    """What a clinician sees and has done so far.

    Attributes
    ----------
    day : float
        Days after infusion.
    blood_pressure_need, oxygen_need : int
        0 none, 1 fluids or low-flow oxygen, 2 a vasopressor or high-flow oxygen, 3 multiple
        vasopressors or ventilation.
    tocilizumab_days, corticosteroid_days, anakinra_days : tuple of float
        Days on which each was given.
    need_hours : float
        Hours on a vasopressor or high-flow oxygen, without a break.
    critical_hours : float
        Hours on multiple vasopressors or ventilation, without a break.
    fever_hours : float
        Hours of fever, without a break.
    in_crs : bool
        A sustained fever and what follows it.
    icans_grade : int
        0 to 4; 5 is death.
    blast_share : float
        Share of blasts in the marrow before infusion, 0 to 1.
    """

    day: float
    blood_pressure_need: int
    oxygen_need: int
    tocilizumab_days: tuple[float, ...]
    corticosteroid_days: tuple[float, ...]
    anakinra_days: tuple[float, ...] = ()
    need_hours: float = 0.0
    critical_hours: float = 0.0
    fever_hours: float = 0.0
    in_crs: bool = False
    icans_grade: int = 0
    blast_share: float = 0.0


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
    drug, wanted = params.tocilizumab, seen.need_hours >= params.care.reaction_hours
    waited = params.corticosteroid.after_tocilizumab_hours
    return (
        tocilizumab(seen, wanted, drug.interval_hours, params)
        + steroid(seen, waited, params.corticosteroid.icans_grade, params)
        + anakinra(seen, params)
    )


def eliana(seen: Bedside, params: Parameters) -> Orders:
    """Give as trials of 2015-17 did: after a day and more of instability, steroids later still."""
    care, ill = params.care, severe(seen)
    first = seen.need_hours >= care.eliana_need_hours
    first |= seen.critical_hours >= care.eliana_critical_hours
    wanted = ill if seen.tocilizumab_days else first
    return tocilizumab(seen, wanted, care.eliana_repeat_hours, params) + steroid(
        seen, care.eliana_steroid_hours, care.eliana_icans_grade, params
    )


def early(seen: Bedside, params: Parameters) -> Orders:
    """Give the first tocilizumab after some hours of fever; else as labelled."""
    return first_tocilizumab(seen, lasting_fever(seen, params)) or label(seen, params)


def preemptive(seen: Bedside, params: Parameters) -> Orders:
    """Give the first tocilizumab after some hours of fever at high burden; else as labelled."""
    high = seen.blast_share >= params.care.high_burden_blast_share
    return first_tocilizumab(seen, lasting_fever(seen, params) and high) or label(seen, params)


def prophylactic(seen: Bedside, params: Parameters) -> Orders:
    """Give the first tocilizumab with the infusion; else as labelled."""
    return first_tocilizumab(seen, True) or label(seen, params)


POLICIES: dict[str, Policy] = {
    "none": none,
    "label": label,
    "eliana": eliana,
    "early": early,
    "preemptive": preemptive,
    "prophylactic": prophylactic,
}


def policy_of(params: Parameters) -> Policy:
    """Return the policy that parameters name: one of POLICIES, or a rule of one's own."""
    name = params.care.policy
    if name in POLICIES:
        return POLICIES[name]
    rule, known = own(params.rules).named("policy", name), drugs.treatments(params)

    def ordered(seen: Bedside, params: Parameters) -> Orders:
        orders = rule(seen, params)
        if not isinstance(orders, tuple | list) or not set(orders) <= set(known):
            raise rule.refuse(orders, f"a tuple of {', '.join(known)}")
        return tuple(orders)

    return ordered


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


def lasting_fever(seen: Bedside, params: Parameters) -> bool:
    """Tell whether there is CRS with fever for the hours that early policies wait."""
    return seen.in_crs and seen.fever_hours >= params.care.early_fever_hours


def tocilizumab(seen: Bedside, wanted: bool, interval_hours: float, params: Parameters) -> Orders:
    """Order a dose where it is wanted, some hours after the last, up to so many.

    Parameters
    ----------
    seen : Bedside
        Doses and day.
    wanted : bool
        Whether there is a reason to give it.
    interval_hours : float
        Least time since the last dose.
    params : Parameters
        `tocilizumab.maximal_doses` is used.

    Returns
    -------
    tuple of str
        `("tocilizumab",)`, or empty.
    """
    given = seen.tocilizumab_days
    due = hours_since(given, seen.day) >= interval_hours
    few = len(given) < params.tocilizumab.maximal_doses
    return ("tocilizumab",) if wanted and due and few else ()


def steroid(seen: Bedside, wait_hours: float, icans_grade: int, params: Parameters) -> Orders:
    """Order a daily dose for severe CRS that tocilizumab does not help, or for ICANS.

    Parameters
    ----------
    seen : Bedside
        Doses, day, needs, ICANS grade.
    wait_hours : float
        Least time since the first tocilizumab.
    icans_grade : int
        ASTCT grade of ICANS from which it is given, 0-4.
    params : Parameters
        `corticosteroid.interval_hours` is used.

    Returns
    -------
    tuple of str
        `("corticosteroid",)`, or empty.
    """
    given = seen.tocilizumab_days
    waited = hours_since(given[:1], seen.day) >= wait_hours
    helpless = severe(seen) and bool(given) and waited
    due = hours_since(seen.corticosteroid_days, seen.day) >= params.corticosteroid.interval_hours
    return ("corticosteroid",) if (helpless or seen.icans_grade >= icans_grade) and due else ()


def anakinra(seen: Bedside, params: Parameters) -> Orders:
    """Order a dose where a steroid was given and severe CRS or ICANS goes on."""
    drug = params.anakinra
    due = hours_since(seen.anakinra_days, seen.day) >= drug.interval_hours
    ill = severe(seen) or seen.icans_grade >= params.corticosteroid.icans_grade
    tried = hours_since(seen.corticosteroid_days[:1], seen.day) >= drug.after_steroid_hours
    wanted = params.care.anakinra and bool(seen.corticosteroid_days) and tried and ill
    return ("anakinra",) if wanted and due else ()

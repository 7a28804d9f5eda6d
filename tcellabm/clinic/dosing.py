"""Dosing schedules: when CAR T cells are infused, and how much of the dose, from what is seen."""

from collections.abc import Callable
from typing import NamedTuple

from tcellabm.params import Parameters
from tcellabm.params.own import own


class Ward(NamedTuple):
    """What decides the next infusion.

    Attributes
    ----------
    day : float
        Days after the first infusion.
    in_crs : bool
        A sustained fever and what follows it.
    infusion_days : tuple of float
        Days of infusions so far; the first is 0.
    b_cells_per_ul : float
        In blood, cells/uL.
    in_remission : bool
        By the last marrow assessment.
    """

    day: float
    in_crs: bool
    infusion_days: tuple[float, ...]
    b_cells_per_ul: float
    in_remission: bool


MOST_DOSES = 100.0  # given at once by a rule of one's own
_ALLOWED = f"a share of the dose, 0 to {MOST_DOSES:g}"
Schedule = Callable[[Ward, Parameters], float]


def single(seen: Ward, params: Parameters) -> float:
    """Give the whole dose at once, on day 0."""
    return 0.0 if seen.infusion_days else 1.0


def fractionated(seen: Ward, params: Parameters) -> float:
    """Give the dose in up to three shares, the next one only while there is no CRS.

    What could not be given within `dosing.hold_days` of the first share is not given at all.
    """
    dosing, given = params.dosing, len(seen.infusion_days)
    shares = (dosing.first_share, dosing.second_share, dosing.third_share)
    if given == 0:
        return shares[0]
    waited = seen.day - seen.infusion_days[-1] >= dosing.interval_days
    in_time = seen.day - seen.infusion_days[0] <= dosing.hold_days
    return shares[given] if given < 3 and waited and in_time and not seen.in_crs else 0.0


def reinfusion(seen: Ward, params: Parameters) -> float:
    """Give the whole dose on day 0, and again where B cells return early in remission."""
    dosing = params.dosing
    if not seen.infusion_days:
        return 1.0
    if not 1 <= len(seen.infusion_days) <= dosing.maximal_reinfusions:
        return 0.0
    since = seen.day - seen.infusion_days[-1]
    early = dosing.reinfusion_after_days <= since and seen.day <= dosing.reinfusion_until_day
    lost = seen.b_cells_per_ul >= params.assay.aplasia_b_cells_per_ul
    return 1.0 if early and lost and seen.in_remission and not seen.in_crs else 0.0


SCHEDULES: dict[str, Schedule] = {
    "single": single,
    "fractionated": fractionated,
    "reinfusion": reinfusion,
}


def schedule_of(params: Parameters) -> Schedule:
    """Return the schedule that parameters name: one of SCHEDULES, or a rule of one's own."""
    name = params.dosing.schedule
    if name in SCHEDULES:
        return SCHEDULES[name]
    rule = own(params.rules).named("schedule", name)

    return lambda seen, params: rule.number(MOST_DOSES, _ALLOWED, seen, params)

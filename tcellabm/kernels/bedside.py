"""From cytokines to fever, blood pressure, oxygen and the CNS: proxies, not physiology."""

import math
from typing import NamedTuple

from tcellabm.kernels.grading import Needs
from tcellabm.kernels.jit import kernel

HOURS_PER_DAY = 24.0


class SignalLaw(NamedTuple):
    """What a tissue makes of IL-6 and IL-1 above normal."""

    il6_half: float  # pg/mL
    il6_hill: float
    il1_half: float
    il6_normal: float
    il1_normal: float


class BodyLaw(NamedTuple):
    """Temperature, vascular leak, laboratory values of one patient."""

    signal: SignalLaw
    il1_weight: float
    sensitivity: float
    normal_temperature_c: float
    temperature_rise_c: float
    highest_temperature_c: float
    temperature_lag_hours: float
    fever_c: float
    fever_hours: float
    high_fever_c: float
    leak_half_life_days: float
    blood_pressure_leaks: tuple[float, float, float]  # from which needs of 1, 2, 3 begin
    oxygen_leaks: tuple[float, float, float]
    crp_half_life_hours: float
    crp_normal: float  # mg/L
    crp_maximum: float
    crp_half: float  # pg/mL
    ferritin_normal: float  # ng/mL
    ferritin_maximum: float
    ferritin_half_share: float
    ferritin_loss_per_day: float
    myeloid_pool: float  # cells


class Body(NamedTuple):
    """Temperature, vascular leak, laboratory values; hours of fever without a break."""

    temperature_c: float
    leak: float
    crp_mg_per_l: float
    ferritin_ng_per_ml: float
    fever_hours: float = 0.0
    in_crs: bool = False  # from sustained fever until neither fever nor needs are left


class CnsLaw(NamedTuple):
    """How cytokines enter the CNS, and what they do there."""

    signal: SignalLaw
    il1_weight: float
    sensitivity: float
    entry_half_life_days: float
    injury_half_life_days: float
    grade_injuries: tuple[float, float, float, float]  # from which ICANS grades 1 to 4 begin
    edema_injury: float


class Cns(NamedTuple):
    """Exposure of the CNS, as the serum level that would keep it up, pg/mL, and injury."""

    il6: float
    il1: float
    injury: float = 0.0


class Signs(NamedTuple):
    """What a clinician sees: fever, needs (nothing counts before a sustained fever), ICANS."""

    feverish: bool
    needs: Needs
    icans: int  # ASTCT grade, 0-4


@kernel
def hill(level: float, half: float, exponent: float) -> float:
    """Return level^n / (level^n + half^n)."""
    if level <= 0.0:
        return 0.0
    return 1.0 / (1.0 + (half / level) ** exponent)


@kernel
def passed(time: float, half_life: float) -> float:
    """Return the share of the way to its aim that a first-order process goes in `time`."""
    return 1.0 - 0.5 ** (time / half_life)


@kernel
def signal(il6: float, il1: float, law: SignalLaw, il1_weight: float) -> float:
    """Return what a tissue makes of IL-6 and IL-1, pg/mL: a weighted sum of two Hills.

    The exponent below 1 compresses: levels vary a thousandfold between patients.
    """
    by_il6 = hill(il6, law.il6_half, law.il6_hill)
    by_il6 -= hill(law.il6_normal, law.il6_half, law.il6_hill)
    by_il1 = hill(il1, law.il1_half, law.il6_hill)
    by_il1 -= hill(law.il1_normal, law.il1_half, law.il6_hill)
    return max(0.0, by_il6) + il1_weight * max(0.0, by_il1)


@kernel
def advance_body(
    dt: float,
    body: Body,
    levels: tuple[float, float],
    activated: float,
    least_c: float,
    law: BodyLaw,
) -> Body:
    """Follow the cytokines for `dt` days.

    Parameters
    ----------
    levels : (float, float)
        IL-6 and IL-1 in serum that no drug blocks, pg/mL.
    activated : float
        Activated myeloid cells in the body.
    least_c : float
        Temperature that an infection aims at, deg C; 0 without one.
    """
    il6, il1 = levels
    hours, drive = dt * HOURS_PER_DAY, signal(il6, il1, law.signal, law.il1_weight)
    aim = max(law.normal_temperature_c + law.temperature_rise_c * drive, least_c)
    aim = min(aim, law.highest_temperature_c)
    lag = -math.expm1(-hours / law.temperature_lag_hours)
    temperature = body.temperature_c + (aim - body.temperature_c) * lag
    leak = body.leak + (law.sensitivity * drive - body.leak) * passed(dt, law.leak_half_life_days)
    crp = law.crp_normal + law.crp_maximum * hill(il6, law.crp_half, 1.0)
    share = activated / law.myeloid_pool if law.myeloid_pool > 0.0 else 0.0
    ferritin = law.ferritin_maximum * hill(share, law.ferritin_half_share, 1.0)
    ferritin += law.ferritin_normal - body.ferritin_ng_per_ml
    feverish = temperature >= law.fever_c
    fever_hours = body.fever_hours + hours if feverish else 0.0
    needy = reached(leak, law.blood_pressure_leaks) + reached(leak, law.oxygen_leaks) > 0
    return Body(
        temperature,
        leak,
        body.crp_mg_per_l + (crp - body.crp_mg_per_l) * passed(hours, law.crp_half_life_hours),
        body.ferritin_ng_per_ml + ferritin * -math.expm1(-law.ferritin_loss_per_day * dt),
        fever_hours,
        fever_hours >= law.fever_hours or (body.in_crs and (feverish or needy)),
    )


@kernel
def advance_cns(
    dt: float, cns: Cns, levels: tuple[float, float], il1_free: float, law: CnsLaw
) -> Cns:
    """Follow the serum for `dt` days.

    Parameters
    ----------
    levels : (float, float)
        IL-6 and IL-1 in serum, blocked there or not, pg/mL.
    il1_free : float
        Share of IL-1 in the CNS that anakinra leaves unblocked.
    """
    enter = passed(dt, law.entry_half_life_days)
    il6 = cns.il6 + (levels[0] - cns.il6) * enter
    il1 = cns.il1 + (levels[1] - cns.il1) * enter
    aim = law.sensitivity * signal(il6, il1 * il1_free, law.signal, law.il1_weight)
    return Cns(il6, il1, cns.injury + (aim - cns.injury) * passed(dt, law.injury_half_life_days))


@kernel
def reached(value: float, limits: tuple[float, ...]) -> int:
    """Return how many of some rising limits a value has reached."""
    count = 0
    for limit in limits:
        count += value >= limit
    return count


@kernel
def signs_of(body: Body, cns: Cns, body_law: BodyLaw, cns_law: CnsLaw) -> Signs:
    """Return what a clinician sees."""
    needs = Needs(False, False, 0, 0)
    if body.in_crs:
        needs = Needs(
            True,
            body.temperature_c >= body_law.high_fever_c,
            reached(body.leak, body_law.blood_pressure_leaks),
            reached(body.leak, body_law.oxygen_leaks),
        )
    feverish = body.temperature_c >= body_law.fever_c
    return Signs(feverish, needs, reached(cns.injury, cns_law.grade_injuries))

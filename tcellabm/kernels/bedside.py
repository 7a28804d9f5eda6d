"""From cytokines to fever, blood pressure, oxygen and the CNS: proxies, not physiology."""

import math
from typing import NamedTuple

from tcellabm.kernels.grading import Needs
from tcellabm.kernels.jit import kernel
from tcellabm.kernels.linear import decay

HOURS_PER_DAY = 24.0


class FeverLaw(NamedTuple):
    """How IL-6 and IL-1 that no drug blocks raise the temperature: a limb of each."""

    il6_half: float  # pg/mL above normal
    il1_half: float
    hill: float
    il6_rise_c: float  # at most
    il1_rise_c: float
    sensitivity: float
    normal_c: float
    highest_c: float
    lag_hours: float
    fever_c: float
    fever_hours: float
    high_fever_c: float


class LeakLaw(NamedTuple):
    """How cytokines injure vessels, and which needs the leak brings about."""

    il6_scale: float  # pg/mL above normal
    il1_scale: float
    ifng_scale: float
    exponent: float
    injury_per_day: float
    feedback: float
    repair_per_day: float
    blood_pressure_leaks: tuple[float, float, float]  # from which needs of 1, 2, 3 begin
    oxygen_leaks: tuple[float, float, float]


class BodyLaw(NamedTuple):
    """Temperature, vascular leak, laboratory values of one patient."""

    il6_normal: float  # pg/mL
    il1_normal: float
    ifng_normal: float
    fever: FeverLaw
    leak: LeakLaw
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
    """Temperature, vascular leak, laboratory values; hours of fever and needs."""

    temperature_c: float
    leak: float
    crp_mg_per_l: float
    ferritin_ng_per_ml: float
    fever_hours: float = 0.0
    need_hours: float = 0.0  # on a vasopressor or high-flow oxygen without a break
    critical_hours: float = 0.0  # on multiple vasopressors or ventilation without a break
    in_crs: bool = False  # from sustained fever until neither fever nor needs are left


class CnsLaw(NamedTuple):
    """How cytokines and leak injure the CNS."""

    il1_scale: float  # pg/mL above normal
    ifng_scale: float
    leak_weight: float
    exponent: float
    injury_per_day: float
    repair_per_day: float
    il1_normal: float
    ifng_normal: float
    grade_injuries: tuple[float, float, float, float]  # from which ICANS grades 1 to 4 begin
    edema_injury: float


class Cns(NamedTuple):
    """Injury of the CNS."""

    injury: float = 0.0


class Signs(NamedTuple):
    """What a clinician sees: fever, needs (nothing counts before a sustained fever), ICANS."""

    feverish: bool = False
    needs: Needs = Needs()
    icans: int = 0  # ASTCT grade, 0-4


@kernel
def hill(level: float, half: float, exponent: float) -> float:
    """Return level^n / (level^n + half^n).

    Parameters
    ----------
    level, half : float
        In one unit; `half` is the level of half the effect, above 0.
    exponent : float
        Hill exponent n.

    Returns
    -------
    float
        0 to 1; 0 where the level is not above 0.
    """
    if level <= 0.0:
        return 0.0
    return 1.0 / (1.0 + (half / level) ** exponent)


@kernel
def passed(time: float, half_life: float) -> float:
    """Return the share of the way to its aim that a first-order process goes in `time`."""
    return 1.0 - 0.5 ** (time / half_life)


@kernel
def advance_body(
    dt: float,
    body: Body,
    levels: tuple[float, float, float],
    activated: float,
    least_c: float,
    law: BodyLaw,
) -> Body:
    """Follow the cytokines for `dt` days.

    Parameters
    ----------
    dt : float
        Tick length, days.
    body : Body
        At the start of the tick.
    levels : (float, float, float)
        IL-6, IL-1 and IFN-gamma in serum that no drug blocks, pg/mL.
    activated : float
        Activated myeloid cells in the body.
    least_c : float
        Temperature that an infection aims at, deg C; 0 without one.
    law : BodyLaw
        Constants of the patient.

    Returns
    -------
    Body
        At the end of the tick.
    """
    il6, hours, fever = levels[0], dt * HOURS_PER_DAY, law.fever
    above = (
        max(0.0, il6 - law.il6_normal),
        max(0.0, levels[1] - law.il1_normal),
        max(0.0, levels[2] - law.ifng_normal),
    )
    aim = min(max(fever.normal_c + rise_of(above[0], above[1], fever), least_c), fever.highest_c)
    temperature = body.temperature_c
    temperature += (aim - temperature) * -math.expm1(-hours / fever.lag_hours)
    leak = leak_after(dt, body.leak, above, law.leak)
    crp = law.crp_normal + law.crp_maximum * hill(il6, law.crp_half, 1.0)
    share = activated / law.myeloid_pool if law.myeloid_pool > 0.0 else 0.0
    ferritin = law.ferritin_maximum * hill(share, law.ferritin_half_share, 1.0)
    ferritin += law.ferritin_normal - body.ferritin_ng_per_ml
    feverish = temperature >= fever.fever_c
    fever_hours = body.fever_hours + hours if feverish else 0.0
    worst = max(reached(leak, law.leak.blood_pressure_leaks), reached(leak, law.leak.oxygen_leaks))
    in_crs = fever_hours >= fever.fever_hours or (body.in_crs and (feverish or worst > 0))
    return Body(
        temperature,
        leak,
        body.crp_mg_per_l + (crp - body.crp_mg_per_l) * passed(hours, law.crp_half_life_hours),
        body.ferritin_ng_per_ml + ferritin * -math.expm1(-law.ferritin_loss_per_day * dt),
        fever_hours,
        body.need_hours + hours if in_crs and worst >= 2 else 0.0,
        body.critical_hours + hours if in_crs and worst == 3 else 0.0,
        in_crs,
    )


@kernel
def rise_of(il6: float, il1: float, law: FeverLaw) -> float:
    """Return how far above normal the temperature aims, deg C.

    Parameters
    ----------
    il6, il1 : float
        Unblocked levels above normal, pg/mL.
    law : FeverLaw
        Constants of the patient.

    Returns
    -------
    float
        0 to `il6_rise_c + il1_rise_c`, deg C.
    """
    by_il6 = law.il6_rise_c * hill(law.sensitivity * il6, law.il6_half, law.hill)
    return by_il6 + law.il1_rise_c * hill(law.sensitivity * il1, law.il1_half, law.hill)


@kernel
def leak_after(dt: float, leak: float, above: tuple[float, float, float], law: LeakLaw) -> float:
    """Return the vascular leak after `dt` days: injury, which leak itself adds to, and repair.

    Parameters
    ----------
    dt : float
        Tick length, days.
    leak : float
        Vascular leak at the start, 0 or more, without unit.
    above : (float, float, float)
        Unblocked IL-6, IL-1 and IFN-gamma above normal, pg/mL.
    law : LeakLaw
        Constants of the patient.

    Returns
    -------
    float
        Vascular leak at the end, 0 or more.

    Notes
    -----
    L' = J (1 + f L / (1 + L)) - r L with J = j load^n; load is the sum of levels over their scales.
    The factor 1 / (1 + L) is held for the tick.
    """
    load = above[0] / law.il6_scale + above[1] / law.il1_scale + above[2] / law.ifng_scale
    injury = law.injury_per_day * load**law.exponent if load > 0.0 else 0.0
    net = law.repair_per_day - injury * law.feedback / (1.0 + leak)  # held for the tick
    return max(0.0, leak + (injury - net * leak) * decay(net, dt))


@kernel
def advance_cns(dt: float, cns: Cns, il1: float, ifng: float, leak: float, law: CnsLaw) -> Cns:
    """Follow IL-1 (that anakinra leaves unblocked), IFN-gamma and the leak for `dt` days.

    Parameters
    ----------
    dt : float
        Tick length, days.
    cns : Cns
        At the start of the tick.
    il1, ifng : float
        Levels, pg/mL; normal ones count as 0.
    leak : float
        Vascular leak at the end of the tick.
    law : CnsLaw
        Constants of the patient.

    Returns
    -------
    Cns
        At the end of the tick.

    Notes
    -----
    I' = j load^n - r I, solved exactly for a load held for the tick.
    """
    load = max(0.0, il1 - law.il1_normal) / law.il1_scale
    load += max(0.0, ifng - law.ifng_normal) / law.ifng_scale + law.leak_weight * leak
    injury = law.injury_per_day * load**law.exponent if load > 0.0 else 0.0
    change = (injury - law.repair_per_day * cns.injury) * decay(law.repair_per_day, dt)
    return Cns(cns.injury + change)


@kernel
def reached(value: float, limits: tuple[float, ...]) -> int:
    """Return how many of some rising limits a value has reached."""
    count = 0
    for limit in limits:
        count += value >= limit
    return count


@kernel
def signs_of(body: Body, cns: Cns, body_law: BodyLaw, cns_law: CnsLaw) -> Signs:
    """Return what a clinician sees.

    Parameters
    ----------
    body : Body
        Temperature (deg C) and vascular leak now.
    cns : Cns
        Injury of the CNS now.
    body_law : BodyLaw
        Limits of fever and of needs.
    cns_law : CnsLaw
        Limits of the ICANS grades.

    Returns
    -------
    Signs
        Needs are all 0 outside CRS.
    """
    needs = Needs(False, False, 0, 0)
    if body.in_crs:
        needs = Needs(
            True,
            body.temperature_c >= body_law.fever.high_fever_c,
            reached(body.leak, body_law.leak.blood_pressure_leaks),
            reached(body.leak, body_law.leak.oxygen_leaks),
        )
    feverish = body.temperature_c >= body_law.fever.fever_c
    return Signs(feverish, needs, reached(cns.injury, cns_law.grade_injuries))

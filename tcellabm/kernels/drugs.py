"""Pharmacokinetics of the drugs, and their effects."""

import math
from typing import NamedTuple

from tcellabm.kernels.jit import kernel
from tcellabm.kernels.layout import Effect
from tcellabm.kernels.linear import Flow, Pair, two_compartments

LONGEST_STEP = 0.125  # days, for the saturable part of the elimination of tocilizumab


class Tocilizumab(NamedTuple):
    """Two compartments with linear and saturable elimination."""

    volume_l: float
    linear_per_day: float
    saturable_mg_per_l_per_day: float
    out_per_day: float
    back_per_day: float
    michaelis_ug_per_ml: float
    dissociation_ug_per_ml: float
    receptor_share: float  # of the clearance of IL-6


class Corticosteroid(NamedTuple):
    """An effect-site level that fades, and what it does at most."""

    half_life_days: float
    ec50_nm: float
    cytokine_emax: float
    division_emax: float


class Anakinra(NamedTuple):
    """One compartment; a small share enters the CNS."""

    half_life_days: float
    volume_l: float
    half_block_ug_per_ml: float
    cns_share: float


class DrugLaws(NamedTuple):
    """The drugs of one patient."""

    tocilizumab: Tocilizumab
    corticosteroid: Corticosteroid
    anakinra: Anakinra


class Drugs(NamedTuple):
    """How much of each drug there is."""

    tocilizumab_mg: Pair = Pair(0.0, 0.0)  # central and peripheral compartment
    corticosteroid_nm: float = 0.0  # effect-site level
    anakinra_mg: float = 0.0


@kernel
def advance_drugs(dt: float, drugs: Drugs, law: DrugLaws) -> Drugs:
    """Return what is left of all drugs after `dt` days.

    Parameters
    ----------
    dt : float
        Days.
    drugs : Drugs
        At the start: mg, and nM of the corticosteroid.
    law : DrugLaws
        Constants of the patient.

    Returns
    -------
    Drugs
        At the end.
    """
    return Drugs(
        advance_tocilizumab(dt, drugs.tocilizumab_mg, law.tocilizumab),
        drugs.corticosteroid_nm * left(dt, law.corticosteroid.half_life_days),
        drugs.anakinra_mg * left(dt, law.anakinra.half_life_days),
    )


@kernel
def left(dt: float, half_life: float) -> float:
    """Return the share that first-order loss leaves after `dt`."""
    return 0.5 ** (dt / half_life)


@kernel
def advance_tocilizumab(dt: float, amounts: Pair, law: Tocilizumab) -> Pair:
    """Return both amounts after `dt` days, mg.

    Parameters
    ----------
    dt : float
        Days; taken in steps of at most `LONGEST_STEP`.
    amounts : Pair
        Central and peripheral, mg.
    law : Tocilizumab
        Constants of the patient.

    Returns
    -------
    Pair
        Central and peripheral, mg.

    Notes
    -----
    The model of Frey 2010: x' = -(l + v / (k + x / V) + out) x + back y and y' = out x - back y, by
    the midpoint rule: the saturable hazard is held at that of half a step ahead.
    """
    if amounts.x + amounts.y == 0.0:
        return amounts
    steps = math.ceil(dt / LONGEST_STEP)
    for _ in range(steps):
        ahead = at_level(0.5 * dt / steps, amounts, amounts.x, law)
        amounts = at_level(dt / steps, amounts, ahead.x, law)
    return amounts


@kernel
def at_level(dt: float, amounts: Pair, central_mg: float, law: Tocilizumab) -> Pair:
    """Return both amounts after `dt`, the saturable hazard held at that of a central amount.

    Parameters
    ----------
    dt : float
        Days.
    amounts : Pair
        Central and peripheral, mg.
    central_mg : float
        Sets the saturable hazard.
    law : Tocilizumab
        Constants of the patient.

    Returns
    -------
    Pair
        Central and peripheral, mg.
    """
    concentration = central_mg / law.volume_l
    loss = law.linear_per_day
    loss += law.saturable_mg_per_l_per_day / (law.michaelis_ug_per_ml + concentration)
    flow = Flow(law.out_per_day, law.back_per_day, loss, 0.0)
    return two_compartments(amounts, flow, Pair(0.0, 0.0), dt)


@kernel
def il6_free(drugs: Drugs, law: DrugLaws) -> float:
    """Return the share of IL-6 receptors outside the CNS that tocilizumab leaves free."""
    concentration = drugs.tocilizumab_mg.x / law.tocilizumab.volume_l
    return 1.0 - concentration / (concentration + law.tocilizumab.dissociation_ug_per_ml)


@kernel
def il1_free(drugs: Drugs, law: DrugLaws, share: float) -> float:
    """Return the share of the effect of IL-1 that anakinra leaves where a share of it comes.

    Parameters
    ----------
    drugs : Drugs
        Of it the anakinra, mg.
    law : DrugLaws
        Constants of the patient.
    share : float
        Of the plasma concentration that reaches the place: 1, or `anakinra.cns_share`.

    Returns
    -------
    float
        0 to 1.
    """
    concentration = share * drugs.anakinra_mg / law.anakinra.volume_l
    return 1.0 - concentration / (concentration + law.anakinra.half_block_ug_per_ml)


@kernel
def steroid_engaged(drugs: Drugs, law: DrugLaws) -> float:
    """Return the share of its greatest effect that the steroid has."""
    level = drugs.corticosteroid_nm
    return level / (level + law.corticosteroid.ec50_nm)


@kernel
def division_factor(drugs: Drugs, law: DrugLaws) -> float:
    """Return the factor of the steroid on CAR T cell division."""
    return 1.0 - law.corticosteroid.division_emax * steroid_engaged(drugs, law)


@kernel
def cytokine_effect(drugs: Drugs, law: DrugLaws) -> Effect:
    """Return what drugs do to cytokines: IL-6 loses its way out by the receptor."""
    share = law.tocilizumab.receptor_share
    return Effect(
        1.0 - law.corticosteroid.cytokine_emax * steroid_engaged(drugs, law),
        1.0 - share + share * il6_free(drugs, law),
    )

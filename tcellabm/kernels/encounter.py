"""Who meets whom: what the cells of each site do to each other (Beddington-DeAngelis)."""

import math

from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.layout import B_CELL, IFNG, Drive, Ladder, Law, Rates, Sites, State


@row_kernel
def growth_factor(x: float) -> float:
    """Return e^x to second order, positive for any x: enough for a prediction half a tick ahead."""
    if x >= 0.0:
        return 1.0 + x + 0.5 * x * x
    return 1.0 / (1.0 - x + 0.5 * x * x)


@row_kernel
def meet(s: int, sites: Sites, rates: Rates) -> tuple[float, float, float]:
    """Return what the cells of a site do to each other, at its densities as they stand.

    Parameters
    ----------
    s : int
        Site; the last is blood.
    sites : Sites
        Densities, cells/uL.
    rates : Rates
        Constants of the patient.

    Returns
    -------
    tuple of float
        Killing hazard of a target with g = 1 (per day), stimulation, cytokine engagement.

    Notes
    -----
    Beddington-DeAngelis: of E effectors and targets T, each weighted by its response g to antigen,

    - killing = k E / (K f + E + T_lysis),
    - engagement e = T_act / (K_act f + E + T_lysis), stimulation = e / (e + e_half),
    - cytokine engagement = T_cyt / (K_act f + E + T_lysis),

    where f is `blood_factor` in blood and 1 in a voxel.
    """
    blood = sites.volume.size - 1
    factor = rates.blood_factor if s == blood else 1.0
    crowd = sites.effectors[s] + sites.lysis[s]
    killing = rates.kill * sites.effectors[s] / (rates.kill_half * factor + crowd)
    engaged = sites.activating[s] / (rates.activation_half * factor + crowd)
    release = sites.releasing[s] / (rates.activation_half * factor + crowd)
    return killing, engaged / (engaged + rates.stimulation_half), release


@row_kernel
def supplied(s: int, sites: Sites, rates: Rates, drive: Drive) -> float:
    """Return the factor of IL-7 and IL-15 on division: CAR T cells consume what they share.

    It is 1 at the peak of these cytokines in the usual patient, before CAR T cells are many.

    Parameters
    ----------
    s : int
        Site.
    sites : Sites
        Of it the effectors, cells/uL.
    rates : Rates
        Constants of the patient.
    drive : Drive
        Of it the homeostatic level, 1 at its peak.

    Returns
    -------
    float
        0 or more, without unit.

    Notes
    -----
    With the level L = L_0 / (1 + E / E_half), the factor is L (1 + h) / (L + h).
    """
    level = drive.homeostatic / (1.0 + sites.effectors[s] / rates.consumption_half)
    return level / (level + rates.supply_half) * (1.0 + rates.supply_half)


@row_kernel
def secreting(s: int, release: float, sites: Sites, rates: Rates, drive: Drive) -> float:
    """Return the CAR T cells of a site that release cytokines, cells/uL.

    Release takes a sustained engagement, and IL-15.

    Parameters
    ----------
    s : int
        Site.
    release : float
        Cytokine engagement there, see `meet`.
    sites : Sites
        Of it the effectors, cells/uL.
    rates : Rates
        Constants of the patient.
    drive : Drive
        Of it the factor of IL-15.

    Returns
    -------
    float
        Cells/uL.
    """
    effectors = sites.effectors[s]
    return effectors * release**rates.release_hill * drive.release if effectors > 0.0 else 0.0


@row_kernel
def look_ahead(
    s: int, dt: float, influx: float, sites: Sites, ladder: Ladder, rates: Rates, drive: Drive
) -> None:
    """Move the densities of a site half a tick ahead, by what drives them now.

    Effectors divide, contract and tire; targets are killed, and B cells come in.

    Parameters
    ----------
    s : int
        Site.
    dt : float
        Tick length, days.
    influx : float
        New B cells, cells/uL/d.
    sites : Sites
        Densities of site `s`, cells/uL, changed in place.
    ladder : Ladder
        Weights of the new B cells.
    rates : Rates
        Constants of the patient.
    drive : Drive
        Of this tick.
    """
    killing, phi, release = meet(s, sites, rates)
    gain = rates.t_division * phi * supplied(s, sites, rates, drive) * drive.division
    loss = rates.contraction * (1.0 - rates.contraction_protection * phi) + drive.rejection
    tired = rates.exhaustion * release * (1.0 - rates.exhausted_activity)
    sites.effectors[s] *= growth_factor(0.5 * dt * (gain - loss - tired))
    if sites.lysis[s] > 0.0:
        fall = 0.5 * dt * killing * sites.lysis_squared[s] / sites.lysis[s]
        left = growth_factor(-fall)
        came = influx * 0.5 * dt * ((1.0 - left) / fall if fall > 0.0 else 1.0)
        rung = rates.b_state - B_CELL
        sites.lysis[s] = sites.lysis[s] * left + came * ladder.lysis[rung]
        sites.activating[s] = sites.activating[s] * left + came * ladder.activation[rung]
        sites.releasing[s] = sites.releasing[s] * left + came * ladder.release[rung]


@kernel
def encounter(dt: float, state: State, law: Law, drive: Drive) -> float:
    """Set the hazards of every site from its densities, predicted at mid-tick.

    Parameters
    ----------
    dt : float
        Tick length, days; 0 takes the densities as they are.
    state : State
        Sites are changed in place, densities included: the next census counts them again.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.

    Returns
    -------
    float
        How fast the hazards change, per day: the greatest over the sites.
    """
    sites, ladder, rates, ifng = state.sites, law.ladder, law.rates, state.fields[IFNG]
    blood = sites.volume.size - 1
    fastest = 0.0
    for s in range(blood + 1):
        after = before = meet(s, sites, rates)
        sites.room[s] = sites.activation[s] = 0.0
        if s < blood:
            taken = sites.targets[s] * sites.volume[s] / rates.voxel_capacity
            sites.room[s] = max(0.0, 1.0 - taken)
        if s < blood and sites.effectors[s] > 0.0:  # blood follows the marrow within hours
            look_ahead(s, dt, drive.b_output / blood / sites.volume[s], sites, ladder, rates, drive)
            after = meet(s, sites, rates)
            fastest = max(fastest, turnover(before, after, dt, rates, drive))
        sites.killing[s], sites.stimulation[s], sites.release[s] = after
        sites.supply[s] = supplied(s, sites, rates, drive)
        sites.engaged[s] = secreting(s, after[2], sites, rates, drive)
        if s < blood and sites.effectors[s] > 0.0:
            flux = after[0] * sites.lysis[s]
            sites.activation[s] = myeloid_activation(flux, sites.engaged[s], ifng[s], rates)
    return fastest


@row_kernel
def turnover(
    before: tuple[float, float, float],
    after: tuple[float, float, float],
    dt: float,
    rates: Rates,
    drive: Drive,
) -> float:
    """Return how fast what one site's cells do to each other changes, per day.

    A constant hazard is solved exactly whatever its size: an error needs a hazard that acts and
    changes in the same tick, and is of the order of (hazard x rate of change) x tick^2.

    Parameters
    ----------
    before, after : (float, float, float)
        What `meet` returns at the start and at the middle of the tick.
    dt : float
        Tick length, days, above 0.
    rates : Rates
        Constants of the patient.
    drive : Drive
        Of this tick.

    Returns
    -------
    float
        Per day: the square root of (hazard x rate of change).
    """
    acting = max(after[0], rates.t_division * drive.division * after[1])
    changing = 0.0
    for i in range(2):
        if before[i] > 0.0:
            changing = max(changing, 2.0 * abs(after[i] - before[i]) / (before[i] * dt))
    return math.sqrt(acting * changing)


@row_kernel
def myeloid_activation(flux: float, engaged: float, ifng: float, rates: Rates) -> float:
    """Return the activation hazard of a resting myeloid cell, per day.

    Parameters
    ----------
    flux : float
        Targets killed, cells/uL/d.
    engaged : float
        Engaged CAR T cells, cells/uL.
    ifng : float
        IFN-gamma, pg/mL.
    rates : Rates
        Constants of the patient.

    Returns
    -------
    float
        Per day.

    Notes
    -----
    a (F / (F + F_half) G / (G + G_half) + c E / (E + E_half)) of flux F, IFN-gamma G and engaged E.
    """
    if flux <= 0.0 and engaged <= 0.0:
        return 0.0
    drive = flux / (flux + rates.flux_half) * ifng / (ifng + rates.ifng_half)
    contact = engaged / (engaged + rates.contact_half)
    return rates.myeloid_activation * (drive + rates.contact_share * contact)

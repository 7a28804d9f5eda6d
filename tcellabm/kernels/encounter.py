"""Who meets whom: densities at each site, and the hazards that follow (Beddington-DeAngelis)."""

from tcellabm.kernels.jit import kernel
from tcellabm.kernels.layout import ACTIVATED, B_CELL, EXHAUSTED, MEMORY, ROWS


@kernel
def tally(cells, ladder, rates, sites):
    """Add up the densities of every site (cells/uL) from the agents."""
    for s in range(sites.volume.size):
        sites.effectors[s] = 0.0
        sites.lysis[s] = 0.0
        sites.lysis_squared[s] = 0.0
        sites.activating[s] = 0.0
        sites.releasing[s] = 0.0
        sites.occupied[s] = 0.0
        sites.activated[s] = 0.0
    for i in range(cells.meta[ROWS]):
        s, state = cells.site[i], cells.state[i]
        n = cells.count[i] / sites.volume[s]
        sites.occupied[s] += n
        if state < MEMORY:
            rung = state if state < B_CELL else state - B_CELL
            g = ladder.lysis[rung]
            sites.lysis[s] += g * n
            sites.lysis_squared[s] += g * g * n
            sites.activating[s] += ladder.activation[rung] * n
            sites.releasing[s] += ladder.release[rung] * n
        elif state <= EXHAUSTED:
            sites.effectors[s] += activity(state, rates) * n
        elif state == ACTIVATED:
            sites.activated[s] += n


@kernel
def activity(state, rates):
    """Return the weight of a CAR T cell in killing and crowding; an effector weighs 1."""
    if state == MEMORY:
        return rates.memory_activity
    if state == EXHAUSTED:
        return rates.exhausted_activity
    return 1.0


@kernel
def grown(x):
    """Return e^x to second order, positive for any x: enough for a prediction half a tick ahead."""
    if x >= 0.0:
        return 1.0 + x + 0.5 * x * x
    return 1.0 / (1.0 - x + 0.5 * x * x)


@kernel
def meet(s, dt, sites, rates, drive):
    """Predict the densities of site `s` half a tick ahead, from what drives them now."""
    factor = rates.blood_factor if s == sites.volume.size - 1 else 1.0
    effectors, lysis = sites.effectors[s], sites.lysis[s]
    killing = rates.kill * effectors / (rates.kill_half * factor + effectors + lysis)
    crowd = rates.activation_half * factor + effectors + sites.activating[s]
    f = sites.activating[s] / crowd
    phi = f / (f + rates.stimulation_half)
    rise = rates.t_division * phi * drive.window - rates.contraction * (
        1.0 - rates.contraction_protection * phi
    )
    fall = killing * sites.lysis_squared[s] / lysis if lysis > 0.0 else 0.0
    return grown(0.5 * dt * rise), grown(-0.5 * dt * fall)


@kernel
def encounter(dt, ifng, sites, rates, drive):
    """Set the hazards of every site from its densities, predicted at mid-tick.

    Parameters
    ----------
    dt : float
        Tick length, days; 0 takes the densities as they are.
    ifng : array, float, shape (voxels,)
        IFN-gamma in each voxel, pg/mL.
    """
    blood = sites.volume.size - 1
    for s in range(blood + 1):
        factor = rates.blood_factor if s == blood else 1.0
        rise, fall = meet(s, dt, sites, rates, drive)
        effectors = sites.effectors[s] * rise
        lysis = sites.lysis[s] * fall
        activating = sites.activating[s] * fall
        releasing = sites.releasing[s] * fall
        half = rates.activation_half * factor
        f = activating / (half + effectors + activating)
        sites.killing[s] = rates.kill * effectors / (rates.kill_half * factor + effectors + lysis)
        sites.stimulation[s] = f / (f + rates.stimulation_half)
        sites.release[s] = releasing / (half + effectors + releasing)
        sites.effectors[s] = effectors
        sites.room[s] = 0.0
        if s < blood:
            crowding = sites.occupied[s] * sites.volume[s] / rates.voxel_capacity
            sites.room[s] = max(0.0, 1.0 - crowding)
            sites.activation[s] = myeloid_activation(
                sites.killing[s] * lysis, sites.release[s] * effectors, ifng[s], rates
            )


@kernel
def myeloid_activation(flux, engaged, ifng, rates):
    """Return the activation hazard of a resting myeloid cell, per day.

    Parameters
    ----------
    flux : float
        Targets killed, cells/uL/d.
    engaged : float
        Engaged CAR T cells, cells/uL.
    ifng : float
        IFN-gamma, pg/mL.
    """
    if flux <= 0.0 and engaged <= 0.0:
        return 0.0
    drive = flux / (flux + rates.flux_half) * ifng / (ifng + rates.ifng_half)
    contact = engaged / (engaged + rates.contact_half)
    return rates.myeloid_activation * (drive + rates.contact_share * contact)

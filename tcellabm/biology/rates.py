"""From parameters to the numbers that kernels take: per day, per cell, per site."""

import math
from functools import cache

import numpy as np

from tcellabm.body import capacity_cells
from tcellabm.kernels import layout
from tcellabm.params import Parameters

UM3_PER_UL = 1e9
SLOWEST_HOP = 1e-3  # per day; below it blood does all the mixing and hops only cost time
NEARLY_ALL = 1.0 - 1e-12  # chance of passing in a tick, short of an infinite hazard
TICK_LENGTHS = 16  # 2^-15 d: the shortest tick that parameters allow, of an infusion
STEEPEST = 3.0  # bound on the log of a ladder rate over its mean, where next to no cell is


def marrow_ul(params: Parameters) -> float:
    """Return the volume of the simulated marrow, uL."""
    cells = capacity_cells(params) * params.resolution.represented_fraction
    return cells / params.marrow.cells_per_ul


def voxel_edge_um(params: Parameters) -> float:
    """Return the edge length of a voxel, um."""
    return float(np.cbrt(marrow_ul(params) / voxels(params) * UM3_PER_UL))


def voxels(params: Parameters) -> int:
    """Return the number of voxels."""
    return params.marrow.rows * params.marrow.cols


def division_for_growth(growth: float, death: float, leave: float, home: float) -> float:
    """Return the division rate at which marrow and blood together grow at `growth` per day.

    The dominant eigenvalue of marrow <-> blood exchange with division in marrow alone; 0 where
    even no division leaves the population above `growth`.

    Parameters
    ----------
    growth : float
        Of both together, per day; may be negative.
    death : float
        In marrow and in blood, per day.
    leave, home : float
        From marrow to blood and back, per day.

    Returns
    -------
    float
        Per day, 0 or more.

    Notes
    -----
    growth + death + leave - leave home / (death + home + growth).
    """
    back = death + home + growth
    return max(0.0, growth + death + leave - (leave * home / back if back > 0.0 else 0.0))


def blood_share(leave: float, home: float, extra: float) -> float:
    """Return the share of a population in blood at balance; `extra` is its loss and growth.

    Parameters
    ----------
    leave, home : float
        From marrow to blood and back, per day.
    extra : float
        Loss in blood and growth of the whole, per day; taken as 0 below 0.

    Returns
    -------
    float
        0 to 1; 0 where nothing moves.
    """
    back = home + max(extra, 0.0)
    return leave / (leave + back) if leave + back > 0.0 else 0.0


def exchange(
    leave: float | np.ndarray, home: float | np.ndarray, dt: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hazards that over `dt`, without return, move as many as leave and home do.

    The chance to be on the other side after `dt` is that of the two-place Markov chain. Rates
    are per day, `dt` is in days; shapes are broadcast.

    Parameters
    ----------
    leave, home : float or ndarray
        Rates there and back, per day.
    dt : float or ndarray
        Tick length, days.

    Returns
    -------
    over, back : ndarray
        Hazards per day, of the shape that all three broadcast to.
    """
    both = np.asarray(leave + home)
    mixed = np.where(both > 0.0, -np.expm1(-both * dt) / np.where(both > 0.0, both, 1.0), 0.0)
    over, back = (-np.log1p(-np.minimum(rate * mixed, NEARLY_ALL)) / dt for rate in (leave, home))
    return over, back


def by_tick(params: Parameters) -> layout.ByTick:
    """Return the hazards that depend on a tick's length, for ticks of 1, 1/2, ... days.

    Two rungs of a pair exchange cells as a two-place chain, each pair every second tick at twice
    its rates, so that the log-normal is stationary at any tick length.
    """
    lengths = 0.5 ** np.arange(TICK_LENGTHS)
    places = (params.car_t, params.leukemia, params.b_cell)
    pairs = [exchange(place.leave_marrow_per_day, place.home_per_day, lengths) for place in places]
    passing = np.stack([rates for pair in pairs for rates in pair], axis=1)
    rise, fall = ladder_rates(params)
    up, down = np.zeros((2, TICK_LENGTHS, 2, layout.RUNGS))
    for turn in range(2):
        low = np.arange(1 + turn, layout.NICHE - 1, 2)  # 1-2, 3-4, ..., then 2-3, 4-5, ...
        moves = exchange(2.0 * rise[low], 2.0 * fall[low + 1], lengths[:, None])
        up[:, turn, low], down[:, turn, low + 1] = moves
    return layout.ByTick(np.ascontiguousarray(passing), up, down)


def rungs(params: Parameters) -> np.ndarray:
    """Return the antigen density of each rung, molecules per cell, shape (RUNGS,).

    The last is the niche, whose cells have the patient's median.
    """
    antigen = params.antigen
    return _rungs(antigen.ladder_low, antigen.ladder_high, params.leukemia.antigen_median)


@cache
def _rungs(low: float, high: float, median: float) -> np.ndarray:
    ladder = np.geomspace(low, high, layout.NICHE - 1)
    densities = np.concatenate([[0.0], ladder, [median]])
    densities.flags.writeable = False  # shared
    return densities


def rung_law(params: Parameters) -> np.ndarray:
    """Return the share of CD19+ leukemic cells on each rung, shape (RUNGS,); none in the niche."""
    leukemia = params.leukemia
    z = (
        np.log(rungs(params)[1 : layout.NICHE] / leukemia.antigen_median)
        / leukemia.antigen_sigma_ln
    )
    weight = np.exp(-0.5 * (z**2 - np.min(z**2)))
    return np.concatenate([[0.0], weight / weight.sum(), [0.0]])


def ladder(params: Parameters) -> layout.Ladder:
    """Return responses to antigen, each of shape (RUNGS,)."""
    antigen, affinity = params.antigen, params.product.affinity
    power = rungs(params) ** antigen.hill

    def response(half_point: float) -> np.ndarray:
        return power / (power + (half_point * affinity) ** antigen.hill)

    reach = np.ones(layout.RUNGS)
    reach[layout.NICHE] = params.leukemia.niche_reach
    return layout.Ladder(
        lysis=response(antigen.lysis_half_point) * reach,
        activation=response(antigen.activation_half_point) * reach,
        release=response(antigen.cytokine_half_point) * reach,
    )


def ladder_rates(params: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return the rates of expression noise, up and down, per day, each of shape (RUNGS,).

    A cell steps up or down so that the log-normal is the stationary law, by detailed balance,
    and the mean of the log density relaxes with `antigen_relaxation_days`.
    """
    leukemia, density = params.leukemia, rungs(params)[: layout.NICHE]
    step = math.log(density[2] / density[1])
    mean_rate = (leukemia.antigen_sigma_ln / step) ** 2 / leukemia.antigen_relaxation_days
    z = np.log(density[1:] / leukemia.antigen_median) / leukemia.antigen_sigma_ln
    slope = -0.25 * np.diff(z**2)
    excess = np.maximum(np.abs(slope) - STEEPEST, 0.0)  # bounds the faster, keeps the balance
    up, down = np.zeros(layout.RUNGS), np.zeros(layout.RUNGS)
    up[1 : layout.NICHE - 1] = mean_rate * np.exp(slope - excess)
    down[2 : layout.NICHE] = mean_rate * np.exp(-slope - excess)
    return up, down


def b_cell_state(params: Parameters) -> int:
    """Return the state of a B cell: the rung nearest to its median density."""
    return layout.B_CELL + nearest_rung(params, params.b_cell.antigen_median)


def nearest_rung(params: Parameters, density: float) -> int:
    """Return the rung of the ladder nearest to an antigen density, molecules per cell."""
    distance = np.abs(np.log(rungs(params)[1 : layout.NICHE] / density))
    return 1 + int(np.argmin(distance))


def hop_rate(params: Parameters, motility_um2_per_day: float) -> float:
    """Return the rate of steps to a neighbor voxel, per day."""
    rate = motility_um2_per_day / voxel_edge_um(params) ** 2
    return rate if rate > SLOWEST_HOP else 0.0


def make_rates(params: Parameters) -> layout.Rates:
    """Return one patient's rates from parameters that already hold the patient's covariates."""
    meet, cell, blast, b_cell = params.encounter, params.car_t, params.leukemia, params.b_cell
    product, patient, myeloid = params.product, params.patient, params.myeloid
    return layout.Rates(
        kill=meet.kill_per_day * product.killing,
        kill_half=meet.kill_half_density_per_ul,
        activation_half=meet.activation_half_density_per_ul,
        blood_factor=meet.blood_factor,
        stimulation_half=meet.stimulation_half_engagement,
        release_hill=meet.release_hill,
        memory_activity=meet.memory_activity,
        exhausted_activity=meet.exhausted_activity,
        t_division=cell.division_per_day * product.fitness,
        supply_half=params.homeostatic.half_level,
        consumption_half=params.homeostatic.consumption_half_per_ul,
        memory_division_share=cell.memory_division_share,
        contraction=cell.contraction_per_day,
        contraction_protection=cell.contraction_protection,
        memory_loss=math.log(2.0) / product.persistence_half_life_days,
        exhausted_loss=cell.exhausted_loss_per_day,
        memory_activation=cell.memory_activation_per_day,
        memory_return=cell.memory_return_per_day,
        exhaustion=cell.exhaustion_per_day
        * product.exhaustion
        * product.affinity**-meet.exhaustion_affinity_exponent,
        t_hop=hop_rate(params, cell.motility_um2_per_day),
        leukemia_division=division_for_growth(
            patient.net_growth_per_day,
            blast.death_per_day,
            blast.leave_marrow_per_day,
            blast.home_per_day,
        ),
        leukemia_death=blast.death_per_day,
        cd19_loss=blast.cd19_loss_per_division,
        niche_exit=blast.niche_exit_per_day,
        niche_exit_state=layout.LEUKEMIA + nearest_rung(params, blast.antigen_median),
        leukemia_hop=hop_rate(params, blast.motility_um2_per_day),
        b_death=b_cell.death_per_day,
        b_hop=hop_rate(params, b_cell.motility_um2_per_day),
        b_state=b_cell_state(params),
        myeloid_loss=myeloid.turnover_per_day,
        myeloid_activation=myeloid.activation_per_day,
        myeloid_deactivation=myeloid.deactivation_per_day,
        flux_half=myeloid.killing_flux_half_per_ul_per_day,
        ifng_half=myeloid.ifng_half_pg_per_ml,
        contact_half=myeloid.contact_half_density_per_ul,
        contact_share=myeloid.contact_share,
        voxel_capacity=capacity_cells(params)
        * params.resolution.represented_fraction
        / voxels(params),
    )

"""Cytokines: mass is kept, and both ways of spreading solve their linear system exactly."""

import math

import numpy as np
import pytest
from biology.living import advance_cytokines
from biology.plain import plain
from scipy.linalg import expm

from tcellabm.biology.marrow import CYTOKINES
from tcellabm.biology.tissue import Tissue
from tcellabm.kernels import fields
from tcellabm.kernels.layout import Effect

WEIGHT, SENSITIVITY = 30.0, 1.7
SET = {"patient.weight_kg": WEIGHT, "patient.myeloid_sensitivity": SENSITIVITY}
# 35 voxels of 20 um: cytokines diffuse; 20 voxels of centimeters: perfusion alone spreads them
BIOPSY = {"marrow.rows": 5, "marrow.cols": 7, "resolution.represented_fraction": 2.8e-10}
BODY = {"marrow.rows": 5, "marrow.cols": 4}
both_scales = pytest.mark.parametrize("scale", [BODY, BIOPSY], ids=["body", "biopsy"])


class Cytokines:
    """The cytokines of a tissue, which has no cells but for those that tests set by hand."""

    def __init__(self, params):
        self.tissue = Tissue(params, np.random.default_rng(0))
        self.marrow, self.plasma = self.tissue.marrow, self.tissue.state.plasma
        for name in ("activated", "activated_before", "engaged"):
            self.marrow.sites[name] = 0.0

    def set(self, name, levels):
        """Set one cytokine in all voxels, pg/mL."""
        self.marrow.field(name)[:] = levels
        if spread := self.tissue.state.spread:
            table = self.marrow.layers[name].data[None].copy()
            spread.levels[CYTOKINES.index(name)] = fields.in_modes(table)[0]

    def advance(self, dt, effect):
        advance_cytokines(dt, self.tissue.state, self.tissue.law, effect)


class Tank:
    """Cytokines of a marrow whose cells are set by hand."""

    def __init__(self, scale, seed=81, secretion=1.0):
        self.params = plain(SET | scale)
        self.cytokines = Cytokines(self.params)
        self.marrow = self.cytokines.marrow
        rng, sites = np.random.default_rng(seed), self.marrow.sites
        self.activated = rng.uniform(0, 2, sites.volume.size) * 100 * secretion * sites.volume
        self.engaged = rng.uniform(0, 2, sites.volume.size) * 400 * secretion * sites.volume
        sites.activated[:] = 1.2 * self.activated / sites.volume
        sites.activated_before[:] = 0.8 * self.activated / sites.volume
        sites.engaged[:] = self.engaged / sites.volume
        for name in CYTOKINES:
            self.cytokines.set(name, rng.uniform(0, 300, self.marrow.voxels))
        self.cytokines.plasma[:] = rng.uniform(0, 50, len(CYTOKINES))
        fraction = self.params.resolution.represented_fraction
        self.plasma_ml = 45.0 * WEIGHT * fraction
        body = WEIGHT / 40.0
        self.voxel_ml = 1e12 * body * fraction / 1e6 / 1000 / self.marrow.voxels

    def levels(self, c):
        """Concentrations of one cytokine in all voxels and then plasma, pg/mL."""
        return np.append(self.marrow.field(CYTOKINES[c]), self.cytokines.plasma[c])

    def stored_pg(self, c):
        volumes = np.append(np.full(self.marrow.voxels, self.voxel_ml), self.plasma_ml)
        return self.levels(c) @ volumes

    def secreted_pg_per_day(self, c):
        """By each site; that of cells in blood, and the host's own, into plasma."""
        law = getattr(self.params.cytokines, CYTOKINES[c])
        from_myeloid = c < 2
        cells = self.activated * SENSITIVITY if from_myeloid else self.engaged
        made = law.secretion_pg_per_cell_per_day * cells
        made[-1] += law.clearance_per_day * law.baseline_pg_per_ml * self.plasma_ml
        return made


def plasma_over_time(scale, dt, effect):
    """Integral of plasma levels over the tick, by Gauss-Legendre on exact solutions."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    total = np.zeros(len(CYTOKINES))
    for node, weight in zip(nodes, weights, strict=True):
        tank = Tank(scale)
        tank.cytokines.advance(0.5 * dt * (1 + node), effect)
        total += 0.5 * dt * weight * tank.cytokines.plasma
    return total


@both_scales
@pytest.mark.parametrize("effect", [Effect(), Effect(secretion=0.25, il6_clearance=0.3)])
def test_secreted_less_cleared_is_what_is_stored_more(scale, effect):
    """To 1e-9 of what was secreted: catches any leak, and any wrong volume or unit."""
    dt, tank = 1 / 8, Tank(scale)
    before = [tank.stored_pg(c) for c in range(len(CYTOKINES))]
    tank.cytokines.advance(dt, effect)
    plasma = plasma_over_time(scale, dt, effect)
    for c, name in enumerate(CYTOKINES):
        law = getattr(tank.params.cytokines, name)
        own = law.clearance_per_day * law.baseline_pg_per_ml * tank.plasma_ml
        made = (tank.secreted_pg_per_day(c).sum() - own) * effect.secretion + own
        loss = law.clearance_per_day * (effect.il6_clearance if name == "il6" else 1.0)
        change = made * dt - loss * plasma[c] * tank.plasma_ml
        assert tank.stored_pg(c) - before[c] == pytest.approx(change, abs=1e-9 * before[c])


def system_of(tank, c):
    """The rate matrix and influx of voxels and plasma, from volumes and fluxes."""
    rows, cols = tank.marrow.shape
    voxels = rows * cols
    spread = tank.params.cytokines.diffusion_um2_per_day / (tank.voxel_ml * 1e12) ** (2 / 3)
    matrix = np.zeros((voxels + 1, voxels + 1))
    if spread > 1.0:
        for v in range(voxels):
            beside, below = (v + 1) % cols > 0, v + cols < voxels
            for near, there in ((v + 1, beside), (v + cols, below)):
                if there:
                    matrix[[v, near], [near, v]] += spread
                    matrix[[v, near], [v, near]] -= spread
    exchange = tank.params.cytokines.perfusion_per_day
    volumes = np.append(np.full(voxels, tank.voxel_ml), tank.plasma_ml)
    for v in range(voxels):
        matrix[v, [v, -1]] += (-exchange, exchange)
        matrix[-1, [v, -1]] += np.array((exchange, -exchange)) * tank.voxel_ml / tank.plasma_ml
    matrix[-1, -1] -= getattr(tank.params.cytokines, CYTOKINES[c]).clearance_per_day
    return matrix, tank.secreted_pg_per_day(c) / volumes


@both_scales
@pytest.mark.parametrize("dt", [1 / 64, 1 / 8, 1.0])
def test_a_tick_solves_secretion_spread_and_clearance_exactly(scale, dt):
    """Every voxel and plasma against the exponential of the whole system, to 1e-7."""
    tank = Tank(scale)
    expected = []
    for c in range(len(CYTOKINES)):
        matrix, influx = system_of(tank, c)
        whole = np.zeros((influx.size + 1, influx.size + 1))
        whole[:-1, :-1], whole[:-1, -1] = matrix, influx
        expected.append((expm(whole * dt) @ np.append(tank.levels(c), 1.0))[:-1])
    tank.cytokines.advance(dt, Effect())
    for c, levels in enumerate(expected):
        assert tank.levels(c) == pytest.approx(levels, rel=1e-7)


@both_scales
def test_ticks_compose(scale):
    whole, halves = Tank(scale), Tank(scale)
    whole.cytokines.advance(0.25, Effect())
    for _ in range(2):
        halves.cytokines.advance(0.125, Effect())
    for c in range(len(CYTOKINES)):
        assert halves.levels(c) == pytest.approx(whole.levels(c), rel=1e-9)


@both_scales
def test_a_tick_leaves_the_ifng_that_cells_feel_in_space(scale):
    """Not only the end of a run, where all fields are painted."""
    felt, painted = Tank(scale), Tank(scale)
    tissue = felt.cytokines.tissue
    fields.advance_fields(0.125, tissue.state, tissue.law, Effect())
    painted.cytokines.advance(0.125, Effect())
    assert felt.marrow.field("ifng").tolist() == painted.marrow.field("ifng").tolist()


@both_scales
def test_without_secreting_cells_levels_stay_at_baseline(scale):
    params = plain(scale)
    cytokines = Cytokines(params)
    marrow = cytokines.marrow
    for _ in range(20):
        cytokines.advance(1.0, Effect())
    for c, name in enumerate(CYTOKINES):
        baseline = getattr(params.cytokines, name).baseline_pg_per_ml
        assert cytokines.plasma[c] == pytest.approx(baseline, rel=1e-12)
        assert marrow.field(name) == pytest.approx(baseline, rel=1e-12)


@both_scales
def test_levels_never_fall_below_zero(scale):
    tank = Tank(scale, secretion=0.0)
    for name in CYTOKINES:
        tank.cytokines.set(name, 1e6 * (np.arange(tank.marrow.voxels) == 3))
    tank.cytokines.plasma[:] = 0.0
    tank.cytokines.advance(1e-6, Effect())
    assert all(tank.levels(c).min() >= 0.0 for c in range(len(CYTOKINES)))


def test_blocking_the_receptor_raises_serum_il6_alone():
    """At rest clearance falls to 0.3 of itself: the level rises to 1/0.3, about threefold."""
    params = plain()
    cytokines = Cytokines(params)
    before = cytokines.plasma.copy()
    for _ in range(40):
        cytokines.advance(1.0, Effect(il6_clearance=0.3))
    assert cytokines.plasma / before == pytest.approx((1 / 0.3, 1.0, 1.0, 1.0), rel=1e-6)


def test_layers_are_pictures_of_what_the_kernels_write():
    tank = Tank(BODY)
    tank.cytokines.advance(0.1, Effect())
    for name in CYTOKINES:
        assert tank.marrow.layers[name].data.shape == (5, 4)
        assert np.shares_memory(tank.marrow.layers[name].data, tank.marrow.field(name))
    assert math.isclose(tank.marrow.layers["il6"].data[1, 2], tank.marrow.field("il6")[6])

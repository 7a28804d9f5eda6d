"""Rates of a patient: the antigen ladder, growth, passing between marrow and blood, hops."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from biology.plain import plain
from kernels.lab import Bench, some_rates
from scipy.linalg import expm

from tcellabm.biology import rates
from tcellabm.kernels import layout

BIOPSY = {"marrow.rows": 112, "marrow.cols": 112, "resolution.represented_fraction": 1e-7}
LADDER = slice(1, layout.NICHE)  # rungs with antigen
NARROW, WIDE = {"leukemia.antigen_sigma_ln": 0.3}, {"leukemia.antigen_sigma_ln": 1.2}
MEDIANS = [{"leukemia.antigen_median": m} for m in (500.0, 6000.0, 20_000.0, 50_000.0)]


# --- antigen ladder --------------------------------------------------------------------------


class Steps(NamedTuple):
    """Rates up and down the antigen ladder."""

    up: np.ndarray
    down: np.ndarray


def steps(params):
    return Steps(*rates.ladder_rates(params))


def in_pairs(params, tick, odd):
    """The steps in a tick, in which neighbor rungs exchange cells in pairs."""
    by_tick, halvings = rates.by_tick(params), round(-math.log2(tick))
    assert 0.5**halvings == tick
    return Steps(by_tick.up[halvings, int(odd)], by_tick.down[halvings, int(odd)])


def noise(params):
    """The rate matrix of expression noise over the rungs with antigen, and their log densities."""
    ladder = steps(params)
    q = np.diag(ladder.up[LADDER][:-1], 1) + np.diag(ladder.down[LADDER][1:], -1)
    return q - np.diag(q.sum(axis=1)), np.log(rates.rungs(params)[LADDER])


def test_the_ladder_has_a_rung_without_antigen_and_even_steps_above():
    rungs = rates.rungs(plain())
    assert rungs.size == layout.RUNGS and rungs[0] == 0.0
    assert rungs[LADDER][[0, -1]] == pytest.approx((10.0, 1e5))
    assert np.diff(np.log(rungs[LADDER])) == pytest.approx(math.log(1e4) / 23)


def test_cells_of_the_niche_bear_the_patients_median_and_are_hardly_reached():
    params = plain({"leukemia.niche_reach": 0.02})
    usual = rates.ladder(plain({"leukemia.niche_reach": 1.0}))
    assert rates.rungs(params)[layout.NICHE] == 6000.0 and rates.rung_law(params)[-1] == 0.0
    for response, full in zip(rates.ladder(params), usual, strict=True):
        assert full[layout.NICHE] > 0.0
        assert response[layout.NICHE] == pytest.approx(0.02 * full[layout.NICHE])
        assert (response[: layout.NICHE] == full[: layout.NICHE]).all()


def test_rungs_hold_the_patients_log_normal():
    law = rates.rung_law(plain())
    logs = np.log(rates.rungs(plain())[LADDER])
    assert law[0] == 0.0 and law[LADDER].sum() == pytest.approx(1.0)
    law = law[LADDER]
    assert law @ logs == pytest.approx(math.log(6000.0), abs=1e-4)
    assert np.sqrt(law @ logs**2 - (law @ logs) ** 2) == pytest.approx(0.6, rel=1e-3)


@pytest.mark.parametrize("spread", [*MEDIANS, WIDE, NARROW])
def test_expression_noise_keeps_the_log_normal(spread):
    """pi Q = 0 to less than one cell in 10^13; every rung with antigen is reached from any."""
    params = plain(spread)
    q, _ = noise(params)
    assert np.abs(rates.rung_law(params)[LADDER] @ q).max() < 1e-13
    assert np.linalg.matrix_rank(q) == len(q) - 1


def test_expression_noise_neither_makes_nor_mends_cells_without_antigen():
    ladder = steps(plain())
    assert ladder.up[0] == ladder.down[0] == ladder.down[1] == ladder.up[LADDER][-1] == 0.0
    assert ladder.up[layout.NICHE] == ladder.down[layout.NICHE] == 0.0


@pytest.mark.parametrize("days", [3.0, 5.0, 10.0])
@pytest.mark.parametrize("spread", [{}, WIDE])
def test_mean_log_density_relaxes_in_the_time_asked_for(days, spread):
    """Within 15 %: the steps of the ladder are 0.7 of a standard deviation."""
    params = plain(spread | {"leukemia.antigen_relaxation_days": days})
    (q, logs), law = noise(params), rates.rung_law(params)[LADDER]
    off = logs - law @ logs
    # integral of the autocorrelation of the log density: solve q x = -off with law x = 0
    solved = np.linalg.lstsq(np.vstack([q, law]), np.append(-off, 0.0), rcond=None)[0]
    assert law @ (off * solved) / (law @ off**2) == pytest.approx(days, rel=0.15)


@pytest.mark.parametrize("tick", [1 / 1024, 1 / 8, 1.0])
@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("spread", [{}, WIDE, NARROW])
def test_pairs_of_rungs_keep_the_log_normal_whatever_the_tick(tick, odd, spread):
    """The law after a tick is the law before it, to less than one cell in 10^13."""
    params = plain(spread)
    law, pairs = rates.rung_law(params), in_pairs(params, tick, odd)
    rise, fall = (-np.expm1(-rate * tick) * law for rate in (pairs.up, pairs.down))
    assert rise[LADDER][:-1] == pytest.approx(fall[LADDER][1:], abs=1e-13)
    assert ((pairs.up > 0) & (pairs.down > 0)).sum() == 0
    assert np.flatnonzero(pairs.up)[0] == 1 + odd


def test_pairs_by_turns_let_the_mean_log_density_relax_in_its_time():
    """Within 5 % of the steps that go on at once."""
    params = plain()
    (q, _), tick = noise(params), 1 / 8
    turns = []
    for odd in (False, True):
        pairs = in_pairs(params, tick, odd)
        rise, fall = -np.expm1(-pairs.up * tick), -np.expm1(-pairs.down * tick)
        turn = np.diag(rise[LADDER][:-1], 1) + np.diag(fall[LADDER][1:], -1)
        turns.append(turn + np.diag(1.0 - turn.sum(axis=1)))
    slowest = [np.sort(np.linalg.eigvals(m).real)[-2] for m in (turns[0] @ turns[1], expm(q / 4))]
    assert math.log(slowest[0]) == pytest.approx(math.log(slowest[1]), rel=0.05)


@pytest.mark.parametrize("tick", [1 / 8, 1.0])
def test_the_dim_tail_stays_what_it_is_whatever_the_tick(tick):
    """A fifth of a percent of the cells lies three standard deviations down, day after day.

    A trillion cells: chance is nil; catches 1 % more or fewer of them.
    """
    params = plain()
    law, cells = rates.rung_law(params), 10**12
    turns = [in_pairs(params, tick, odd) for odd in (False, True)]
    bench = Bench(1, seed=71, rates=some_rates())
    for rung in range(1, layout.NICHE):
        bench.put([round(cells * law[rung])], 0, layout.LEUKEMIA + rung)
    dim = rates.rungs(params) < 6000.0 * math.exp(-3 * 0.6)
    before = bench.table()[0, : layout.RUNGS][dim].sum()
    for turn in range(round(30.0 / tick)):
        now = turns[turn % 2]
        bench.drive = bench.drive._replace(up=now.up, down=now.down)
        bench.step(tick)
    after = bench.table()[0, : layout.RUNGS][dim].sum()
    assert 1e-4 < before / cells < 3e-3
    assert after == pytest.approx(before, rel=0.01)


def test_targets_are_lysed_at_less_antigen_than_activates_and_that_at_less_than_releases():
    params = plain()
    ladder, rungs = rates.ladder(params), rates.rungs(params)
    assert ladder.lysis[0] == ladder.activation[0] == ladder.release[0] == 0.0
    for half, response in ((300, ladder.lysis), (2000, ladder.activation), (5000, ladder.release)):
        expected = rungs**1.5 / (rungs**1.5 + half**1.5)
        assert response[LADDER] == pytest.approx(expected[LADDER])
    assert (ladder.lysis >= ladder.activation).all()


def test_weaker_affinity_raises_all_three_half_points_alike():
    weak, usual = (rates.ladder(plain({"product.affinity": a})) for a in (10.0, 1.0))
    for name in ("lysis", "activation", "release"):
        found = [getattr(ladder, name)[LADDER] for ladder in (usual, weak)]
        logit = [np.log(g / (1 - g)) for g in found]
        assert logit[0] - logit[1] == pytest.approx(1.5 * math.log(10.0))


def test_b_cells_are_on_the_rung_nearest_to_their_density():
    params = plain()
    found = rates.rungs(params)[rates.b_cell_state(params) - layout.B_CELL]
    others = np.delete(rates.rungs(params)[1:], rates.b_cell_state(params) - layout.B_CELL - 1)
    assert abs(math.log(found / 15_000)) < np.abs(np.log(others / 15_000)).min()


# --- growth ----------------------------------------------------------------------------------


@pytest.mark.parametrize("growth", [-0.03, 0.0, 0.005, 0.09, 0.25, 1.0])
@pytest.mark.parametrize(("leave", "home"), [(0.02, 2.0), (0.5, 0.4), (0.0, 2.0), (3.0, 100.0)])
def test_division_gives_the_growth_asked_for_of_marrow_and_blood_together(growth, leave, home):
    death = 0.04
    division = rates.division_for_growth(growth, death, leave, home)
    system = [[division - death - leave, home], [leave, -death - home]]
    assert division >= 0.0
    assert max(np.linalg.eigvals(system).real) == pytest.approx(growth, abs=1e-12)


def test_a_population_cannot_fall_faster_than_its_cells_die():
    assert rates.division_for_growth(-0.3, 0.04, 0.02, 2.0) == 0.0


@pytest.mark.parametrize("growth", [0.0, 0.09, 0.25])
def test_blood_holds_its_share_from_the_start(growth):
    """The share of the growing population: the dominant eigenvector."""
    death, leave, home = 0.04, 0.02, 2.0
    division = rates.division_for_growth(growth, death, leave, home)
    values, vectors = np.linalg.eig([[division - death - leave, home], [leave, -death - home]])
    vector = vectors[:, np.argmax(values.real)]
    share = rates.blood_share(leave, home, death + growth)
    assert share == pytest.approx(vector[1] / vector.sum(), rel=1e-12)


# --- passing and hopping ---------------------------------------------------------------------


PLACES = [(0.07, 4.0), (0.02, 2.0), (5.0, 5.0), (0.0, 4.0), (0.3, 0.0), (0.0, 0.0)]


def passed(leave, home, dt):
    """Chances to be on the other side after `dt`, from the hazards that a tick takes."""
    return tuple(-math.expm1(-hazard * dt) for hazard in rates.exchange(leave, home, dt))


@pytest.mark.parametrize("dt", [1 / 64, 1 / 8, 1.0, 4.0])
@pytest.mark.parametrize(("leave", "home"), PLACES)
def test_passing_is_that_of_the_two_place_chain(leave, home, dt):
    chain = expm(np.array([[-leave, leave], [home, -home]]) * dt)
    assert passed(leave, home, dt) == pytest.approx((chain[0, 1], chain[1, 0]), rel=1e-9)


@pytest.mark.parametrize(("leave", "home"), PLACES)
def test_many_short_ticks_pass_as_many_as_one_long(leave, home):
    def chain(dt):
        out, back = passed(leave, home, dt)
        return np.array([[1 - out, out], [back, 1 - back]])

    assert np.linalg.matrix_power(chain(1 / 8), 16) == pytest.approx(chain(2.0), abs=1e-12)


@pytest.mark.parametrize(("leave", "home"), [(0.0, 1000.0), (100.0, 0.0), (100.0, 1000.0)])
@pytest.mark.parametrize("dt", [1 / 8, 1.0])
def test_passing_works_at_the_extremes_that_parameters_admit(leave, home, dt):
    """A cell that surely passes has a finite hazard: kernels multiply and divide by it."""
    assert all(map(math.isfinite, rates.exchange(leave, home, dt)))
    chain = expm(np.array([[-leave, leave], [home, -home]]) * dt)
    assert passed(leave, home, dt) == pytest.approx((chain[0, 1], chain[1, 0]), abs=1e-9)


def test_biopsy_voxels_are_of_20_um_with_8_cells_and_t_cells_hop_there():
    params = plain(BIOPSY | {"car_t.motility_um2_per_day": 1e4})
    edge = rates.voxel_edge_um(params)
    assert edge == pytest.approx(20.0, rel=0.01)
    assert rates.make_rates(params).voxel_capacity == pytest.approx(8.0, rel=0.01)
    assert rates.hop_rate(params, 1e4) == pytest.approx(1e4 / edge**2)
    assert 20.0 < rates.make_rates(params).t_hop < 40.0


def test_in_voxels_of_centimeters_blood_does_the_mixing():
    assert rates.make_rates(plain()).t_hop == 0.0
    assert rates.voxel_edge_um(plain()) == pytest.approx((1e9 * 1e6 / 16) ** (1 / 3))

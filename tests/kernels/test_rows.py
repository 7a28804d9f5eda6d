"""Rows of cells: split, merged, landed, sorted, dropped. No cell is lost or made."""

import math

import numpy as np
import pytest
from kernels.lab import Bench, assert_close

from tcellabm.biology.agents import enlarged
from tcellabm.kernels import layout
from tcellabm.kernels.layout import EFFECTOR, EXHAUSTED, MEMORY, ROWS

COUNTED = (MEMORY, EFFECTOR)


def crowd(rows, seed, voxels=9, budget=10**9):
    """A bench with rows of any size, place and state; one in five is dead."""
    bench = Bench(voxels, seed, rows_per_phenotype=budget)
    rng = np.random.default_rng(seed)
    sizes = np.floor(10 ** rng.uniform(0, 11, rows)).astype(np.int64) * (rng.random(rows) < 0.8)
    states = rng.choice([0, 5, 30, MEMORY, EFFECTOR, EXHAUSTED, layout.RESTING], rows)
    for state in np.unique(states):
        here = states == state
        divisions = rng.integers(1, 26, here.sum()) if state in COUNTED else 0
        bench.put(sizes[here], rng.integers(voxels + 1, size=here.sum()), state, divisions)
    return bench


@pytest.mark.parametrize("budget", [1, 4, 30, 3000])
@pytest.mark.parametrize("rows", [0, 1, 60, 2000])
def test_resampling_conserves_the_cells_of_every_site_and_state(rows, budget):
    bench = crowd(rows, seed=41, budget=budget)
    before = bench.table()
    for _ in range(3):
        bench.resample()
        assert (bench.table() == before).all()
        assert bench.column("count").min(initial=0) >= 0


@pytest.mark.parametrize("budget", [4, 30])
def test_resampling_brings_too_many_rows_to_their_budget(budget):
    """Each group left is at least half of the mean, but for one small one a site."""
    bench = crowd(2000, seed=42, budget=budget)
    bench.resample()
    bench.drop_dead()
    for state in COUNTED:
        assert np.sum(bench.column("state") == state) <= 2 * budget + bench.voxels + 1


def test_resampling_splits_great_groups_within_the_budget():
    bench = Bench(4, seed=43, rows_per_phenotype=40)
    bench.put([10**9 + 1, 10**9], [0, 3], EFFECTOR, [7, 8])
    for _ in range(10):  # a resampling halves what is too great, and its halves at the next
        bench.resample()
    count, divisions = bench.column("count"), bench.column("divisions")
    assert count.size == 40 or count.max() <= 2 * count.sum() / 40
    assert (divisions[bench.column("site") == 0] == 7).all()
    assert np.unique(bench.column("unique_id")).size == count.size


def test_resampling_leaves_single_cells_and_states_without_history_alone():
    bench = Bench(4, seed=44, rows_per_phenotype=500)
    bench.put(np.ones(8, int), 0, MEMORY, 5)
    bench.put([10**9], [1], EXHAUSTED)
    bench.put([10**9], [1], 7)
    bench.resample()
    assert bench.rows == 10


def assert_unbiased(sums, expected, one_division, one_of):
    """Hold the mean of sums of divisions left over many sites to its expectation."""
    error = one_division * math.sqrt(one_of * (1 - one_of) / sums.size)
    assert_close(sums.mean(), expected, error)


def test_merging_keeps_the_sum_of_divisions_left_without_bias():
    """Catches 0.5 % of the sum, 3 % in the chance of either parent to give the divisions left."""
    sites = 10_000
    bench = Bench(sites, seed=45, rows_per_phenotype=1)
    for count, divisions in ((30, 8), (10, 20)):
        bench.put(np.full(sites, count), np.arange(sites), MEMORY, divisions)
    bench.resample()
    bench.drop_dead()
    assert bench.rows == sites and (bench.column("count") == 40).all()
    assert_unbiased(bench.divisions_by_site()[:-1], 30 * 8 + 10 * 20, 40 * 12, 1 / 4)


def test_landing_in_a_row_keeps_the_sum_of_divisions_left_without_bias():
    """As above, for cells that gather from two rows and join a third."""
    sites = 10_000
    bench = Bench(sites, seed=46, rows_per_phenotype=1)
    bench.put(np.full(sites, 20), np.arange(sites), EFFECTOR, 4)
    for site in range(sites):
        bench.send(15, site, EFFECTOR, 4)
        bench.send(5, site, EFFECTOR, 24)
    bench.arrive()
    assert bench.rows == sites and (bench.column("count") == 40).all()
    assert_unbiased(bench.divisions_by_site()[:-1], 35 * 4 + 5 * 24, 40 * 20, 1 / 8)


@pytest.mark.parametrize("budget", [1, 50, 10**6])
def test_arriving_cells_are_all_there(budget):
    bench = crowd(300, seed=47, budget=budget)
    before = bench.table()
    sent = np.zeros_like(before)
    for site, state, cells in ((0, MEMORY, 5), (3, 6, 10**11), (9, EXHAUSTED, 2), (0, MEMORY, 1)):
        bench.send(cells, site, state, 3 if state == MEMORY else 0)
        sent[site, state] += cells
    bench.arrive()
    assert (bench.table() == before + sent).all()


def test_within_the_budget_arriving_car_t_cells_keep_a_row_of_their_own():
    bench = Bench(4, seed=48, rows_per_phenotype=2)
    bench.put([100], [0], EFFECTOR, 20)
    for divisions, rows in ((10, 2), (5, 2)):
        bench.send(7, 0, EFFECTOR, divisions)
        bench.arrive()
        assert bench.rows == rows
    bench.send(7, 1, EFFECTOR, 5)  # no row there to join
    bench.arrive()
    assert bench.rows == 3


def test_cells_that_come_home_are_all_there():
    bench = Bench(7, seed=49)
    sent = {(MEMORY, 3): 10**12 + 1, (MEMORY, 4): 2, (EFFECTOR, 0): 12, (8, 0): 7}
    for (state, divisions), cells in sent.items():
        bench.send_home(cells, state, divisions)
    bench.arrive()
    table = bench.table()
    assert table[:-1].sum(axis=0)[[MEMORY, EFFECTOR, 8]].tolist() == [10**12 + 3, 12, 7]
    assert table.sum() == sum(sent.values()) and not table[-1].any()


def rows_of(cells):
    """The living rows, in order."""
    used = slice(cells.meta[ROWS])
    alive = np.flatnonzero(cells.count[used])
    return np.stack([column[used][alive].astype(np.int64) for column in cells[:-1]], axis=1)


def test_dropping_the_dead_keeps_the_living_in_order():
    bench = crowd(500, seed=50)
    before = rows_of(bench.cells)
    bench.drop_dead()
    assert bench.rows == len(before) < 500
    assert (rows_of(bench.cells) == before).all()


def test_sorting_by_site_keeps_every_row():
    bench = crowd(500, seed=51)
    before = rows_of(bench.cells)
    bench.sort_by_site()
    after = rows_of(bench.cells)
    assert bench.rows == len(after)
    assert (after == before[np.argsort(before[:, 1], kind="stable")]).all()
    assert bench.cells.meta[layout.DISORDER] == 0


def test_enlarging_copies_every_row():
    bench = crowd(500, seed=52)
    wider = enlarged(bench.cells, 3 * bench.cells.count.size)
    assert wider.count.size == 3 * bench.cells.count.size
    assert (wider.meta == bench.cells.meta).all() and wider.meta is not bench.cells.meta
    assert (rows_of(wider) == rows_of(bench.cells)).all()


def test_the_census_counts_every_state_and_maps_the_marrow():
    bench = crowd(500, seed=53)
    bench.sites.volume[:] = 2.0
    (body, blood), densities = bench.census()
    table = bench.table()
    assert (body == table.sum(axis=0)).all() and (blood == table[-1]).all()
    kinds = [slice(0, layout.B_CELL), slice(MEMORY, layout.RESTING)]
    kinds += [slice(layout.B_CELL, MEMORY), slice(layout.ACTIVATED, layout.STATES)]
    for found, kind in zip(densities, kinds, strict=True):
        assert found == pytest.approx(table[:-1, kind].sum(axis=1) / 2.0, rel=1e-12)

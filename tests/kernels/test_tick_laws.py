"""One tick of groups and of single cells: the same law, held to theory cell by cell."""

import functools
import math

import numpy as np
import pytest
from kernels.lab import (
    MIDDLE,
    Bench,
    Law,
    assert_close,
    assert_law,
    assert_share,
    bernoulli,
    birth_death_process,
    poisson,
    some_drive,
    some_ladder,
    some_rates,
)

from tcellabm.kernels import layout, rules, single
from tcellabm.kernels.layout import ACTIVATED, EFFECTOR, EXHAUSTED, MEMORY, RESTING

BLAST = layout.LEUKEMIA + MIDDLE
HIDDEN = layout.LEUKEMIA + layout.NICHE
B_CELL = layout.B_CELL + MIDDLE

both_ways = pytest.mark.parametrize("one_by_one", [False, True], ids=["groups", "single"])


# --- cure ------------------------------------------------------------------------------------


KILLING = (0.0, 0.5, 1.2, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.2, 0.5, 0.0)  # per day, tick by tick


@functools.cache
def cure_by_killing(one_by_one, voxels=12_000, cells=12, tick=0.25):
    """Survivors in each voxel, and by theory: chance of cure (Kendall 1948), mean survivors."""
    birth, death = 0.9, 0.1
    rates = some_rates(leukemia_division=birth, leukemia_death=death)
    ladder = some_ladder(lysis=0.8)
    bench = Bench(voxels, seed=21, one_by_one=one_by_one, rates=rates, ladder=ladder)
    bench.put(np.full(voxels, cells), np.arange(voxels), BLAST)
    decline, j = 0.0, 0.0
    for killing in KILLING:
        bench.sites.killing[:] = killing
        bench.step(tick)
        dies = death + 0.8 * killing
        net = (dies - birth) * tick
        j += dies * tick * math.exp(decline) * math.expm1(net) / net
        decline += net
    return bench.per_voxel(BLAST), (1 - 1 / (1 + j)) ** cells, cells * math.exp(-decline)


@both_ways
def test_cure_under_changing_killing_has_kendalls_probability(one_by_one):
    """Catches 0.023 in the chance of cure (0.49), which 2 % more killing raises by 0.027."""
    survivors, cured, mean = cure_by_killing(one_by_one)
    assert 0.3 < cured < 0.7
    assert_share(survivors == 0, cured)
    assert_close(survivors.mean(), mean, survivors.std() / math.sqrt(survivors.size))


def test_groups_and_single_cells_agree_on_cure():
    """Catches 0.033 in the chance of cure, 10 % in the spread of survivors."""
    groups, single = (cure_by_killing(way)[0] for way in (False, True))
    cured = [np.mean(survivors == 0) for survivors in (groups, single)]
    assert abs(cured[0] - cured[1]) <= 5 * math.sqrt(2 * 0.25 / groups.size)
    fourth = np.mean((single - single.mean()) ** 4)
    error = math.sqrt(2 * (fourth - single.var() ** 2) / single.size)
    assert abs(groups.var() - single.var()) <= 5 * error


# --- exits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [60, 1000])
def test_a_pool_fed_by_rare_exits_has_the_noise_of_cells_not_of_groups(groups):
    """Effectors return to memory, 1.2 % of them, in 400 pools of 6000 cells each.

    Catches 3 % in the mean of the pool, 35 % in its variance. Were whole groups to switch, the
    variance would be 100-fold at 60 groups and 6-fold at 1000.
    """
    pools, cells, rate, tick, ticks = 400, 6000, 0.003, 0.25, 16
    bench = Bench(pools, seed=22, rates=some_rates(memory_return=rate))
    sizes, places = np.full(pools * groups, cells // groups), np.repeat(np.arange(pools), groups)
    bench.put(sizes, places, EFFECTOR)
    bench.step(tick, ticks)
    moved = -math.expm1(-rate * tick * ticks)
    assert_law(bench.per_voxel(MEMORY), bernoulli(moved) * cells)


WORLD = {
    "rates": {
        "leukemia_division": 0.9,
        "leukemia_death": 0.2,
        "t_division": 1.3,
        "memory_division_share": 0.4,
        "contraction": 0.3,
        "contraction_protection": 0.7,
        "memory_loss": 0.05,
        "exhausted_loss": 0.25,
        "memory_activation": 0.8,
        "memory_return": 0.6,
        "exhaustion": 0.9,
        "niche_exit": 0.45,
        "b_death": 0.15,
        "myeloid_loss": 0.4,
        "myeloid_deactivation": 0.7,
    },
    "sites": {
        "killing": 0.8,
        "stimulation": 0.6,
        "supply": 0.75,
        "release": 0.5,
        "room": 0.7,
        "activation": 0.5,
    },
    "ladder": {"lysis": 0.5},
    "drive": {"division": 0.9, "rejection": 0.1, "b_division": 0.35, "up": 0.4, "down": 0.7},
}
# By the rules of the model in this world: (birth, death) per day, and exits.
VITAL = {
    BLAST - 1: (0.9 * 0.7, 0.2 + 0.8 * 0.5),
    BLAST: (0.9 * 0.7, 0.2 + 0.8 * 0.5),
    BLAST + 1: (0.9 * 0.7, 0.2 + 0.8 * 0.5),
    HIDDEN: (0.0, 0.8 * 0.5),
    B_CELL: (0.35, 0.15 + 0.8 * 0.5),
    MEMORY: (1.3 * 0.6 * 0.75 * 0.9 * 0.4, 0.05 + 0.1),
    EFFECTOR: (1.3 * 0.6 * 0.75 * 0.9, 0.3 * (1 - 0.7 * 0.6) + 0.1),
    EXHAUSTED: (0.0, 0.25 + 0.1),
    RESTING: (0.0, 0.4),
    ACTIVATED: (0.0, 0.4),
}
EXITS = {
    BLAST: {BLAST + 1: 0.4, BLAST - 1: 0.7},
    HIDDEN: {BLAST: 0.45},
    B_CELL: {},
    MEMORY: {EFFECTOR: 0.8 * 0.6},
    EFFECTOR: {EXHAUSTED: 0.9 * 0.5, MEMORY: 0.6 * (1 - 0.6)},
    EXHAUSTED: {},
    RESTING: {ACTIVATED: 0.5},
    ACTIVATED: {RESTING: 0.7},
}


def world(voxels, seed, one_by_one, **more_rates):
    bench = Bench(
        voxels,
        seed,
        one_by_one=one_by_one,
        rates=some_rates(**(WORLD["rates"] | more_rates)),
        drive=some_drive(**WORLD["drive"]),
        ladder=some_ladder(**WORLD["ladder"]),
    )
    for name, value in WORLD["sites"].items():
        getattr(bench.sites, name)[:-1] = value
    return bench


def after_a_tick(state, end, tick):
    """Law of the cells in state `end` after a tick, per cell that was in `state` before it."""
    first, _ = birth_death_process(*VITAL[state], tick / 2)
    then, _ = birth_death_process(*VITAL[end], tick / 2)
    rate = sum(EXITS[state].values())
    leaves = -math.expm1(-rate * tick)
    p = 1 - leaves if end == state else EXITS[state][end] / rate * leaves
    mean = p * then.mean
    variance = p * then.variance + p * (1 - p) * then.mean**2
    return Law(first.mean * mean, first.mean * variance + first.variance * mean**2)


@both_ways
@pytest.mark.parametrize("state", EXITS)
def test_births_deaths_and_exits_of_a_tick_have_their_law(state, one_by_one):
    """Catches 1 % in the cells that stay, 6 % in those that leave, 12 % in the variances."""
    voxels, cells, tick = 4000, 60, 0.25
    bench = world(voxels, 23, one_by_one)
    bench.put(np.full(voxels, cells), np.arange(voxels), state, 40)
    bench.step(tick)
    table = bench.table()
    for end in (state, *EXITS[state]):
        assert_law(table[:-1, end], after_a_tick(state, end, tick) * cells)
    assert table[:, [state, *EXITS[state]]].sum() == table.sum()


@both_ways
@pytest.mark.parametrize("state", [BLAST, EFFECTOR])
def test_cells_that_hop_divide_die_and_change_as_those_that_stay(state, one_by_one):
    """Two thirds of them hop in the tick; catches 0.5 % in the cells that keep their state."""
    voxels, cells, tick = 400, 600, 0.25
    bench = world(voxels, 37, one_by_one, t_hop=4.0, leukemia_hop=4.0)
    bench.put(np.full(voxels, cells), np.arange(voxels), state, 40)
    bench.step(tick)
    for end in (state, *EXITS[state]):
        law = after_a_tick(state, end, tick) * (voxels * cells)
        assert_close(bench.per_voxel(end).sum(), law.mean, math.sqrt(law.variance))


@both_ways
def test_b_cells_divide_in_the_marrow_alone(one_by_one):
    """Catches 2 % of the growth in marrow, and any in blood."""
    cells, rate, tick = 20_000, 0.35, 0.25
    drive = some_drive(b_division=rate)
    bench = Bench(1, seed=40, one_by_one=one_by_one, drive=drive)
    bench.put([cells, cells], [0, 1], B_CELL)
    bench.step(tick)
    marrow, blood = bench.table()[:, B_CELL]
    grown, _ = birth_death_process(rate, 0.0, tick)
    assert_close(marrow, cells * grown.mean, math.sqrt(cells * grown.variance))
    assert blood == cells


@both_ways
def test_cells_in_a_niche_neither_divide_nor_travel_nor_die_of_age(one_by_one):
    drive = some_drive(leukemia_leave=2.0, up=3.0, down=3.0)
    rates = some_rates(leukemia_division=2.0, leukemia_death=2.0, leukemia_hop=3.0)
    bench = Bench(4, seed=41, one_by_one=one_by_one, rates=rates, drive=drive, shape=(2, 2))
    bench.put(np.full(4, 500), np.arange(4), HIDDEN)
    before = bench.table()
    bench.step(0.25, ticks=4)
    assert (bench.table() == before).all()


def test_without_divisions_left_car_t_cells_do_not_divide():
    for one_by_one in (False, True):
        bench = world(200, 24, one_by_one)
        bench.put(np.full(200, 50), np.arange(200), EFFECTOR, 0)
        before = bench.table().sum(axis=1)
        bench.step(0.25)
        assert (bench.table().sum(axis=1) <= before).all()


def test_both_daughters_of_a_single_cell_have_one_division_less():
    """The leaves of a family tree add up to one, each counted 2^-depth: exact in every family."""
    families, divisions = 3000, 40
    rates = some_rates(t_division=1.0)
    bench = Bench(families, seed=25, one_by_one=True, rates=rates)
    bench.sites.stimulation[:] = 1.0
    bench.put(np.ones(families, int), np.arange(families), EFFECTOR, divisions)
    bench.step(0.5, ticks=4)
    depth = divisions - bench.column("divisions")
    share = np.bincount(bench.column("site"), 0.5**depth, families + 1)
    assert (share[:-1] == 1.0).all()
    assert depth.max() >= 6


@both_ways
def test_divisions_of_living_lineages_fall_at_twice_the_rate_of_division(one_by_one):
    """Catches 2.5 % in the divisions used by an expanding clone (here 3 of 40 in 1.5 days)."""
    cells, divisions, rate, days = 20_000, 40, 1.0, 1.5
    rates = some_rates(t_division=rate)
    bench = Bench(1, seed=26, one_by_one=one_by_one, rates=rates)
    bench.sites.stimulation[:] = 1.0
    bench.put(np.ones(cells, int), 0, EFFECTOR, divisions)
    bench.step(1 / 8, ticks=12)
    used = divisions - bench.divisions_by_site()[0] / bench.column("count").sum()
    # a clone of n cells after growth G = e^rt; the spread of clone sizes adds to that of depths
    depth = 2 * rate * days
    assert_close(used, depth, math.sqrt((depth + depth**2) / cells))


@both_ways
def test_lost_antigen_starts_a_cell_without_it_and_costs_none(one_by_one):
    """Catches 7 % in the rate of loss; each loss takes one daughter out of the others."""
    voxels, cells, birth, loss, days = 600, 500, 0.8, 0.05, 1.0
    rates = some_rates(leukemia_division=birth, cd19_loss=loss)
    bench = Bench(voxels, seed=27, one_by_one=one_by_one, rates=rates)
    bench.put(np.full(voxels, cells), np.arange(voxels), BLAST)
    bench.step(1 / 16, ticks=16)
    table = bench.table()
    growth = math.exp(birth * days)
    # mutants arise at `birth x loss` per cell; both they and the others grow at `birth`
    kept = math.exp(birth * (1 - loss) * days)
    lost, total = table[:, layout.LEUKEMIA].sum(), table.sum()
    assert_close(total, voxels * cells * growth, math.sqrt(voxels * cells * growth * (growth - 1)))
    expected = voxels * cells * (growth - kept)
    assert_close(lost, expected, math.sqrt(2 * growth * expected))


# --- moves -----------------------------------------------------------------------------------


@both_ways
@pytest.mark.parametrize("whole_tick", [False, True])
def test_without_birth_and_death_a_tick_conserves_all_cells_while_they_move(whole_tick, one_by_one):
    rates = some_rates(
        memory_activation=0.8,
        memory_return=0.6,
        exhaustion=0.9,
        myeloid_activation=2.0,
        myeloid_deactivation=0.7,
        niche_exit=0.3,
        t_hop=6.0,
        leukemia_hop=3.0,
        b_hop=1.0,
        activation_half=5.0,
        stimulation_half=0.15,
    )
    passing = ("t_leave", "t_home", "leukemia_leave", "leukemia_home", "b_leave", "b_home")
    bench = Bench(
        12,
        seed=28,
        one_by_one=one_by_one,
        rates=rates,
        drive=some_drive(**dict.fromkeys(passing, 1.5), up=0.4, down=0.7),
        ladder=some_ladder(lysis=0.5, activation=0.5, release=0.5),
        shape=(3, 4),
        rows_per_phenotype=20,
    )
    bench.drive.down[1] = bench.drive.up[layout.NICHE - 1] = 0.0
    bench.sites.stimulation[:], bench.sites.release[:], bench.sites.activation[:] = 0.5, 0.5, 0.5
    states = (layout.LEUKEMIA, BLAST, HIDDEN, B_CELL, MEMORY, EFFECTOR, RESTING, ACTIVATED)
    places = np.arange(13)
    for state in states:
        here = places[:12] if state >= RESTING else places
        bench.put(20 + 10 * here, here, state, 9 if state in (MEMORY, EFFECTOR) else 0)
    kinds = [slice(0, layout.B_CELL), slice(layout.B_CELL, MEMORY), slice(MEMORY, RESTING)]
    kinds.append(slice(RESTING, layout.STATES))
    before = bench.table()
    for _ in range(40):
        bench.tick(0.1) if whole_tick else bench.step(0.1)
        after = bench.table()
        for kind in kinds:
            assert after[:, kind].sum() == before[:, kind].sum()
        assert after[:, layout.LEUKEMIA].sum() == before[:, layout.LEUKEMIA].sum()
        assert after.min() >= 0
    assert (after != before).any(axis=0)[list(states)].all()


@both_ways
@pytest.mark.parametrize("tick", [1 / 8, 1.0])
def test_newcomers_are_an_immigration_death_process_at_any_tick(tick, one_by_one):
    """Catches 2.5 % in the mean, 15 % in the variance: large ticks neither lose newcomers nor
    let them live too long, and their number is Poisson in every voxel."""
    voxels, output, death, days = 2500, 8.0, 0.6, 3.0
    drive = some_drive(b_output=output * voxels, myeloid_output=0.5 * output * voxels)
    rates = some_rates(b_death=death, myeloid_loss=2 * death)
    bench = Bench(voxels, seed=29, one_by_one=one_by_one, rates=rates, drive=drive)
    bench.step(tick, ticks=round(days / tick))
    for state, rate, loss in ((B_CELL, output, death), (RESTING, output / 2, 2 * death)):
        assert_law(bench.per_voxel(state), poisson(rate / loss * -math.expm1(-loss * days)))
    assert bench.table()[-1].sum() == 0


@both_ways
def test_newcomers_may_be_activated_in_the_tick_in_which_they_come(one_by_one):
    """At times spread over the tick; catches 4 % in the mean of the activated."""
    voxels, output, death, activation = 2500, 12.0, 0.6, 0.9
    drive, rates = some_drive(myeloid_output=output * voxels), some_rates(myeloid_loss=death)
    bench = Bench(voxels, seed=38, one_by_one=one_by_one, rates=rates, drive=drive)
    bench.sites.activation[:-1] = activation
    bench.step(1.0)
    alive, resting = (output / rate * -math.expm1(-rate) for rate in (death, death + activation))
    assert_law(bench.per_voxel(RESTING), poisson(resting))
    assert_law(bench.per_voxel(ACTIVATED), poisson(alive - resting))


def test_no_single_cell_meets_more_than_the_greatest_hazards_of_its_state():
    """Voxels that differ in everything: the bound is met within twice; that of blood holds too."""
    bench = world(50, 39, True, t_hop=3.0)
    rng, sites = np.random.default_rng(39), bench.sites
    for name in WORLD["sites"]:
        getattr(sites, name)[:-1] = rng.random(50)
    world_of = (sites, bench.law.ladder, bench.law.rates, bench.drive)
    bound = single.greatest_hazards(bench.state, bench.law, bench.drive)
    for state in (*EXITS, layout.LEUKEMIA):
        for place, there in enumerate((range(50), [50])):
            met = max(hazards(state, s, *world_of) for s in there)
            assert met <= bound[place, state] * (1 + 1e-12)
            assert place or bound[place, state] <= 2.0 * met


def hazards(state, s, sites, ladder, rates, drive):
    """Sum of all hazards of a cell at a site, by the rules."""
    rung, phi = rules.rung_of(state), sites.stimulation[s]
    killed = rules.kill_hazard(state, s, sites, ladder.lysis, drive)
    supply = rules.supply_of(state, s, sites, drive)
    vital = rules.birth_and_death(state, 9, killed, supply, phi, rates)
    steps = drive.up[rung], drive.down[rung]
    ways = rules.changes(state, *steps, phi, sites.release[s], sites.activation[s], rates)
    return sum(vital) + sum(ways) + sum(rules.travel(state, s == 50, rates, drive))


def test_few_newcomers_to_many_voxels_are_drawn_one_by_one_with_the_same_law():
    """Less than one a voxel and tick; catches 6 % in the mean."""
    voxels, output, death, days = 2500, 0.6, 0.9, 4.0
    drive, rates = some_drive(b_output=output * voxels), some_rates(b_death=death)
    bench = Bench(voxels, seed=30, rates=rates, drive=drive)
    bench.step(1.0, ticks=4)
    assert_law(bench.per_voxel(B_CELL), poisson(output / death * -math.expm1(-death * days)))


def spread_of(bench, side):
    """Mean squared displacement from the middle of a square lattice, in voxel edges."""
    row, col = np.divmod(bench.column("site"), side)
    moved = (row - side // 2) ** 2 + (col - side // 2) ** 2
    return np.sum(moved * bench.column("count")) / np.sum(bench.column("count"))


@pytest.mark.parametrize("tick", [1 / 16, 1 / 4, 1.0])
def test_single_cells_diffuse_at_their_hop_rate_whatever_the_tick(tick):
    """Many hops fit into a tick; catches 3.5 % in the mean squared displacement."""
    side, cells, hop = 81, 20_000, 25.0
    rates = some_rates(t_hop=hop)
    bench = Bench(side * side, seed=31, one_by_one=True, rates=rates, shape=(side, side))
    bench.put(np.ones(cells, int), side * side // 2, EFFECTOR, 9)
    bench.step(tick, ticks=round(1 / tick))
    assert_close(spread_of(bench, side), hop, hop / math.sqrt(cells))


def test_groups_diffuse_at_their_hop_rate_in_short_ticks():
    """A group's cells hop once a tick at most; catches 4 % of the mean squared displacement."""
    side, cells, hop, tick, ticks = 31, 20_000, 1.0, 1 / 64, 256
    rates = some_rates(leukemia_hop=hop)
    bench = Bench(side * side, seed=32, rates=rates, shape=(side, side))
    bench.put(cells, side * side // 2, BLAST)
    bench.step(tick, ticks)
    expected = -math.expm1(-hop * tick) * ticks
    assert_close(spread_of(bench, side), expected, expected / math.sqrt(cells))


def test_cells_at_the_border_stay_in_the_marrow():
    bench = Bench(6, 33, one_by_one=True, rates=some_rates(t_hop=30.0), shape=(2, 3))
    bench.put(np.full(6, 2000), np.arange(6), EFFECTOR, 9)
    bench.step(0.25, ticks=8)
    here = bench.per_voxel(EFFECTOR)
    assert here.sum() == 12_000
    # reflecting borders keep the even spread: catches 13 % too many or too few in a voxel
    assert np.abs(here - 2000).max() <= 5 * math.sqrt(2000 * 5 / 6)


@both_ways
def test_cells_that_leave_blood_come_to_any_voxel_alike(one_by_one):
    """Catches 5 % too many or too few in a voxel."""
    drive = some_drive(t_home=3.0)
    bench = Bench(16, seed=34, one_by_one=one_by_one, drive=drive, shape=(4, 4))
    bench.put(np.full(8, 20_000), 16, MEMORY, np.arange(8))
    bench.step(0.5)
    here, gone = bench.per_voxel(MEMORY), 160_000 * -math.expm1(-1.5)
    assert_close(here.sum(), gone, math.sqrt(gone * math.exp(-1.5)))
    assert np.abs(here - here.mean()).max() <= 5 * math.sqrt(here.mean())


@both_ways
def test_hopping_does_not_slow_other_exits(one_by_one):
    """A cell that crosses several voxels in a tick tires as fast as one that stays.

    Catches 4 % in the rate of exhaustion.
    """
    cells, rate, tick = 40_000, 0.4, 1 / 16
    for hop in (0.0, 25.0):
        rates = some_rates(exhaustion=rate, t_hop=hop)
        bench = Bench(64, seed=35, one_by_one=one_by_one, rates=rates, shape=(8, 8))
        bench.sites.release[:] = 1.0
        bench.put(np.full(64, cells // 64), np.arange(64), EFFECTOR, 9)
        bench.step(tick, ticks=16)
        tired = -math.expm1(-rate)
        found = bench.per_voxel(EXHAUSTED).sum() / cells
        assert_close(found, tired, math.sqrt(tired * (1 - tired) / cells))


@both_ways
def test_change_of_state_does_not_slow_passing_between_marrow_and_blood(one_by_one):
    """The hazards of passing give the exact chance of a tick, of a day too, whatever else a cell
    does in it: an antigen rung more or less. Catches 2 % in the cells that pass."""
    cells, noise = 40_000, 0.9
    for rungs in (0.0, noise):
        bench = Bench(
            16,
            seed=36,
            one_by_one=one_by_one,
            drive=some_drive(leukemia_home=2.0, up=rungs / 2, down=rungs / 2),
        )
        bench.put([cells], [16], BLAST)
        bench.step(1.0)
        home = -math.expm1(-2.0)
        found = bench.table()[:-1].sum() / cells
        assert_close(found, home, math.sqrt(home * (1 - home) / cells))

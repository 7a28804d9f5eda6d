"""The same recipe gives the same patient: by seed, however the clock is driven, and in twins."""

import copy
import gc
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tcellabm import TumorTCellModel, load

SMALL = {
    "marrow.rows": 2,
    "marrow.cols": 2,
    "resolution.agents_per_population": 16,
    "physiology.crs_death_per_day": 0,
    "physiology.progression_death_per_day": 0,
}
SMALL_BIOPSY = {"marrow.rows": 20, "marrow.cols": 20, "resolution.represented_fraction": 3e-9}
SEED = 3


def patient(rng=SEED, overrides=None):
    return TumorTCellModel(load("scenarios/kymriah.toml", {**SMALL, **(overrides or {})}), rng=rng)


def biopsy(rng=SEED, overrides=None):
    changes = {**SMALL_BIOPSY, **(overrides or {})}
    return TumorTCellModel(load("scenarios/biopsy.toml", changes), rng=rng)


def observed(model):
    """All that a user can see, and the random stream; equal models give equal values."""
    agents = model.agents
    return {
        "series": model.series.to_numpy().tobytes(),
        "outcomes": {name: None if v != v else v for name, v in model.outcomes().items()},
        "counts": model.counts(),
        "agents": agents.get(["unique_id", "count", "kind", "site", "antigen", "divisions_left"]),
        "layers": {name: x.data.tobytes() for name, x in model.tissue.marrow.layers.items()},
        "treatments": model.treatments,
        "chart": [*model.record.draws, *model.record.assessments],
        "stream": model.rng.bit_generator.state,
        "clock": (model.time, model.steps, model.running),
    }


def until(model, day):
    model.run_until(day)
    return observed(model)


@pytest.fixture(scope="module")
def year():
    """What is seen of a patient driven through a year at once."""
    return until(patient(), 365)


# --- seeds ----------------------------------------------------------------------------------------


def test_same_seed_gives_the_same_patient(year):
    assert until(patient(), 365) == year


def test_another_seed_gives_another_patient(year):
    other = until(patient(SEED + 1), 365)
    assert other["series"] != year["series"]
    assert other["outcomes"]["run_id"] != year["outcomes"]["run_id"]


def test_dynamics_differ_between_seeds_even_when_patients_do_not():
    same = dict(patient().patient.covariates)
    one, other = (patient(seed, same) for seed in (1, 2))
    assert one.patient.covariates == other.patient.covariates
    assert until(one, 10)["counts"] != until(other, 10)["counts"]


@pytest.mark.parametrize("seed", [np.int64(SEED), np.uint64(SEED), np.int8(SEED)])
def test_any_integer_is_a_seed(seed):
    assert until(patient(seed), 10) == until(patient(), 10)


def test_the_largest_seeds_hold():
    for seed in (0, 2**63 - 1, 2**64):
        assert until(patient(seed), 2) == until(patient(seed), 2)


@pytest.mark.parametrize("rng", [-1, np.int64(-1)])
def test_a_negative_seed_is_refused(rng):
    with pytest.raises(ValueError, match="allowed"):
        patient(rng)


@pytest.mark.parametrize("rng", [1.0, "1", True, [1]])
def test_what_is_no_seed_is_refused(rng):
    with pytest.raises(TypeError, match="allowed"):
        patient(rng)


def test_a_generator_is_copied_not_used_up():
    generator = np.random.default_rng(5)
    before = copy.deepcopy(generator.bit_generator.state)
    one, two = until(patient(generator), 10), until(patient(generator), 10)
    assert one == two
    assert generator.bit_generator.state == before
    generator.random()
    assert until(patient(generator), 10) != one


@pytest.mark.parametrize("rng", [None, np.random.default_rng(5)], ids=["none", "generator"])
def test_the_seed_of_a_model_reproduces_it(rng):
    model = patient(rng)
    assert until(patient(model.seed), 10) == until(model, 10)
    assert model.outcomes()["seed"] == model.seed == model.patient.seed


def test_global_random_state_is_neither_read_nor_changed():
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        model = patient()
        model.agents.shuffle()
        model.fork(rng=4).run_until(3)
        results.append(until(model, 30))
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("other", "days"), [(patient, 60), (biopsy, 10)], ids=["two bodies", "a body and a biopsy"]
)
def test_two_live_models_do_not_influence_each_other(other, days):
    def another():
        return other(SEED + 1, {"marrow.rows": 3, "car_t.home_per_day": 2.0})

    alone = until(patient(), days), until(another(), days)
    one, two = patient(), another()
    for day in np.linspace(0.0, days, 20):
        one.run_until(day)
        two.run_until(day)
    assert (observed(one), observed(two)) == alone


def test_threads_do_not_mix_models():
    alone = [until(patient(seed), 30) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda seed: until(patient(seed), 30), (1, 2)))
    assert together == alone


# --- the clock ------------------------------------------------------------------------------------


def in_pieces(model, end):
    for day in (0.001, 0.125, 5, 5.01, 5.01, 9.7, 10, 28, 28.0001, 59.99, 60, 61.3, 100.5, 250):
        if day < end:
            model.run_until(day)
    model.run_until(end)


def in_thirds(model, end):
    while model.time < end:
        model.run_until(min(end, model.time + 1 / 3))


def by_step(model, end):
    for _ in range(end):
        model.step()


def by_run_for(model, end):
    model.run_for(0.3)
    model.run_for(end - 10.3)
    while model.time < end:
        model.run_for(min(2.7, end - model.time))


def all_ways(model, end):
    model.step()
    model.run_for(0.7)
    model.step()
    model.run_until(end - 1)
    model.step()


@pytest.mark.parametrize("drive", [in_pieces, in_thirds, by_step, by_run_for, all_ways])
def test_a_year_is_the_same_however_the_clock_is_driven(drive, year):
    model = patient()
    drive(model, 365)
    assert observed(model) == year


@pytest.mark.parametrize("drive", [in_thirds, by_step, all_ways])
def test_a_biopsy_is_the_same_however_the_clock_is_driven(drive):
    model = biopsy()
    drive(model, 8)
    assert observed(model) == until(biopsy(), 8)


def test_orders_are_carried_out_the_same_however_the_clock_is_driven():
    results = []
    for drive in (type(patient()).run_until, in_pieces, in_thirds, by_step):
        model = patient()
        for day in (0, 4, 5.01, 9.7, 28, 70.3, 90):
            model.give("car_t", at=day)
            model.give("tocilizumab", at=day)
        drive(model, 120)
        results.append(observed(model))
    assert all(result == results[0] for result in results)


# --- twins ----------------------------------------------------------------------------------------

FORKS = (0.0, 1e-6, 0.1, 4, 9.7, 28, 60, 61.3, 100.3)


def with_orders(model):
    """Order treatments, some at equal times, some at the days of the forks."""
    for day in (4, 4, 9.7, 9.7, 28.0, 61.4, 61.4, 105):
        for treatment in ("car_t", "tocilizumab", "corticosteroid"):
            model.give(treatment, at=day)
    return model


@pytest.mark.parametrize("prepare", [lambda model: model, with_orders], ids=["plain", "orders"])
def test_a_twin_equals_the_uninterrupted_run_wherever_it_is_forked(prepare):
    uninterrupted = until(prepare(patient()), 110)
    model, twins = prepare(patient()), []
    for day in FORKS:
        model.run_until(day)
        twins.append(model.fork())
        assert observed(twins[-1]) == observed(model)
    assert until(model, 110) == uninterrupted
    for twin in twins:
        assert until(twin, 110) == uninterrupted


def test_a_twin_of_a_biopsy_equals_the_uninterrupted_run():
    model = biopsy()
    model.run_until(3.3)
    twin = model.fork()
    assert until(twin, 7) == until(model, 7) == until(biopsy(), 7)


def test_a_twin_of_a_twin_equals_the_uninterrupted_run(year):
    model = patient()
    for day in (2.2, 5.01, 100):
        model.run_until(day)
        model = model.fork()
    assert until(model, 365) == year


def test_a_twin_lives_on_without_the_model_it_came_from(year):
    model = patient()
    model.run_until(5.01)
    twin = model.fork()
    del model
    gc.collect()
    assert until(twin, 365) == year


def test_a_twin_that_draws_anew_differs_later_but_not_before():
    model = patient()
    model.run_until(9.7)
    same, anew, again, other = (model.fork(rng) for rng in (None, 2, 2, 5))
    before = model.series
    for twin in (same, anew, again, other):
        twin.run_until(60)
        assert twin.series.iloc[: len(before)].equals(before)
    assert observed(anew) == observed(again)
    results = [each.series.iloc[len(before) :] for each in (same, anew, other)]
    assert not results[0].equals(results[1])
    assert not results[0].equals(results[2])
    assert not results[1].equals(results[2])
    assert anew.patient == model.patient


def test_a_generator_given_to_a_twin_is_copied():
    model, generator = patient(), np.random.default_rng(7)
    model.run_until(3)
    one, two = (until(model.fork(generator), 20) for _ in range(2))
    assert one == two
    assert generator.bit_generator.state == np.random.default_rng(7).bit_generator.state


@pytest.mark.parametrize("make", [patient, biopsy])
def test_a_twin_is_independent_of_its_model(make):
    model = make()
    model.run_until(3.3)
    twin, before = model.fork(), observed(model)
    layers = {name: layer.data for name, layer in model.tissue.marrow.layers.items()}
    for name, layer in twin.tissue.marrow.layers.items():
        assert layer.data is not layers[name]
        assert not np.shares_memory(layer.data, layers[name])
    twin.give("car_t", cells=1e11)
    twin.give("tocilizumab")
    twin.run_until(8)
    assert observed(model) == before
    after = observed(twin)
    model.give("corticosteroid")
    model.run_until(8)
    assert observed(twin) == after
    assert not {"tocilizumab"} & {name for _, name in model.treatments}


def test_a_treatment_of_a_twin_touches_the_twin_alone(year):
    model = patient()
    model.run_until(5)
    twin = model.fork()
    twin.give("tocilizumab", at=9.7)
    twin.run_until(30)
    assert (9.7, "tocilizumab") in twin.treatments
    assert until(model, 365) == year
    early = twin.series["day"] <= 9.7
    assert twin.series[early].equals(model.series.iloc[: early.sum()])


def test_property_layers_of_a_twin_are_its_own_arrays():
    model = patient()
    grid = model.grid  # made before the fork
    model.run_until(5)
    twin = model.fork()
    twin.run_until(20)
    assert twin.grid is not grid
    assert not np.array_equal(twin.grid.leukemia.data, model.grid.leukemia.data)
    for name, layer in twin.tissue.marrow.layers.items():
        assert np.shares_memory(getattr(twin.grid, name).data, layer.data)


def test_a_model_that_is_observed_can_be_forked(year):
    signals = pytest.importorskip("mesa.experimental.mesa_signals")  # may change with Mesa
    seen = []

    class Watcher:
        def see(self, message):
            seen.append(message)

    model, watcher = patient(), Watcher()
    model.observe("time", signals.ALL, watcher.see)
    model.run_until(5.01)
    twin, before = model.fork(), len(seen)
    assert until(twin, 365) == year
    assert len(seen) == before > 0

"""What Mesa's own ways do with this model: they work, or say in one line that they do not."""

import multiprocessing

import mesa
import numpy as np
import pandas as pd
import pytest
from mesa.time import Schedule

from tcellabm import TumorTCellModel, load
from tcellabm.biology.agents import CellView
from tcellabm.params import InputError, load_sweep

SCENARIO = "params/scenarios/kymriah.toml"
DOSE = "product.dose_cells_per_kg"


class Watched(TumorTCellModel):
    """A patient with a collector, as `mesa.batch_run` wants one."""

    def __init__(self, params, rng=None):
        super().__init__(params, rng=rng)
        self.datacollector = mesa.DataCollector(
            model_reporters={"cells": lambda model: model.counts()["car_t"]},
            agenttype_reporters={CellView: {"kind": "kind"}},
        )

    def step(self):
        self.datacollector.collect(self)


def patient(day=3.0):
    model = TumorTCellModel(load(SCENARIO), rng=1)
    model.run_until(day)
    return model


def after(model, day=12.0):
    model.run_until(day)
    return model.series.to_csv()


def test_a_reset_draws_anew_as_a_fork_does():
    model = patient()
    forks = [after(model.fork(rng=seed)) for seed in (None, 1, 2, 2)]
    assert len(set(forks)) == 3
    for seed, wanted in ((1, forks[1]), (2, forks[2]), (np.random.default_rng(2), None)):
        twin = model.fork()
        twin.reset_rng(seed)
        assert twin.rng is twin.tissue.rng
        assert after(twin) == (wanted or after(model.fork(rng=np.random.default_rng(2))))
    again = model.fork()
    again.reset_rng()
    assert after(again) == after(model.fork(rng=model.seed))


@pytest.mark.parametrize("rng", [5, None, np.random.RandomState(1), "x"])
def test_what_is_no_generator_is_no_stream(rng):
    model = patient()
    with pytest.raises(TypeError, match="allowed: a numpy.random.Generator"):
        model.rng = rng
    with pytest.raises((TypeError, ValueError), match="allowed: "):
        model.reset_rng(rng if not isinstance(rng, int) and rng is not None else -1)


def test_agents_have_one_type_and_cannot_be_changed():
    model = patient()
    assert model.agent_types == [CellView]
    assert len(model.agents_by_type[CellView]) == len(model.agents) > 0
    before = model.counts()
    for change in (
        model.remove_all_agents,
        lambda: model.register_agent(CellView),
        lambda: mesa.Agent(model),
    ):
        with pytest.raises(TypeError, match="read-only"):
            change()
    assert model.counts() == before


def test_a_batch_of_a_watched_patient(monkeypatch):
    monkeypatch.setattr(multiprocessing, "set_start_method", lambda *args, **kwargs: None)
    values = [load(SCENARIO, {DOSE: dose}) for dose in (0.0, 2e6)]
    rows = mesa.batch_run(
        Watched, {"params": values}, rng=[1, 2], max_steps=3, display_progress=False
    )
    assert [row["cells"] > 0 for row in rows if row["Step"] == 3.0 and row["kind"] == "b_cell"]
    by_run = {row["RunId"]: row["cells"] for row in rows}
    assert len(by_run) == 4 and [cells > 0 for cells in by_run.values()].count(False) == 2


def test_a_batch_that_cannot_be_is_refused(monkeypatch):
    monkeypatch.setattr(multiprocessing, "set_start_method", lambda *args, **kwargs: None)
    batch = {"max_steps": 1, "display_progress": False}
    with pytest.raises(TypeError, match="in mesa.batch_run, a list"):  # parameters are iterable
        mesa.batch_run(TumorTCellModel, {"params": load(SCENARIO)}, **batch)
    with pytest.raises(AttributeError, match="DataCollector"):
        mesa.batch_run(TumorTCellModel, {"params": [load(SCENARIO)]}, **batch)


class Diary(TumorTCellModel):
    """A patient whose days are noted."""

    def __init__(self, params, rng=None):
        self.days = []
        super().__init__(params, rng=rng)

    def step(self):
        self.days.append((self.time, self.steps))


def test_each_day_comes_to_whoever_waits_for_it():
    """To `step`, to an observer of the time and to a series; without them it is only counted."""
    diary = Diary(load(SCENARIO), rng=1)
    diary.run_until(2.5)
    diary.run_until(4.0)
    assert diary.days == [(float(day), day) for day in range(1, 5)]
    model, seen = patient(2.5), []

    def note(signal):
        seen.append(signal.additional_kwargs["new"])

    assert model.steps == 2
    model.observe("time", "changed", note)
    model.run_until(6.2)
    assert {3.0, 4.0, 5.0, 6.0, 6.2} <= set(seen) and model.steps == 6
    daily, times = patient(2.5), []

    def look():
        times.append((daily.time, daily.steps))

    daily.schedule_recurring(look, Schedule(interval=1.0, start=3.0))
    daily.run_until(6.2)
    assert times == [(float(day), day) for day in range(3, 7)]
    plain = patient(2.5)
    plain.run_until(6.2)
    assert plain.steps == 6 and plain.series.equals(model.series)
    plain.step()
    assert (plain.time, plain.steps) == (7.2, 7)


def test_run_model_ends():
    model = TumorTCellModel(load(SCENARIO, {"time.days": 5}), rng=1)
    model.run_model()
    assert model.time == 5.0


@pytest.mark.parametrize("day", [np.nan, np.inf])
def test_no_day_is_no_end(day):
    with pytest.raises(ValueError, match="allowed: a finite number"):
        patient(0.0).run_until(day)


def test_what_recurs_or_draws_otherwise_is_not_saved(tmp_path):
    model = patient()
    model.schedule_recurring(model.outcomes, Schedule(interval=1.0, start=4.0))
    with pytest.raises(ValueError, match="recurs"):
        model.save(tmp_path / "a.npz")
    model = patient()
    model.rng = np.random.Generator(np.random.MT19937(1))
    with pytest.raises(ValueError, match="PCG64"):
        model.save(tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "values",
    [
        [1, 2],
        (1.0, 2.0),
        range(1, 3),
        np.array([1, 2]),
        np.array([1.0, 2.0], np.float32),
        pd.Series([1, 2]),
        pd.Index([1.0, 2.0]),
        [np.float64(1), np.int64(2)],
        {"linspace": np.array([1, 2, 2])},
    ],
    ids=repr,
)
def test_arrays_series_and_ranges_are_axes(values):
    sweep = load_sweep(SCENARIO, {DOSE: values})
    assert sweep.axes == {DOSE: (1.0, 2.0)}
    with pytest.raises(InputError, match="allowed: one value"):
        load(SCENARIO, {DOSE: values})


def test_numbers_of_numpy_are_values():
    given = {DOSE: np.float32(2), "product.divisions": np.array(3), "care.anakinra": np.bool_(True)}
    params = load(SCENARIO, given)
    found = [params.get(key) for key in given]
    assert found == [2.0, 3, True] and [type(value) for value in found] == [float, int, bool]

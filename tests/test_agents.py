"""The agents and the marrow as Mesa users see them: agent sets, DataCollector, property layers."""

import math
from collections import Counter

import mesa
import numpy as np
import pandas as pd
import pytest
from mesa.agentset import AbstractAgentSet

from tcellabm import TumorTCellModel, load

SMALL = {"marrow.rows": 2, "marrow.cols": 3}
SMALL_BIOPSY = {
    "marrow.rows": 20,
    "marrow.cols": 30,
    "resolution.represented_fraction": 5e-9,
    "patient.leukemic_burden": 5e11,
    "product.dose_cells_per_kg": 1e9,
    "product.killing": 0.1,
    "myeloid.pool_cells": 1e12,
    "lymphodepletion.given": False,
}
COUNTED = ["leukemia", "car_t", "b_cell", "myeloid"]
FIELDS = ["il6", "il1", "il2", "ifng"]
DENSITIES = ["leukemia", "car_t", "b_cell", "myeloid_activated"]


def patient():
    return TumorTCellModel(load("scenarios/kymriah.toml", SMALL), rng=1)


def biopsy():
    return TumorTCellModel(load("scenarios/biopsy.toml", SMALL_BIOPSY), rng=1)


@pytest.fixture(scope="module", params=[patient, biopsy])
def model(request):
    """A whole body and a biopsy on day 6; not to be changed."""
    made = request.param()
    made.run_until(6)
    return made


# --- the agent set --------------------------------------------------------------------------------


def test_agents_are_a_mesa_agent_set_of_living_groups(model):
    agents = model.agents
    assert isinstance(agents, AbstractAgentSet)
    assert len(agents) == len(list(agents)) == len(agents.to_list()) > 20
    assert agents.model is model


def test_views_carry_what_a_cell_is(model):
    last_site = model.params.marrow.rows * model.params.marrow.cols
    rungs = set(model.tissue.rungs.tolist())
    for agent in model.agents:
        assert agent.model is model
        assert type(agent.unique_id) is int
        assert type(agent.count) is int
        assert agent.count >= 1
        assert agent.kind in COUNTED
        assert 0 <= agent.site <= last_site
        phenotypes = {"memory", "effector", "exhausted"} if agent.kind == "car_t" else {""}
        assert agent.phenotype in phenotypes
        assert 0 <= agent.divisions_left <= model.params.product.divisions
        if agent.kind != "car_t":
            assert agent.divisions_left == 0
        if agent.kind in ("leukemia", "b_cell"):
            assert agent.antigen in rungs
        else:
            assert agent.antigen == 0.0
        clone = "cd19_positive" if agent.antigen else "cd19_negative"
        assert agent.clone == (clone if agent.kind == "leukemia" else "")
        assert agent.activation in ({"resting", "activated"} if agent.kind == "myeloid" else {""})


def test_unique_ids_are_unique_and_never_used_again():
    model, before, gone = patient(), set(), set()
    for day in range(8):
        model.run_until(day)
        ids = model.agents.get("unique_id")
        assert len(set(ids)) == len(ids)
        assert not gone & set(ids)
        gone |= before - set(ids)
        before = set(ids)
    assert gone


def test_counts_of_agents_add_up_to_the_cells_of_every_kind(model):
    cells = Counter()
    for agent in model.agents:
        cells[agent.kind] += agent.count
    assert {kind: cells[kind] for kind in COUNTED} == model.counts()
    assert model.agents.agg("count", sum) == sum(model.counts().values())
    assert model.agents.agg("count", [min, max]) == [
        min(model.agents.get("count")),
        max(model.agents.get("count")),
    ]


def test_columns_are_read_without_views(model):
    agents = model.agents
    assert agents.get("count") == [agent.count for agent in agents]
    pairs = agents.get(["unique_id", "site"])
    assert pairs == [[agent.unique_id, agent.site] for agent in agents]
    assert agents.get("model") == [model] * len(agents)


def test_an_attribute_that_agents_lack_is_an_error_unless_a_default_is_asked_for(model):
    with pytest.raises(AttributeError, match="mood"):
        model.agents.get("mood")
    assert set(model.agents.get("mood", handle_missing="default", default_value=7)) == {7}


def test_select_takes_a_condition_a_number_or_a_share(model):
    agents = model.agents
    car_t = agents.select(lambda agent: agent.kind == "car_t")
    assert isinstance(car_t, AbstractAgentSet)
    assert car_t.agg("count", sum) == model.counts()["car_t"]
    assert set(car_t.get("kind")) == {"car_t"}
    assert len(agents.select(at_most=5)) == 5
    assert len(agents.select(at_most=0.5)) == len(agents) // 2
    assert len(car_t.select(lambda agent: agent.count > 0, at_most=1)) == 1
    assert len(agents.select()) == len(agents)
    assert len(agents.select(agent_type=mesa.Agent)) == 0
    assert len(agents.select(lambda agent: False)) == 0


def test_groupby_splits_by_an_attribute_or_a_function(model):
    groups = model.agents.groupby("kind")
    found = {kind: part.agg("count", sum) for kind, part in groups}
    assert found == {kind: cells for kind, cells in model.counts().items() if cells}
    assert groups.agg("count", sum) == found
    blood = model.params.marrow.rows * model.params.marrow.cols
    sizes = model.agents.groupby(lambda agent: agent.site == blood, result_type="list").count()
    assert sum(sizes.values()) == len(model.agents)


def test_sort_and_shuffle_keep_every_agent(model):
    ids = sorted(model.agents.get("unique_id"))
    counts = model.agents.sort("count", ascending=True).get("count")
    assert counts == sorted(counts)
    counts = model.agents.sort(lambda agent: agent.count).get("count")
    assert counts == sorted(counts, reverse=True)
    shuffled = model.agents.shuffle().get("unique_id")
    assert sorted(shuffled) == ids
    assert shuffled != model.agents.get("unique_id")


def test_do_and_map_reach_every_agent(model):
    seen = []
    agents = model.agents
    assert agents.do(lambda agent, list_: list_.append(agent.unique_id), seen) is agents
    assert seen == agents.get("unique_id")
    seen.clear()
    assert agents.shuffle_do(lambda agent: seen.append(agent.unique_id)) is agents
    assert sorted(seen) == sorted(agents.get("unique_id"))
    assert agents.map(lambda agent, factor: agent.count * factor, 2) == [
        2 * count for count in agents.get("count")
    ]
    assert agents.map("__repr__") == [repr(agent) for agent in agents]


def test_membership_goes_by_unique_id(model):
    first = next(iter(model.agents))
    assert first in model.agents
    assert first not in model.agents.select(lambda agent: agent.unique_id != first.unique_id)
    assert 5 not in model.agents


def test_agents_of_an_empty_patient_are_an_empty_set():
    nothing = {
        "patient.leukemic_burden": 0,
        "lymphodepletion.b_cells_left": 0,
        "myeloid.pool_cells": 0,
    }
    agents = TumorTCellModel(load("scenarios/kymriah.toml", nothing), rng=1).agents
    assert len(agents) == 0
    assert list(agents) == agents.get("count") == list(agents.groupby("kind")) == []
    assert agents.agg("count", sum) == 0


# --- read-only ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.agents.add(next(iter(model.agents))),
        lambda model: model.agents.remove(next(iter(model.agents))),
        lambda model: model.agents.discard(next(iter(model.agents))),
        lambda model: model.agents.set("count", 0),
        lambda model: model.agents.clear(),
        lambda model: model.agents.pop(),
        lambda model: model.agents.select(lambda agent: True, inplace=True),
        lambda model: model.agents.shuffle(inplace=True),
        lambda model: model.agents.sort("count", inplace=True),
        lambda model: setattr(next(iter(model.agents)), "count", 0),
        lambda model: setattr(model, "agents", []),
    ],
    ids=["add", "remove", "discard", "set", "clear", "pop"]
    + ["select", "shuffle", "sort", "view", "assign"],
)
def test_cells_cannot_be_changed_from_outside(model, change):
    before = model.agents.get(["unique_id", "count"])
    with pytest.raises((TypeError, AttributeError)):
        change(model)
    assert model.agents.get(["unique_id", "count"]) == before


def test_a_set_shows_one_moment():
    model = patient()
    model.run_until(2)
    agents = model.agents
    before = agents.get(["unique_id", "count", "site"])
    model.run_until(5)
    assert agents.get(["unique_id", "count", "site"]) == before
    assert model.agents.get(["unique_id", "count", "site"]) != before


def test_reading_columns_hands_out_copies():
    model = patient()
    model.run_until(2)
    before = model.counts()
    counts = model.agents.get("count")
    counts[:] = [0] * len(counts)
    assert model.agents.agg("count", sum) == sum(before.values())


# --- DataCollector --------------------------------------------------------------------------------


def test_data_collector_gives_full_frames():
    model = patient()
    collector = mesa.DataCollector(
        model_reporters={
            "agents": lambda m: len(m.agents),
            "cells": lambda m: m.agents.agg("count", sum),
            "day": "time",
        },
        agent_reporters={"count": "count", "kind": "kind", "twice": lambda a: 2 * a.count},
    )
    days, ids = (0, 1, 2, 5), []
    for day in days:
        model.run_until(day)
        collector.collect(model)
        ids.append(model.agents.get("unique_id"))
    body, groups = collector.get_model_vars_dataframe(), collector.get_agent_vars_dataframe()
    assert body["day"].tolist() == list(days)
    assert body["agents"].tolist() == [len(each) for each in ids]
    assert groups.index.names == ["Step", "AgentID"]
    assert groups.index.tolist() == [
        (d, i) for d, each in zip(days, ids, strict=True) for i in each
    ]
    assert groups["count"].groupby("Step").sum().tolist() == body["cells"].tolist()
    assert (groups["twice"] == 2 * groups["count"]).all()
    assert groups.loc[5].groupby("kind")["count"].sum().to_dict() == {
        kind: cells for kind, cells in model.counts().items() if cells
    }
    assert not groups.isna().any(axis=None)
    assert isinstance(groups, pd.DataFrame)


# --- property layers ------------------------------------------------------------------------------


def test_property_layers_are_the_arrays_that_kernels_write():
    for model in (patient(), biopsy()):
        layers = {name: getattr(model.grid, name).data for name in FIELDS + DENSITIES}
        before = {name: data.copy() for name, data in layers.items()}
        model.run_until(4)
        for name, data in layers.items():
            assert data.shape == (model.params.marrow.rows, model.params.marrow.cols)
            assert data is getattr(model.grid, name).data
            assert np.shares_memory(data, model.tissue.marrow.field(name))
            assert not np.array_equal(data, before[name])
        for name, written in zip(FIELDS, model.tissue.marrow.fields, strict=True):
            assert np.shares_memory(layers[name], written)
        for name, written in zip(DENSITIES, model.tissue.marrow.densities, strict=True):
            assert np.shares_memory(layers[name], written)


def test_densities_agree_with_agents(model):
    marrow = model.params.marrow
    shape, voxels = (marrow.rows, marrow.cols), marrow.rows * marrow.cols
    body = model.patient.weight_kg / marrow.reference_weight_kg
    simulated = marrow.capacity_cells * body * model.params.resolution.represented_fraction
    voxel_ul = simulated / marrow.cells_per_ul / voxels
    cells = {name: np.zeros(voxels + 1) for name in DENSITIES}
    for agent in model.agents:
        name = agent.kind if agent.kind != "myeloid" else f"myeloid_{agent.activation}"
        if name in cells:
            cells[name][agent.site] += agent.count
    for name, expected in cells.items():
        found = getattr(model.grid, name).data
        np.testing.assert_allclose(found, (expected[:-1] / voxel_ul).reshape(shape), rtol=1e-12)


def test_layers_are_right_from_the_start():
    model = patient()
    assert model.grid.leukemia.data.sum() > 0
    for name in FIELDS:
        baseline = getattr(model.params.cytokines, name).baseline_pg_per_ml
        assert (getattr(model.grid, name).data == baseline).all()


def test_the_grid_is_a_mesa_grid_whose_cells_read_the_layers(model):
    assert isinstance(model.grid, mesa.discrete_space.OrthogonalVonNeumannGrid)
    assert not model.grid.torus
    cell = model.grid[(1, 2)]
    assert cell.leukemia == model.grid.leukemia.data[1, 2]
    assert math.isfinite(cell.il6)

"""Time of what every run and every Dask task does with parameters."""

import pickle

from tcellabm.params import load


def test_load(benchmark):
    assert benchmark(load, "scenarios/kymriah.toml").care.policy == "label"


def test_pickle_and_unpickle(benchmark):
    params = load("scenarios/kymriah.toml")
    assert benchmark(lambda: pickle.loads(pickle.dumps(params))) == params


def test_resolved(benchmark):
    assert benchmark(load("scenarios/kymriah.toml").resolved)["care.policy"] == "label"

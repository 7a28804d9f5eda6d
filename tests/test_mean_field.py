"""The package against its mean field, and against itself at half the tick."""

import functools
from pathlib import Path

import numpy as np
import pytest
from mean_field import MeanField

from tcellabm import TumorTCellModel, load

SCENARIO = Path(__file__).parents[1] / "params" / "scenarios" / "kymriah.toml"
DAYS = (7.0, 14.0, 21.0, 28.0)
COLUMNS = {
    "leukemia": ["leukemia_cd19_positive", "leukemia_cd19_negative"],
    "b_cell": ["b_cell"],
    "car_t": ["car_t_memory", "car_t_effector", "car_t_exhausted"],
    "myeloid_activated": ["myeloid_activated"],
}
UNLIMITED = {
    "product.divisions": 1000,
    "care.policy": "none",
    "physiology.crs_death_per_day": 0.0,
    "physiology.progression_death_per_day": 0.0,
    "marrow.rows": 1,
    "marrow.cols": 1,
    "resolution.agents_per_population": 64,
}
# A body full of leukemia that the product holds but does not clear: no kind ever is few.
LARGE = {
    "patient.leukemic_burden": 4e11,
    "product.killing": 0.5,
    "product.fitness": 0.9,
}
SEEDS = (1, 2, 3)
SHORT_TICKS = 6  # 1/64 d, where what ticks do is below the tolerance
TOLERANCE = 0.02


def run(settings, seed=1, halvings=None):
    """Return the model on day 28, at the usual tick or after `halvings`."""
    ticks = {} if halvings is None else dict.fromkeys(TICKS, halvings)
    model = TumorTCellModel(load(SCENARIO, UNLIMITED | settings | ticks), rng=seed)
    model.run_until(DAYS[-1])
    return model


TICKS = ("time.tick_halvings", "time.slow_tick_halvings")


def series(model):
    """Return the cells of each kind by day."""
    table = model.series.set_index("day")
    return {kind: table[columns].sum(axis=1) for kind, columns in COLUMNS.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_large_populations_follow_the_mean_field(seed):
    model = run(LARGE, seed, SHORT_TICKS)
    expected = MeanField(model.params).solve(DAYS)
    for kind, cells in series(model).items():
        assert cells[list(DAYS)].to_numpy() == pytest.approx(expected[kind], rel=TOLERANCE), kind

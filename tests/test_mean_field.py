"""The package against its mean field, and against itself at half the tick."""

from pathlib import Path

import numpy as np
import pytest
from mean_field import MeanField

from tcellabm import TumorTCellModel, load

SCENARIO = Path(__file__).parents[1] / "params" / "scenarios" / "kymriah.toml"
KINDS = {
    "leukemia": ["leukemia_cd19_positive", "leukemia_cd19_negative"],
    "b_cell": ["b_cell"],
    "car_t": ["car_t_memory", "car_t_effector", "car_t_exhausted"],
    "myeloid_activated": ["myeloid_activated"],
}
TICKS = ("time.tick_halvings", "time.slow_tick_halvings")
UNLIMITED = {
    "product.divisions": 1000,
    "care.policy": "none",
    "physiology.crs_death_per_day": 0.0,
    "physiology.progression_death_per_day": 0.0,
    "marrow.rows": 1,
    "marrow.cols": 1,
    "resolution.agents_per_population": 64,
}
# Leukemia that the product holds but does not clear: cells of no kind become few.
HELD = {"patient.leukemic_burden": 4e11, "product.killing": 0.2}
# A great part of the leukemia in its niche, from which it comes back within weeks.
HIDDEN = {"patient.niche_fraction": 0.3, "leukemia.niche_exit_per_day": 0.04}
OTHERS = {
    "hidden": HIDDEN,
    "rejecting": {"patient.anti_car_response": 1e6, "rejection.loss_per_day": 0.2},
    "undepleted": {"lymphodepletion.given": False},
    "small": {"patient.weight_kg": 12.0, "patient.leukemic_burden": 1.2e11},
    "loosely bound": {"product.affinity": 3.0, "encounter.exhaustion_affinity_exponent": 0.5},
}
CLEARED = {
    "patient.leukemic_burden": 1.5e11,
    "product.killing": 4.0,
    "product.fitness": 1.0,
}
SLOW = {"patient.leukemic_burden": 1.5e11, "product.killing": 1.0, "product.fitness": 0.9}
DOSE = {"patient.weight_kg": 40.0, "product.dose_cells_per_kg": 3e6}
# Ticks, as halvings of a day: the usual one, half of it, and one too short to matter.
USUAL, HALF, SHORT = 3, 4, 6
TOLERANCE = 0.02
RUNS = 12


def run(settings, seed, halvings):
    """Return the model on day 28, and the cells of each kind by day."""
    ticks = dict.fromkeys(TICKS, halvings)
    model = TumorTCellModel(load(SCENARIO, UNLIMITED | settings | ticks), rng=seed)
    model.run_until(28.0)
    table = model.series.set_index("day")
    return model, {kind: table[columns].sum(axis=1) for kind, columns in KINDS.items()}


def over_mean_field(settings, seed, halvings, days):
    """Return cells over those of the mean field, by kind: shape (days,)."""
    model, cells = run(settings, seed, halvings)
    expected = MeanField(model.params).solve(days)
    return {kind: cells[kind][days].to_numpy() / expected[kind] for kind in KINDS}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_large_populations_follow_the_mean_field(seed):
    assert_mean_field(HELD, seed)


@pytest.mark.parametrize("other", OTHERS)
def test_patients_of_other_kinds_follow_the_mean_field(other):
    assert_mean_field(HELD | OTHERS[other], 1)


def assert_mean_field(settings, seed):
    ratios = over_mean_field(settings, seed, SHORT, [7.0, 14.0, 21.0, 28.0])
    for kind, ratio in ratios.items():
        assert ratio == pytest.approx(1.0, rel=TOLERANCE), kind


def test_small_populations_scatter_about_it():
    """Where 1/100 of the cells are, the scatter is tenfold and the mean the same."""
    scatter = {}
    for fraction in (1e-5, 1e-3):  # 360 and 36 000 cells engraft
        settings = HELD | DOSE | {"resolution.represented_fraction": fraction}
        ratios = [over_mean_field(settings, seed, USUAL, [7.0])["car_t"] for seed in range(RUNS)]
        scatter[fraction] = np.std(ratios, ddof=1)
        shift = abs(np.mean(ratios) - 1.0)
        assert shift < 5.0 * scatter[fraction] / np.sqrt(RUNS) + TOLERANCE
    assert 5.0 < scatter[1e-5] / scatter[1e-3] < 20.0


@pytest.mark.parametrize("patient", [HELD, CLEARED, SLOW], ids=["held", "cleared", "slow"])
def test_half_the_tick_moves_nothing(patient):
    usual, half = (summary(run(patient, 1, halvings)[1]) for halvings in (USUAL, HALF))
    assert half == pytest.approx(usual, rel=TOLERANCE)


def summary(cells):
    """Return the peak and exposure of CAR T cells, and the leukemia left on day 7."""
    car_t = cells["car_t"]
    return {
        "cmax": car_t.max(),
        "auc_0_28": np.trapezoid(car_t, car_t.index),
        "leukemia_7": cells["leukemia"][7.0],
    }

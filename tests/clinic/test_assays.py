"""What a blood draw and a marrow aspirate see, and when they are taken."""

import math

import numpy as np
import pytest
from kernels.lab import assert_close

from tcellabm import TumorTCellModel
from tcellabm.clinic import assays
from tcellabm.kernels import layout
from tcellabm.kernels.course import copies_of, copies_per_ug
from tcellabm.params import load

ASSAY = {
    "assay.cells_per_ug": 1.5e5,
    "assay.marrow_cells_counted": 500,
    "assay.flow_events": 500_000,
    "assay.circulating_blasts_per_ul": 50.0,
    "assay.cytometer_limit_molecules": 500.0,
    "assay.normal_marrow_start_share": 0.3,
    "assay.normal_marrow_end_share": 1.0,
    "assay.normal_marrow_recovery_days": 42.0,
    "product.copies_per_cell": 2.0,
}
PARAMS = load(None, ASSAY)
SCENARIO = "scenarios/kymriah.toml"
SAMPLE = {
    "patient.white_cell_nadir_per_ul": 500.0,
    "patient.weight_kg": 40.0,
    "patient.leukemic_burden": 1e6,
}
RUNGS = np.array([0.0, 100.0, 499.0, 500.0, 6000.0])
NOBODY = (0, 0, 0, 0, 0)


def marrow(blasts=NOBODY, others=0, capacity=0.0, in_blood=0.0):
    return assays.Marrow(np.array(blasts), RUNGS, others, capacity, in_blood)


def aspirate(seen, day=28.0, seed=1):
    return assays.assess(day, seen, PARAMS, np.random.default_rng(seed))


def days_from(next_day, start, times):
    days = [start]
    for _ in range(times):
        days.append(next_day(days[-1]))
    return days


def test_blood_is_drawn_often_for_a_month_and_monthly_after():
    assert days_from(assays.next_draw, 0.0, 7) == [0, 1, 4, 7, 11, 14, 21, 28]
    later = days_from(assays.next_draw, 28.0, 24)
    assert set(np.diff(later[1:])) == {30.0} and 28 < later[1] - later[0] <= 32


def test_marrow_is_assessed_monthly_for_a_year_and_quarterly_after():
    days = days_from(assays.next_assessment, 0.0, 16)
    assert days[1:4] == [28, 60, 90]
    assert days[3:13] == [90 + 30 * i for i in range(10)]
    assert days[12:] == [360, 450, 540, 630, 720]


@pytest.mark.parametrize("schedule", [assays.next_draw, assays.next_assessment])
def test_schedules_move_on_from_any_day(schedule):
    """From an unscheduled look too: the next planned day is later, and the first such."""
    planned = days_from(schedule, 0.0, 40)[1:]
    for day in np.arange(0.0, 700.0, 0.5):
        assert schedule(day) == min(p for p in planned if p > day)


@pytest.mark.parametrize(
    ("car_t", "white", "copies"),
    [(0, 500, 0.0), (500, 500, 1.5e5), (100, 4900, 6000.0), (10, 0, 3e5), (0, 0, 0.0)],
)
def test_copies_per_ug_follow_the_share_of_white_cells(car_t, white, copies):
    per_share = PARAMS.assay.cells_per_ug * PARAMS.product.copies_per_cell
    assert copies_of(car_t, white, per_share) == pytest.approx(copies)


@pytest.mark.parametrize(
    ("blasts", "b_cells", "copies"),
    [(0, 0, 5e4), (400, 0, 3e4), (0, 400, 3e4), (300, 100, 3e4)],
)
def test_the_dna_of_a_sample_is_that_of_blasts_and_b_cells_too(blasts, b_cells, copies):
    """100 CAR T cells among 500 white cells/uL: a sixth of 3e5, with 400 others a tenth."""
    model = TumorTCellModel(load(SCENARIO, ASSAY | SAMPLE), rng=1)
    state, rules = model.tissue.state, model.course.rules
    state.blood[:] = 0
    found = {layout.EFFECTOR: 100, layout.B_CELL: b_cells, layout.LEUKEMIA + 5: blasts}
    for which, per_ul in found.items():
        state.blood[which] = round(per_ul * rules.blood.ul)
    assert copies_per_ug(state, 0.0, rules) == pytest.approx(copies)


def test_normal_marrow_returns_over_six_weeks():
    shares = [assays.normal_marrow(day, 1000.0, PARAMS) for day in (-3, 0, 21, 42, 300)]
    assert shares == pytest.approx([300, 300, 650, 1000, 1000])


def test_blasts_are_counted_among_all_nucleated_cells():
    seen = marrow((10, 0, 0, 30, 60), others=200, capacity=1000.0)
    assert assays.blast_share(0.0, seen, PARAMS) == pytest.approx(100 / 600)
    assert assays.blast_share(42.0, seen, PARAMS) == pytest.approx(100 / 1300)
    assert assays.blast_share(0.0, marrow(), PARAMS) == 0.0


def test_an_aspirate_counts_with_the_error_of_its_sample():
    """Binomial of 500 cells on a smear, of 500 000 in the cytometer; catches 5 SE in both."""
    seen = marrow((0, 0, 0, 0, 200), others=1800)
    found = [aspirate(seen, seed=seed) for seed in range(2000)]
    for name, counted in (("blast_share", 500), ("mrd", 500_000)):
        shares = np.array([getattr(one, name) for one in found])
        error = math.sqrt(0.1 * 0.9 / counted)
        assert_close(shares.mean(), 0.1, error / math.sqrt(2000))
        assert_close(shares.std(), error, error / math.sqrt(4000))
        assert np.allclose(shares * counted, np.round(shares * counted))


def test_an_aspirate_finds_nothing_where_nothing_is():
    seen = aspirate(marrow(others=1000))
    assert (seen.blast_share, seen.mrd, seen.circulating) == (0.0, 0.0, False)


@pytest.mark.parametrize(("in_blood", "seen"), [(49.9, False), (50.0, True)])
def test_blasts_circulate_from_a_count_on(in_blood, seen):
    assert aspirate(marrow(in_blood=in_blood)).circulating is seen


@pytest.mark.parametrize(
    ("blasts", "negative"),
    [
        ((10, 0, 0, 0, 9), True),
        ((0, 5, 5, 0, 9), True),  # dim ones look negative to the cytometer
        ((0, 0, 0, 10, 0), False),  # at its limit they are seen
        ((5, 0, 0, 0, 5), False),  # half is not most
        (NOBODY, False),
    ],
)
def test_a_leukemia_is_cd19_negative_if_the_cytometer_misses_most_of_it(blasts, negative):
    assert aspirate(marrow(blasts, others=50)).mostly_cd19_negative is negative

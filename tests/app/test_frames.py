"""Pictures: dots stand for cells, one for one when there are few; a picture is of one moment."""

import numpy as np
import pytest

from tcellabm import TumorTCellModel, load
from tcellabm.app import frames
from tcellabm.app.frames import KINDS, POPULATIONS, cells_by_tile, cells_per_dot, picture
from tcellabm.kernels.bedside import reached

SMALL = {"marrow.rows": 6, "marrow.cols": 5, "resolution.agents_per_population": 16}
TINY = {"patient.leukemic_burden": 40.0, "patient.cd19_negative_fraction": 0.3}


def patient(day=0.0, **keys):
    model = TumorTCellModel(load("scenarios/kymriah.toml", {**SMALL, **keys}), rng=7)
    model.run_until(day)
    return model


def dots_of(model, taken):
    voxels = model.tissue.marrow.voxels
    flat = np.frombuffer(taken.pixels, np.uint8)
    return flat[: len(frames.DRAWN) * voxels].reshape(len(frames.DRAWN), voxels)


@pytest.mark.parametrize("day", [0.0, 6.0, 20.0])
def test_dots_times_cells_per_dot_come_to_the_cells(day):
    model = patient(day)
    taken = picture(model)
    dots, cells = dots_of(model, taken), cells_by_tile(model)
    for name, kinds in POPULATIONS.items():
        for kind in kinds:
            shown = int(dots[kind].sum())
            expected = cells[kind].sum() / taken.facts["per_dot"][name]
            # the fixed thresholds are spread evenly: what is left over rounds within a few dots
            assert abs(shown - expected) <= 3.0 + 0.02 * expected


def test_few_cells_are_drawn_cell_by_cell():
    model = patient(**TINY)
    taken = picture(model)
    assert taken.facts["per_dot"]["leukemia"] == 1
    assert np.array_equal(dots_of(model, taken)[:2], cells_by_tile(model)[:2])
    assert taken.facts["cells"]["leukemia_cd19_negative"] > 0


def test_counts_are_those_of_the_model():
    model = patient(6.0)
    facts, counts = picture(model).facts, model.counts()
    sums = {
        "leukemia": ("leukemia_cd19_positive", "leukemia_cd19_negative"),
        "car_t": ("car_t_memory", "car_t_effector", "car_t_exhausted"),
        "b_cell": ("b_cell",),
        "myeloid": ("myeloid_resting", "myeloid_activated"),
    }
    assert {name: sum(facts["cells"][k] for k in kinds) for name, kinds in sums.items()} == counts


def injure(model, injury):
    """Set the injury of the CNS, and note it in the chart."""
    course = model.course
    signs = course.now.signs._replace(icans=reached(injury, course.rules.cns.grade_injuries))
    course.now = course.now._replace(cns=course.now.cns._replace(injury=injury), signs=signs)
    course.note_row()


@pytest.mark.parametrize("grade", [0, 1, 2, 3, 4])
def test_icans_is_graded_and_from_grade_3_on_in_intensive_care(grade):
    model = patient(2.0)
    limits = model.params.neurotoxicity
    injure(model, getattr(limits, f"grade_{grade}_injury") if grade else 0.0)
    facts = picture(model).facts
    assert facts["grades"] == {"CRS": 0, "ICANS": grade} and not facts["edema"]
    assert facts["place"] == ("icu" if grade >= 3 else "ward" if grade else "near")


def test_the_worst_of_icans_is_cerebral_edema_then_death():
    model = patient(2.0)
    injure(model, model.params.neurotoxicity.edema_injury)
    facts = picture(model).facts
    assert facts["edema"] and facts["grades"]["ICANS"] == 4
    model.record.death_cause = "icans"
    assert picture(model).facts["grades"] == {"CRS": 0, "ICANS": 5}


def test_a_picture_stays_when_the_model_goes_on():
    model = patient(3.0)
    taken = picture(model)
    before = taken.pixels, dict(taken.facts["cells"])
    model.run_until(6.0)
    assert (taken.pixels, taken.facts["cells"]) == before
    assert picture(model).pixels != taken.pixels


def test_a_picture_does_not_change_the_model():
    looked, alone = patient(), patient()
    for day in (1.0, 2.0, 3.0):
        looked.run_until(day)
        picture(looked, 3)
    alone.run_until(3.0)
    assert looked.series.equals(alone.series)


@pytest.mark.parametrize("total", [0.0, 1.0, 249.0, 1e4, 1e8, 1e12])
def test_dots_of_a_population_never_flood_the_canvas(total):
    cells = np.zeros((len(KINDS), 4))
    cells[0] = total / 4
    each = cells_per_dot(cells, "leukemia")
    assert total / each <= frames.MOST_DOTS
    assert each == 1 or total / each >= 0.9 * frames.FEW_CELLS
    assert each == 1 or cells_per_dot(cells, "leukemia", detail=0.2) >= each


def test_the_smear_shows_what_is_there():
    model = patient()
    shown = picture(model, 0).facts["smear"]["shown"]
    assert 50 <= sum(shown) <= 70 and shown[0] > shown[5]
    assert picture(model, 10**9).facts["smear"]["voxel"] == model.tissue.marrow.voxels - 1


def test_glow_rises_with_the_cytokine():
    early, late = patient(0.0), patient(8.0)
    voxels = early.tissue.marrow.voxels
    glow = [np.frombuffer(picture(m).pixels, np.uint8)[-2 * voxels :].mean() for m in (early, late)]
    assert glow[1] > glow[0] + 30


def test_chart_rows_go_on_where_they_ended():
    model = patient(4.0)
    rows = frames.chart_rows(model, 0)
    assert np.array_equal(frames.chart_rows(model, 10), rows[10:])
    assert rows.dtype == np.float32 and rows.shape[1] == len(frames.CHART_COLUMNS)

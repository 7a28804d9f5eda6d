"""Pictures: dots stand for cells, one for one when there are few; a picture is of one moment."""

import numpy as np
import pytest

from tcellabm import TumorTCellModel, load
from tcellabm.app import frames
from tcellabm.app.flows import flows
from tcellabm.app.frames import cells_by_voxel, picture
from tcellabm.kernels.bedside import reached

SMALL = {"marrow.rows": 6, "marrow.cols": 5, "resolution.agents_per_population": 16}
WELL_MIXED = {"marrow.rows": 1, "marrow.cols": 1}


def patient(day=0.0, **keys):
    model = TumorTCellModel(load("scenarios/kymriah.toml", {**SMALL, **keys}), rng=7)
    model.run_until(day)
    return model


def cells_of(model, taken):
    voxels = model.tissue.marrow.voxels
    flat = np.frombuffer(taken.places, np.float32)
    return flat[: len(frames.DRAWN) * voxels].reshape(len(frames.DRAWN), voxels)


@pytest.mark.parametrize("day", [0.0, 6.0])
def test_a_picture_has_the_cells_of_each_voxel(day):
    model = patient(day)
    there = cells_of(model, picture(model))
    sizes, site = model.tissue.cells.count, model.tissue.cells.site
    used = int(model.tissue.cells.meta[0])
    resting = cells_by_voxel(model)[-1].sum()
    in_marrow = sizes[:used][site[:used] < model.tissue.marrow.voxels].sum()
    assert there.sum() + resting == pytest.approx(in_marrow, rel=1e-5)


def test_what_happens_is_what_the_model_does():
    model = patient(5.0, **WELL_MIXED)
    n, rates, step = model.counts()["leukemia"], flows(model), 0.25
    model.run_until(5.0 + step)
    gained, after = model.counts()["leukemia"] - n, flows(model)
    law, room = model.tissue.law.rates, float(model.tissue.state.sites.room[0])
    own = (law.leukemia_division * room - law.leukemia_death) * n
    # what is not their own growth is killing, at rates between those of the ends
    killed = own - gained / step
    assert 0.9 * rates["leukemia_killed"] < killed < 1.1 * after["leukemia_killed"]
    assert all(rate >= 0.0 for rate in rates.values())


def test_nothing_happens_without_car_t_cells():
    rates = flows(patient(2.0, **WELL_MIXED, **{"product.dose_cells_per_kg": 0.0}))
    assert set(rates.values()) == {0.0}


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
    before = taken.places, dict(taken.facts["cells"])
    model.run_until(6.0)
    assert (taken.places, taken.facts["cells"]) == before
    assert picture(model).places != taken.places


def test_a_picture_does_not_change_the_model():
    looked, alone = patient(), patient()
    for day in (1.0, 2.0, 3.0):
        looked.run_until(day)
        picture(looked, 3)
    alone.run_until(3.0)
    assert looked.series.equals(alone.series)


def test_the_smear_shows_what_is_there():
    model = patient()
    shown = picture(model, 0).facts["smear"]["shown"]
    assert 50 <= sum(shown) <= 70 and shown[0] > shown[5]
    assert picture(model, 10**9).facts["smear"]["voxel"] == model.tissue.marrow.voxels - 1


def test_glow_rises_with_the_cytokine():
    early, late = patient(0.0), patient(8.0)
    voxels = early.tissue.marrow.voxels
    parts = [np.frombuffer(picture(m).places, np.float32) for m in (early, late)]
    glow = [part[-2 * voxels :].mean() for part in parts]
    assert glow[1] > glow[0] + 0.1


def test_chart_rows_go_on_where_they_ended():
    model = patient(4.0)
    rows = frames.chart_rows(model, 0)
    assert np.array_equal(frames.chart_rows(model, 10), rows[10:])
    assert rows.dtype == np.float32 and rows.shape[1] == len(frames.CHART_COLUMNS)

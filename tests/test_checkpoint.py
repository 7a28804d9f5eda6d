"""Saving a patient and going on: bit for bit the same, or one clear refusal."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from tcellabm import InputError, TumorTCellModel, load

SCENARIO = "params/scenarios/kymriah.toml"
DAY, END = 5.3, 20.0


def state_of(model):
    """Return all that could differ between two models that should be one."""
    queue = sorted(event for event in model._event_list._events if not event.CANCELED)
    return {
        "outcomes": json.dumps(model.outcomes()),
        "series": model.series.to_csv(),
        "rng": json.dumps(model.rng.bit_generator.state),
        "random": model.random.getstate(),
        "queue": [(event.time, event.priority, event.fn().__name__) for event in queue],
        "counts": model.counts(),
        "clock": (model.time, model.steps, model.running),
        "cells": model.agents.get(["unique_id", "count", "site"]),
        "treatments": model.treatments,
        "layers": {name: x.data.tolist() for name, x in model.tissue.marrow.layers.items()},
    }


@pytest.fixture
def patient():
    model = TumorTCellModel(load(SCENARIO, {"product.dose_cells_per_kg": 2e6}), rng=3)
    model.give("tocilizumab", at=7.0)
    model.give("corticosteroid", at=7.0)
    model.run_until(DAY)
    return model


def restored(model, folder):
    model.save(folder / "model.npz")
    return TumorTCellModel.restore(folder / "model.npz")


def test_a_restored_patient_is_the_same_and_stays_so(patient, tmp_path):
    twin = restored(patient, tmp_path)
    assert state_of(twin) == state_of(patient)
    assert twin.params == patient.params
    assert twin.params.resolved() == patient.params.resolved()
    assert twin.patient == patient.patient
    assert (twin.run_id, twin.seed) == (patient.run_id, patient.seed)
    for model in (patient, twin):
        model.run_until(END)
    assert state_of(twin) == state_of(patient)


def test_saving_again_and_again_changes_nothing(patient, tmp_path):
    twin = patient.fork()
    for day in (5.5, 7.0, 7.5, 12.0):
        twin.run_until(day)
        twin = restored(twin, tmp_path)
    for model in (patient, twin):
        model.run_until(END)
    assert state_of(twin) == state_of(patient)


@pytest.mark.parametrize("day", [0.0, 7.0])
def test_events_of_equal_time_keep_their_order(patient, tmp_path, day):
    model = patient if day else TumorTCellModel(load(SCENARIO), rng=3)
    for _ in range(3):
        model.give("tocilizumab", at=day or 0.5)
        model.give("car_t", at=day or 0.5, cells=1e6)
    twin = restored(model, tmp_path)
    for each in (model, twin):  # more that is ordered now comes after
        each.give("corticosteroid", at=day or 0.5)
        each.run_until(8.0)
    assert [name for _, name in twin.treatments] == [name for _, name in model.treatments]
    assert state_of(twin) == state_of(model)


def test_one_grown_patient_forks_into_many_treatments(patient, tmp_path):
    patient.save(tmp_path / "grown.npz")
    ends = []
    for treatment in ("tocilizumab", "corticosteroid"):
        arm = TumorTCellModel.restore(tmp_path / "grown.npz")
        assert arm.rng is arm.tissue.rng
        arm.give(treatment)
        arm.fork().run_until(END)  # disturbs nobody
        twin = patient.fork()
        twin.give(treatment)
        for model in (arm, twin):
            model.run_until(END)
        assert state_of(arm) == state_of(twin)
        ends.append(state_of(arm)["series"])
    assert ends[0] != ends[1]
    again = TumorTCellModel.restore(tmp_path / "grown.npz").fork(rng=9)
    again.run_until(END)
    assert again.series.to_csv() not in ends


def test_another_process_goes_on_as_this_one(patient, tmp_path):
    patient.save(tmp_path / "model.npz")
    code = (
        "import sys, tcellabm; model = tcellabm.TumorTCellModel.restore(sys.argv[1]);"
        "model.run_until(float(sys.argv[2])); print(model.series.to_csv(), end='')"
    )
    place = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.npz"), str(END)],
        env=os.environ | place,
        capture_output=True,
        text=True,
        check=True,
    )
    patient.run_until(END)
    assert done.stdout == patient.series.to_csv()


def test_a_biopsy_and_the_dead_are_restored_too(tmp_path):
    tiny = {"marrow.rows": 8, "marrow.cols": 8, "resolution.represented_fraction": 5e-10}
    biopsy = TumorTCellModel(load("params/scenarios/biopsy.toml", tiny), rng=1)
    biopsy.run_until(2)
    dead = TumorTCellModel(
        load(
            SCENARIO,
            {
                "patient.leukemic_burden": 9e11,
                "product.dose_cells_per_kg": 0,
                "physiology.progression_death_per_day": 1.0,
            },
        ),
        rng=1,
    )
    dead.run_until(365)
    assert not dead.running
    for model, end in ((biopsy, 4), (dead, 400)):
        twin = restored(model, tmp_path)
        for each in (model, twin):
            each.run_until(end)
        assert state_of(twin) == state_of(model)


def test_nothing_in_the_file_is_pickled(patient, tmp_path):
    patient.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
        json.loads(file["header"].tobytes())


def refused(path):
    with pytest.raises(InputError) as caught:
        TumorTCellModel.restore(path)
    text = str(caught.value)
    assert len(text) <= 193 and text.isprintable()
    return text


def test_a_damaged_file_is_refused_or_whole(patient, tmp_path):
    path = tmp_path / "model.npz"
    patient.save(path)
    content, whole = path.read_bytes(), state_of(patient)
    for size in (0, 10, len(content) // 2, len(content) - 5):
        path.write_bytes(content[:size])
        refused(path)
    for place in range(0, len(content), len(content) // 60):
        broken = bytearray(content)
        broken[place] ^= 0x55
        path.write_bytes(broken)
        try:
            assert state_of(TumorTCellModel.restore(path)) == whole
        except InputError as error:
            assert len(str(error)) <= 193  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "no checkpoint"),
        ({"version": 99}, "version 99, .*allowed: 2"),
        ({"model_version": 0}, "model version 0"),
        ({"seed": "x"}, "damaged"),
        ({"state": {"tissue": {"number": 0, "class": "os:system", "state": {}}}}, "damaged"),
        (
            {"state": {"tissue": {"number": 0, "class": "tcellabm.model:np", "state": {}}}},
            "damaged",
        ),
    ],
)
def test_a_foreign_file_is_refused_by_name(patient, tmp_path, change, words):
    path = tmp_path / "model.npz"
    patient.save(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(arrays["header"].tobytes()) | change
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=words):
        TumorTCellModel.restore(path)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "missing.npz")
    (tmp_path / "text").write_text("hello")
    refused(tmp_path / "text")
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    assert "no checkpoint" in refused(tmp_path / "other.npz")
    np.save(tmp_path / "pickled.npy", np.array([{}], object), allow_pickle=True)
    refused(tmp_path / "pickled.npy")
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as file:
        file.writestr("a.txt", "hello")
    refused(tmp_path / "zip.npz")


def test_what_others_have_scheduled_cannot_be_saved(patient, tmp_path):
    table = pd.DataFrame()
    patient.schedule_event(table.info, at=9.0)
    with pytest.raises(ValueError, match="the model's methods"):
        patient.save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())

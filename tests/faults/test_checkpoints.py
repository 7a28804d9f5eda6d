"""Every edit of a checkpoint that no model could have written is refused, at once, in one line."""

import resource
import time

import numpy as np
import pytest
from faults import edits

from tcellabm import InputError, TumorTCellModel, load
from tcellabm.kernels.layout import IFNG

SECONDS = 5.0


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = TumorTCellModel(load("params/scenarios/kymriah.toml"), rng=3)
    model.give("tocilizumab", at=7.0)
    model.run_until(5.3)
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    model.save(path)
    return path


def fault(path):
    """Return why a file is not refused in one line, or not soon; empty if it is."""
    start = time.process_time()
    try:
        TumorTCellModel.restore(path)
        return "accepted"
    except InputError as error:
        text = str(error)
        if len(text) > 193 or not text.isprintable():
            return f"not one line: {text}"
    seconds = time.process_time() - start
    return f"took {seconds} s" if seconds > SECONDS else ""


def test_every_edited_header_is_refused(saved, tmp_path):
    header, arrays = edits.unpacked(saved)
    copies = [edits.edited(header, *edit) for edit in edits.VALUES]
    copies += [edits.lacking(header, where) for where in edits.GONE]
    names = [*edits.VALUES, *edits.GONE]
    found = {}
    for name, copy in zip(names, copies, strict=True):
        edits.write(tmp_path / "edited.npz", copy, arrays)
        if why := fault(tmp_path / "edited.npz"):
            found[str(name)] = why
    assert found == {}
    assert len(names) >= 250


def faults_of(saved, chosen, tmp_path):
    """Return why edits of arrays are not refused, by name."""
    header, arrays = edits.unpacked(saved)
    found = {}
    for edit in chosen:
        changed = edit({"more": arrays["body"]} | arrays if "more" in edit.__name__ else arrays)
        if "header" in edit.__name__:
            edits.np.savez(tmp_path / "edited.npz", **changed)
        else:
            edits.write(tmp_path / "edited.npz", header, changed)
        if why := fault(tmp_path / "edited.npz"):
            found[edit.__name__] = why
    return found


def test_every_edited_array_is_refused(saved, tmp_path):
    assert faults_of(saved, edits.ARRAYS, tmp_path) == {}


def test_cosine_modes_that_are_not_those_of_the_fields_are_refused(tmp_path):
    small = {"marrow.rows": 5, "marrow.cols": 7, "resolution.represented_fraction": 2.8e-10}
    many = {"product.dose_cells_per_kg": 1e9}
    model = TumorTCellModel(load("params/scenarios/biopsy.toml", small | many), rng=3)
    model.run_until(2.0)
    model.save(tmp_path / "model.npz")
    ifng = model.tissue.state.fields[IFNG]
    assert np.ptp(ifng) > 0.01 * ifng.mean()
    assert fault(tmp_path / "model.npz") == "accepted"
    assert faults_of(tmp_path / "model.npz", edits.MODES, tmp_path) == {}


def test_what_claims_to_be_large_is_refused_before_it_is_unpacked(saved, tmp_path):
    for name, content in edits.bombs(saved.read_bytes()):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (tmp_path / "bomb.npz").write_bytes(content)
        assert fault(tmp_path / "bomb.npz") == "", name
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, name

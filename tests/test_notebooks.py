"""What shows itself in a notebook, and the site's check of its links."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from tcellabm import TumorTCellModel, load
from tcellabm.analysis.shown import card
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.studies.run import PatientRecord
from tcellabm.experiments.studies.sweep import Work, sweep

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dead_links():
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("site_of_docs", ROOT / "scripts" / "site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dead_links


def test_a_patient_shows_itself_at_any_time():
    model = TumorTCellModel(load("scenarios/kymriah.toml", {"care.policy": "none"}), rng=5)
    assert "seed 5, day 0.0" in model._repr_html_()
    model.run_until(9.0)
    html = model._repr_html_()
    grade = model.outcomes()["crs_grade_penn"]
    assert grade > 0 and f"worst grade {grade} (Penn)" in html
    assert "nan" not in html.lower() and "not for clinical use" in html
    record = PatientRecord(model.outcomes(), model.series, model.treatments)
    assert record._repr_html_() == html


def test_a_sweep_shows_its_points(tmp_path):
    axes = {"product.dose_cells_per_kg": [1e6, 2e6], "sweep.patients": 1, "time.days": 0.5}
    result = sweep(Plan.load("scenarios/kymriah.toml", axes), tmp_path, Work(workers=0, quiet=True))
    html = result._repr_html_()
    assert "2 of 2 runs, 0 with errors" in html
    assert html.count("<tr") == 1 + 2
    assert html.count("<td>0 (0 to 79)</td>") == 4  # Wilson 1927, none of one: 0 to z²/(1 + z²)


def test_what_is_shown_is_text_and_no_code():
    html = card("<b>", ["a & b", "<script>"], pd.DataFrame({"<i>": ["<u>"]}))
    for tag in ("<b>", "<script>", "<i>", "<u>"):
        assert tag not in html
    assert "a &amp; b<br>&lt;script&gt;" in html


def test_links_that_lead_nowhere_are_found(tmp_path, dead_links):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here"></a><a href="b.html#gone"></a><a href="c.html"></a>'
        '<a href="https://x.example/y"></a><img src="d.png"><a href="#top"></a><p id="top">',
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text('<h1 id="here"></h1>', encoding="utf-8")
    assert dead_links(tmp_path) == ["a.html: b.html#gone", "a.html: c.html", "a.html: d.png"]
    (tmp_path / "d.png").touch()
    (tmp_path / "c.html").touch()
    assert dead_links(tmp_path) == ["a.html: b.html#gone"]


def test_every_page_of_docs_is_on_the_start_page():
    start = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").splitlines()
    pages = {p.relative_to(ROOT / "docs") for p in (ROOT / "docs").rglob("*.md")}
    missing = [p for p in pages if p.with_suffix("").as_posix() not in start and p.stem != "index"]
    assert missing == []


def test_the_canvas_shows_a_patient_when_it_is_told_to_look():
    pytest.importorskip("anywidget")
    from tcellabm.app.widget import PatientWidget

    small = {"marrow.rows": 2, "marrow.cols": 2}
    model = TumorTCellModel(load("scenarios/kymriah.toml", small), rng=5)
    canvas = PatientWidget(model)
    first, places = canvas.facts, canvas.places
    assert first["day"] == 0.0 and first["given"] == [] and canvas.about["shape"] == [2, 2]
    model.give("anakinra", at=2.0)
    model.run_until(3.0)
    assert canvas.facts == first
    canvas.show()
    assert canvas.facts["day"] == 3.0 and canvas.facts["given"] == [[2.0, "anakinra", "a"]]
    assert len(canvas.places) == len(places) and canvas.places != places
    canvas.voxel = 1
    assert canvas.facts["smear"]["voxel"] == 1 and model.time == 3.0

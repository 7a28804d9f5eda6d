"""`report.html` in a real browser without a network: point, patient, curves, filters."""

import numpy as np
import pandas as pd
import pytest

from tcellabm.analysis.answer import answer
from tcellabm.analysis.packed import pack
from tcellabm.cli import reporting
from tcellabm.columns import OUTCOMES, SERIES
from tcellabm.params import Question, load
from tcellabm.posterior import shipped_digest

DOSE, HALF_LIFE = "product.dose_cells_per_kg", "product.persistence_half_life_days"
NOTHING = {float: np.nan, int: 0, bool: False, str: ""}
PATIENTS = 6


def _run(number, dose, half_life):
    row = {column.name: NOTHING[column.kind] for column in OUTCOMES}
    row |= {"remission": True, "remission_day": 28.0, "followed_days": 365.0, "icu_days": number}
    row |= {"crs_grade_penn": number % 5, "seed": 2**62 + number, "run_id": f"{number} {dose}"}
    return {DOSE: dose, HALF_LIFE: half_life, "patient": number, "replicate": 0, "error": "", **row}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of a made-up sweep of two doses."""
    rows = [_run(number, dose, 30.0) for dose in (1e6, 3e6) for number in range(PATIENTS)]
    days = np.arange(366.0)
    table = pd.DataFrame({column.name: np.zeros(days.size) for column in SERIES})
    course = pack(table.assign(day=days, temperature_c=36.8, b_cell=1e9), 365.0)
    runs = pd.DataFrame(rows)
    keys = [DOSE, HALF_LIFE]
    found = answer(runs, keys, Question({DOSE: 1e6, HALF_LIFE: 30.0}, label=(2e5, 5e6)))
    sweep = reporting.Sweep(
        runs, load("scenarios/kymriah.toml"), keys, True, {}, found, posterior=shipped_digest()
    )
    courses = dict.fromkeys(runs["run_id"], course)
    page = tmp_path_factory.mktemp("report") / "report.html"
    page.write_bytes(reporting.draw(sweep, courses, {}, "seed 1", len(runs)))
    return page.as_uri()


@pytest.mark.parametrize("size", [(1280, 720), (390, 800)])
def test_a_reader_goes_from_a_point_to_a_patient_offline(watched, address, size):
    look = watched(offline=True)
    page = look.page
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page.goto(address)
    page.wait_for_selector("body[data-ready=true]", state="attached")
    assert page.locator("#maps svg").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.locator("#choices select").first.input_value() == "1"  # the reference
    assert "ref." in page.locator("#maps svg").first.text_content()
    assert "within the label" in page.locator("#reading").inner_text()
    assert page.locator("#sentences li").count() == 2
    rows = page.locator("#table tbody tr")
    assert rows.count() == PATIENTS
    page.get_by_label("ICANS at least").fill("4")
    page.wait_for_selector("#table td[colspan]")
    assert "No patient" in page.locator("#table tbody").inner_text()
    page.get_by_label("ICANS at least").fill("0")
    page.get_by_label("CRS at least").fill("3")
    page.wait_for_function("document.querySelectorAll('#table tbody tr').length === 2")
    page.get_by_role("button", name="days in ICU").click()
    assert rows.first.locator("td").first.inner_text() == "4"
    rows.first.click()
    page.wait_for_selector("#one .play code")
    page.wait_for_selector("#one svg")
    command, link = page.locator("#one .play code").all_inner_texts()
    assert command == f"tcellabm run --set {DOSE}=1e6 --set {HALF_LIFE}=30 --seed {2**62 + 4}"
    assert link.startswith("http://127.0.0.1:8765/?scenario=body")
    assert link.endswith(f"seed={2**62 + 4}")
    assert all(url.startswith(("file:", "data:", "blob:")) for url in look.asked)

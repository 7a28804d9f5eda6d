"""Documents that are generated must be those that the present parameters give."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from tcellabm.experiments.studies import trial
from tcellabm.experiments.studies.counterfactuals import CounterfactualPlan
from tcellabm.experiments.studies.trial import TrialPlan
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import load

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documents():
    return script("documents")


@pytest.fixture
def nobody_enrolled(monkeypatch):
    """A stamp is of parameters, arms and published figures: no patient need be drawn."""
    monkeypatch.setattr(trial, "enroll", lambda *words: [])


def test_the_parameter_document_is_up_to_date():
    """If this fails: python scripts/documents.py."""
    text = documents().parameters()
    assert (DOCS / "parameters.md").read_text() == text
    assert str(ROOT) not in text


def test_a_posterior_is_told_of_where_one_is_shipped(tmp_path):
    """None is said of one that is not there; else its draws and what it identifies."""
    written = documents()
    written.FILES = tmp_path
    assert written.posterior() == ""
    known = {"prior": [0.5, 2.0], "q5": 0.8, "q50": 1.0, "q95": 1.25}
    known |= {"variance_taken": 0.7, "variance_taken_error": 0.01, "identified": True}
    posterior = {
        "draws": [[[1.0], [1.1]]],
        "diagnostics": {"ess_min": 1.9, "pool_patients": 50, "draws": 2},
        "parameters": {"product.killing": known},
    }
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "posterior.json").write_text(json.dumps(posterior))
    text = written.posterior()
    assert "2 draws (2 effective at least)" in text and "by weighting 50\n" in text
    assert "| `product.killing` | 0.5 to 2 | 0.8 | 1 | 1.25 | 70% ± 2% | yes |" in text


def test_the_document_of_columns_is_up_to_date():
    """If this fails: python scripts/documents.py."""
    assert (DOCS / "columns.md").read_text(encoding="utf-8") == documents().result_columns()


def test_the_document_of_commands_is_up_to_date():
    """If this fails: python scripts/documents.py."""
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == documents().commands()


@pytest.mark.usefixtures("nobody_enrolled")
def test_the_validation_report_is_of_the_present_model():
    """If this fails: see scripts/documents.py for the commands."""
    report = (DOCS / "validation.md").read_text()
    stamp = re.search(r"Stamp: `(\w+)`", report)[1]
    patients = int(re.search(r"of (\d+) patients enrolled", report)[1])
    plan = TrialPlan.load("params/trials/eliana.toml", {"trial.patients": patients})
    assert plan.stamp == stamp


def test_the_picture_of_the_trial_is_a_page_of_it():
    pixels = imread(DOCS / "trial.png")
    width, height = 19 * 150, 21 * 150  # inches at so many dots each
    assert pixels.shape[:2] == (height, width)
    inked = pixels[:, :, :3].min(axis=2) < 0.5
    for part in np.array_split(inked, 7):  # no seventh of it is blank
        assert part.mean() > 0.01


@pytest.mark.usefixtures("nobody_enrolled")
def test_the_counterfactuals_are_of_the_present_model():
    """If this fails: see scripts/documents.py for the commands."""
    report = (DOCS / "counterfactuals.md").read_text()
    enrolled = int(re.search(r"of (\d+) patients enrolled", report)[1])
    plan = CounterfactualPlan.load("params/trials/eliana.toml", {"trial.patients": enrolled})
    assert plan.stamp == re.search(r"Stamp: `(\w+)`", report)[1]


LINK = re.compile(r"\]\((?!https?:)([\w./-]+)#?([\w-]*)\)")
LINKED = ("README.md", "docs/odd.md", "docs/parameters.md", "docs/validation.md")


@pytest.mark.parametrize("page", LINKED)
def test_links_between_documents_lead_somewhere(page):
    links = LINK.findall((ROOT / page).read_text())
    assert links
    for name, heading in links:
        target = (ROOT / page).parent / name
        assert target.exists(), name
        if heading:
            words = heading.replace("-", " ")
            assert f"# {words}\n" in target.read_text().lower(), heading


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_files_of_the_code_that_a_document_names_are_there(page):
    named = set(re.findall(r"`([\w/]+/\w+\.(?:py|toml|csv))`", page.read_text(encoding="utf-8")))
    there = (ROOT, ROOT / "tcellabm", ROOT / "params")
    assert [name for name in named if not any((top / name).exists() for top in there)] == []


def test_the_protocol_names_every_policy_and_schedule():
    from tcellabm.clinic.care import POLICIES
    from tcellabm.clinic.dosing import SCHEDULES

    text = (DOCS / "odd.md").read_text()
    assert all(f"`{name}`" in text for name in [*POLICIES, *SCHEDULES])


@pytest.mark.parametrize("name", ["products", "mechanisms", "designs"])
def test_pages_of_runs_are_of_this_version(name):
    text = re.sub(r"\s+", " ", (DOCS / f"{name}.md").read_text(encoding="utf-8"))
    versions = re.findall(r"[Mm]odel version (\d+)", text)
    assert set(versions) == {str(MODEL_VERSION)}


def test_the_page_of_mechanisms_has_each_and_each_can_be_taken_out():
    mechanisms = script("mechanisms")
    text = (DOCS / "mechanisms.md").read_text(encoding="utf-8")
    for one in mechanisms.MECHANISMS:
        assert f"| {one.name}: {one.off} |" in text
        params = load(mechanisms.SCENARIO, mechanisms.COMMON | one.settings)
        assert params.resolved() != load(mechanisms.SCENARIO, mechanisms.COMMON).resolved()

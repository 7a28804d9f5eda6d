"""`report.html`: complete, offline, small; what it says of a run repeats that run."""

import base64
import html.parser
import json
import math
import re
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from experiments.conftest import DOSE, HALF_LIFE
from matplotlib.colors import to_hex

from tcellabm import TumorTCellModel
from tcellabm.analysis.packed import MISSING, QUANTITIES, grid, pack, unpack
from tcellabm.analysis.sentences import sentences
from tcellabm.analysis.summary import RATES, pooled
from tcellabm.app.address import patient_query, query_of
from tcellabm.app.plan import Plan as PagePlan
from tcellabm.app.twins import Twins
from tcellabm.cli import execute, reporting
from tcellabm.columns import SERIES
from tcellabm.experiments.design import plan as plans
from tcellabm.experiments.design.plan import Plan, TaskWithCourse
from tcellabm.experiments.results import replay
from tcellabm.experiments.results.outcomes import open_sweep
from tcellabm.experiments.studies.run import one_or_many
from tcellabm.experiments.studies.sweep import Work, sweep
from tcellabm.figures import labels, squares
from tcellabm.identity import run_id
from tcellabm.params import InputError, load, parse_set
from tcellabm.posterior import one_patient

HERE = Work(workers=0, quiet=True)
KYMRIAH = "scenarios/kymriah.toml"
WEIGHT, BURDEN = "patient.weight_kg", "patient.leukemic_burden"


# --- courses in a few bytes -----------------------------------------------------------------------


def series(days, **columns):
    table = pd.DataFrame({column.name: np.zeros(len(days)) for column in SERIES})
    table["temperature_c"] = 36.8
    return table.assign(day=days, **columns)


def test_the_grid_is_daily_to_day_60_then_every_two_weeks_up_to_the_end():
    assert grid(60.0).tolist() == list(range(61))
    assert grid(365.0)[60:63].tolist() == [60, 74, 88]
    assert grid(365.0)[-1] == 368  # shows day 365
    assert grid(0.0).tolist() == [0]
    assert grid(10.5)[-1] == 11
    for days in (3.0, 61.0, 200.0):
        assert grid(days).tolist() == grid(365.0)[: len(grid(days))].tolist()


def test_a_course_comes_back_within_the_steps_of_its_scales():
    rng = np.random.default_rng(2)
    days = np.arange(0.0, 365.25, 0.25)
    cells = 10.0 ** rng.uniform(0, 12.9, days.size)
    heat, il6 = rng.uniform(35, 42, days.size), 10.0 ** rng.uniform(-0.9, 6, days.size)
    table = series(days, b_cell=cells, temperature_c=heat, il6_pg_per_ml=il6)
    found = unpack(pack(table, 365.0), 365.0)
    on_day = np.minimum(grid(365.0), 365.0) * 4
    wanted = cells[on_day.astype(int)]
    assert np.abs(np.log10(found["B cells"] / wanted)).max() <= 13 / 253 / 2 + 1e-9
    assert np.abs(np.log10(found["IL-6"] / il6[on_day.astype(int)])).max() <= 8 / 253 / 2 + 1e-9
    ends = np.append(0, on_day).astype(int)
    worst = [heat[0]] + [
        heat[a + 1 : b + 1].max() for a, b in zip(ends[1:-1], ends[2:], strict=True)
    ]
    assert np.abs(found["temperature"] - worst).max() <= 0.02 + 1e-9
    assert (found["leukemia, CD19+"] == 0).all()


def test_a_grade_between_two_days_is_not_lost_and_a_death_ends_the_course():
    days = np.array([0.0, 0.5, 1.0, 1.4, 2.0, 2.3])
    table = series(days, crs_grade_penn=[0, 4, 0, 0, 1, 3], icans_grade=[0, 0, 0, 2, 0, 0])
    table["b_cell"] = [1.0, 1.0, 1.0, 1.0, 1.0, 1e6]
    found = unpack(pack(table, 30.0), 30.0)
    assert found["day"].tolist() == [0, 1, 2, 3]
    assert found["CRS"].tolist() == [0, 4, 1, 3]
    assert found["ICANS"].tolist() == [0, 0, 2, 0]
    assert found["B cells"].iloc[-1] == pytest.approx(1e6, rel=0.07)
    assert len(pack(table, 30.0)) == 7 * 31
    assert set(pack(series([]), 3.0)) == {MISSING}


def test_a_course_of_a_year_takes_less_than_six_hundred_bytes():
    assert len(pack(series(np.arange(366.0)), 365.0)) == 83 * (len(QUANTITIES) + 1) == 581


# --- which courses a sweep keeps ------------------------------------------------------------------


@pytest.mark.usefixtures("fake_model")
def test_a_resumed_sweep_has_the_same_courses_and_the_same_page(plan, tmp_path, monkeypatch):
    sweep(plan, tmp_path / "a", HERE, report=reporting.report_of)
    names = ("outcomes.parquet", "curves.parquet", "report.html")
    wanted = [(tmp_path / "a" / name).read_bytes() for name in names]
    assert "curves" not in pq.read_schema(tmp_path / "a" / "outcomes.parquet").names
    kept = pd.read_parquet(tmp_path / "a" / "curves.parquet")
    assert kept["run_id"].tolist() == [task.run_id for task in plan.tasks]
    for part in (1, 2):
        work = Work(workers=0, quiet=True, shard=(part, 2))
        sweep(plan, tmp_path / "b", work, resume=True, report=reporting.report_of)
    sweep(plan, tmp_path / "b", HERE, resume=True, report=reporting.report_of)
    assert [(tmp_path / "b" / name).read_bytes() for name in names] == wanted
    (tmp_path / "a" / "report.html").write_bytes(b"")
    sweep(plan, tmp_path / "a", HERE, resume=True, report=reporting.report_of)
    assert [(tmp_path / "a" / name).read_bytes() for name in names] == wanted
    assert reporting.report_of_folder(tmp_path / "a") == wanted[2]


def test_of_a_large_sweep_the_same_first_patients_are_kept_at_every_point(plan, monkeypatch):
    monkeypatch.setattr(plans, "MOST_CURVES", 9)
    assert _patients_kept(plan) == [0, 1] * 4
    monkeypatch.setattr(plans, "MOST_CURVES", 3)
    assert _patients_kept(plan) == [0, 0, 0]


def _patients_kept(plan):
    kept = (task for task in plan.with_curves().tasks if isinstance(task, TaskWithCourse))
    return [task.patient for task in kept]


def test_nothing_but_a_report_asks_for_courses(plan):
    assert "curves" not in plan.shard_schema.names
    assert plan.with_curves().shard_schema.names == [*plan.schema.names, "curves"]


# --- the page -------------------------------------------------------------------------------------


class Loads(html.parser.HTMLParser):
    """Whatever an HTML page would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href", "data")]


def data_of(page):
    (line,) = re.findall(rb"^const DATA = (.*);$", page, re.M)
    return json.loads(line)


@pytest.fixture
def page(plan, tmp_path, fake_model):
    sweep(plan, tmp_path / "a", HERE, report=reporting.report_of)
    return (tmp_path / "a" / "report.html").read_bytes()


def test_the_page_loads_nothing(page):
    loads = Loads()
    loads.feed(page.decode())
    assert loads.found == []
    assert b"default-src 'none'" in page  # and the browser would not let it
    assert b"@import" not in page
    assert len(page) < 2_000_000


def test_the_page_holds_every_run_with_its_course(page, plan, tmp_path):
    data = data_of(page)
    runs = pd.read_parquet(tmp_path / "a" / "outcomes.parquet")
    assert len(data["runs"]["cell"]) == 20
    assert [point["values"] for point in data["cells"]] == [
        [5e5, 30],
        [5e5, 120],
        [2e6, 30],
        [2e6, 120],
    ]
    assert data["cells"][2]["rates"]["severe_crs"][0] == 1.0
    assert [data["patients"][who]["seed"] for who in data["runs"]["who"]] == [
        str(seed) for seed in runs["seed"]
    ]
    assert data["runs"]["crs_grade_penn"] == runs["crs_grade_penn"].tolist()
    assert data["runs"]["remission"] == runs["remission"].astype(int).tolist()
    packed = base64.b64decode(data["courses"])
    size = len(grid(365.0)) * (len(QUANTITIES) + 1)
    kept = pd.read_parquet(tmp_path / "a" / "curves.parquet")["curves"]
    assert [packed[i * size : (i + 1) * size] for i in range(20)] == kept.tolist()


def test_a_third_axis_is_small_multiples_and_a_sample_is_put_in_bins(tmp_path, fake_model):
    axes = {DOSE: [5e5, 2e6], HALF_LIFE: [30, 120], "care.policy": ["none", "label"]}
    more = {"sweep.patients": 2, "time.days": 60.0}
    sweep(Plan.load(KYMRIAH, axes | more), tmp_path / "a", HERE, report=reporting.report_of)
    data = data_of((tmp_path / "a" / "report.html").read_bytes())
    assert data["facets"] == ["care policy: none", "care policy: label"]
    assert [cell["facet"] for cell in data["cells"]] == [0, 1] * 4
    laws = {DOSE: {"log_uniform": [1e5, 1e7]}, HALF_LIFE: {"uniform": [20, 200]}}
    size = {"sweep.sample": "sobol", "sweep.points": 32, "sweep.patients": 1}
    sweep(Plan.load(KYMRIAH, laws | size), tmp_path / "b", HERE, report=reporting.report_of)
    data = data_of((tmp_path / "b" / "report.html").read_bytes())
    assert len(data["points"]) == 32
    assert sum(cell["n"] for cell in data["cells"]) == 32
    assert [len(axis["values"]) for axis in data["axes"]] == [6, 6]


def test_squares_say_what_the_map_says(tmp_path, fake_model):
    """Rates and their ends, the reference, resolved changes, the label, the window: one source."""
    axes = {DOSE: [1e5, 5e5, 2e6], HALF_LIFE: [30, 120]}
    asked = {"sweep.window.remission_365": 0.3, "sweep.window.severe_crs": 0.5}
    more = {"sweep.label": [2e5, 5e6], "sweep.reference": {DOSE: 5e5, HALF_LIFE: 120}}
    plan = Plan.load(KYMRIAH, axes | asked | more | {"sweep.patients": 40})
    result = sweep(plan, tmp_path / "a", HERE, report=reporting.report_of)
    data = data_of((tmp_path / "a" / "report.html").read_bytes())
    table = result.summary
    assert [cell["values"] for cell in data["cells"]] == table[[DOSE, HALF_LIFE]].values.tolist()
    for cell, (_, row) in zip(data["cells"], table.iterrows(), strict=True):
        shown = cell["shown"]["severe_crs"]
        assert shown["percent"] == f"{row['severe_crs']:.0%}"
        assert shown["range"] == (
            f"{100 * row['severe_crs_low']:.0f}–{100 * row['severe_crs_high']:.0f}"
        )
        resolved = bool(row["severe_crs_resolved"])
        assert shown["change"] == ("ref." if cell["reference"] else "▲ 100" if resolved else "")
        assert (shown["color"] == to_hex(squares.SAME)) == (not resolved)
        assert cell["shown"]["window"]["percent"] == f"{row['in_window']:.0%}"
    assert [c["reference"] for c in data["cells"]] == [False, False, False, True, False, False]
    assert {c["shown"]["severe_crs"]["change"] for c in data["cells"]} == {"", "ref.", "▲ 100"}
    assert data["label"] == ["0.5", "2"]
    assert [panel["name"] for panel in data["panels"]] == [*RATES, "window"]
    assert any("within the label (0.2–5)" in line for line in data["legend"])
    assert data["sentences"] == sentences(result.answer, labels)
    assert "Dose: " in data["sentences"][0]


def test_a_half_is_rounded_as_on_the_map(tmp_path, fake_model):
    """The browser would make 13 of 12.5, Python 12."""
    plan = Plan.load(KYMRIAH, {DOSE: [5e5, 2e6], "sweep.patients": 8})
    result = sweep(plan, tmp_path / "a", HERE)
    table = result.summary.assign(remission=0.125)
    found = replace(result, answer=replace(result.answer, summary=table))
    data = data_of(reporting.report_of(found, plan, {}))
    assert {cell["shown"]["remission"]["percent"] for cell in data["cells"]} == {"12%"}


def test_words_stand_in_the_order_of_the_sweep_everywhere(tmp_path, fake_model):
    """Also where its table is read again from shards that were never joined."""
    policies = ["none", "label", "early"]
    plan = Plan.load(KYMRIAH, {"care.policy": policies, DOSE: [2e6, 5e5], "sweep.patients": 2})
    sweep(plan, tmp_path / "a", HERE, report=reporting.report_of)
    shard = Work(workers=0, quiet=True, shard=(1, 2))
    sweep(plan, tmp_path / "b", shard, report=reporting.report_of)
    for folder in (tmp_path / "a", tmp_path / "b"):
        data = data_of(reporting.report_of_folder(folder))
        assert data["axes"][1]["values"] == policies
        assert pooled(open_sweep(folder).outcomes, ["care.policy"])["care.policy"].tolist() == (
            policies
        )


def test_text_from_a_table_can_not_end_the_script(tmp_path, fake_model):
    plan = Plan.load(KYMRIAH, {"sweep.patients": 2})
    result = sweep(plan, tmp_path / "a", HERE)
    result.outcomes["death_cause"] = "</script><script>alert(1)"
    page = reporting.report_of(result, plan, {})
    assert b"</script><script>alert" not in page
    assert data_of(page)["runs"]["death_cause"] == ["</script><script>alert(1)"] * 2


# --- the same run again ---------------------------------------------------------------------------

VARIED = {
    "as the default sweep": {DOSE: 3e6, HALF_LIFE: 30.0},
    "another policy and length": {"care.policy": "none", "time.days": 90.0, DOSE: 1e8},
    "something of the model": {"car_t.division_per_day": 1.7, "lymphodepletion.given": False},
    "another population": {f"population.{BURDEN}.median": 1e10},
}


@pytest.mark.parametrize("name", VARIED)
def test_the_command_names_the_same_run(name):
    words = shlex.split(replay.words(load(KYMRIAH, VARIED[name])))
    settings = [word for word in words if word != "--set"]
    again = one_or_many(KYMRIAH, parse_set(settings), 7)
    assert run_id(again, 7) == run_id(one_patient(KYMRIAH, VARIED[name], 7), 7)


def test_another_scenario_is_named_where_it_takes_less_to_say():
    own = load("scenarios/lymphoma.toml", {DOSE: 1e6})
    words = replay.words(own)
    assert words == f"params/scenarios/lymphoma.toml --set {DOSE}=1e6"
    assert replay.of_manifest(own.resolved()).resolved() == own.resolved()


def test_the_address_plays_the_same_patient():
    sets = {DOSE: 2e6, HALF_LIFE: 30.0, "time.days": 12.0, "care.policy": "label"}
    query = f"{query_of(load(KYMRIAH, sets))}&{patient_query({BURDEN: 1e10})}&seed=11"
    twins = Twins(PagePlan.of_query(query)[0])
    twins.advance(12.0)
    model = TumorTCellModel(one_patient(KYMRIAH, sets | {BURDEN: 1e10}, 11), rng=11)
    model.run_until(12.0)
    shown, wanted = twins.arms[0].outcomes(), model.outcomes()
    assert shown["cmax_cells"] > 0
    assert {k: v for k, v in shown.items() if k != "run_id" and v == v} == {
        k: v for k, v in wanted.items() if k != "run_id" and v == v
    }
    assert math.isclose(twins.arms[0].patient.leukemic_burden, 1e10)


def test_what_the_class_page_can_not_play_says_why():
    with pytest.raises(InputError, match="no slider for car_t.division_per_day"):
        query_of(load(KYMRIAH, {"car_t.division_per_day": 1.7}))
    with pytest.raises(InputError, match="dose"):
        query_of(load(KYMRIAH, {DOSE: 1e14}))
    with pytest.raises(InputError, match="no slider for patient.weight_kg"):
        patient_query({WEIGHT: 20.0})
    query = query_of(load(KYMRIAH), [("tocilizumab", 3.0)])
    plan, _ = PagePlan.of_query(f"{query}&seed=4")
    assert [(t.day, t.name, t.who) for t in plan.treatments] == [
        (0.0, "car_t", "both"),
        (3.0, "tocilizumab", "a"),
    ]


def test_a_patient_of_ones_own_is_repeated_with_the_values_of_the_row(tmp_path, fake_model):
    (tmp_path / "own.csv").write_text(f"{WEIGHT},{BURDEN}\n20,1e10\n,2e10\n")
    plan = Plan.load(KYMRIAH, {"files.cohort": str(tmp_path / "own.csv")})
    sweep(plan, tmp_path / "a", HERE, report=reporting.report_of)
    data = data_of((tmp_path / "a" / "report.html").read_bytes())
    commands = [
        shlex.split(f"{data['points'][0]['command']} {patient['command']}")
        for patient in data["patients"]
    ]
    for words, patient, task in zip(commands, data["patients"], plan.tasks, strict=True):
        seed = int(patient["seed"])
        own = one_or_many(KYMRIAH, parse_set([word for word in words if word != "--set"]), seed)
        assert run_id(own, seed) == task.run_id
    assert "no slider for patient.weight_kg" in data["patients"][0]["why_no_query"]
    assert data["patients"][1]["query"] == "burden=2e%2B10"


@pytest.mark.usefixtures("fake_model")
def test_plot_draws_it_from_any_sweep_finished_or_not(plan, tmp_path, capsys):
    sweep(
        plan, tmp_path / "a", Work(workers=0, quiet=True, shard=(1, 2)), report=reporting.report_of
    )
    assert execute(["plot", str(tmp_path / "a")]) == 0
    assert "report.html" in capsys.readouterr().out
    data = data_of((tmp_path / "a" / "report.html").read_bytes())
    assert "10 of 20 runs so far" in data["notes"]
    sweep(plan, tmp_path / "b", HERE)  # without courses
    page = reporting.report_of_folder(tmp_path / "b")
    assert set(base64.b64decode(data_of(page)["courses"])) == {MISSING}

"""Rules of one's own: what they may be, that they act, that they travel, and how they fail."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tcellabm import TumorTCellModel, load, rules
from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.comparison import compare
from tcellabm.analysis.measures import own_measures
from tcellabm.analysis.report import agreement
from tcellabm.cli import execute
from tcellabm.clinic.drugs import labelled_mg
from tcellabm.clinic.record import Treatment
from tcellabm.experiments.compute import runner
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.studies.sweep import Work, sweep
from tcellabm.experiments.studies.trial import TrialPlan
from tcellabm.identity import run_id
from tcellabm.params import InputError, load_sweep, own
from tcellabm.params.own import GROUP, read_sources

SCENARIO = "scenarios/kymriah.toml"
EXAMPLES = Path(__file__).parents[1] / "examples"
ILL = 5  # a patient with severe CRS
SMALL = {"time.days": 12.0}
HEAD = "from tcellabm import rules\n"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write mine.py into an empty current folder; give parameters with it."""
    monkeypatch.chdir(tmp_path)

    def write(text, **values):
        Path("mine.py").write_text(HEAD + text, encoding="utf-8")
        values = {key.replace("__", "."): value for key, value in values.items()}
        return load(SCENARIO, {"files.rules": ["mine.py"], **SMALL, **values})

    return write


def follow(params, seed=ILL, days=12.0):
    model = TumorTCellModel(params, rng=seed)
    model.run_until(days)
    return model


def same(one, two):
    """Tell whether two courses are the same to the last digit, whatever their runs are called."""
    pd.testing.assert_frame_equal(one.series, two.series)
    first, second = one.outcomes(), two.outcomes()
    names = [name for name in first if name != "run_id"]
    assert [repr(first[name]) for name in names] == [repr(second[name]) for name in names]
    assert first["run_id"] != second["run_id"]


# --- each kind acts -------------------------------------------------------------------------------


def test_a_policy_that_does_as_one_of_the_model_is_that_policy(mine):
    params = mine(
        "from tcellabm.clinic.care import prophylactic\n"
        "@rules.policy\ndef first(seen, params):\n    return prophylactic(seen, params)\n",
        care__policy="mine.first",
    )
    theirs = follow(load(SCENARIO, SMALL | {"care.policy": "prophylactic"}))
    assert theirs.record.days_of("tocilizumab")[0] == 0.0
    same(theirs, follow(params))


def test_a_schedule_that_does_as_one_of_the_model_is_that_schedule(mine):
    params = mine(
        "from tcellabm.clinic.dosing import fractionated\n"
        "@rules.schedule\ndef shares(seen, params):\n    return fractionated(seen, params)\n",
        dosing__schedule="mine.shares",
    )
    theirs = follow(load(SCENARIO, SMALL | {"dosing.schedule": "fractionated"}))
    assert len(theirs.record.days_of("car_t")) > 1
    same(theirs, follow(params))


def test_a_rate_takes_the_place_of_the_parameter_in_each_patient(mine):
    key = "car_t.exhaustion_per_day"
    params = mine(
        f"@rules.rate({key!r})\ndef more(value, params):\n"
        "    return value * params.patient.weight_kg\n"
    )
    model = follow(params, days=6.0)
    usual = load(SCENARIO, SMALL)
    value = usual.get(key) * model.patient.weight_kg
    assert model.params.get(key) == value
    assert value != usual.get(key) * follow(params, seed=2, days=0.0).patient.weight_kg
    same(follow(usual.replace({key: value}), days=6.0), model)


TWICE = (
    '@rules.treatment(drug="tocilizumab")\ndef twice(params):\n'
    "    return 16.0 * params.patient.weight_kg\n"
)


def test_a_treatment_is_another_dose_of_a_drug(mine):
    model = TumorTCellModel(mine(TWICE), rng=ILL)
    model.give("mine.twice", at=1.0)
    model.run_until(2.0)
    mg = 16.0 * model.patient.weight_kg
    assert model.record.treatments[-1] == Treatment(1.0, "tocilizumab", mg)
    usual = TumorTCellModel(load(SCENARIO, SMALL), rng=ILL)
    for _ in range(2):
        usual.give("tocilizumab", at=1.0)
    usual.run_until(2.0)
    assert 2.0 * labelled_mg("tocilizumab", usual.params) == mg  # 8 mg/kg, below its maximum
    assert model.series["tocilizumab_ug_per_ml"].iloc[-1] == pytest.approx(
        usual.series["tocilizumab_ug_per_ml"].iloc[-1], rel=1e-12
    )


def test_a_treatment_can_be_ordered_by_a_policy_and_in_an_arm(mine, tmp_path):
    text = TWICE + "@rules.policy\ndef now(seen, params):\n"
    text += "    return () if seen.tocilizumab_days else ('mine.twice',)\n"
    model = follow(mine(text, care__policy="mine.now"), days=1.0)
    assert model.record.treatments[1].amount == 16.0 * model.patient.weight_kg
    (tmp_path / "arms.toml").write_text(
        'files = { scenario = "scenarios/kymriah.toml", rules = ["mine.py"] }\n'
        'arms = [{ name = "a" }, { name = "b", give = [{ treatment = "mine.twice", day = 1 }] }]\n'
        "time.days = 2\nsweep.patients = 1\ncare.policy = 'none'\n",
        encoding="utf-8",
    )
    rows = sweep(Plan.load("arms.toml"), tmp_path / "out", Work(workers=0, quiet=True)).outcomes
    assert list(rows["tocilizumab_doses"]) == [0, 1]
    assert list(rows["error"]) == ["", ""]


def test_an_outcome_is_a_column_of_its_type(mine, tmp_path):
    params = mine(
        "@rules.outcome('deg C', 'highest')\ndef hottest(record, params) -> float:\n"
        "    return record.column('temperature_c').max()\n"
        "@rules.outcome('1', 'rows')\ndef rows(record, params) -> int:\n    return len(record)\n"
        "@rules.outcome('bool', 'any')\ndef ill(record, params) -> bool:\n"
        "    return (record.column('crs_grade_penn') > 0).any()\n"
        "@rules.outcome('text', 'last')\ndef last(record, params) -> 'str':\n"
        "    return record.treatments[-1].name\n"
    )
    model = follow(params)
    row = model.outcomes()
    own_part = list(row.items())[-4:]
    assert own_part == [
        ("mine.hottest", row["peak_temperature"]),
        ("mine.rows", len(model.series)),
        ("mine.ill", row["crs_grade_penn"] > 0),
        ("mine.last", model.treatments[-1][1]),
    ]
    assert [type(value) for _, value in own_part] == [float, int, bool, str]
    plan = Plan.load(SCENARIO, {"files.rules": "mine.py", "sweep.patients": 1, "time.days": 1.0})
    sweep(plan, tmp_path / "out", Work(workers=0, quiet=True))
    schema = pq.read_schema(tmp_path / "out" / "outcomes.parquet")
    types = [str(schema.field(name).type) for name, _ in own_part]
    assert types == ["double", "int64", "bool", "string"]


def beside(params):
    """Return how two patients stand beside one published figure, W1, as a table."""
    patients = {"weight_kg": np.array([10.0, 30.0]), "seed": np.array([1, 2])}
    texts = ("quantity", "use", "repeats", "unit", "population", "timepoint")
    published = pd.DataFrame(
        [{"id": "W1", "value": 25.0, "low": np.nan, "high": np.nan, "n": 2, "interval": ""}]
    ).assign(**dict.fromkeys((*texts, "confidence", "source"), ""))
    return compare(Cohort(patients), published, 1, own=own_measures(params))


def test_a_measure_stands_beside_a_published_figure(mine):
    params = mine(
        "@rules.measure(id='W1', kind='median')\ndef heaviest(cohort):\n"
        "    return cohort.enrolled['weight_kg'].max()\n"
    )
    (row,) = beside(params).to_dict("records")
    assert (row["simulated"], row["agrees"], row["note"]) == (30.0, "true", "mine.heaviest")


def test_a_measure_that_raises_costs_its_row_alone(mine):
    text = "@rules.measure('W1', 'median')\ndef f(cohort):\n    return cohort.nothing\n"
    table = beside(mine(text))
    (row,) = table.to_dict("records")
    assert row["agrees"] == "" and row["note"].startswith("rule mine.f: AttributeError")
    patients = pd.DataFrame({"not_infused": ["", ""], "infused": [True, True]})
    said = agreement(patients, table.assign(z=np.nan))[0]
    assert said.startswith("Not measured: W1, rule mine.f: AttributeError")


def test_a_measure_of_no_published_figure_is_refused_before_any_run(mine):
    mine("@rules.measure('E99', 'rate')\ndef f(cohort):\n    return 1.0\n")
    with pytest.raises(InputError, match='rule mine.f measures "?E99"?.* nearest: .*E09'):
        TrialPlan.load("trials/eliana.toml", {"files.rules": "mine.py"})


# --- provenance -----------------------------------------------------------------------------------

NOTHING = "@rules.policy\ndef nothing(seen, params):\n    return ()\n"


def test_the_file_is_part_of_the_run_s_name_by_its_hash(mine):
    params = mine(NOTHING)
    text = HEAD + NOTHING
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert params.resolved()["files.rules"] == f"mine sha256:{digest[:16]}"
    names = {run_id(p, 1) for p in (params, mine(NOTHING + "# a remark\n"), load(SCENARIO, SMALL))}
    assert len(names) == 3
    assert run_id(mine(NOTHING), 1) == run_id(params, 1)


def test_what_is_written_out_as_a_scenario_gives_the_same_again(mine):
    params = mine(NOTHING, care__policy="mine.nothing")
    Path("again.toml").write_text(params.to_toml(), encoding="utf-8")
    assert load("again.toml").resolved() == params.resolved()


def test_parameters_list_the_rules_in_force(mine, capsys):
    mine(NOTHING)
    assert execute(["params", "--set", "files.rules=mine.py"]) == 0
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert ["files.rules", "mine.nothing", "policy"] in rows


def test_files_beside_the_one_that_names_them_come_first(mine, tmp_path):
    mine(NOTHING)
    (tmp_path / "sub").mkdir()
    text = NOTHING.replace("nothing", "other")
    (tmp_path / "sub" / "mine.py").write_text(HEAD + text, encoding="utf-8")
    (tmp_path / "sub" / "a.toml").write_text(
        "files.rules = 'mine.py'\ncare.policy = 'mine.other'\n", encoding="utf-8"
    )
    assert load(tmp_path / "sub" / "a.toml").care.policy == "mine.other"


# --- where they run, and how they fail ------------------------------------------------------------

FAILING = (
    "@rules.policy\ndef unsure(seen, params):\n"
    "    if params.patient.weight_kg > {kg}:\n        raise LookupError('no such weight')\n"
    "    return ()\n"
)


def test_in_worker_processes_rules_come_with_the_parameters_and_fail_by_name(mine, tmp_path):
    weights = [follow(mine(NOTHING), seed, 0.0).patient.weight_kg for seed in _seeds(3)]
    mine(FAILING.format(kg=sorted(weights)[1]))
    settings = {"files.rules": "mine.py", "sweep.patients": 3, "time.days": 1.0}
    plan = Plan.load(SCENARIO, settings | {"care.policy": "mine.unsure"})
    (tmp_path / "mine.py").unlink()  # no worker reads it
    result = sweep(plan, tmp_path / "out", Work(workers=1, quiet=True))
    errors = dict(zip(weights, result.outcomes["error"], strict=True))
    told = "RuleError: rule mine.unsure: LookupError: no such weight"
    assert [errors[kg] for kg in sorted(weights)] == ["", "", told]
    said = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert said["parameters"]["files.rules"].startswith("mine sha256:")
    assert said["set"]["files.rules"] == "mine.py"


def _seeds(count):
    plan = Plan.load(SCENARIO, {"sweep.patients": count})
    return [task.seed for task in plan.tasks]


def test_one_patient_with_a_rule_that_raises_is_one_line(mine, capsys):
    mine(FAILING.format(kg=0.0))
    words = ["--set", "files.rules=mine.py", "--set", "care.policy=mine.unsure", "--days", "1"]
    assert execute(["run", *words]) == 1
    assert capsys.readouterr().err.startswith("error: RuleError: rule mine.unsure: LookupError")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@rules.policy\ndef f(seen, params):\n    return 'tocilizumab'\n", "gave 'tocilizumab'"),
        ("@rules.policy\ndef f(seen, params):\n    return ('aspirin',)\n", "anakinra"),
        ("@rules.policy\ndef f(seen, params):\n    raise SystemExit(3)\n", "SystemExit: 3"),
        ("@rules.policy\ndef f(seen, params):\n    return None\n", "gave 'None'"),
    ],
)
def test_what_a_policy_may_not_give_is_told(mine, text, told):
    params = mine(text, care__policy="mine.f")
    with pytest.raises(rules.RuleError, match=told) as caught:
        follow(params, days=1.0)
    assert str(caught.value).startswith("rule mine.f")


@pytest.mark.parametrize("gave", ["-1", "float('nan')", "'much'", "1e9"])
def test_what_a_schedule_and_a_treatment_may_not_give_is_told(mine, gave):
    text = f"@rules.schedule\ndef f(seen, params):\n    return {gave}\n"
    with pytest.raises(rules.RuleError, match="rule mine.f gave .* allowed: a share of the dose"):
        follow(mine(text, dosing__schedule="mine.f"), days=1.0)
    text = f"@rules.treatment('anakinra')\ndef f(params):\n    return {gave}\n"
    with pytest.raises(rules.RuleError, match="rule mine.f gave .* allowed: 0 to 1e\\+06 mg"):
        TumorTCellModel(mine(text), rng=1).give("mine.f")


@pytest.mark.parametrize("mark", ["rate", "treatment", "outcome", "measure"])
@pytest.mark.parametrize("said", ["", "('')"])
def test_a_mark_that_does_not_say_what_it_must_is_told_with_its_line(mine, mark, said):
    """Python takes `@rules.rate` without parentheses, and drops the function without a word."""
    text = f"@rules.policy\ndef good(seen, params):\n    return ()\n\n@rules.{mark}{said}\n"
    told = rf"rules mine: a {mark} is marked by @rules.{mark}\(.*\), line \d+"
    with pytest.raises(InputError, match=told):
        mine(text + "def f(a, b):\n    return 0.0\n")


def test_a_file_that_raises_is_told_with_its_line_and_one_that_is_missing_as_such(mine):
    with pytest.raises(InputError, match="rules mine: ZeroDivisionError: .*, line "):
        mine("x = 1\ny = x / 0\n")
    with pytest.raises(InputError, match="no such file, nofile.py"):
        load(SCENARIO, {"files.rules": "nofile.py"})
    with pytest.raises(InputError, match="key of a number, nearest: .*exhaustion_per_day"):
        mine("@rules.rate('car_t.exhaustion_per_dy')\ndef f(value, params):\n    return 0.0\n")


def test_a_rate_out_of_range_is_told(mine):
    params = mine("@rules.rate('car_t.exhaustion_per_day')\ndef f(v, p):\n    return -1.0\n")
    with pytest.raises(InputError, match="exhaustion_per_day = -1 is out of range, rule mine.f"):
        TumorTCellModel(params, rng=1)
    plan = Plan.load(SCENARIO, {"files.rules": "mine.py", "sweep.patients": 1})
    (row,) = runner.run_task(plan.params, plan.tasks[0]).rows
    assert row["error"].startswith("InputError: car_t.exhaustion_per_day = -1")


def test_an_outcome_of_another_type_than_it_says_is_told(mine):
    text = "@rules.outcome('1', 'x')\ndef f(record, params) -> int:\n    return 1.5\n"
    with pytest.raises(rules.RuleError, match="rule mine.f gave '1.5', allowed: int"):
        follow(mine(text), days=0.0).outcomes()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nothing is marked"),
        ("x = 1 / 0\n", "rules mine: ZeroDivisionError"),
        ("x = \n", "rules mine: SyntaxError"),
        ("import no_such_module\n", "rules mine: ModuleNotFoundError"),
        ("raise SystemExit\n", "rules mine: SystemExit"),
        (
            "@rules.policy\ndef f(seen):\n    return ()\n",
            "is a policy, allowed: of (seen, p",
        ),
        ("@rules.outcome('1', 'x')\ndef f(record, params):\n    return 1\n", "allowed: with -> fl"),
        ("@rules.outcome('1', 'x')\ndef f(r, p) -> list:\n    return []\n", "allowed: with -> fl"),
        ("@rules.rate('car_t.exhaustion')\ndef f(v, p):\n    return v\n", "key of a number"),
        ("@rules.rate('care.policy')\ndef f(v, p):\n    return v\n", "key of a number"),
        ("@rules.rate('time.days')\ndef f(v, p):\n    return v\n", "key of a number"),
        ("@rules.treatment('aspirin')\ndef f(params):\n    return 1\n", "allowed: tocilizumab"),
        ("@rules.measure('a', 'b')\ndef f(cohort):\n    return 1\n", "kind=rate, median"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(mine, text, told):
    with pytest.raises(InputError) as caught:
        mine(text)
    message = str(caught.value)
    assert told in message
    assert message.isprintable() and len(f"error: {message}") <= 200


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing.py", "missing.py"),
        ("no-name.py", "letters, digits, _"),
        ("care.py", "no section of parameters"),
        ("empty.py", "no rules in it"),
        ("nobody_s_package", "no rules nobody_s_package"),
        ("", "no rules"),
        (3, "files.rules = 3"),
        ([["a"]], "files.rules"),
    ],
)
def test_a_name_that_is_no_file_of_rules_is_refused(tmp_path, monkeypatch, name, told):
    monkeypatch.chdir(tmp_path)
    for file in ("no-name.py", "care.py", "empty.py"):
        (tmp_path / file).write_text("" if file == "empty.py" else HEAD, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(SCENARIO, {"files.rules": name})
    assert told in str(caught.value)
    assert len(f"error: {caught.value}") <= 200


def test_a_rule_that_is_nowhere_is_refused_with_those_there_are(mine):
    with pytest.raises(InputError, match="no policy mine.some, allowed: mine.nothing"):
        mine(NOTHING, care__policy="mine.some")
    with pytest.raises(InputError, match="no schedule mine.nothing"):
        mine(NOTHING, dosing__schedule="mine.nothing")
    with pytest.raises(InputError, match=r"no policy a.b, allowed: after files.rules"):
        load(SCENARIO, {"care.policy": "a.b"})
    with pytest.raises(InputError, match="no policy mine.x"):
        load_sweep(SCENARIO, {"files.rules": "mine.py", "care.policy": ["label", "mine.x"]})
    with pytest.raises(InputError, match="unknown key files.rules"):
        Path("p.toml").write_text("files.rules = 'mine.py'\n", encoding="utf-8")
        load(SCENARIO, {"files.product": "p.toml"})
    with pytest.raises(InputError, match="no treatment mine.x"):
        TumorTCellModel(load(SCENARIO), rng=1).give("mine.x")


def test_two_files_of_one_name_are_refused(mine, tmp_path):
    mine(NOTHING)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.py").write_text(HEAD + NOTHING + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="two files of rules are called mine"):
        load(SCENARIO, {"files.rules": ["mine.py", "sub/mine.py"]})


def test_a_twin_follows_the_same_rules_and_a_checkpoint_holds_no_code(mine, tmp_path):
    text = "@rules.policy\ndef f(seen, params):\n"
    text += "    return () if seen.tocilizumab_days or seen.day < 1.0 else ('tocilizumab',)\n"
    model = follow(mine(text, care__policy="mine.f", care__round_hours=4.0), days=0.5)
    twin = model.fork()
    for each in (model, twin):
        each.run_until(8.0)
    assert model.record.days_of("tocilizumab") == twin.record.days_of("tocilizumab") != ()
    with pytest.raises(ValueError, match="rules of one's own"):
        model.save(tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()


# --- packages -------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package that brings rules."""
    home = tmp_path / "site"
    info = home / "wards-1.0.dist-info"
    info.mkdir(parents=True)
    (home / "wards_rules.py").write_text(HEAD + NOTHING, encoding="utf-8")
    (info / "METADATA").write_text("Name: wards\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nwards = wards_rules\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.delitem(sys.modules, "wards_rules", raising=False)
    return home


def test_an_installed_package_brings_rules_if_it_is_named(package):
    with pytest.raises(InputError, match="no policy wards.nothing"):
        load(SCENARIO, {"care.policy": "wards.nothing"})
    params = load(SCENARIO, {"files.rules": "wards", "care.policy": "wards.nothing"})
    assert follow(params, days=1.0).treatments[0][1] == "car_t"
    before = params.resolved()["files.rules"]
    (package / "wards-1.0.dist-info" / "METADATA").write_text("Name: wards\nVersion: 1.1\n")
    after = load(SCENARIO, {"files.rules": "wards"}).resolved()["files.rules"]
    assert before.split(":")[0] == after.split(":")[0] == "wards sha256"
    assert before != after


def test_another_version_of_a_package_on_a_worker_is_told(package):
    (source,) = read_sources("wards", "--set")
    own.loaded.cache_clear()
    (package / "wards_rules.py").write_text(HEAD + NOTHING + "# other\n", encoding="utf-8")
    with pytest.raises(rules.RuleError, match="rules wards are another version here"):
        own.loaded(source)
    (package / "wards-1.0.dist-info" / "entry_points.txt").write_text("", encoding="utf-8")
    own.loaded.cache_clear()
    with pytest.raises(rules.RuleError, match="rules wards are not installed here"):
        own.loaded(source)


# --- examples -------------------------------------------------------------------------------------


def test_the_example_runs_and_its_rules_act(tmp_path):
    plan = Plan.load(EXAMPLES / "ward.toml", {"sweep.patients": 3, "time.days": 20.0})
    rows = sweep(plan, tmp_path / "out", Work(workers=0, quiet=True)).outcomes
    assert len(rows) == 12 and set(rows["error"]) == {""}
    policies = rows.groupby("care.policy")["tocilizumab_doses"].sum()
    assert policies["ward.step_up"] != policies["label"]
    single = rows[rows["dosing.schedule"] == "single"].set_index(["care.policy", "patient"])
    split = rows[rows["dosing.schedule"] != "single"].set_index(["care.policy", "patient"])
    assert (single["cmax_cells"] != split["cmax_cells"]).all()
    hours = rows["ward.high_fever_hours"]
    assert (hours > 0.0).equals(rows["peak_temperature"] >= 39.0) and hours.max() <= 20.0 * 24.0


def test_the_example_s_dose_and_rate_are_those_it_says():
    params = load(
        EXAMPLES / "ward.toml",
        {"care.policy": "ward.step_up", "dosing.schedule": "single", "time.days": 15.0},
    )
    model = follow(params, days=15.0)
    doses = [given for given in model.record.treatments if given.name == "tocilizumab"]
    assert doses[0].amount == 4.0 * model.patient.weight_kg
    usual = load(SCENARIO).get("car_t.exhaustion_per_day")
    factor = (model.patient.leukemic_burden / 1e11) ** 0.25
    assert model.params.get("car_t.exhaustion_per_day") == pytest.approx(usual * factor)

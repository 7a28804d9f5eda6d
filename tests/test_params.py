"""Parameter files: what they may say, which layer wins, and how a mistake is told."""

import json
import os
import pickle
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcellabm.params import (
    Distribution,
    InputError,
    load,
    load_sweep,
    load_trial,
    parse_set,
    rows,
)
from tcellabm.params.errors import toml_text
from tcellabm.params.meta import DISTRIBUTION_FIELDS, catalog, model_file, read_catalog, settable
from tcellabm.params.schema import leaves

CONTRACT_KEYS = {
    "patient.weight_kg",
    "patient.leukemic_burden",
    "patient.net_growth_per_day",
    "patient.cd19_negative_fraction",
    "leukemia.death_per_day",
    "product.dose_cells_per_kg",
    "product.persistence_half_life_days",
    "product.memory_fraction",
    "product.fitness",
    "product.killing",
    "product.affinity",
    "care.policy",
    "lymphodepletion.given",
    "myeloid.pool_cells",
    "resolution.agents_per_population",
    "resolution.single_cell",
    "resolution.max_agents",
    "marrow.rows",
    "marrow.cols",
    "marrow.capacity_cells",
    "time.days",
    "sweep.patients",
}

SCENARIO = "scenarios/kymriah.toml"
SWEEP = "sweeps/dose_persistence.toml"
DOSE = "product.dose_cells_per_kg"
BURDEN = "patient.leukemic_burden"
MEDIAN = f"population.{BURDEN}.median"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file in an empty current folder; give its name."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.toml"):
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write


def message(*args, call=load):
    with pytest.raises(InputError) as caught:
        call(*args)
    text = str(caught.value)
    assert len(f"error: {text}") <= 200
    assert text.isprintable()
    return text


# The catalog


def test_schema_and_model_file_have_the_same_keys_and_the_contract_s():
    assert list(catalog()) == list(leaves())
    assert catalog().keys() >= CONTRACT_KEYS


def test_every_parameter_has_unit_range_and_source():
    for meta in catalog().values():
        assert meta.unit and meta.range and meta.source, meta.key


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('unit = "1/d", ', "", "leukemia.death_per_day.unit"),
        ("range = [0.0, 5.0], ", "", "leukemia.death_per_day.range"),
        ("range = [0.0, 5.0]", "range = [5.0, 0.0]", "leukemia.death_per_day.range"),
        ('source = "Hirt 1997 (read)"', 'source = ""', "leukemia.death_per_day.source"),
        ("value = 0.04", "value = 40.0", "leukemia.death_per_day = 40"),
        ("death_per_day = ", "death_pre_day = ", "missing: leukemia.death_per_day"),
        ("death_per_day = ", "more = 1\ndeath_per_day = ", "not in the schema: leukemia.more"),
    ],
)
def test_a_fault_in_the_model_file_names_file_and_key(old, new, told, tmp_path):
    head, section, rest = model_file().read_text().partition("[leukemia]")
    assert old in rest
    broken = tmp_path / "model.toml"
    broken.write_text(head + section + rest.replace(old, new, 1))
    text = message(broken, call=read_catalog)
    assert told in text
    assert "model.toml" in text


# Layers


def test_without_a_file_the_model_file_holds_alone():
    params = load()
    assert params.leukemia.death_per_day == params.get("leukemia.death_per_day") == 0.04
    assert not params.set_keys and not params.distributions
    assert load("model.toml") == params


def test_nested_sections_are_reached_by_attribute_and_by_key():
    params = load(None, {"cytokines.il6.clearance_per_day": 9})
    assert params.cytokines.il6.clearance_per_day == 9.0
    assert params.get("cytokines.il6.clearance_per_day") == 9.0


def test_later_layers_win(write):
    write("product.killing = 2\nproduct.fitness = 2\nproduct.affinity = 2\n", "product.toml")
    write("product.fitness = 3\nproduct.affinity = 3\npatient.weight_kg = 3\n", "population.toml")
    write(
        "files = {product = 'product.toml', population = 'population.toml'}\n"
        "product.affinity = 4\ntime.days = 4\n",
        "scenario.toml",
    )
    name = write("files.scenario = 'scenario.toml'\ntime.days = 5\nsweep.patients = 5\n")
    params = load(name, {"sweep.patients": 6})
    assert (params.product.killing, params.product.fitness, params.product.affinity) == (2, 3, 4)
    assert (params.patient.weight_kg, params.time.days, params.sweep.patients) == (3, 5, 6)
    assert params.pinned == {"product.affinity", "time.days", "sweep.patients"}
    assert params.describe("product.killing").file == "product.toml"


def test_the_default_scenario_is_the_labelled_product_for_a_year():
    params = load(SCENARIO)
    assert params.care.policy == "label"
    assert params.time.days == 365
    assert BURDEN in params.distributions
    assert BURDEN not in params.pinned


def test_the_default_sweep_is_dose_by_persistence():
    sweep = load_sweep(SWEEP)
    assert sweep.axes[DOSE] == (1e4, 1e5, 5e5, 3e6, 5e6, 2e7, 1e8)
    assert sweep.axes["product.persistence_half_life_days"] == (15, 30, 60, 120, 220)
    assert len(sweep.points()) == 35
    assert sweep.params.sweep.patients == 240
    assert sweep.question.label == (2e5, 5e6)
    assert DOSE not in sweep.params.pinned
    assert DOSE in sweep.params.replace(sweep.points()[0]).pinned


FOLDER = model_file().parent
# Priors, cohorts and the like are read elsewhere.
NO_SCENARIOS = {"calibration.toml", "fit.toml", *os.listdir(FOLDER / "cohorts")}
SHIPPED = sorted(
    p.relative_to(FOLDER) for p in FOLDER.rglob("*.toml") if p.name not in NO_SCENARIOS
)


@pytest.mark.parametrize("path", SHIPPED)
def test_every_shipped_file_loads_from_any_folder(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = load_trial if path.parts[0] == "trials" else load_sweep
    for place in (path, os.path.join("params", path)):
        read(place)


def test_a_file_in_the_current_folder_comes_before_a_shipped_one(write):
    os.mkdir("scenarios")
    write("time.days = 3\n", SCENARIO)
    assert load(SCENARIO).time.days == 3
    assert load(f"params/{SCENARIO}").time.days == 365


def test_a_model_file_in_the_current_folder_is_only_a_layer(write):
    write("time.days = 3\n", "model.toml")
    assert load(SCENARIO).time.days == 365
    assert load("model.toml").set_keys == {"time.days"}


def test_an_override_can_name_another_product(write):
    write("product.affinity = 7\n", "weak.toml")
    assert load(SCENARIO, {"files.product": "weak.toml"}).product.affinity == 7


def test_a_table_gives_value_unit_and_source(write):
    name = write('[product]\nkilling = { value = 2, unit = "1", source = "a paper" }\n')
    meta = load(name).describe("product.killing")
    assert (meta.value, meta.source, meta.file) == (2.0, "a paper", name)


# Populations


def test_a_distribution_is_described_and_not_pinned():
    params = load(SCENARIO, {MEDIAN: 1e11})
    assert params.distributions[BURDEN].median == 1e11
    assert params.set_keys == {MEDIAN, "care.policy", "time.days"}
    assert BURDEN not in params.pinned
    with pytest.raises(TypeError):
        params.distributions[BURDEN] = None


def test_what_is_set_for_every_patient_is_pinned_and_its_distribution_unused():
    params = load(SCENARIO, {BURDEN: 1e10})
    assert BURDEN in params.pinned
    assert params.resolved()[BURDEN] == 1e10
    assert MEDIAN not in params.resolved()


def test_a_distribution_has_no_width_and_the_whole_range_until_told():
    drawn = load(None, {MEDIAN: 2e11}).distributions[BURDEN]
    assert drawn == Distribution(2e11, 0.0, *catalog()[BURDEN].range)


def test_a_distribution_carries_unit_and_source(write):
    name = write(f'[population.{BURDEN}]\nmedian = 1e11\nunit = "cells"\nsource = "a paper"\n')
    assert load(name).describe(MEDIAN).source == "a paper"
    name = write(f'[population.{BURDEN}]\nmedian = 1e11\nunit = "kg"\n')
    assert "allowed: cells" in message(name)


def test_a_distribution_is_log_normal_and_clipped():
    drawn = Distribution(median=10.0, sigma_ln=0.5, low=5.0, high=20.0)
    assert drawn.at(0.0) == 10.0
    assert drawn.at(1.0) == pytest.approx(16.487, abs=1e-3)
    assert (drawn.at(-3.0), drawn.at(3.0)) == (5.0, 20.0)


# Values


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("marrow.rows", 3.0, 3),
        ("resolution.max_agents", 1e6, 1_000_000),
        ("time.days", 28, 28.0),
        ("time.days", np.float64(28), 28.0),
        ("marrow.rows", np.int64(3), 3),
        (DOSE, 0, 0.0),
        (BURDEN, 1, 1.0),
        ("myeloid.pool_cells", 0.0, 0.0),
        ("patient.net_growth_per_day", -0.01, -0.01),
        ("lymphodepletion.given", False, False),
        ("care.policy", "none", "none"),
    ],
)
def test_a_value_takes_the_type_of_its_parameter(key, raw, value):
    found = load(None, {key: raw}).get(key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({DOSE: -1}, f"{DOSE} = -1 is out of range, --set, allowed: 0 to 1e9 cells/kg"),
        ({DOSE: float("nan")}, "is not finite"),
        ({DOSE: float("inf")}, "is not finite"),
        ({DOSE: 10**400}, "is out of range"),
        ({DOSE: 10**5000}, "is out of range"),
        ({DOSE: True}, "= true is not a number"),
        ({DOSE: "much"}, "= much is not a number"),
        ({DOSE: ""}, "= nothing is not a number"),
        ({DOSE: None}, "= None is not a number"),
        ({DOSE: [1e6, 2e6]}, "only"),
        ({DOSE: {"value": [1e6]}}, "is a list, for a sweep axis only"),
        ({DOSE: {"value": 1, "unit": "mg"}}, "has unit mg, --set, allowed: cells/kg"),
        ({DOSE: {"value": 1, "range": [0, 1]}}, "is a table"),
        ({DOSE: {}}, "is a table"),
        ({"marrow.rows": 2.5}, "is not whole, --set, allowed: 1 to 2000 voxels"),
        ({"lymphodepletion.given": 1}, "is not a choice, --set, allowed: false, true"),
        ({"care.policy": "labels"}, "is not a choice, --set, allowed: none, label, eliana, early"),
        ({"care.policy": True}, "is not a choice"),
        ({"product.dose": 1}, f"unknown key product.dose, --set, nearest: {DOSE}"),
        ({"product": 1}, "unknown key product, --set, nearest: product."),
        ({"fitness": 1}, "nearest: product.fitness"),
        ({f"population.{BURDEN}.mean": 1}, f"nearest: population.{BURDEN}.median"),
        ({f"population.{DOSE}.sigma_ln": -1}, "is out of range"),
        (
            {MEDIAN: 1e11, f"population.{BURDEN}.high": 1e10},
            "median = 1e11 is out of bounds, allowed: its low 0 to its high 1e10",
        ),
        ({"population.marrow.rows.median": 1}, "unknown key population.marrow.rows.median"),
        ({"time.days": 1, "time": {"days": 2}}, "time.days is set twice"),
        ({"source": "me"}, "unknown key source"),
        ({"files.product": 3}, "files.product = 3 is not text"),
        ({"files.produce": "x"}, "allowed: files.scenario, files.product, files.population"),
        ({"axes": 3}, "unknown key axes"),
        ({3: 3}, "key 3 is not text"),
        ({"a" * 500: "b\n\x1b" * 500}, "unknown key aaa"),
    ],
)
def test_an_override_that_cannot_be_used_is_told_in_one_line(overrides, told):
    assert told in message(None, overrides)


def test_deep_tables_are_refused():
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert "nested too deep" in message(None, deep)


def test_replace_checks_and_pins():
    params = load(SCENARIO)
    changed = params.replace({DOSE: 1e6})
    assert changed.product.dose_cells_per_kg == 1e6
    assert DOSE in changed.pinned
    assert DOSE not in params.pinned
    assert "out of range" in message({DOSE: -1}, call=params.replace)
    assert "sweep axis" in message({DOSE: [1]}, call=params.replace)
    assert "unknown key" in message("product.dose", call=params.get)


def test_parameters_are_frozen():
    params = load()
    with pytest.raises(ValueError, match="frozen"):
        params.product.fitness = 2.0


# Files


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "sets nothing, mine.toml"),
        ("# nothing\n", "sets nothing, mine.toml"),
        ("time.days 3\n", "not TOML, mine.toml, "),
        ("time.days = 3\ntime.days = 4\n", "not TOML, mine.toml, "),
        (f"time.days = {'1' * 5000}\n", "not TOML, mine.toml, "),
        (f"time.days = {'[' * 5000}\n", "mine.toml"),
        (b"\xff\xfe\x00", "not text, mine.toml"),
        (b"\x00\x01\x02", "not TOML, mine.toml"),
        (b"a" * 1_000_001, "too large, mine.toml"),
        ("time.days = 2020-01-01\n", "is not a number, mine.toml"),
        ("[[product]]\nkilling = 1\n", "unknown key product, mine.toml"),
        ("product.killing = [1, 2]\n", "is a list, for a sweep axis only, mine.toml"),
        ("files.product = 'no.toml'\n", "no such file, no.toml"),
        ("files.scenario = 'mine.toml'\n", "unknown key files.scenario, mine.toml"),
        ("files.product = 'mine.toml'\n", "allowed: no further files"),
        (f"[axes]\n'{DOSE}' = [1]\n", f"{DOSE} is a list, allowed: one value"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line(text, told, write):
    assert told in message(write(text))


def test_a_missing_file_and_a_folder_are_told_in_one_line(tmp_path):
    assert message("nowhere/x.toml").startswith("no such file, nowhere/x.toml")
    assert "no such file" in message("a\0b")
    assert "no such file" in message("x" * 5000)
    assert "a folder" in message(tmp_path)


def test_an_unreadable_file_is_told_in_one_line(write, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    name = write("time.days = 3\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert message(name) == "cannot be read, mine.toml, Permission denied"


def test_a_byte_order_mark_is_no_fault(write):
    assert load(write(b"\xef\xbb\xbftime.days = 3\r\n")).time.days == 3


# Sweeps


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ("'product.dose' = [1]", "unknown key product.dose, mine.toml"),
        (f"'{DOSE}' = 1", "allowed: a list of values"),
        (f"'{DOSE}' = []", "allowed: a list of values"),
        (f"'{DOSE}' = [1, 1.0]", "repeats a value"),
        (f"'{DOSE}' = [1, -1]", "is out of range, mine.toml"),
        (f"'{DOSE}' = [1, [1]]", "is a list"),
        (f"'{MEDIAN}' = [1e11, 1e13]", "median = 1e13"),
        (f"{DOSE} = [1]\n'{DOSE}' = [2]", f"axes.{DOSE} is set twice"),
    ],
)
def test_an_axis_that_cannot_be_used_is_told_in_one_line(axes, told, write):
    name = write(f"files.scenario = '{SCENARIO}'\n[axes]\n{axes}\n")
    assert told in message(name, call=load_sweep)


def test_only_the_sweep_file_has_axes(write):
    write("axes.'time.days' = [1]\n", "scenario.toml")
    assert "in a sweep file only" in message(
        write("files.scenario = 'scenario.toml'\n"), call=load_sweep
    )


def test_overrides_add_and_remove_axes():
    sweep = load_sweep(SWEEP, {"product.killing": [1, 2], DOSE: 1e6})
    assert list(sweep.axes) == ["product.persistence_half_life_days", "product.killing"]
    assert sweep.axes["product.killing"] == (1.0, 2.0)
    assert sweep.params.product.dose_cells_per_kg == 1e6
    assert sweep.points()[1] == {"product.persistence_half_life_days": 15.0, "product.killing": 2.0}


def test_axes_are_checked_together(write):
    high = f"population.{BURDEN}.high"
    name = write(f"files.scenario = '{SCENARIO}'\naxes.'{high}' = [2e12, 3e12]\n")
    assert len(load_sweep(name, {MEDIAN: [1e12, 2e12]}).points()) == 4
    assert "out of bounds" in message(name, {MEDIAN: [1e12, 3e12]}, call=load_sweep)


def test_a_scenario_is_a_sweep_of_one_point():
    assert load_sweep(SCENARIO).points() == [{}]


# Text in and out


def test_set_reads_toml_else_bare_text():
    items = ["a.b=2e6", "c=label", 'd="x=y"', "e=true", "f=[1, 2]", "g = 3", "h=", "i=1\nj=2"]
    assert parse_set(items) == {
        "a.b": 2e6,
        "c": "label",
        "d": "x=y",
        "e": True,
        "f": [1, 2],
        "g": 3,
        "h": "",
        "i": "1\nj=2",
    }


@pytest.mark.parametrize(
    ("items", "told"),
    [
        (["time.days"], "time.days sets nothing, --set, allowed: KEY=VALUE"),
        (["=3"], "allowed: KEY=VALUE"),
        ([""], "allowed: KEY=VALUE"),
        (["time.days=3", "time.days = 3"], "time.days is set twice, --set"),
        (["a.b=[1e6, 2e6"], "a.b = [1e6, 2e6 is no whole list or table, --set, allowed: such as ["),
        (["a.b={linspace=[1, 2, 3]"], "no whole list or table"),
    ],
)
def test_a_set_of_another_form_is_told_in_one_line(items, told):
    assert told in message(items, call=parse_set)


@pytest.mark.parametrize("name", [SCENARIO, "scenarios/biopsy.toml"])
def test_the_resolved_text_gives_the_same_parameters_again(name, write):
    params = load(name, {BURDEN: 1.23456789e10, f"population.{DOSE}.sigma_ln": 0.1})
    again = load(write(params.to_toml()))
    assert again.resolved() == params.resolved()
    assert json.dumps(again.resolved()) == json.dumps(params.resolved())
    assert again.distributions.items() <= params.distributions.items()


def test_resolved_holds_each_parameter_once_fixed_or_drawn():
    resolved = load(SCENARIO).resolved()
    drawn = {
        key.removeprefix("population.").rpartition(".")[0]
        for key in resolved
        if "population." in key
    }
    assert drawn and not drawn & resolved.keys()
    assert drawn | resolved.keys() >= catalog().keys()


def test_parameters_survive_a_pickle():
    params = load(SCENARIO, {DOSE: 1e6})
    again = pickle.loads(pickle.dumps(params))
    assert again == params
    assert hash(again) == hash(params)
    assert (again.resolved(), again.pinned) == (params.resolved(), params.pinned)
    assert len(pickle.dumps(params)) < 30_000


def test_an_error_survives_a_pickle():
    error = InputError("what", "where", "allowed")
    assert str(pickle.loads(pickle.dumps(error))) == "what, where, allowed"


def test_rows_list_every_effective_value():
    listed = {row.key: row for row in rows(SWEEP, {"time.days": 30})}
    assert listed.keys() >= catalog().keys()
    assert listed["time.days"] == ("time.days", "30", "d", "0 to 36500", "--set")
    assert listed[DOSE].value == "[10000, 1e5, 5e5, 3e6, 5e6, 2e7, 1e8]"
    assert listed["care.policy"].value == "label"
    assert listed["care.policy"].range == "none, label, eliana, early, preemptive, prophylactic"
    assert listed[BURDEN].value == "drawn"
    median = load_sweep(SWEEP).params.distributions[BURDEN].median
    assert float(listed[MEDIAN].value) == median > 0.0
    assert f"population.{DOSE}.median" not in listed


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1.5e11)
@example(5e-324)
@example(-0.0)
def test_numbers_are_written_with_all_their_digits(value):
    assert tomllib.loads(f"x = {toml_text(value)}")["x"] == value


# Whatever comes in, parameters or one line come out

FUZZ = settings(derandomize=True, deadline=None, max_examples=200)
NAMES = sorted({part for key in catalog() for part in key.split(".")})
KEYS = st.sampled_from(
    [*settable(), "files.product", "files.scenario", f"axes.{DOSE}", "axes", "files", ""]
)
SCALARS = (
    st.integers()
    | st.floats()
    | st.booleans()
    | st.text()
    | st.dates()
    | st.sampled_from(["none", "label", "early", SCENARIO, "params"])
)
NAME = st.sampled_from([*NAMES, "population", "value", "unit", "source", *DISTRIBUTION_FIELDS])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAME | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


def loads_or_tells(call, *args):
    try:
        call(*args)
    except InputError as error:
        assert str(error).isprintable()
        assert len(f"error: {error}") <= 200


@FUZZ
@given(st.dictionaries(KEYS | NAME | st.text(), VALUES, max_size=3))
def test_any_overrides_load_or_are_told(overrides):
    loads_or_tells(load, SCENARIO, overrides)
    loads_or_tells(load_sweep, SWEEP, overrides)


@FUZZ
@given(st.lists(st.tuples(KEYS | st.text(), st.text() | SCALARS.map(str)), max_size=3))
def test_any_set_loads_or_is_told(pairs):
    items = [f"{key}={value}" for key, value in pairs]
    loads_or_tells(lambda: load(SCENARIO, parse_set(items)))
    loads_or_tells(parse_set, [key for key, _ in pairs])


@FUZZ
@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_load_or_are_told(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes(content)
    loads_or_tells(load_sweep, path)


@FUZZ
@given(st.text())
def test_any_file_name_loads_or_is_told(name):
    loads_or_tells(load_sweep, name)

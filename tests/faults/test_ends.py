"""The smallest of everything, and every parameter at the ends of its range."""

import pytest
from faults import ends

from tcellabm import TumorTCellModel, load
from tcellabm.cli import execute
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.studies.run import follow
from tcellabm.experiments.studies.sensitivity import study
from tcellabm.params import InputError, load_sweep
from tcellabm.params.meta import catalog

NOTHING = ["product.dose_cells_per_kg=0", "patient.leukemic_burden=0", "myeloid.pool_cells=0"]
NO_DAYS = ["--days", "0", "--workers", "0", "--out", "a"]
RANGE = ["--set", "product.dose_cells_per_kg={uniform=[0,1e6]}"]


@pytest.mark.parametrize("days", ["0", "0.001"])
@pytest.mark.parametrize("settings", [[], NOTHING])
def test_a_run_of_no_days_has_a_figure(days, settings, tmp_path):
    words = [word for setting in settings for word in ("--set", setting)]
    assert execute(["run", "--days", days, *words, "--out", str(tmp_path / "a")]) == 0
    assert (tmp_path / "a" / "figure.png").stat().st_size > 0


@pytest.mark.parametrize(
    "words", [["sensitivity", *NO_DAYS, *RANGE], ["trial", "-n", "1", *NO_DAYS]]
)
def test_no_days_have_no_outcomes(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert execute(words) == 2
    assert "no day is followed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_body_of_single_cells_is_refused_before_it_is_made():
    whole = {"resolution.single_cell": True}
    scenario = "params/scenarios/kymriah.toml"
    for read in (load, load_sweep):
        with pytest.raises(InputError, match="agents, .* resolution.max_agents"):
            read(scenario, whole)
    assert load(scenario, {**whole, "resolution.represented_fraction": 1e-6})
    params = load(scenario).replace(whole)  # nobody has looked at these together
    with pytest.raises(InputError, match="represented_fraction"):
        TumorTCellModel(params, rng=1)


def test_a_marrow_of_too_many_voxels_is_refused_before_it_is_made():
    wide = {"marrow.rows": 2000, "marrow.cols": 2000}
    for read in (load, load_sweep):
        with pytest.raises(InputError, match="agents, allowed: up to 2000000"):
            read("params/scenarios/kymriah.toml", wide)


@pytest.mark.parametrize(
    "settings",
    [
        [],  # drawn
        ["patient.leukemic_burden=1e11", "product.killing=0"],  # grown
    ],
)
def test_a_patient_of_too_many_agents_is_bad_input(settings, tmp_path, capsys):
    small = ["resolution.represented_fraction=1e-8", "resolution.single_cell=true"]
    small += ["resolution.max_agents=3000", "myeloid.pool_cells=0", *settings]
    words = [word for setting in small for word in ("--set", setting)]
    assert execute(["run", "--days", "30", *words, "--out", str(tmp_path / "a")]) == 2
    *_, line = capsys.readouterr().err.splitlines()  # on a busy machine it says how far it is
    assert line.startswith("error: ") and "resolution.max_agents" in line and len(line) <= 200
    assert not list(tmp_path.iterdir())


DOSES = "product.dose_cells_per_kg"
LARGE = {
    "points": dict.fromkeys(["product.killing", DOSES], {"linspace": [1, 9, 10_000]}),
    "patients": {"sweep.patients": 10_000_000},
    "replicates": {"sweep.patients": 1000, "sweep.replicates": 1_000_000},
    "a sample": {DOSES: [1, 2], "sweep.sample": "saltelli", "sweep.points": 2**23},
}


@pytest.mark.parametrize("name", LARGE)
def test_more_runs_than_can_be_planned_are_refused_before_they_are(name):
    with pytest.raises(InputError, match="allowed: up to"):
        Plan.load("params/scenarios/kymriah.toml", LARGE[name])


@pytest.mark.parametrize(
    "words",
    [
        ["sensitivity", "--samples", "1000000000"],
        ["sensitivity", "--method", "sobol", "--samples", str(2**30)],
        ["trial", "-n", "10000000"],
        ["counterfactuals", "-n", "10000000"],
    ],
)
def test_no_command_plans_more_runs_than_it_can(words, tmp_path, capsys):
    assert execute([*words, "--out", str(tmp_path / "a")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert " runs, " in line and "allowed: up to" in line and len(line) <= 200
    assert not list(tmp_path.iterdir())


def test_a_sample_of_many_axes_does_not_go_through_all_of_their_ends():
    sections = ("product.", "car_t.", "b_cell.", "encounter.", "physiology.")
    known = [meta for key, meta in catalog().items() if key.startswith(sections)]
    near = {meta.key: (0.999 * meta.value, meta.value) for meta in known if meta.kind is float}
    fit = [m for m in known if m.key in near and m.range[0] <= near[m.key][0] < m.value]
    axes = {meta.key: {"uniform": list(near[meta.key])} for meta in fit}
    size = {"sweep.sample": "latin_hypercube", "sweep.points": 3, "sweep.patients": 2}
    assert 2 ** len(axes) > 10**6
    assert len(Plan.load("params/scenarios/kymriah.toml", axes | size).tasks) == 6


def test_what_a_sample_draws_is_checked_all_the_same():
    axes = {"resolution.single_cell": [True, False], "sweep.sample": "latin_hypercube"}
    with pytest.raises(InputError, match="resolution.max_agents"):
        Plan.load("params/scenarios/kymriah.toml", axes)
    single = {"resolution.single_cell": True, "patient.weight_kg": {"uniform": [20, 60]}}
    with pytest.raises(InputError, match="resolution.max_agents"):
        study("params/scenarios/kymriah.toml", single, samples=2)


def test_a_run_that_speaks_is_the_same_run(monkeypatch, capsys):
    monkeypatch.setattr("tcellabm.experiments.studies.run._SECONDS_OF_SILENCE", 0.0)
    params = load("params/scenarios/kymriah.toml", {"time.days": 40})
    model = TumorTCellModel(params, rng=3)
    model.run_until(40)
    record = follow(params, seed=3)
    assert record.series.equals(model.series)
    assert str(record.outcomes) == str(model.outcomes())
    assert "of 40 after" in capsys.readouterr().err


@pytest.mark.slow
def test_every_parameter_works_at_both_ends():
    assert set(ends.main()) <= {"ran", "refused"}

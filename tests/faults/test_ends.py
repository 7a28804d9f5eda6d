"""The smallest of everything, and every parameter at the ends of its range."""

import pytest
from faults import ends

from tcellabm import TumorTCellModel, load
from tcellabm.cli import execute
from tcellabm.experiments.studies.run import follow
from tcellabm.params import InputError, load_sweep

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
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and "resolution.max_agents" in line and len(line) <= 200
    assert not list(tmp_path.iterdir())


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

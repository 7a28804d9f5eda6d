"""Calibration: what is fitted, how far a trial is, and what a posterior says of itself."""

import math
import random
import sys

import numpy as np
import pytest

from tcellabm.analysis.comparison import read_published
from tcellabm.cli import execute
from tcellabm.experiments.design.posterior import Posterior
from tcellabm.experiments.results.ownership import LOCK, locked
from tcellabm.experiments.studies import calibration as module
from tcellabm.experiments.studies.calibration import (
    RECALLED_WEIGHT,
    WORST,
    Calibration,
    _identified,
    distance,
    summary,
    targets,
)
from tcellabm.params import InputError, load
from tcellabm.params.files import find_file

PUBLISHED = read_published(find_file("trials/published.csv"))
SMALL = {"marrow.rows": 1, "marrow.cols": 1, "resolution.agents_per_population": 8}
FILE = "params/trials/calibration.toml"


def test_only_rows_marked_calibrate_are_fitted():
    rows = targets(PUBLISHED)
    assert set(rows["use"]) == {"calibrate"}
    assert set(rows["id"]) == set(PUBLISHED.loc[PUBLISHED["use"] == "calibrate", "id"])


def test_recalled_rows_weigh_less():
    rows = targets(PUBLISHED).set_index("id")
    assert rows.loc["E14", "weight"] == RECALLED_WEIGHT < rows.loc["K02", "weight"] == 1.0


def test_distance_is_zero_at_the_published_and_one_at_half_a_width():
    rows = targets(PUBLISHED)
    exact = dict(zip(rows["id"], rows["value"], strict=True))
    assert distance(exact, rows) == 0.0
    one = rows[rows["id"] == "E01"]
    assert distance({"E01": 81 + 9.0}, one) == pytest.approx(1.0)
    kinetic = rows[rows["id"] == "K03"]
    assert distance({"K03": 48000.0}, kinetic) == pytest.approx(1.0)
    assert distance({"K03": math.nan}, kinetic) == WORST


def test_what_is_identified_is_what_the_data_took_variance_from():
    rng = np.random.default_rng(1)
    logs = np.column_stack([rng.uniform(-1, 1, 2000), rng.uniform(-0.1, 0.1, 2000)])
    priors = {"wide": (math.exp(-1), math.e), "narrow": (math.exp(-1), math.e)}
    told = _identified(priors, np.exp(logs), np.full(2000, 1 / 2000))
    assert not told["wide"]["identified"] and abs(told["wide"]["variance_taken"]) < 0.1
    assert told["narrow"]["identified"] and told["narrow"]["variance_taken"] > 0.98


def test_a_particle_gives_the_same_wherever_it_is_run():
    calibration = Calibration.load(FILE, 2, 1, SMALL)
    logs = {key: math.log(low * high) / 2 for key, (low, high) in calibration.priors.items()}
    one, two = (summary(calibration, logs) for _ in range(2))
    assert one.keys() == set(targets(PUBLISHED)["id"])
    assert one == pytest.approx(two, rel=0.0, abs=0.0, nan_ok=True)
    assert sum(map(math.isfinite, one.values())) > len(one) / 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "not a calibration"),
        *((f"{text}\n[files]\ntrial = 'a'", "not a calibration") for text in ("priors = 3", "")),
        ("a = " + "[" * 5000, "not a calibration"),
        ('files.trial = "trials/eliana.toml"\n[priors]', "of nothing"),
        ('files.trial = "trials/eliana.toml"\n[priors]\n"a.b" = { low = 1, high = 2 }', "unknown"),
        (
            'files.trial = "trials/eliana.toml"\n[priors]\n'
            '"product.affinity" = { low = 2, high = 1 }',
            "allowed: 0 < low",
        ),
    ],
)
def test_a_calibration_that_is_none_is_refused(text, told, tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=told):
        Calibration.load(str(file), 2, 1, {})


def test_without_pyabc_one_line_says_what_to_install(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "pyabc", None)
    assert execute(["calibrate", "--out", str(tmp_path / "a")]) == 2
    assert "pip install 'tcellabm[calibrate]'" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.filterwarnings("ignore")  # pyABC's own dependencies
def test_a_known_parameter_is_found_and_others_are_not_and_it_resumes(monkeypatch, tmp_path):
    """Cmax goes with killing alone: its posterior is near 1, that of the others stays the prior."""
    pytest.importorskip("pyabc")
    killing = "population.product.killing.median"
    other = "population.product.killing.sigma_ln"
    rows = targets(PUBLISHED)
    exact = dict(zip(rows["id"], rows["value"], strict=True))
    ran = []

    def known(calibration, logs):
        ran.append(1)
        return exact | {"K03": exact["K03"] * math.exp(logs[killing])}

    monkeypatch.setattr(module, "summary", known)
    made = Calibration(
        "trials/eliana.toml", {killing: (0.05, 20.0), other: (0.5, 2.0)}, 5, 1, SMALL
    )
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first = module.calibrate(made, tmp_path / "a", particles=40, generations=3, workers=1)
    # pyABC draws from the global state; others find theirs as they left it
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    told = first["parameters"]
    assert told[killing]["identified"] and not told[other]["identified"]
    assert told[killing]["q5"] < 1.0 < told[killing]["q95"]
    posterior = Posterior.load(str(tmp_path / "a" / "posterior.json"), load())
    assert posterior.keys == (killing, other) and len(posterior.weights) == 40
    done = len(ran)
    again = module.calibrate(made, tmp_path / "a", 40, 3, workers=1, resume=True)
    assert again == first and len(ran) == done
    with pytest.raises(InputError, match="another recipe"):
        other_seed = Calibration(made.trial, made.priors, 5, 2, SMALL)
        module.calibrate(other_seed, tmp_path / "a", 40, 3, workers=1, resume=True)


@pytest.fixture
def quick(monkeypatch):
    """A calibration of one parameter whose trials take no time."""
    pytest.importorskip("pyabc")
    rows = targets(PUBLISHED)
    exact = dict(zip(rows["id"], rows["value"], strict=True))
    monkeypatch.setattr(module, "summary", lambda calibration, logs: exact)
    priors = {"population.product.killing.median": (0.5, 2.0)}
    return Calibration("trials/eliana.toml", priors, 5, 1, SMALL)


def calibrate(made, folder, generations=1):
    return module.calibrate(made, folder, 4, generations, workers=1, resume=folder.exists())


@pytest.mark.filterwarnings("ignore")  # pyABC's own dependencies
@pytest.mark.parametrize("damage", ["empty", "cut short", "no database", "no tables"])
def test_a_database_that_cannot_be_gone_on_with_is_refused(quick, tmp_path, damage):
    calibrate(quick, tmp_path / "a")
    database = tmp_path / "a" / module.DATABASE
    whole = database.read_bytes()
    database.write_bytes(
        {
            "empty": b"",
            "cut short": whole[: len(whole) // 2],
            "no database": b"mine" + whole[4:],
            "no tables": whole[:100] + bytes(len(whole) - 100),
        }[damage]
    )
    left = database.read_bytes()
    with pytest.raises(InputError, match="empty or damaged"):
        calibrate(quick, tmp_path / "a", 2)
    assert database.read_bytes() == left


@pytest.mark.filterwarnings("ignore")
def test_a_calibration_stopped_in_its_first_generation_goes_on(quick, tmp_path, monkeypatch):
    with monkeypatch.context() as world, pytest.raises(KeyboardInterrupt):
        world.setattr(module, "summary", stop)
        calibrate(quick, tmp_path / "a")
    assert not (tmp_path / "a" / LOCK).exists()
    assert len(calibrate(quick, tmp_path / "a")["weights"]) == 4


def stop(calibration, logs):
    raise KeyboardInterrupt


def test_a_folder_in_use_or_not_empty_is_not_calibrated_in(quick, tmp_path):
    with locked(tmp_path), pytest.raises(InputError, match="in use"):
        calibrate(quick, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        module.calibrate(quick, tmp_path, 4, 1, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

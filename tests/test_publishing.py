"""What a stranger gets: a wheel that works anywhere, a schema for editors, one version."""

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from tcellabm.cli import completing
from tcellabm.params import InputError, load, load_sweep
from tcellabm.params.json_schema import json_schema
from tcellabm.params.meta import catalog

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


# --- wheel and source distribution ----------------------------------------------------------------


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Build the wheel from the source distribution, as an installer would, and unpack it."""
    folder = tmp_path_factory.mktemp("built")
    (source,) = SdistBuilder(str(ROOT)).build(directory=str(folder))
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    checkout = folder / Path(source).name.removesuffix(".tar.gz")
    (wheel,) = WheelBuilder(str(checkout)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def in_an_empty_folder(site, where, *words):
    """Run the unpacked package, which comes before the checkout on Python's path."""
    code = (
        f"import sys, tcellabm; assert tcellabm.__file__.startswith({str(site)!r})\n"
        "from tcellabm.cli import main; main()"
    )
    env = os.environ | {"PYTHONPATH": str(site), "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True)


def test_a_wheel_holds_parameters_types_and_pages(unpacked):
    shipped = {path.relative_to(ROOT / "params") for path in (ROOT / "params").rglob("*.*")}
    held = unpacked / "tcellabm" / "_files"
    assert {path.relative_to(held) for path in held.rglob("*.*")} == shipped
    assert (unpacked / "tcellabm" / "py.typed").exists()
    assert (unpacked / "tcellabm" / "app" / "static" / "stage.js").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["params"], "product.dose_cells_per_kg"),
        (["run", "--days", "1"], "wrote runs"),
        (["sweep", "--dry-run", "-n", "1", "--days", "0.1"], "35 points = 35 runs"),
        (["schema"], '"$schema"'),
    ],
    ids=str,
)
def test_the_wheel_works_in_an_empty_folder(unpacked, tmp_path, words, told):
    done = in_an_empty_folder(unpacked, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout


# --- what is said of the version ------------------------------------------------------------------


def test_version_is_the_same_wherever_it_is_said():
    version = PROJECT["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = [line.split() for line in changelog.splitlines() if line.startswith("## ")]
    assert f"\nversion: {version}\n" in citation
    latest, when = heads[0][1], heads[0][2].strip("()")
    assert latest == version
    assert f"\ndate-released: {date.fromisoformat(when)}\n" in citation


# --- schema of parameter files --------------------------------------------------------------------


@pytest.fixture(scope="module")
def faults():
    """Return how many faults the schema finds in a text of TOML."""
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    return lambda text: len(list(check.iter_errors(tomllib.loads(text))))


def test_every_shipped_file_fits_the_schema(faults):
    files = [p for p in (ROOT / "params").rglob("*.toml") if p.name != "model.toml"]
    files = [p for p in files if p.name not in ("calibration.toml", "fit.toml")]  # priors
    files = [p for p in files if p.parent.name != "cohorts"]
    assert len(files) >= 12
    for path in files:
        assert faults(path.read_text(encoding="utf-8")) == 0, path.name


GOOD = [
    "product.dose_cells_per_kg = 2e6",
    'product.dose_cells_per_kg = { value = 2e6, unit = "cells/kg", source = "mine" }',
    "product.divisions = 10.0",
    'care.policy = "early"',
    "population.product.killing.median = 2",
    'axes."product.dose_cells_per_kg" = { logspace = [1e5, 1e6, 3] }',
    "axes.product.dose_cells_per_kg = [1e5, 1e6]",
    "cytokines.il6.receptor_share = 0.5",
    "sweep.window = { remission_365 = 0.5, severe_crs = 0.3 }",
    "sweep.label = [2e5, 5e6]",
]
BAD = [
    "product.doze_cells_per_kg = 2e6",
    'product.dose_cells_per_kg = "many"',
    "product.dose_cells_per_kg = -1",
    'product.dose_cells_per_kg = { value = 2e6, unit = "mg" }',
    "product.divisions = 10.5",
    'care.policy = "prayer"',
    "lymphodepletion.given = 1",
    "population.product.killing.mode = 2",
    "population.product.divisions.median = 2",
    "population.product.killing.sigma_ln = -1",
    'axes."product.dose_cells_per_kg" = []',
    'axes."product.dose_cells_per_kg" = [1e6, 1e6]',
    'axes."product.dose_cells_per_kg" = { logspace = [1e5, 1e6] }',
    'axes."product.doze" = [1e6]',
    "sweep.window = { remission_365 = 0.5 }",
    "sweep.window = { remission_365 = 2, severe_crs = 0.3 }",
    "sweep.label = [2e5]",
    "files.product = 3",
    'files.prodoct = "x.toml"',
    'arms = [{ give = [{ treatment = "tocilizumab", day = 1 }] }]',
    "",
]


@pytest.mark.parametrize("text", GOOD)
def test_the_schema_takes_what_the_program_takes(faults, tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    load_sweep(file)
    assert faults(text) == 0


@pytest.mark.parametrize("text", BAD)
def test_the_schema_refuses_what_the_program_refuses(faults, tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        sweep = load_sweep(file)
        from tcellabm.experiments.design.arms import read_arms

        read_arms(sweep.arms, str(file))
    assert faults(text) > 0


def test_the_schema_says_unit_range_and_source_of_every_parameter():
    for key, meta in catalog().items():
        told = json_schema_of(key)["description"]
        assert told.startswith(f"{meta.unit}; {meta.bounds}"), key


def json_schema_of(key, schema=json_schema()):  # noqa: B008 - made once
    for name in key.split("."):
        schema = schema["properties"][name]
    return schema


# --- what a shell completes -----------------------------------------------------------------------


def test_the_shell_completes_keys_choices_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").touch()
    (tmp_path / "mine.txt").touch()
    assert completing.settings("product.dose_cells_per_k") == ["product.dose_cells_per_kg="]
    assert completing.settings("care.policy=e") == ["care.policy=eliana", "care.policy=early"]
    assert completing.settings("lymphodepletion.given=") == [
        "lymphodepletion.given=false",
        "lymphodepletion.given=true",
    ]
    assert completing.settings("care.polic=") == []
    scenarios = completing.files("scenarios")
    assert "params/scenarios/kymriah.toml" in scenarios("params/s")
    assert scenarios("mi") == ["mine.toml"]
    for name in scenarios("params/"):
        load(name)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_is_there_for_every_shell(shell, tmp_path):
    words = "tcellabm sweep --resu"
    env = os.environ | {"_TCELLABM_COMPLETE": f"complete_{shell}", "COMP_WORDS": words}
    env |= {"COMP_CWORD": "2", "_TYPER_COMPLETE_ARGS": words, "HOME": str(tmp_path)}
    env |= {"_TYPER_COMPLETE_WORD_TO_COMPLETE": "--resu", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    code = "from tcellabm.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "--resume" in done.stdout, done.stderr


def test_the_schema_command_prints_json(capsys):
    from tcellabm.cli import execute

    assert execute(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()

"""The command line as its users meet it: exit codes, one line on stderr, files."""

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
from drawing import assert_picture, line, texts, ticks

import tcellabm
from tcellabm import columns
from tcellabm.cli import errors, execute

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"
SMALL = [
    *("sweep", "--workers", "0", "-n", "2", "--days", "2"),
    *("--set", f"{DOSE}=[1e6, 2e6]", "--set", f"{HALF_LIFE}=60"),
]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tcellabm"])


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fly"], "fly"),
        (["sweep", "--fly"], "--fly"),
        (["sweep", "--seed", "x"], "--seed x, allowed: a valid integer"),
        (["sweep", "--seed", "-1"], "--seed -1, allowed: 0 or more"),
        (["app", "--port", "99999"], "--port 99999, allowed: 65535 or less"),
        (["compare", "a"], "`tcellabm compare` needs B: the one to compare it with"),
        (["run", "--set", "foo.bar=1"], "nearest: none"),
        (["run", "--set"], "--set"),
        (["run", "a.toml", "b.toml"], "b.toml"),
        (["run", "missing.toml"], "missing.toml"),
        (["run", "."], "."),
        (["run", "--set", "nonsense"], "KEY=VALUE"),
        (["run", "--set", "product.doze_cells_per_kg=1"], DOSE),
        (["run", "--set", f"{DOSE}=1e6", "--set", f"{DOSE}=1e6"], "twice"),
        (["run", "--set", "time.days=3", "--days", "3"], "time.days is set twice"),
        (["run", "--set", f"{DOSE}=many"], "not a number"),
        (["run", "--set", f"{DOSE}=[1e6]"], "list"),
        (["run", "--days", "nan"], "not finite"),
        (["run", "--days", "-1"], "0 to 36500"),
        (["run", "--resume"], "--out"),
        (["run", "--resume", "--overwrite", "--out", "a"], "one of them"),
        (["sweep", "-n", "0"], "sweep.patients = 0 is out of range, -n, allowed: 1 to"),
        (["sweep", "--set", "sweep.patients=5", "-n", "5"], "sweep.patients is set twice"),
        (["sweep", "--shard", "3/2"], "I/N"),
        (["sweep", "--shard", "one"], "I/N"),
        (["sweep", "--workers", "-1"], "--workers"),
        (["sweep", "--workers", "1", "--dask", "tcp://127.0.0.1:1"], "--dask"),
        (["sweep", "--overwrite", "--shard", "1/2", "--out", "a"], "--shard"),
        (["params", "--set", "files.posterior=nothing.csv"], "no such file, nothing.csv"),
        (["params", "--set", "care.policy=prayer"], "none, label"),
        (["app", "--page", "home"], "--page home, allowed: class, lab"),
        (["app", "--host", "203.0.113.1"], "cannot listen"),
        (["app", "--host", "http://x"], "no address: http://x, --host, allowed: a name"),
        (["app", "--host", ""], "no address: empty"),
        (["app", "--host", "127.1"], "no address: 127.1"),
        (["app", "--allow-origin", "*"], "no origin: *, --allow-origin, allowed: http://NAME"),
        (["app", "--allow-origin", "https://x/y"], "no origin: https://x/y"),
        (["sensitivity", "--method", "guess"], "morris, sobol"),
        (["sensitivity", "--samples", "0"], "--samples"),
        (["plot"], "DIR"),
        (["plot", "runs/x"], "no sweep in it"),
        (["trial", "x"], "no such file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, said, capsys):
    assert execute(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert len(err.rstrip("\n")) <= 200
    assert said in err
    assert names(".") == []


@pytest.mark.parametrize("text", ["", "   ", "= 1", "\x00\xff", "[product]\nx = 1"])
def test_a_file_that_says_nothing_useful_is_bad_input(text, capsys):
    Path("bad.toml").write_bytes(text.encode("latin-1"))
    for command in ("run", "sweep", "params"):
        assert execute([command, "bad.toml"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert names(".") == ["bad.toml"]


def test_a_very_long_message_is_cut(capsys):
    assert execute(["run", "x" * 5000]) == 2
    assert len(capsys.readouterr().err.rstrip("\n")) <= 200


@pytest.mark.parametrize("words", [[], ["--help"], ["sweep", "--help"], ["--version"]])
def test_help_needs_nothing_heavy(words):
    heavy = ["numba", "mesa", "pandas", "pyarrow", "dask", "distributed", "matplotlib", "scipy"]
    code = (
        "import sys; from tcellabm.cli import execute;"
        "code = execute(sys.argv[2:]);"
        "print([name for name in sys.argv[1].split() if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, " ".join(heavy), *words],
        env=os.environ | {"PYTHONPATH": str(Path(tcellabm.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    said = version("tcellabm") if words == ["--version"] else "Usage: tcellabm"
    assert said in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_params_prints_every_value_in_force(capsys):
    assert execute(["params", "--set", f"{DOSE}=2e6"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["key", "value", "unit", "range", "source"]
    (dose,) = [line for line in lines if line.startswith(f"{DOSE} ")]
    assert dose.split()[1:] == ["2e6", "cells/kg", "0", "to", "1e9", "--set"]


def test_run_writes_its_four_files_and_says_where(capsys, figures):
    assert execute(["run", "--days", "30"]) == 0
    out = capsys.readouterr().out.splitlines()
    folder = Path("runs/run-kymriah-1")
    assert out[-1].startswith(f"wrote {folder}")
    assert any("remission" in line for line in out)
    assert names(folder) == ["figure.png", "manifest.json", "outcomes.json", "series.parquet"]
    outcomes = json.loads((folder / "outcomes.json").read_text())
    assert list(outcomes) == list(columns.names(columns.OUTCOMES))
    assert outcomes["death_day"] is None
    assert outcomes["seed"] == 1
    series = pd.read_parquet(folder / "series.parquet")
    assert series["day"].iloc[-1] == 30.0
    (figure,) = figures
    assert_picture((folder / "figure.png").read_bytes(), figure)
    assert any(text.startswith("One virtual patient (seed 1)") for text in texts(figure))
    leukemia = line(figure.axes[0], "leukemia, CD19+")
    assert leukemia.get_xdata().tolist() == series["day"].tolist()
    assert leukemia.get_ydata()[0] == series["leukemia_cd19_positive"].iloc[0] > 0
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert manifest["parameters"]["time.days"] == 30.0
    assert {"versions", "command", "git_commit", "started", "ended"} <= manifest.keys()


def test_sweep_writes_its_four_files_and_run_reproduces_a_row(figures):
    assert execute([*SMALL, "--out", "a"]) == 0
    assert {"outcomes.parquet", "summary.csv", "map.png", "manifest.json"} <= set(names("a"))
    outcomes = pd.read_parquet("a/outcomes.parquet")
    assert {DOSE, HALF_LIFE, "time.days", "patient", "replicate", "error"} <= set(outcomes)
    assert (outcomes["error"] == "").all()
    summary = pd.read_csv("a/summary.csv")
    assert summary["n"].tolist() == [2, 2]
    assert summary["remission_365"].isna().all()
    assert_picture(Path("a/map.png").read_bytes(), figures[-1])
    shown = [y for bars in figures[-1].axes[0].containers for y in bars[0].get_ydata()]
    assert sorted(shown) == pytest.approx(sorted(summary["remission"]))
    assert ticks(figures[-1].axes[0].xaxis) == ["1", "2"]
    assert any("2 virtual patients per point" in text for text in texts(figures[-1]))

    row = outcomes.iloc[3]
    settings = ["--set", f"{DOSE}={row[DOSE]}", "--set", f"{HALF_LIFE}=60", "--days", "2"]
    assert execute(["run", *settings, "--seed", str(row["seed"]), "--out", "b"]) == 0
    again = json.loads(Path("b/outcomes.json").read_text(encoding="utf-8"))
    for column, value in again.items():
        assert row[column] == value or (value is None and pd.isna(row[column])), column


def test_results_are_not_written_over_unless_asked(capsys):
    assert execute([*SMALL, "--out", "a"]) == 0
    before = Path("a/manifest.json").read_text(encoding="utf-8")
    assert execute([*SMALL, "--out", "a"]) == 2
    assert "not empty" in capsys.readouterr().err
    assert execute([*SMALL, "--out", "a", "--resume"]) == 0
    assert Path("a/manifest.json").read_text(encoding="utf-8") == before
    assert execute([*SMALL, "--out", "a", "--resume", "--seed", "2"]) == 2
    assert "seed was 1 there and is 2 now" in capsys.readouterr().err
    assert execute([*SMALL, "--out", "a", "--overwrite", "--seed", "2"]) == 0
    assert json.loads(Path("a/manifest.json").read_text(encoding="utf-8"))["seed"] == 2
    assert names(".") == ["a"]


def test_runs_that_failed_give_exit_code_1(monkeypatch, capsys):
    from tcellabm.experiments.compute import runner

    def simulate(params, seed):
        raise ZeroDivisionError("in a kernel")

    monkeypatch.setattr(runner, "simulate", simulate)
    assert execute([*SMALL, "--out", "a"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: 4 of 4 runs failed")
    assert err.count("\n") == 1
    assert set(pd.read_parquet("a/outcomes.parquet")["error"]) == {"ZeroDivisionError: in a kernel"}


@pytest.mark.parametrize("out", ["file", "file/deeper"])
@pytest.mark.parametrize("command", [SMALL, ["run", "--days", "1"]])
def test_a_folder_that_cannot_be_made_is_one_line(command, out, capsys):
    Path("file").write_text("in the way", encoding="utf-8")
    assert execute([*command, "--out", out]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: can't read or write ")
    assert err.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_nothing(monkeypatch, capsys):
    def no_space(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    for command in (SMALL, ["run", "--days", "1"]):
        assert execute([*command, "--out", "a"]) == 2
        err = capsys.readouterr().err
        assert "No space left on device" in err
        assert err.count("\n") == 1
        assert names(".") == []


def test_an_error_of_the_program_is_one_line_too(monkeypatch, capsys):
    from tcellabm.experiments.studies import run as study

    monkeypatch.setattr(study, "one_patient", lambda *args: 1 / 0)
    assert execute(["run"]) == 1
    assert capsys.readouterr().err.startswith("error: ZeroDivisionError: division by zero")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_once(number):
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        errors.stop_on_signals()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@pytest.mark.parametrize(
    "words",
    [
        ["--out", "old", "--overwrite", "-n", "3"],
        ["--out=old", "-n", "3", "--resume"],
        ["-n", "3"],
    ],
)
def test_the_command_to_resume_names_the_folder_once(words, monkeypatch):
    from tcellabm.cli.options import command_to_resume

    monkeypatch.setattr(sys, "argv", ["tcellabm", "sweep", *words])
    assert command_to_resume(Path("new")) == "tcellabm sweep -n 3 --out new --resume"

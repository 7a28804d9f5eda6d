"""Sweeps of a model that takes no time, disturbed for real: killed, frozen, out of disk space."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil
import pytest
from experiments.conftest import DOSE, HALF_LIFE, PATIENCE, fake_simulate, runs_on_disk, wait_until

from tcellabm.cli import execute
from tcellabm.experiments.compute import runner
from tcellabm.experiments.results.ownership import LOCK

PROGRAM = str(Path(__file__).with_name("faulty.py"))
SWEEP = ["sweep", "--set", f"{DOSE}=[5e5, 2e6]", "--set", f"{HALF_LIFE}=60", "-n", "20"]
RUNS = 40


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tcellabm"])


@pytest.fixture
def begin(start):
    """Start `tcellabm sweep` with the faulty model."""
    return lambda *words, **environment: start(PROGRAM, *SWEEP, *words, **environment)


def finish(process):
    """Return exit code and the lines on stderr of a process that ends by itself."""
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err.splitlines()


def here(*words):
    """Run a sweep in this process, undisturbed; return the bytes of its table."""
    assert execute([*SWEEP, "--workers", "0", "--out", *words]) == 0
    return Path(words[0], "outcomes.parquet").read_bytes()


@pytest.fixture
def undisturbed(monkeypatch):
    monkeypatch.setattr(runner, "simulate", fake_simulate)
    return here("undisturbed")


def test_runs_that_kill_freeze_hang_or_raise_become_rows_and_no_other_does(begin, undisturbed):
    code, said = finish(begin("--workers", "2", "--limit", "2", "--out", "a", FAULTS="dhrs"))
    assert code == 1, said
    assert said == ["error: 4 of 40 runs failed, a/outcomes.parquet, see column `error`"]
    table = pd.read_parquet("a/outcomes.parquet")
    failed = table[table["error"] != ""]
    hung = "the run did not end within the time limit"
    assert dict(zip(failed["patient"], failed["error"], strict=True)) == {
        3: "the worker process died; out of memory?",
        7: hung,
        11: "FloatingPointError: overflow",
        15: hung,
    }
    assert set(failed[DOSE]) == {5e5}
    whole = pd.read_parquet("undisturbed/outcomes.parquet")
    good = table["error"] == ""
    pd.testing.assert_frame_equal(table[good], whole[good])


def test_a_killed_parent_leaves_no_process_and_loses_nothing_finished(begin, undisturbed):
    sweep = begin("--workers", "2", "--out", "a", PAUSE="0.05", SHARD_RUNS="1")
    wait_until(lambda: runs_on_disk(Path("a")) >= 3)
    children = psutil.Process(sweep.pid).children(recursive=True)
    sweep.kill()
    sweep.communicate()
    assert len(children) >= 2
    wait_until(lambda: not any(child.is_running() for child in children))
    whole = Path("a/shards").glob("[!.]*")  # not what was being written
    kept = {path: path.read_bytes() for path in whole}
    assert here("a", "--resume") == undisturbed
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_of_two_sweeps_started_on_one_folder_one_is_refused(begin, undisturbed):
    both = [begin("--workers", "0", "--out", "a", PAUSE="0.1") for _ in range(2)]
    ends = sorted(finish(process) for process in both)
    assert [code for code, _ in ends] == [0, 2]
    assert len(ends[1][1]) == 1
    assert "in use by another process" in ends[1][1][0]
    assert Path("a/outcomes.parquet").read_bytes() == undisturbed


@pytest.mark.parametrize("files", [1, 4])
def test_a_power_cut_in_the_middle_of_a_file_costs_that_file_alone(begin, undisturbed, files):
    flushes = str(2 * files)  # of a file and of its folder
    cut = begin("--workers", "0", "--out", "a", SHARD_RUNS="1", FSYNCS=flushes)
    assert finish(cut)[0] == -signal.SIGKILL
    assert len(list(Path("a").rglob(".part-*"))) == 1
    assert runs_on_disk(Path("a")) == files - 1  # the first is the manifest
    assert here("a", "--resume") == undisturbed
    assert not list(Path("a").rglob(".part-*"))


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    size = ["-o", "size=400k"]
    mount = subprocess.run(["mount", "-t", "tmpfs", *size, "none", str(disk)], capture_output=True)
    if mount.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a tmpfs is Linux's")
def test_a_full_disk_ends_a_sweep_that_goes_on_when_there_is_space(begin, undisturbed, small_disk):
    out = str(small_disk / "a")
    code, said = finish(begin("--workers", "0", "--out", out, SHARD_RUNS="1"))
    assert code == 2
    assert len(said) == 1
    assert said[0].startswith("error: can't read or write ")
    assert "No space left on device" in said[0]
    kept = runs_on_disk(Path(out))
    assert 0 < kept < RUNS
    assert not Path(out, "outcomes.parquet").exists()
    assert not Path(out, LOCK).exists()
    bigger = ["mount", "-o", "remount,size=20m", str(small_disk)]
    subprocess.run(bigger, check=True)
    assert here(out, "--resume") == undisturbed
    assert os.listdir(small_disk) == ["a"]


def refused(capsys, *words):
    """Run a sweep that must be refused in one line before any run; return the line."""
    capsys.readouterr()
    assert execute([*SWEEP, "--workers", "0", "--out", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and len(line) <= 200
    return line


@pytest.fixture
def no_runs(monkeypatch):
    def simulate(params, seed):
        raise AssertionError("a run was begun")

    monkeypatch.setattr(runner, "simulate", simulate)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a tmpfs is Linux's")
def test_a_mount_point_is_filled_but_neither_overwritten_nor_written_when_read_only(
    undisturbed, small_disk, no_runs, capsys, monkeypatch
):
    disk = str(small_disk)
    subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
    with monkeypatch.context() as world:
        world.setattr(runner, "simulate", fake_simulate)
        assert here(disk) == undisturbed
    assert "mount point" in refused(capsys, disk, "--overwrite")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert "Read-only file system" in refused(capsys, str(small_disk / "a"))
    assert "Read-only file system" in refused(capsys, disk, "--resume")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a tmpfs is Linux's")
def test_a_folder_with_a_mount_point_in_it_is_not_overwritten(
    small_disk, no_runs, capsys, monkeypatch
):
    folder = small_disk.parent
    monkeypatch.chdir(folder.parent)
    assert "--overwrite of a mount point" in refused(capsys, str(folder), "--overwrite")
    assert os.listdir(folder) == [small_disk.name]


def test_a_folder_that_can_be_none_is_refused_before_any_run(no_runs, capsys):
    Path("file").touch()
    Path("loop").symlink_to("loop")
    for out in ("file", "file/a", "loop"):
        assert "can't read or write" in refused(capsys, out)
    Path("a").mkdir()
    Path("a/shards").write_text("mine", encoding="utf-8")
    assert "not empty" in refused(capsys, "a")
    assert "manifest.json" in refused(capsys, "a", "--resume")
    assert Path("a/shards").read_text(encoding="utf-8") == "mine"


def test_a_folder_deleted_in_the_middle_ends_a_sweep_in_one_line(begin):
    sweep = begin("--workers", "0", "--out", "a", PAUSE="0.1", SHARD_RUNS="1")
    wait_until(lambda: runs_on_disk(Path("a")) >= 1)
    Path("a").rename("elsewhere")  # a name goes in one step
    shutil.rmtree("elsewhere")
    code, said = finish(sweep)
    assert code == 2 and len(said) == 1
    assert said[0].startswith("error: can't read or write ") and "No such file" in said[0]
    assert not Path("a").exists()


def test_a_link_to_a_folder_that_is_not_there_yet_is_filled(undisturbed):
    Path("a").symlink_to("disk/results")
    assert here("a") == undisturbed == here("a", "--overwrite")
    assert Path("a").is_symlink() and os.listdir("disk") == ["results"]

import errno
import json
import os
import subprocess
import sys

import psutil
import pytest

from tcellabm import disk
from tcellabm.experiments import lock, store
from tcellabm.params import InputError

RECIPE = {"seed": 1, "axes": {"a": [1.0]}, "parameters": {"x": 1.0, "y": 2}}


def no_space(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "table.csv"
    disk.write_whole(path, b"old")
    monkeypatch.setattr(os, step, no_space)
    with pytest.raises(OSError, match="No space") as caught:
        disk.write_whole(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["table.csv"]


def test_a_full_disk_leaves_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(json, "dump", no_space)
    with pytest.raises(OSError, match="No space"), lock.locked(tmp_path):
        pass
    assert names(tmp_path) == []


def test_a_folder_in_use_is_refused_and_free_again_afterwards(tmp_path):
    with lock.locked(tmp_path):
        for part in ("", part_of(tmp_path, 1)):
            with pytest.raises(InputError, match=f"in use by process {os.getpid()}"):
                lock.locked(tmp_path, part).__enter__()
    with lock.locked(tmp_path):
        pass
    assert names(tmp_path) == ["part-1-of-2"]


def part_of(folder, number):
    path = folder / f"part-{number}-of-2"
    path.mkdir(exist_ok=True)
    return path.name


def test_two_parts_go_together_but_not_with_the_whole(tmp_path):
    first, second = part_of(tmp_path, 1), part_of(tmp_path, 2)
    with lock.locked(tmp_path, first), lock.locked(tmp_path, second):
        with pytest.raises(InputError, match="in use"):
            lock.locked(tmp_path, second).__enter__()
        with pytest.raises(InputError, match="in use"):
            lock.locked(tmp_path).__enter__()
    assert names(tmp_path) == [first, second]
    assert names(tmp_path / first) == []


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, with_package):
    code = (
        "import sys, os, pathlib; from tcellabm.experiments import lock;"
        "held = lock.locked(pathlib.Path(sys.argv[1])); held.__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=with_package, check=False)
    assert names(tmp_path) == [".lock"]
    with lock.locked(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert names(tmp_path) == []


def test_a_process_number_used_again_does_not_hold_a_lock(tmp_path):
    holder = lock._me() | {"pid": os.getppid(), "started": psutil.Process().create_time() - 1e4}
    (tmp_path / ".lock").write_text(json.dumps(holder))
    with lock.locked(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", '{"host": "elsewhere", "pid": 1, "started": 0}'])
def test_a_lock_that_cannot_be_judged_is_respected(tmp_path, text):
    (tmp_path / ".lock").write_text(text)
    with pytest.raises(InputError, match="delete .lock"):
        lock.locked(tmp_path).__enter__()


def finish(folder, recipe=RECIPE, status="finished"):
    folder.write_manifest({"status": status, **recipe})


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        store.open_folder(tmp_path, RECIPE).__enter__()
    with pytest.raises(InputError, match=r"without a readable manifest\.json"):
        store.open_folder(tmp_path, RECIPE, resume=True).__enter__()
    assert names(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("resume", [False, True])
def test_a_missing_or_empty_folder_is_a_fresh_start(tmp_path, resume):
    for _ in range(2):
        with store.open_folder(tmp_path / "new", RECIPE, resume=resume) as folder:
            assert not folder.earlier


def test_resuming_finds_the_manifest(tmp_path):
    with store.open_folder(tmp_path / "a", RECIPE) as folder:
        finish(folder)
    with store.open_folder(tmp_path / "a", RECIPE, resume=True) as folder:
        assert folder.finished


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, "seed was 1 there and is 2 now"),
        ({"axes": {"a": [2.0]}}, r"axes a was \[1.0\] there and is \[2.0\] now"),
        ({"parameters": {"x": 1.0, "y": 3}}, "parameters y was 2 there and is 3 now"),
        ({"parameters": {"x": 1.0}}, "parameters y was 2 there and is absent now"),
    ],
)
def test_resuming_something_else_is_refused_with_the_difference(tmp_path, change, words):
    with store.open_folder(tmp_path / "a", RECIPE) as folder:
        finish(folder, status="interrupted")
    with pytest.raises(InputError, match=words):
        store.open_folder(tmp_path / "a", RECIPE | change, resume=True).__enter__()


def test_overwriting_replaces_results_once_the_new_are_whole_and_keeps_the_rest(tmp_path):
    out = tmp_path / "a"
    with store.open_folder(out, RECIPE) as folder:
        folder.write("map.png", b"old")
        finish(folder)
    (out / "notes.txt").write_text("mine")
    with store.open_folder(out, RECIPE, overwrite=True) as folder:
        folder.write("summary.csv", b"new")
        finish(folder)
        assert (out / "map.png").read_bytes() == b"old"
    assert names(out) == ["manifest.json", "notes.txt", "summary.csv"]
    assert names(tmp_path) == ["a"]


def test_overwriting_that_fails_leaves_the_old(tmp_path):
    out = tmp_path / "a"
    with store.open_folder(out, RECIPE) as folder:
        finish(folder)
    with (
        pytest.raises(KeyError),
        store.open_folder(out, RECIPE, overwrite=True) as folder,
    ):
        finish(folder, status="running")
        raise KeyError
    assert names(tmp_path) == ["a"]
    assert json.loads((out / "manifest.json").read_text())["status"] == "finished"


def test_the_folder_one_is_in_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="folder you are in"):
        store.open_folder(tmp_path.parent, RECIPE, overwrite=True).__enter__()


def test_leftovers_of_a_killed_writer_are_removed(tmp_path):
    out = tmp_path / "a"
    with store.open_folder(out, RECIPE) as folder:
        finish(folder, status="running")
    (out / "shards").mkdir()
    (out / "shards" / ".part-1-x.parquet").write_text("half")
    with store.open_folder(out, RECIPE, resume=True):
        assert names(out / "shards") == []


def test_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [store.free_folder("sweep", "mine") for _ in range(2)]
    assert [str(folder) for folder in folders] == ["runs/sweep-mine-1", "runs/sweep-mine-2"]

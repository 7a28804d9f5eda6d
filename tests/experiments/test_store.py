import errno
import json
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from tcellabm import disk
from tcellabm.experiments.results import ownership, replacement, store
from tcellabm.experiments.results.ownership import LOCK, REPLACED
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


def test_a_folder_in_use_is_refused_and_free_again_afterwards(tmp_path):
    with ownership.locked(tmp_path):
        for part in ("", part_of(tmp_path, 1)):
            with pytest.raises(InputError, match="in use by another process"):
                ownership.locked(tmp_path, part).__enter__()
    with ownership.locked(tmp_path):
        pass
    assert names(tmp_path) == ["part-1-of-2"]


def part_of(folder, number):
    path = folder / f"part-{number}-of-2"
    path.mkdir(exist_ok=True)
    return path.name


def test_two_parts_go_together_but_not_with_the_whole(tmp_path):
    first, second = part_of(tmp_path, 1), part_of(tmp_path, 2)
    with ownership.locked(tmp_path, first), ownership.locked(tmp_path, second):
        with pytest.raises(InputError, match="in use"):
            ownership.locked(tmp_path, second).__enter__()
        with pytest.raises(InputError, match="in use"):
            ownership.locked(tmp_path).__enter__()
    assert names(tmp_path) == [first, second]
    assert names(tmp_path / first) == []


# Holds a folder, and says so; with a word more it sees another time and another host.
HOLDER = """
import os, pathlib, socket, sys, time
from tcellabm.experiments.results import ownership
if len(sys.argv) > 2:
    clock, time.time, socket.gethostname = time.time, lambda: clock() + 1e6, lambda: "elsewhere"
with ownership.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path, with_package):
    """Start a process that holds the test's folder until its input ends."""
    started = []

    def _hold(*words):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", HOLDER, str(tmp_path), *words]
        started.append(subprocess.Popen(command, env=with_package, **pipes))
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield _hold
    for process in started:
        with process:
            process.kill()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, hold):
    holder = hold()
    with pytest.raises(InputError, match="in use"):
        ownership.locked(tmp_path).__enter__()
    holder.kill()
    holder.wait()
    with ownership.locked(tmp_path):
        assert names(tmp_path) == [LOCK]
    assert names(tmp_path) == []


def test_neither_clock_nor_name_of_the_host_decides_who_holds_a_folder(tmp_path, hold):
    holder = hold("elsewhere")
    for _ in range(2):  # the first that is refused takes nothing away
        with pytest.raises(InputError, match="in use"):
            ownership.locked(tmp_path).__enter__()
    assert names(tmp_path) == [LOCK]
    holder.communicate("")
    with ownership.locked(tmp_path):
        pass


def test_who_lost_the_file_of_a_lock_does_not_remove_that_of_the_next(tmp_path, hold):
    with ownership.locked(tmp_path):
        (tmp_path / LOCK).unlink()
        hold()
    assert names(tmp_path) == [LOCK]
    with pytest.raises(InputError, match="in use"):
        ownership.locked(tmp_path).__enter__()


def test_parts_that_begin_at_once_do_not_refuse_each_other(tmp_path, hold):
    part_of(tmp_path, 1)
    holder = hold()
    threading.Timer(0.5, holder.stdin.close).start()
    with ownership.locked(tmp_path, "part-1-of-2"):
        assert names(tmp_path / "part-1-of-2") == [LOCK]


def finish(folder, recipe=RECIPE, status="finished"):
    folder.write_manifest({"status": status, **recipe})


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        store.open_folder(tmp_path, RECIPE).__enter__()
    with pytest.raises(InputError, match=r"without a whole manifest\.json"):
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


def test_resuming_what_has_more_in_its_recipe_is_refused(tmp_path):
    """A sweep of arms, counterfactuals: what is alike but for less is another thing."""
    more = RECIPE | {"arms": [1]}
    with store.open_folder(tmp_path / "a", more) as folder:
        finish(folder, more, status="interrupted")
    with pytest.raises(InputError, match=r"arms was \[1\] there and is absent now"):
        store.open_folder(tmp_path / "a", RECIPE, resume=True).__enter__()


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


def old_and_new(folder):
    """Replace a folder that has something of the user's at every depth."""
    with store.open_folder(folder, RECIPE) as old:
        finish(old)
    for name in ("notes.txt", "shards/mine.parquet", "outcomes.parquet.tmp", "deep/er/shards"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    replace(folder)


def replace(folder):
    with store.open_folder(folder, RECIPE, overwrite=True) as new:
        new.write("summary.csv", b"new")
        finish(new)


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


REPLACED_WELL = sorted(
    [
        *("a/notes.txt", "a/shards/mine.parquet", "a/outcomes.parquet.tmp", "a/deep/er/shards"),
        *("a/manifest.json", "a/summary.csv"),
    ]
)


@pytest.mark.parametrize("at_once", [True, False])
def test_overwriting_never_removes_what_is_somebodys(tmp_path, monkeypatch, at_once):
    (tmp_path / "a.lock").write_text("mine")
    (tmp_path / "a.new-1").mkdir()
    if not at_once:
        monkeypatch.setattr(replacement, "exchanged", lambda one, two: False)
    old_and_new(tmp_path / "a")
    assert everything(tmp_path) == sorted(["a.lock", *REPLACED_WELL])
    assert names(tmp_path) == ["a", "a.lock", "a.new-1"]


# Replaces a folder; killed at a rename: of the two folders, then of what is somebody's.
KILLED = """
import os, pathlib, signal, sys
from tcellabm.experiments.results import replacement, store
folder, step, at_once = pathlib.Path(sys.argv[1]), iter(range(int(sys.argv[2]))), sys.argv[3]
def rename(self, target, own=pathlib.Path.rename):
    if next(step, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return own(self, target)
pathlib.Path.rename = rename
if at_once == "False":
    replacement.exchanged = lambda one, two: False
recipe = {"seed": 1, "axes": {"a": [1.0]}, "parameters": {"x": 1.0, "y": 2}}
with store.open_folder(folder, recipe, overwrite=True) as new:
    new.write("summary.csv", b"new")
    new.write_manifest({"status": "finished", **recipe})
"""


@pytest.mark.parametrize(
    ("step", "at_once"), [(0, True), (2, True), (0, False), (1, False), (2, False), (4, False)]
)
def test_overwriting_that_is_killed_at_any_step_is_mended(tmp_path, with_package, step, at_once):
    out = tmp_path / "a"
    old_and_new(out)
    words = [sys.executable, "-c", KILLED, str(out), str(step), str(at_once)]
    assert subprocess.run(words, env=with_package, check=False).returncode == -9
    if at_once:
        assert (out / "manifest.json").exists()
    with store.open_folder(out, RECIPE, resume=True) as folder:
        assert folder.finished
    kept = [name for name in everything(tmp_path) if name.startswith("a/")]
    assert kept == REPLACED_WELL
    assert not list(tmp_path.rglob(REPLACED)) and not list(out.rglob(LOCK))
    replace(out)
    assert names(tmp_path)[0] == "a"


def test_a_folder_is_held_while_the_old_one_is_cleared_away(tmp_path, monkeypatch):
    def clear_away(old, out):
        assert (out / "summary.csv").exists()
        with pytest.raises(InputError, match="in use"):
            ownership.locked(out).__enter__()
        cleared.append(out)

    cleared = []
    monkeypatch.setattr(replacement, "_clear_away", clear_away)
    old_and_new(tmp_path / "a")
    assert cleared == [tmp_path / "a"]
    assert not list(tmp_path.rglob(LOCK))


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="promised there alone")
def test_two_folders_change_names_in_one_step(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert replacement.exchanged(tmp_path / "a", tmp_path / "b")
    assert everything(tmp_path) == ["a/b", "b/a"]
    assert not replacement.exchanged(tmp_path / "a", tmp_path / "c")


def test_a_link_stays_and_what_it_points_to_is_filled(tmp_path):
    (tmp_path / "disk").mkdir()
    out = tmp_path / "a"
    out.symlink_to(tmp_path / "disk" / "results")
    old_and_new(out)
    assert out.is_symlink()
    assert (tmp_path / "disk" / "results" / "summary.csv").read_bytes() == b"new"
    assert names(tmp_path / "disk") == ["results"]


def test_a_mount_point_is_not_overwritten(tmp_path, monkeypatch):
    with store.open_folder(tmp_path / "a", RECIPE) as folder:
        finish(folder)
    mounts = [SimpleNamespace(mountpoint=str(tmp_path / "a"))]
    monkeypatch.setattr(replacement.psutil, "disk_partitions", lambda all: mounts)
    with pytest.raises(InputError, match="mount point"):
        store.open_folder(tmp_path / "a", RECIPE, overwrite=True).__enter__()
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["manifest.json"]


@pytest.mark.parametrize(
    "change", [('"seed": 1', '"seed": 3'), ("finished", "finishee"), ("a", "")]
)
def test_a_manifest_that_is_not_as_it_was_written_is_refused(tmp_path, change):
    with store.open_folder(tmp_path / "a", RECIPE) as folder:
        finish(folder)
    file = tmp_path / "a" / "manifest.json"
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(InputError, match=r"without a whole manifest\.json"):
        store.open_folder(tmp_path / "a", RECIPE, resume=True).__enter__()


def test_the_folder_one_is_in_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="folder you are in"):
        store.open_folder(tmp_path.parent, RECIPE, overwrite=True).__enter__()


def test_leftovers_of_a_killed_writer_are_removed(tmp_path):
    out = tmp_path / "a"
    with store.open_folder(out, RECIPE) as folder:
        finish(folder, status="running")
    (out / "shards").mkdir()
    half, mine = f"shards/.part-1-{'0' * 32}.parquet", ["shards/.part-1-x.parquet", ".part-notes"]
    for name in (half, *mine):
        (out / name).write_text("half")
    with store.open_folder(out, RECIPE, resume=True):
        assert not (out / half).exists()
        assert all((out / name).exists() for name in mine)


def test_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [ownership.free_folder("sweep", "mine") for _ in range(2)]
    assert [str(folder) for folder in folders] == ["runs/sweep-mine-1", "runs/sweep-mine-2"]

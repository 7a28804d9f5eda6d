"""A result folder whose files are not what was written is mended, or refused in one line."""

import contextlib
import json
import os
import stat

import pytest

from tcellabm import cli
from tcellabm.cli import execute, plotting
from tcellabm.experiments.results import manifest

SWEEP = ["sweep", "scenarios/kymriah.toml", "--set", "product.dose_cells_per_kg=[1e5, 1e6]"]
SWEEP += ["-n", "1", "--days", "1", "--workers", "0", "--out"]
RUN = ["run", "--days", "1", "--out"]
NO_OBJECTS = (b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"axes": {}}')
WRONG = [
    *({key: value} for key in ("status", "command", "started") for value in (None, 3, [])),
    *({"sessions": value} for value in (None, "x", 1.5, [])),
    *({"files": value} for value in (None, [], 3, {"map.png": 3})),
    *({"axes": value} for value in (None, [], "x", {"care.policy": 3}, {"no.such": [1]})),
    *({"parameters": value} for value in (None, [], 3, {"a": [1]})),
    *({"set": value} for value in (None, [], "x", {"a": None})),
    *({"wanted": value} for value in ("x", -1, 1.5, [], True)),
    *({"arms": value} for value in ("x", 3, [1])),
]


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as world:
        world.setattr(plotting, "map_of", lambda result: b"a map")
        world.setattr(cli, "_draw_patient", lambda record, params: b"a figure")
        yield


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "a"
    assert execute([*SWEEP, str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ran") / "a"
    assert execute([*RUN, str(folder)]) == 0
    return folder


def refused(words, capsys):
    assert execute(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and len(error) <= 201, error


def is_manifest(path):
    with contextlib.suppress(ValueError):
        return bool(manifest.read(path))
    return False


def test_a_sweep_with_a_wrong_manifest_is_not_plotted_and_resume_writes_another(swept, capsys):
    path = swept / "manifest.json"
    whole, table = path.read_bytes(), (swept / "outcomes.parquet").read_bytes()
    made = manifest.read(path)
    wrong = [manifest.to_text(made | change).encode() for change in WRONG]
    most = [content for content in wrong if content not in wrong[::5]]  # a few show it
    for content in [*NO_OBJECTS, *wrong]:
        path.write_bytes(content)
        refused(["plot", str(swept)], capsys)
        if is_manifest(path):  # of another sweep
            refused([*SWEEP, str(swept), "--resume"], capsys)
        if is_manifest(path) or content in most:
            continue
        assert execute([*SWEEP, str(swept), "--resume"]) == 0
        told = "1 file not as written, set aside as *.damaged; 0 runs to compute"
        assert capsys.readouterr().err == f"{swept}: {told}\n"
        assert (swept / "manifest.json.damaged").read_bytes() == content
        assert (swept / "outcomes.parquet").read_bytes() == table
        assert manifest.read(path)["files"] == made["files"]
    path.write_bytes(whole)
    assert execute(["plot", str(swept)]) == 0
    assert execute([*SWEEP, str(swept), "--resume"]) == 0


def test_a_manifest_that_is_lost_is_not_made_for_runs_of_something_else(swept, ran, capsys):
    for folder, words in ((swept, [*SWEEP, str(swept)]), (ran, [*RUN, str(ran)])):
        path = folder / "manifest.json"
        whole = path.read_bytes()
        for lose in (path.unlink, lambda path=path: path.write_bytes(b"{}")):
            lose()
            before = sorted(folder.rglob("*"))
            refused([*words, "--resume", "--seed", "2"], capsys)
            refused([*words, "--resume", "--set", "patient.weight_kg=50"], capsys)
            assert sorted(folder.rglob("*")) == before
        path.unlink()
        path.mkdir()  # somebody's
        refused([*words, "--resume"], capsys)
        path.rmdir()
        assert execute([*words, "--resume"]) == 0
        told = capsys.readouterr().err
        assert told.startswith(f"{folder}: missing: manifest.json; ") and told.count("\n") == 1
        assert json.loads(path.read_bytes())["files"] == json.loads(whole)["files"]


def test_parts_are_joined_beside_files_of_ones_own_and_without_their_manifests(tmp_path, capsys):
    for part in ("1/2", "2/2"):
        assert execute([*SWEEP, str(tmp_path / "a"), "--shard", part]) == 0
    mine, lost = tmp_path / "a" / "notes.txt", tmp_path / "a" / "part-1-of-2" / "manifest.json"
    mine.write_text("mine", encoding="utf-8")
    lost.write_bytes(lost.read_bytes()[:-9])
    capsys.readouterr()
    assert execute([*SWEEP, str(tmp_path / "a"), "--resume"]) == 0
    assert "1 file not as written" in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == "mine"
    assert execute([*SWEEP, str(tmp_path / "b")]) == 0
    one, other = (tmp_path / name / "outcomes.parquet" for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_a_manifest_that_went_through_an_editor_is_the_same(swept):
    path = swept / "manifest.json"
    whole = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + whole.replace(b"\n", b"\r\n"))
    assert execute(["plot", str(swept)]) == 0
    path.write_bytes(whole)


def test_outcomes_that_are_not_those_of_the_run_are_computed_again(ran, capsys):
    path = ran / "outcomes.json"
    again = [*RUN, str(ran), "--resume"]
    whole = path.read_bytes()
    assert execute(again) == 0
    said = capsys.readouterr().out
    for content in (b"", whole + b" ", b"\xff\xfe", json.dumps({"seed": [1]}).encode()):
        path.write_bytes(content)
        assert execute(again) == 0
        told = capsys.readouterr()
        assert told.out == said and path.read_bytes() == whole
        assert "1 file not as written" in told.err


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_private_folder_is_private_when_it_is_overwritten(tmp_path):
    out = tmp_path / "a"
    assert execute([*SWEEP, str(out)]) == 0
    out.chmod(0o700)
    assert execute([*SWEEP, str(out), "--overwrite"]) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["manifest.json", "outcomes.parquet", "map.png", "shards"])
def test_ones_own_thing_with_the_name_of_a_result_is_kept_and_told(name, tmp_path, capsys):
    out = tmp_path / "a"
    assert execute([*SWEEP, str(out)]) == 0
    (out / name).rename(tmp_path / "was")
    if name == "shards":
        (out / name).write_text("mine", encoding="utf-8")
    else:
        (out / name).mkdir()
        (out / name / "mine").touch()
    assert execute([*SWEEP, str(out), "--resume"]) == 2
    capsys.readouterr()
    assert execute([*SWEEP, str(out), "--overwrite"]) == 0
    kept = tmp_path / "a.new-1"
    told = f"{kept}: left there, since {out} has results of these names"
    assert capsys.readouterr().err == f"{told}\n"
    assert (kept / name).is_dir() == (name != "shards")
    assert execute([*SWEEP, str(out), "--resume"]) == 0


@pytest.mark.parametrize("kind", ["a pipe", "a link", "a link to nothing", "a link to a device"])
@pytest.mark.parametrize("name", ["manifest.json", "outcomes.parquet", "summary.csv"])
def test_what_stands_in_the_place_of_a_result_is_neither_read_nor_written(name, kind, tmp_path):
    out, other = tmp_path / "a", tmp_path / "other"
    assert execute([*SWEEP, str(out)]) == 0
    table = (out / "outcomes.parquet").read_bytes()
    (out / name).unlink()
    other.write_text("mine", encoding="utf-8")
    if kind == "a pipe":
        os.mkfifo(out / name)  # who reads it waits for ever
    else:
        target = {"a link": other, "a link to nothing": "nothing", "a link to a device": os.devnull}
        (out / name).symlink_to(target[kind])
    assert execute([*SWEEP, str(out), "--resume"]) == 0
    assert (out / "outcomes.parquet").read_bytes() == table
    assert (out / name).is_file() and not (out / name).is_symlink()
    assert other.read_text(encoding="utf-8") == "mine"

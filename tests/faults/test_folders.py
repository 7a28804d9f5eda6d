"""A result folder whose files are not what was written is refused in one line."""

import json

import pytest

from tcellabm.cli import execute
from tcellabm.experiments.results import manifest

SWEEP = ["sweep", "scenarios/kymriah.toml", "--set", "product.dose_cells_per_kg=[1e5, 1e6]"]
SWEEP += ["-n", "1", "--days", "1", "--workers", "0", "--out"]
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


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "a"
    assert execute([*SWEEP, str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ran") / "a"
    assert execute(["run", "--days", "1", "--out", str(folder)]) == 0
    return folder


def refused(words, capsys):
    assert execute(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and len(error) <= 201, error


def test_a_sweep_with_a_wrong_manifest_is_neither_plotted_nor_resumed(swept, capsys):
    path = swept / "manifest.json"
    whole = path.read_bytes()
    made = manifest.read(path)
    wrong = [manifest.to_text(made | change).encode() for change in WRONG]
    for content in [*NO_OBJECTS, *wrong]:
        path.write_bytes(content)
        refused(["plot", str(swept)], capsys)
        refused([*SWEEP, str(swept), "--resume"], capsys)
        path.write_bytes(whole)
    assert execute(["plot", str(swept)]) == 0
    assert execute([*SWEEP, str(swept), "--resume"]) == 0


def test_a_manifest_that_went_through_an_editor_is_the_same(swept):
    path = swept / "manifest.json"
    whole = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + whole.replace(b"\n", b"\r\n"))
    assert execute(["plot", str(swept)]) == 0
    path.write_bytes(whole)


def test_outcomes_that_are_not_those_of_the_run_are_computed_again(ran, capsys):
    path = ran / "outcomes.json"
    again = ["run", "--days", "1", "--out", str(ran), "--resume"]
    whole = path.read_bytes()
    assert execute(again) == 0
    said = capsys.readouterr().out
    for content in (b"", whole + b" ", b"\xff\xfe", json.dumps({"seed": [1]}).encode()):
        path.write_bytes(content)
        assert execute(again) == 0
        told = capsys.readouterr()
        assert told.out == said and path.read_bytes() == whole
        assert "1 file not as written" in told.err

"""A result folder whose files are not what was written is refused in one line."""

import json

import pytest

from tcellabm.cli import execute

SMALL = ["-n", "1", "--days", "1", "--workers", "0"]
NO_OBJECTS = (b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"axes": {}}')
WRONG = [
    *({"axes": value} for value in (None, [], "x", {"care.policy": 3}, {"no.such": [1]})),
    *({"parameters": value} for value in (None, [], 3, {"a": [1]})),
    *({"set": value} for value in (None, [], "x", {"a": None})),
    *({"wanted": value} for value in ("x", -1, 1.5, [], True)),
    *({"arms": value} for value in ("x", 3, [1])),
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "a"
    settings = ["--set", "product.dose_cells_per_kg=[1e5, 1e6]"]
    assert (
        execute(["sweep", "scenarios/kymriah.toml", *settings, *SMALL, "--out", str(folder)]) == 0
    )
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


def contents(whole):
    changed = [json.dumps(whole | change).encode() for change in WRONG]
    return [*NO_OBJECTS, *changed]


def test_a_sweep_with_a_wrong_manifest_is_not_plotted(swept, capsys):
    path = swept / "manifest.json"
    whole = path.read_bytes()
    for content in contents(json.loads(whole)):
        path.write_bytes(content)
        refused(["plot", str(swept)], capsys)
    path.write_bytes(whole)
    assert execute(["plot", str(swept)]) == 0


def test_outcomes_that_are_none_are_not_told_again(ran, capsys):
    path = ran / "outcomes.json"
    again = ["run", "--days", "1", "--out", str(ran), "--resume"]
    whole = path.read_bytes()
    assert execute(again) == 0
    said = capsys.readouterr().out
    outcomes = json.loads(whole)
    numbers = [key for key, value in outcomes.items() if not isinstance(value, str)]
    wrong = [{**outcomes, key: value} for key in numbers for value in ([1], {"a": 1}, "x")]
    wrong += [{k: v for k, v in outcomes.items() if k != key} for key in outcomes]
    wrong += [outcomes | {"more": 1}, outcomes | {"seed": 10**30}]
    for content in [*NO_OBJECTS, *(json.dumps(one).encode() for one in wrong)]:
        path.write_bytes(content)
        refused(again, capsys)
    path.write_bytes(b"\xef\xbb\xbf" + whole)
    assert execute(again) == 0
    assert capsys.readouterr().out == said

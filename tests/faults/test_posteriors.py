"""A posterior that is none is refused in one line."""

import json
import math

import pytest

from tcellabm import InputError, load
from tcellabm.identity import MODEL_VERSION
from tcellabm.posterior import Posterior

KEYS = ["product.killing", "product.affinity"]
GOOD = {
    "model_version": MODEL_VERSION,
    "keys": KEYS,
    "draws": [[[1.0, 1.0], [1.2, 1.5]], [[1.1, 1.0], [1.3, 1.6]]],
}
NO_NUMBERS = ("x", "0.5", None, math.nan, math.inf, -1.0, True, [1.0], {}, 10**400)
CHANGES = [
    *({"draws": [[[value, 1.0], [1.0, 1.0]]]} for value in NO_NUMBERS),
    *({"draws": value} for value in ([[[1.0, 1.0], [1.0]]], [[[1.0] * 3] * 2], [[[], []]])),
    *({"draws": value} for value in ([], [[]], [[1.0, 1.0]], None)),
    *({"keys": value} for value in ([], None, KEYS[:1], [KEYS[0]] * 2, ["no.such", KEYS[0]])),
    *({"keys": [KEYS[0], value]} for value in (3, None, "weight", "care.policy", "")),
    *({"model_version": value} for value in (None, "5", MODEL_VERSION + 1, float(MODEL_VERSION))),
    {"population": 3},
    {"passed": "no"},
    {"more": 1},
]
CONTENTS = {
    "a.json": [b"", b"[]", b"null", b"\0" * 9, b"\xff\xfe{", b"[" * 100_000, b'{"keys": 1}'],
    "a.csv": [
        b"",
        b"product.killing\n",
        b"product.killing,weight\n1,2,3\n1\n",
        b"product.killing,weight\n1,x\n",
        b"product.killing,weight\n1,\n",
        b"product.killing,product.killing\n1,2\n",
        b"product.killing,\xe9\n1,2\n",
        b"product.killing\nnan\n",
        b"weight\n1\n",
    ],
    "a.parquet": [b"", b"PAR1" * 9],
}


def refused(path):
    with pytest.raises(InputError) as caught:
        Posterior.load(str(path), load())
    text = str(caught.value)
    assert len(text) <= 193 and text.isprintable()


@pytest.mark.parametrize("change", CHANGES, ids=repr)
def test_a_changed_posterior_is_refused(change, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(GOOD | change), encoding="utf-8")
    refused(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "content"), [(name, content) for name, all_ in CONTENTS.items() for content in all_]
)
def test_a_file_that_is_none_is_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_good_one_is_read_with_and_without_a_byte_order_mark(mark, tmp_path):
    (tmp_path / "a.json").write_bytes(mark + json.dumps(GOOD).encode())
    (tmp_path / "a.csv").write_bytes(
        mark + b"product.killing,product.affinity,weight\n1,1,1\n1.2,1.5,3\n"
    )
    chains, table = (Posterior.load(str(tmp_path / name), load()) for name in ("a.json", "a.csv"))
    assert chains.keys == table.keys == tuple(KEYS)
    assert [draw[KEYS[0]] for draw in chains.draws] == [1.0, 1.2, 1.1, 1.3]
    assert chains.weights.tolist() == [0.25] * 4
    assert table.weights.tolist() == [0.25, 0.75]

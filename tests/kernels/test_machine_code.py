"""Machine code is entered without a look at types, so it must be that of the types at hand."""

from typing import NamedTuple

import numba
import numpy as np
import pytest

from tcellabm.kernels import kept
from tcellabm.kernels.jit import kernel, machine_code
from tcellabm.kernels.kept import KernelCache
from tcellabm.kernels.records import packed


class Pair(NamedTuple):
    table: np.ndarray
    more: tuple


class Law(NamedTuple):
    rate: float


class WideLaw(NamedTuple):
    first: float
    rate: float


@kernel
def last(values):
    """Return the last number of a table."""
    return values[-1, -1]


@kernel
def last_of(pair):
    """Return the last number of a table and a number beside it."""
    return pair.table[-1, -1], pair.more[0]


@kernel
def rate_of(laws):
    """Return the rate of a packed law."""
    return laws[0].rate


def tables():
    whole = np.arange(12.0).reshape(3, 4)
    fixed = whole.copy()
    fixed.flags.writeable = False
    return [whole, np.asfortranarray(whole), whole[:, ::2], whole.astype(np.int32), fixed]


@pytest.mark.parametrize("table", tables())
def test_a_table_of_another_layout_has_its_own(table):
    assert machine_code(last, table)(table) == table[-1, -1]
    pair = Pair(table, (7,))
    assert machine_code(last_of, pair)(pair) == (table[-1, -1], 7)


def test_a_record_of_other_fields_has_its_own():
    for law in (Law(2.0), WideLaw(1.0, 3.0)):
        assert machine_code(rate_of, packed(law))(packed(law)) == law.rate


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_values_of_equal_types_share_it():
    first, second = (np.full((2, 2), n) for n in (1.0, 2.0))
    assert machine_code(last, first) is machine_code(last, second)


@kernel
def twice(number):
    """Return twice a number."""
    return 2 * number


@kernel
def twice_more(number):
    """Return three more than twice a number, by another kernel, and twice a constant."""
    return twice(number) + 3 + twice(np.int8(0))


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_a_kernel_within_another_is_compiled_once_and_not_for_python(monkeypatch):
    monkeypatch.setattr(kept, "folder", lambda: None)  # from there it would come with what it calls
    assert twice_more(4) == 11
    assert not twice.overloads
    (within,) = twice.within.overloads.values()
    assert within.signature.args == (numba.int64,)
    assert twice(4) == 8  # what Python enters is compiled when it does
    assert len(twice.overloads) == len(twice.within.overloads) == 1


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_both_are_kept_apart(tmp_path, monkeypatch):
    """A kernel that Python cannot enter must never be taken for one that it can."""
    monkeypatch.setattr(kept, "folder", lambda: tmp_path)
    cached = [KernelCache(twice.py_func), KernelCache(twice.py_func, "within")]
    assert len({each._kept._cache_file._index_path for each in cached}) == 2

import pytest
from faults.fuzz import fuzz


@pytest.mark.parametrize("cases", [600, pytest.param(20_000, marks=pytest.mark.slow)])
def test_whatever_is_put_in_is_taken_or_refused_in_one_line(cases):
    tried, faults = fuzz(cases)
    assert faults == {}
    assert sum(tried.values()) == cases

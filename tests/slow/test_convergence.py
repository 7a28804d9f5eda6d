"""Nothing that is resolution may move results."""

import pytest
from slow import convergence


@pytest.mark.slow
def test_resolution_does_not_matter():
    """Paired changes stay within 5 points of each rate and 10 % of Cmax."""
    table = convergence.run()
    moved = table[~table["within"]]
    assert moved.empty, moved.to_string()

"""Nothing that is resolution may move results; each table goes to `runs/studies`."""

from pathlib import Path

import pytest
from slow import convergence

FOLDER = Path(__file__).parents[2] / "runs" / "studies"


@pytest.mark.slow
@pytest.mark.parametrize("study", convergence.STUDIES)
def test_resolution_does_not_matter(study):
    """100-200 pairs; points inside the limits, with intervals in the table."""
    table = convergence.run(study)
    convergence.report(table, FOLDER)
    moved = table[~table["within"]]
    assert moved.empty, moved.to_string()

"""One page."""

import pandas as pd


def draw_trial(patients: pd.DataFrame, comparison: pd.DataFrame) -> bytes:
    """Draw."""
    return b""

"""Relapses flatten after two years."""

import numpy as np
import pytest
from population import COARSE, digest, together


@pytest.mark.slow
def test_relapses_flatten_after_two_years():
    """n = 120, 3.2 years; catches a hazard in the third year above 60 % of that of the first."""
    arm = together(digest, 120, 1170.0, COARSE | {"care.policy": "label"})
    responders = [row for row in arm if row["remission"]]
    relapse = np.array([row["relapse_day"] - row["remission_day"] for row in responders])
    followed = np.array([row["followed_days"] - row["remission_day"] for row in responders])
    end = np.where(np.isnan(relapse), followed, relapse)
    hazard = []
    for start in (0.0, 365.0, 730.0):
        at_risk = np.clip(end - start, 0.0, 365.0).sum() / 365.0
        events = np.sum((relapse > start) & (relapse <= start + 365.0))
        hazard.append(events / at_risk)
        print(f"year {start / 365.0 + 1:.0f}: {events} relapses in {at_risk:.0f} patient-years")
    assert hazard[2] <= 0.25 * hazard[0]

"""What became of each patient, in one word."""

import numpy as np
import pandas as pd

IN_REMISSION, RELAPSED = "in remission at the end", "relapsed"
NONE, DIED = "no remission", "died of CRS or ICANS"
FATES = (IN_REMISSION, RELAPSED, NONE, DIED)


def fates(outcomes: pd.DataFrame) -> pd.Series:
    """Return one of FATES per run: the first that holds of death by toxicity, relapse, remission.

    Who died of progression had relapsed, or no remission.
    """
    toxic = outcomes["death_cause"].isin(["crs", "icans"])
    relapsed = outcomes["relapse_day"].notna()
    conditions = [toxic, relapsed, outcomes["remission"] & ~toxic & ~relapsed]
    return pd.Series(
        np.select(conditions, [DIED, RELAPSED, IN_REMISSION], NONE), index=outcomes.index
    )

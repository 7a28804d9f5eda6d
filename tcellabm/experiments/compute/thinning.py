"""Which rows of a time series a sweep keeps."""

import pandas as pd

DAILY_UNTIL = 60.0  # days; weekly after


def thinned(series: pd.DataFrame, run_id: str) -> pd.DataFrame:
    """Return a row per day to day 60, one per week after, and the last, marked with the run.

    Parameters
    ----------
    series : DataFrame
        The record of a model; it has a row for every whole day.
    run_id : str
        Name of the run.
    """
    day = series["day"]
    kept = (day % 1.0 == 0.0) & ((day <= DAILY_UNTIL) | (day % 7.0 == 0.0))
    kept |= day == day.max()
    rows = series[kept].reset_index(drop=True)
    rows.insert(0, "run_id", run_id)
    return rows

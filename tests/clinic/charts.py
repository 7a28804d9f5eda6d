"""Records made by hand."""

import math

import numpy as np

from tcellabm.clinic.record import Assessment, Draw, Record, Treatment
from tcellabm.columns import SERIES, SERIES_INTERNAL, names

NEVER = math.nan


def seen(day, blasts=0.0, mrd=0.0, circulating=False, negative=False):
    return Assessment(float(day), blasts, mrd, circulating, negative)


def clear(*days):
    return [seen(day) for day in days]


def add_row(record, values):
    record.make_room()
    rows, used = record.chart.rows, record.chart.used
    rows[used[0]] = np.zeros((), rows.dtype)
    for name, value in values.items():
        rows[name][used[0]] = value
    used[0] += 1


def chart(assessments=(), draws=(), rows=(), given=(), died=(NEVER, "")):
    """A record; each row of the series names what is not 0."""
    record = Record()
    record.draws = [Draw(float(day), copies) for day, copies in draws]
    record.assessments = list(assessments)
    record.treatments = [Treatment(float(day), name, 1.0) for day, name in given]
    record.death_day, record.death_cause = died
    for row in rows:
        assert row.keys() <= set(names(SERIES + SERIES_INTERNAL))
        add_row(record, row)
    return record

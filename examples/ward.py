"""Rules of a ward of one's own. Named in a parameter file: files.rules = ["ward.py"]."""

import numpy as np

from tcellabm import rules
from tcellabm.clinic.care import HOURS_PER_DAY, label


@rules.treatment(drug="tocilizumab")
def half_tocilizumab(params):
    """4 mg/kg: half of what is labelled from 30 kg on."""
    return 4.0 * params.patient.weight_kg


@rules.policy
def step_up(seen, params):
    """Give a half dose of tocilizumab after 12 hours of fever, the next ones as labelled."""
    if not seen.tocilizumab_days:
        return ("ward.half_tocilizumab",) if seen.in_crs and seen.fever_hours >= 12.0 else ()
    return label(seen, params)


@rules.schedule
def ten_then_ninety(seen, params):
    """Give a tenth of the dose, and the rest a week later, once there is no CRS."""
    if not seen.infusion_days:
        return 0.1
    waited = len(seen.infusion_days) == 1 and seen.day >= 7.0
    return 0.9 if waited and not seen.in_crs else 0.0


@rules.rate("car_t.exhaustion_per_day")
def exhausted_by_burden(value, params):
    """Exhaustion goes with the fourth root of the burden, as given at 10^11 leukemic cells."""
    return value * (max(params.patient.leukemic_burden, 1.0) / 1e11) ** 0.25


@rules.outcome(unit="h", meaning="time at 39 deg C or more in the first 28 days")
def high_fever_hours(record, params) -> float:
    """Each row of the series speaks for the time up to it."""
    day, hot = record.column("day"), record.column("temperature_c") >= 39.0
    return float(np.sum(np.diff(day)[(hot & (day <= 28.0))[1:]])) * HOURS_PER_DAY

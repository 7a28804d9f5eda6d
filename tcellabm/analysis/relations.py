"""What must emerge when one thing is changed, never coded: arms of the same patients, and windows.

Relapse is of responders by day 366.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tcellabm.analysis.cohort import Columns, geometric_mean, median, percent, where
from tcellabm.analysis.summary import SEVERE_PENN

USUAL = "usual"
LANDMARK = 180.0  # day on which B cells are back or not
BY_DAY = 366.0
HIGH = 5e11  # cells in 40 kg: half of the marrow's capacity
HIGHEST = 0.95e12
BURDENS = (1e8, 1e9, 1e10, 1e11, HIGHEST)
PERSISTENCES = (15.0, 30.0, 60.0, 120.0, 220.0)
WEIGHTS = (12.0, 40.0, 100.0)
WITHIN_LABEL = (2e5, 5e6)


# --- measures of an arm ---------------------------------------------------------------------------

type Arm = Columns
type Measure = Callable[[Arm], float]


def remission(arm: Arm) -> float:
    """Return those in remission, percent."""
    return percent(arm["remission"].astype(bool))


def severe(arm: Arm) -> float:
    """Return those with CRS of Penn grade 3 or more, percent."""
    return percent(arm["crs_grade_penn"] >= SEVERE_PENN)


def any_crs(arm: Arm) -> float:
    """Return those with CRS, percent."""
    return percent(arm["crs_grade_penn"] >= 1)


def grade_four(arm: Arm) -> float:
    """Return those with CRS of Penn grade 4 or more, percent."""
    return percent(arm["crs_grade_penn"] >= 4)


def astct_three(arm: Arm) -> float:
    """Return those with CRS of ASTCT grade 3 or more, percent."""
    return percent(arm["crs_grade_astct"] >= 3)


def died_of_crs(arm: Arm) -> float:
    """Return those who died of CRS, percent."""
    return percent(arm["death_cause"] == "crs")


def cmax(arm: Arm) -> float:
    """Return the geometric mean of the peak in blood, copies/ug."""
    return geometric_mean(np.maximum(arm["cmax_copies_per_ug"], 25.0))  # half the assay's limit


def peak_cells(arm: Arm) -> float:
    """Return the geometric mean of the most CAR T cells in the body."""
    return geometric_mean(np.maximum(arm["cmax_cells"], 1.0))


def peak_day(arm: Arm) -> float:
    """Return the mean day of the peak in the body."""
    return float(np.mean(arm["peak_day"]))


def positive_relapse(arm: Arm) -> float:
    """Return those who had a CD19-positive relapse by day 366, percent of responders."""
    responders = where(arm, arm["remission"].astype(bool))
    relapsed = responders["relapse_day"] <= BY_DAY
    return percent(relapsed & (responders["relapse_phenotype"] == "cd19_positive"))


def late_fever(arm: Arm) -> float:
    """Return responders in remission after day 60 who get fever while it lasts, percent."""
    held = where(arm, arm["remission"].astype(bool) & ~(arm["relapse_day"] <= 60.0))
    fever = ~np.isnan(held["late_fever_day"])
    return percent(fever & ~(held["late_fever_day"] >= held["relapse_day"]))


def relapse_after_b_cells(arm: Arm) -> float:
    """Return how much oftener those relapse whose B cells were back by the landmark."""
    at_landmark = arm["remission"].astype(bool) & ~(arm["relapse_day"] <= LANDMARK)
    at_landmark &= ~(arm["death_day"] <= LANDMARK)
    at_risk = where(arm, at_landmark)
    back = at_risk["b_cells_back_day"] <= LANDMARK
    relapsed = ~np.isnan(at_risk["relapse_day"])
    with np.errstate(all="ignore"):
        return float(np.divide(percent(relapsed[back]), percent(relapsed[~back])))


def cool_in_time(arm: Arm) -> float:
    """Return those whose fever is gone within 48 hours of tocilizumab, percent."""
    return percent(arm["fever_after_tocilizumab_hours"] <= 48.0)


def il6_rise(arm: Arm) -> float:
    """Return the median rise of serum IL-6 after tocilizumab, a ratio."""
    return median(arm["il6_after_over_before"])


# --- comparisons of arms --------------------------------------------------------------------------

type Values = np.ndarray  # one per arm, in order


def last(values: Values) -> float:
    """Return the value of the last arm."""
    return float(values[-1])


def difference(values: Values) -> float:
    """Return the last less the first."""
    return float(values[-1] - values[0])


def ratio(values: Values) -> float:
    """Return the last over the first."""
    return float(values[-1] / values[0])


def spread(values: Values) -> float:
    """Return the greatest less the least."""
    return float(np.ptp(values))


def fold(values: Values) -> float:
    """Return the greatest over the least."""
    return float(values.max() / values.min())


def least_rise(values: Values) -> float:
    """Return the least step from one arm to the next."""
    return float(np.diff(values).min())


def greatest_rise(values: Values) -> float:
    """Return the greatest step from one arm to the next."""
    return float(np.diff(values).max())


_DECADES = float(np.log10(WITHIN_LABEL[1] / WITHIN_LABEL[0]))


def per_decade(values: Values) -> float:
    """Return the difference per decade of dose within the label."""
    return difference(values) / _DECADES


def earlier_per_decade(values: Values) -> float:
    """Return how much earlier the last is, per decade of dose."""
    return -per_decade(values)


def slope(values: Values) -> float:
    """Return the slope of the logarithm on that of dose."""
    return float(np.log(ratio(values)) / np.log(WITHIN_LABEL[1] / WITHIN_LABEL[0]))


def least_slope_by_burden(values: Values) -> float:
    """Return the least difference per decade of dose, over pairs of arms of one burden."""
    return float((values[1::2] - values[::2]).min() / _DECADES)


class Relation(NamedTuple):
    """One line of the table: arms, a measure of each, how they are compared, and the window."""

    id: str
    arms: tuple[str, ...]
    measure: str
    of: Measure
    compared: str
    by: Callable[[Values], float]
    low: float = -np.inf
    high: float = np.inf
    among: Callable[[Arm], np.ndarray] | None = None  # patients, chosen in the first arm


def _feverish(arm: Arm) -> np.ndarray:
    """Tell who had fever when tocilizumab was given."""
    chosen: np.ndarray = arm["fever_after_tocilizumab_hours"] > 0.0
    return chosen | (
        np.isnan(arm["fever_after_tocilizumab_hours"]) & (arm["tocilizumab_doses"] > 0)
    )


_LABEL = ("dose 2e5", "dose 5e6")
_BURDENS = tuple(f"burden {b:g}" for b in BURDENS)
_UP_FROM = _BURDENS[1:]
_WEIGHTS = tuple(f"{kg:g} kg" for kg in WEIGHTS)
_LIVES = tuple(f"half-life {d:g} d" for d in PERSISTENCES)
_BY_BURDEN = tuple(
    f"burden {b:g}, dose {d:g}" for b in (1e9, 1e10, 1e11, HIGH) for d in WITHIN_LABEL
)
_UNDEPLETED = "without lymphodepletion, dose 5e6"
_SPLIT_ARMS = ("high burden", "high burden, split")
_SEVERE, _REMISSION = ("CRS Penn >= 3, %", severe), ("remission, %", remission)
_CMAX, _CELLS = ("Cmax, copies/ug", cmax), ("CAR T cells at peak", peak_cells)
_POINTS = ("last less first, points", difference)
_RATIO = ("last over first", ratio)

RELATIONS = (
    Relation("R1", _LABEL, *_REMISSION, *_POINTS, -12.0, 12.0),
    Relation("R1", _LABEL, *_CMAX, "slope of ln Cmax on ln dose", slope, 0.0, 0.3),
    Relation(
        "R1", _LABEL, "day of peak", peak_day, "earlier, d per decade", earlier_per_decade, 1.5, 4.0
    ),
    Relation("R1", _LABEL, "CD19+ relapse of responders, %", positive_relapse, *_POINTS, -3.0, 3.0),
    Relation("R2", ("dose 3e6", "dose 1e5"), *_REMISSION, *_POINTS, high=-8.0),
    Relation("R2", ("dose 3e6", "dose 1e4"), *_REMISSION, *_POINTS, high=-15.0),
    Relation("R3", ("high burden, dose 2e6", "high burden, dose 2e7"), *_SEVERE, *_POINTS, low=3.0),
    Relation(
        "R3",
        ("high burden, dose 2e6", "high burden, dose 2e7"),
        "CRS Penn >= 4, %",
        grade_four,
        *_POINTS,
        low=0.0,
    ),
    Relation(
        "R3",
        ("high burden, dose 1e8, no care",),
        "deaths by CRS, %",
        died_of_crs,
        "there",
        last,
        low=0.0,
    ),
    Relation(
        "R4",
        _BY_BURDEN,
        *_SEVERE,
        "least of four burdens, points per decade",
        least_slope_by_burden,
        low=-3.0,
    ),
    Relation("R5", _BURDENS[:2], *_SEVERE, *_POINTS, low=0.0),
    Relation("R5", _UP_FROM, *_SEVERE, "least rise of a step, points", least_rise, low=5.0),
    Relation("R5", _BURDENS, *_REMISSION, *_POINTS, high=0.0),
    Relation("R6", (_UNDEPLETED, "dose 5e6"), *_CMAX, *_RATIO, low=2.0),
    Relation("R6", (_UNDEPLETED, "dose 5e6"), *_SEVERE, *_POINTS, low=0.0),
    Relation("R6", (_UNDEPLETED,), *_REMISSION, "there", last, 10.0, 60.0),
    Relation("R6", (_UNDEPLETED,), "CRS of any grade, %", any_crs, "there", last, low=20.0),
    Relation(
        "R7", ("no measurable disease",), "CRS of any grade, %", any_crs, "there", last, 20.0, 80.0
    ),
    Relation("R7", ("no measurable disease",), *_SEVERE, "there", last, high=30.0),
    Relation("R8", _WEIGHTS, *_SEVERE, "most less least, points", spread, high=10.0),
    Relation("R8", _WEIGHTS, *_CMAX, "most over least", fold, high=1.3),
    Relation("R9", (USUAL,), "late fever of responders, %", late_fever, "there", last, high=2.0),
    Relation("R10", (USUAL, "early"), "CRS ASTCT >= 3, %", astct_three, *_POINTS, high=-8.0),
    Relation("R10", (USUAL, "early"), *_REMISSION, *_POINTS, -3.0, 3.0),
    Relation("R11", _SPLIT_ARMS, *_SEVERE, *_POINTS, high=-5.0),
    Relation("R11", _SPLIT_ARMS, *_REMISSION, *_POINTS, -5.0, 5.0),
    Relation(
        "R12",
        _LIVES[:4],
        "CD19+ relapse of responders, %",
        positive_relapse,
        "greatest step, points",
        greatest_rise,
        high=0.0,
    ),
    Relation(
        "R12",
        _LIVES[::-4],
        "CD19+ relapse of responders, %",
        positive_relapse,
        *_POINTS,
        8.0,
        25.0,
    ),
    Relation("R12", _LIVES, *_SEVERE, "most less least, points", spread, high=5.0),
    Relation(
        "R12",
        (USUAL,),
        "relapse with B cells back by day 180 over without",
        relapse_after_b_cells,
        "there",
        last,
        low=2.0,
    ),
    Relation(
        "R13",
        ("early",),
        "fever gone in 48 h, %",
        cool_in_time,
        "there",
        last,
        50.0,
        100.0,
        _feverish,
    ),
    Relation(
        "R13",
        ("early",),
        "serum IL-6, after over before",
        il6_rise,
        "there",
        last,
        1.0,
        among=_feverish,
    ),
    Relation("R13", ("early", "no care"), *_CMAX, *_RATIO, 0.8, 1.2, _feverish),
    Relation("R14", (USUAL, "no antigen"), *_CELLS, *_RATIO, high=0.01),
    Relation("R14", ("no myeloid cells",), "CRS of any grade, %", any_crs, "there", last, high=0.5),
    Relation("R14", (USUAL, "no myeloid cells"), *_REMISSION, *_POINTS, low=-5.0),
    Relation("R14", (USUAL, "affinity a tenth"), *_SEVERE, *_POINTS, high=0.0),
    Relation("R14", (USUAL, "affinity a tenth"), *_CELLS, *_RATIO, low=0.7),
    Relation("R14", (USUAL, "antigen a sixth"), *_SEVERE, *_POINTS, high=0.0),
    Relation("R14", (USUAL, "antigen a sixth"), *_CELLS, *_RATIO, high=1.0),
)

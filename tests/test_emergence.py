"""What must emerge from the rules (relations R1 to R14), as studies of virtual patients.

Arms are paired by seed: the same patients in each. Limits are those of the relations, held against
point estimates; each test states the smallest effect beyond its limit that it catches, which is
the limit plus twice the standard error seen when it was written. Each fails when the mechanism
it shows is switched off: `tests/slow/test_switched_off.py` does so.
"""

import math

import numpy as np
import pytest
from population import COARSE, Course, at, cohort, course_of, mean, outcome, peak, peak_day, ratio
from population import together as each_patient

from tcellabm import TumorTCellModel, load

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"
UNTREATED = COARSE | {"care.policy": "none"}  # CRS takes its course
LABELED = COARSE | {"care.policy": "label"}
QUANTIFIED = 50.0  # copies/ug
APLASIA = 50.0  # B cells/uL


def peaks(arm, column="copies_per_ug"):
    """Cmax of days 0-28, over all ticks."""
    return np.array([peak(course, column) for course in arm])


def severe(arm):
    return (outcome(arm, "crs_grade_penn") >= 3).astype(float)


def fever(arm):
    return (outcome(arm, "crs_grade_penn") >= 1).astype(float)


def share(values):
    return float(np.mean(values))


def population():
    """120 patients as in the clinic for half a year: the arm to which others are compared."""
    return cohort(120, 185, LABELED)


# --- 1. dose and burden ---------------------------------------------------------------------------


def doses():
    """120 patients at both ends of the label's range of dose, to a confirmed remission."""
    return (cohort(120, 120, UNTREATED | {DOSE: dose}) for dose in (2e5, 5e6))


def test_exposure_hardly_depends_on_dose():
    """n = 120 pairs; catches a true slope of ln Cmax on ln dose below -0.04 or above 0.34."""
    low, high = doses()
    found = ratio(peaks(high), peaks(low))
    slope = math.log(found.value) / math.log(25.0)
    assert 0.0 <= slope <= 0.3, f"Cmax over the 25-fold range of dose: x {found}"


def test_remission_hardly_depends_on_dose():
    """n = 120 pairs; catches a true difference of 18 points."""
    low, high = doses()
    found = mean(outcome(high, "remission").astype(float) - outcome(low, "remission"))
    assert abs(found.value) <= 0.12, f"remission, high less low dose: {found}"


def test_more_cells_peak_sooner():
    """n = 120 pairs; catches a true slope outside of -4.2 to -1.3 d per decade."""
    low, high = doses()
    days = [peak_day(a) - peak_day(b) for a, b in zip(high, low, strict=True)]
    found = mean(np.array(days) / math.log10(25.0))
    assert -4.0 <= found.value <= -1.5, f"Tmax, days per decade of dose: {found}"


def burdens():
    """40 patients at three burdens, through CRS."""
    return [cohort(40, 28, UNTREATED | {"patient.leukemic_burden": b}) for b in (1e10, 1e11, 5e11)]


def test_burden_raises_exposure():
    """n = 40 in three arms; catches a true ratio of less than 1.1 from arm to arm."""
    low, middle, high = map(peaks, burdens())
    for found in (ratio(middle, low), ratio(high, middle)):
        assert found.low > 1.0, f"Cmax at 10- and 5-fold burden: x {found}"


def test_burden_raises_severe_crs():
    """n = 40 in three arms; catches no effect at all, and a true effect below 0 at any step."""
    low, middle, high = map(severe, burdens())
    assert share(low) <= share(middle) <= share(high)
    found = mean(high - low)
    assert found.low > 0.0, f"severe CRS at a 50-fold burden: + {found}"


# --- 2. who responds ------------------------------------------------------------------------------


def test_responders_expand_more():
    """n = 120, about 90 responders; catches a true ratio of less than 0.8 or more than 4."""
    arm = population()
    responded, copies = outcome(arm, "remission"), np.log(outcome(arm, "cmax_copies_per_ug") + 1.0)
    found = math.exp(copies[responded].mean() - copies[~responded].mean())
    assert 1.2 <= found <= 2.6, f"Cmax of responders over non-responders: {found:.2f}"


def test_exposure_varies_between_patients():
    """n = 120; catches a true geometric CV below 75 % or above 250 %."""
    logs = np.log(outcome(population(), "cmax_copies_per_ug") + 1.0)
    found = math.sqrt(math.expm1(logs.var(ddof=1)))
    assert 0.9 <= found <= 2.0, f"geometric CV of Cmax: {found:.2f}"


# --- 3. tocilizumab -------------------------------------------------------------------------------


def twins(overrides, days, seed):
    """One patient with CRS until its day 5.5, then a twin given tocilizumab; None without fever."""
    model = TumorTCellModel(load("scenarios/kymriah.toml", overrides), rng=seed)
    given = math.inf
    while model.time < min(given, 20.0):
        model.run_until(model.time + 0.25)
        if math.isinf(given) and model.course.now.body.in_crs:
            given = model.outcomes()["crs_onset_day"] + 5.5
    if math.isinf(given) or not model.running or model.course.now.body.temperature_c < 38.0:
        return None
    start, twin = model.time, model.fork()
    twin.give("tocilizumab")
    for one in (model, twin):
        one.run_until(start + days)
    return start, course_of(seed, model), course_of(seed, twin)


def treated():
    """All of 50 patients with fever on day 5.5 of CRS, 14 d from there: (day, without, with)."""
    return [pair for pair in each_patient(twins, 50, 14, UNTREATED) if pair is not None]


def defervesced(course: Course, start: float) -> bool:
    return at(course, "temperature_c", start + 2.0) < 38.0


def test_tocilizumab_raises_serum_il6():
    """n = 25 pairs or more; catches a true rise of less than 1.2-fold within 48 h."""
    pairs = treated()
    assert len(pairs) >= 25
    with_, without = ([at(p[arm], "il6_pg_per_ml", p[0] + 1.0) for p in pairs] for arm in (2, 1))
    found = ratio(with_, without)
    assert found.low > 1.2, f"serum IL-6 a day after tocilizumab: x {found}"


def test_tocilizumab_lowers_fever_in_most_but_not_all():
    """n = 25 pairs or more; catches 35 % or less, or all, and what would have gone by itself."""
    pairs = treated()
    with_, without = ([defervesced(p[arm], p[0]) for p in pairs] for arm in (2, 1))
    assert 0.5 < share(with_) < 1.0, f"without fever in 48 h: {share(with_):.2f}"
    found = mean(np.subtract(with_, without, dtype=float))
    assert found.low > 0.15, f"without fever in 48 h, tocilizumab less none: {found}"


def test_tocilizumab_leaves_car_t_cells_alone():
    """n = 25 pairs or more; catches a true change of 25 % in what comes after it."""
    pairs = treated()
    for after in (2.0, 7.0, 14.0):
        with_, without = ([at(p[arm], "car_t", p[0] + after) for p in pairs] for arm in (2, 1))
        found = ratio(with_, without)
        assert 1 / 1.2 < found.value < 1.2, f"CAR T cells {after} d after tocilizumab: x {found}"


# --- 4. relapse -----------------------------------------------------------------------------------


def persistences():
    """200 patients with short and with long persistence, for a year."""
    return [cohort(200, 365, LABELED | {HALF_LIFE: days}) for days in (15.0, 220.0)]


def relapses(phenotype, arm):
    return [course for course in arm if course.outcomes["relapse_phenotype"] == phenotype]


def test_cd19_positive_relapse_follows_loss_of_car_t_cells_and_b_cell_recovery():
    """n = 6 relapses or more; catches CAR T cells or aplasia still there in 60 % of them."""
    short, long = persistences()
    found = relapses("cd19_positive", short + long)
    assert len(found) >= 6
    lost = [at(c, "copies_per_ug", c.outcomes["relapse_day"]) < QUANTIFIED for c in found]
    recovered = [at(c, "b_cells_per_ul", c.outcomes["relapse_day"]) >= APLASIA for c in found]
    assert share(lost) >= 0.75, f"CAR T cells lost at a CD19+ relapse: {share(lost):.2f}"
    assert share(recovered) >= 0.75, f"B cells back at a CD19+ relapse: {share(recovered):.2f}"


def test_cd19_negative_relapse_comes_with_car_t_cells_present():
    """n = 10 relapses or more of a persistent product; catches CAR T cells lost in 70 % of them."""
    _, long = persistences()
    found = relapses("cd19_negative", long)
    assert len(found) >= 10
    there = [at(c, "copies_per_ug", c.outcomes["relapse_day"]) >= QUANTIFIED for c in found]
    assert share(there) > 0.5, f"CAR T cells there at a CD19- relapse: {share(there):.2f}"


def test_short_persistence_turns_relapse_cd19_positive():
    """n = 200 pairs; catches no excess of CD19+ relapses."""
    short, long = (outcome(arm, "relapse_phenotype") == "cd19_positive" for arm in persistences())
    found = mean(short.astype(float) - long)
    assert found.low > 0.0, f"CD19+ relapse, short less long persistence: + {found}"


def test_persistence_leaves_crs_alone():
    """n = 200 pairs; catches a true difference of 12 points of severe CRS."""
    short, long = persistences()
    found = mean(severe(short) - severe(long))
    assert abs(found.value) <= 0.05, f"severe CRS, short less long persistence: {found}"


# --- 5. what each part is there for ---------------------------------------------------------------


def month(**overrides):
    """20 patients through CRS."""
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return cohort(20, 28, UNTREATED | keys)


def unseen():
    """A product that sees no antigen, and a leukemia that by itself neither grows nor shrinks."""
    points = ("lysis", "activation", "cytokine")
    blind = {f"antigen__{point}_half_point": 1e8 for point in points}
    return month(patient__leukemic_burden=1e9, patient__net_growth_per_day=0.0, **blind)


def test_without_antigen_nothing_expands():
    """n = 20; catches any patient with more than were infused, a kill of 5 % or any fever."""
    arm = unseen()
    for course in arm:
        start = at(course, "car_t", 0.0)
        assert start > 0.0
        assert peak(course, "car_t") <= start
        kept = at(course, "leukemia", 28.0) / at(course, "leukemia", 0.0)
        assert 0.95 < kept < 1.05  # a little less than 1: crowding
    assert not fever(arm).any()
    expanded = month()
    assert share([peak(c, "car_t") > 30.0 * at(c, "car_t", 0.0) for c in expanded]) >= 0.9


def test_without_myeloid_cells_no_crs_and_the_same_killing():
    """n = 20 pairs; catches any IL-6, IL-1 or fever, and a 4-fold change of the residue."""
    without, with_ = month(myeloid__pool_cells=0.0), month()
    assert fever(with_).mean() >= 0.5
    for course in without:
        for name, baseline in (("il6", 5.0), ("il1", 0.5)):
            assert peak(course, f"{name}_pg_per_ml") == pytest.approx(baseline, rel=1e-6)
        assert course.outcomes["peak_temperature"] < 37.0
        assert course.outcomes["crs_grade_penn"] == 0
    found = ratio(peaks(without, "car_t"), peaks(with_, "car_t"))
    assert 1 / 1.1 < found.value < 1.1, f"CAR T cells without myeloid cells: x {found}"
    residue = [[at(c, "leukemia", 28.0) for c in arm] for arm in (without, with_)]
    found = ratio(*residue)
    assert 1 / 2 < found.value < 2, f"leukemia on day 28 without myeloid cells: x {found}"


def test_without_a_dose_leukemia_grows():
    """n = 20; catches growth off by 2 % of its own rate, or any fever."""
    arm = month(product__dose_cells_per_kg=0.0, patient__leukemic_burden=1e8)
    for course in arm:
        assert course.series["car_t"].max() == 0.0
        rate = math.log(at(course, "leukemia", 28.0) / at(course, "leukemia", 0.0)) / 28.0
        model = TumorTCellModel(load("scenarios/kymriah.toml", UNTREATED), rng=course.seed)
        assert rate == pytest.approx(model.patient.net_growth_per_day, rel=0.02, abs=1e-3)
    assert not fever(arm).any()


def depletions():
    """120 patients with lymphodepletion and without.

    Compared in cells of the body: with ten times as many white cells in blood, copies per ug are
    fewer whatever CAR T cells do.
    """
    return population(), cohort(120, 185, LABELED | {"lymphodepletion.given": False})


def test_lymphodepletion_raises_exposure():
    """n = 120 pairs; catches a true ratio of 0.7 or more."""
    with_, without = depletions()
    found = ratio(peaks(without, "car_t"), peaks(with_, "car_t"))
    assert found.high < 0.7, f"most CAR T cells of days 0-28 without lymphodepletion: x {found}"


def test_without_lymphodepletion_cells_peak_later():
    """n = 120 pairs; catches a true delay of less than a day."""
    with_, without = depletions()
    day = [[peak_day(course, "car_t") for course in arm] for arm in (without, with_)]
    found = mean(np.subtract(*day))
    assert found.low > 1.0, f"peak without lymphodepletion, days later: {found}"


def test_without_lymphodepletion_cells_persist_shorter():
    """n = 120 pairs; catches a true ratio of 1 or more in cells left at six months."""
    with_, without = depletions()
    left = [[at(course, "car_t", 183.0) for course in arm] for arm in (without, with_)]
    found = ratio(*left)
    assert found.high < 1.0, f"CAR T cells at six months without lymphodepletion: x {found}"


# --- 6. affinity and antigen ----------------------------------------------------------------------


def affinities():
    """40 patients: as they are, a product of a tenth of the affinity, leukemia with little CD19."""
    arms = ({}, {"product.affinity": 10.0}, {"leukemia.antigen_median": 300.0})
    return [cohort(40, 28, UNTREATED | arm) for arm in arms]


def test_low_affinity_gives_less_crs_at_like_expansion():
    """n = 40 pairs; catches no effect on grade, and a true loss of 40 % of expansion."""
    usual, weak, _ = affinities()
    grade = mean(outcome(weak, "crs_grade_penn") - outcome(usual, "crs_grade_penn"))
    assert grade.high < 0.0, f"Penn grade at low affinity: {grade}"
    expansion = ratio(peaks(weak), peaks(usual))
    assert expansion.value > 0.7, f"Cmax at low affinity: x {expansion}"


def test_low_antigen_gives_less_of_both():
    """n = 40 pairs; catches no effect on grade or on expansion."""
    usual, _, dim = affinities()
    expansion = ratio(peaks(dim), peaks(usual))
    assert expansion.high < 1.0, f"Cmax at low antigen: x {expansion}"
    grade = mean(outcome(dim, "crs_grade_penn") - outcome(usual, "crs_grade_penn"))
    assert grade.high < 0.0, f"Penn grade at low antigen: {grade}"


# --- 7. B cells -----------------------------------------------------------------------------------


def test_most_responders_lack_b_cells_at_six_months():
    """n = 90 responders or so; catches a true share of 40 % or less."""
    responders = [course for course in population() if course.outcomes["remission"]]
    assert len(responders) >= 50
    found = share([at(course, "b_cells_per_ul", 183.0) < APLASIA for course in responders])
    assert found > 0.5, f"aplasia at six months: {found:.2f}"

"""Care, dosing and toxicity in whole patients: what is given acts where it should."""

import pytest

from tcellabm import TumorTCellModel, load
from tcellabm.columns import OUTCOMES, names

SMALL = {
    "marrow.rows": 2,
    "marrow.cols": 2,
    "resolution.agents_per_population": 16,
    "patient.leukemic_burden": 3e11,
    "patient.myeloid_sensitivity": 4.0,
    "patient.neuro_sensitivity": 1.5,
    "patient.vascular_sensitivity": 1.6,
}
SCENARIO = "scenarios/kymriah.toml"


def follow(days=14.0, seed=3, **more):
    named = {key.replace("__", "."): value for key, value in more.items()}
    model = TumorTCellModel(load(SCENARIO, SMALL | named), rng=seed)
    model.run_until(days)
    return model


@pytest.fixture(scope="module")
def untreated():
    return follow(care__policy="none")


def test_a_storm_brings_icans_after_crs(untreated):
    row, series = untreated.outcomes(), untreated.series
    assert row["icans_grade"] >= 1
    first = series["day"][series["icans_grade"] > 0].min()
    assert first > row["crs_onset_day"]


def test_no_myeloid_cells_no_icans():
    assert follow(myeloid__pool_cells=0.0).outcomes()["icans_grade"] == 0


def test_tocilizumab_does_not_spare_the_cns_and_anakinra_does():
    """A twin each from day 4, so that only the drug differs."""
    model = follow(4.0, care__policy="none")
    injury = {}
    for drug in ("none", "tocilizumab", "anakinra"):
        twin = model.fork()
        for dose in range(0, 12) if drug == "anakinra" else [0] if drug != "none" else []:
            twin.give(drug, at=4.0 + dose / 2)
        twin.run_until(10.0)
        injury[drug] = twin.course.now.cns.injury
    assert injury["tocilizumab"] >= 0.97 * injury["none"]
    assert injury["anakinra"] < 0.9 * injury["none"]


@pytest.mark.parametrize("policy", ["label", "early", "preemptive", "prophylactic"])
def test_policies_differ_in_when_the_first_dose_comes(policy, untreated):
    model = follow(care__policy=policy)
    days = model.record.days_of("tocilizumab")
    onset = untreated.outcomes()["crs_onset_day"]
    assert days and (days[0] < 0.2 if policy == "prophylactic" else days[0] > onset)


def test_a_fractionated_dose_adds_up_unless_it_is_held():
    model = follow(dosing__schedule="fractionated", care__policy="none")
    given = [one.amount for one in model.record.treatments if one.name == "car_t"]
    whole = model.params.product.dose_cells_per_kg * model.patient.weight_kg
    shares = [0.1, 0.3, 0.6][: len(given)]
    assert given == pytest.approx([share * whole for share in shares])
    assert len(given) >= 2


def test_cerebral_edema_can_kill_and_is_grade_5():
    deadly = {
        "neurotoxicity__edema_injury": 0.1,
        "neurotoxicity__icans_death_per_day": 10.0,
        "physiology__crs_death_per_day": 0.0,
    }
    row = follow(care__policy="none", **deadly).outcomes()
    assert (row["death_cause"], row["icans_grade"]) == ("icans", 5)
    assert row["event_free_event"] and row["event_free_days"] == row["death_day"] < 14.0


def test_every_outcome_is_filled_and_drugs_cost_what_intensive_care_does_not(untreated):
    treated, cost = follow(care__policy="early"), untreated.params.cost
    beyond = []
    for model in (untreated, treated):
        row = model.outcomes()
        assert tuple(row) == names(OUTCOMES) and None not in row.values()
        assert row["icu_days"] > 0.0
        stay = cost.icu_day_usd * row["icu_days"]
        beyond.append(row["cost_usd"] - cost.product_usd - stay)
    doses = [one.amount for one in treated.record.treatments if one.name == "tocilizumab"]
    assert beyond[0] == pytest.approx(0.0)
    assert doses and beyond[1] >= sum(doses) * cost.tocilizumab_usd_per_mg > 0.0

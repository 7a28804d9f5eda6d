"""Care, dosing and toxicity in whole patients: what is given acts where it should."""

import numba
import pytest

from tcellabm import TumorTCellModel, load
from tcellabm.clinic import course
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
    """A twin each from day 4, so that only the drug differs; vessels apart, which it does spare."""
    model = follow(4.0, care__policy="none", neurotoxicity__leak_weight=0.0)
    injury = {}
    for drug in ("none", "tocilizumab", "anakinra"):
        twin = model.fork()
        for dose in range(0, 12) if drug == "anakinra" else [0] if drug != "none" else []:
            twin.give(drug, at=4.0 + dose / 2)
        twin.run_until(10.0)
        injury[drug] = twin.course.now.cns.injury
    assert injury["tocilizumab"] == pytest.approx(injury["none"], rel=0.03)
    assert injury["anakinra"] < 0.9 * injury["none"]


@pytest.mark.parametrize("policy", ["label", "eliana", "early", "preemptive", "prophylactic"])
def test_policies_differ_in_when_the_first_dose_comes(policy, untreated):
    model = follow(care__policy=policy)
    days = model.record.days_of("tocilizumab")
    onset = untreated.outcomes()["crs_onset_day"]
    assert days and (days[0] < 0.2 if policy == "prophylactic" else days[0] > onset)


def hours_of_need(model, day, least):
    """Return for how long a need was there on a day, h: since the last row without it."""
    series = model.series[model.series["day"] <= day]
    worst = series[["blood_pressure_need", "oxygen_need"]].max(axis=1)
    return (day - series["day"][worst < least].max()) * 24.0


@pytest.mark.parametrize(("need", "critical"), [(20.0, 1000.0), (1000.0, 9.0)])
def test_eliana_waits_for_hours_of_need_or_of_a_critical_one(need, critical):
    """To a round and a tick of what is set, in a patient who comes to ventilation."""
    rules = {"care__eliana_need_hours": need, "care__eliana_critical_hours": critical}
    rules |= {"physiology__high_pressor_leak": 1.5, "physiology__crs_death_per_day": 0.0}
    model = follow(care__policy="eliana", patient__vascular_sensitivity=4.0, **rules)
    first = model.record.days_of("tocilizumab")[0]
    waited = hours_of_need(model, first, 2 if need < 1000.0 else 3)
    asked = model.params.care.round_hours + 24.0 / 2**model.params.time.tick_halvings
    assert 0.0 <= waited - min(need, critical) <= asked


def test_eliana_gives_again_after_days_and_a_steroid_later_than_the_label():
    lasting = {"patient__vascular_sensitivity": 8.0, "physiology__crs_death_per_day": 0.0}
    rules = {"care__eliana_repeat_hours": 50.0, "care__eliana_steroid_hours": 60.0}
    later = follow(care__policy="eliana", **lasting, **rules).record
    label = follow(care__policy="label", **lasting).record
    gaps = [record.days_of("tocilizumab") for record in (later, label)]
    assert all(len(days) >= 2 for days in gaps)
    assert gaps[0][1] - gaps[0][0] >= 50.0 / 24.0 > gaps[1][1] - gaps[1][0]
    waits = [
        record.days_of("corticosteroid")[0] - record.days_of("tocilizumab")[0]
        for record in (later, label)
    ]
    assert waits[0] >= 60.0 / 24.0 > waits[1]


def test_early_waits_for_its_hours_of_fever(untreated):
    """The fever is that of the untreated until then."""
    onset = untreated.outcomes()["crs_onset_day"]
    lasting = {"care__policy": "early", "care__reaction_hours": 1000.0}
    for hours in (15.0, 30.0):
        model = follow(**lasting, care__early_fever_hours=hours)
        waited = 24.0 * (model.record.days_of("tocilizumab")[0] - onset)
        assert 0.0 <= waited - hours <= model.params.care.round_hours + 3.0


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


@pytest.mark.parametrize("scenario", [SCENARIO, "scenarios/biopsy.toml"])
def test_a_kernel_is_never_handed_values_of_types_it_was_not_compiled_for(
    scenario, tmp_path, monkeypatch
):
    """Machine code looks at no type: whatever happens to a patient, types stay as they were."""
    seen = set()

    def checked(kernel, *examples):
        compiled = tuple(map(numba.typeof, examples))
        seen.add(compiled)

        def called(*given):
            assert tuple(map(numba.typeof, given)) == compiled
            return kernel(*given)

        return called

    monkeypatch.setattr(course, "machine_code", checked)
    small = SMALL if scenario == SCENARIO else {"patient.myeloid_sensitivity": 4.0}
    model = TumorTCellModel(load(scenario, small), rng=3)
    model.run_until(3.0)
    twin = model.fork(rng=4)
    twin.give("tocilizumab")
    twin.give("car_t", cells=1e6)
    twin.run_until(5)
    twin.save(tmp_path / "patient")
    again = TumorTCellModel.restore(tmp_path / "patient")
    again.run_until(7.0)
    model.run_until(4.0)
    assert len(seen) == 1 and again.time == 7.0

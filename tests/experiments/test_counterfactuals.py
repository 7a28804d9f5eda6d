"""Counterfactuals: arms are the same patients with one thing changed, and the table is of them."""

import math
from statistics import geometric_mean

import pandas as pd
import pytest

from tcellabm import TumorTCellModel
from tcellabm.experiments import counterfactuals as module
from tcellabm.experiments.trial import TrialPlan

PATIENTS = 4
QUICK = {
    "marrow.rows": 1,
    "marrow.cols": 1,
    "resolution.agents_per_population": 8,
    "trial.patients": 3 * PATIENTS,
    "physiology.temperature_rise_c": 20.0,  # so that most have a fever on day 5-6
}
ARMS = {
    module._DOSE: module.DOSES,
    module._BURDEN: module.BURDENS,
    module._PERSISTENCE: module.PERSISTENCE,
}


@pytest.fixture(scope="module")
def made():
    """The plan, the table, models in the order they were made, and pairs of twins."""
    models, pairs = [], []

    class Noted(TumorTCellModel):
        def __init__(self, params, rng):
            super().__init__(params, rng=rng)
            models.append((params, rng, self))

        def fork(self):
            twin = super().fork()
            pairs.append((self, twin, self.time))
            return twin

    plan = TrialPlan.load("params/trials/eliana.toml", QUICK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TumorTCellModel", Noted)
        table = module.counterfactuals(plan, PATIENTS, days=62.0)
    return plan, table, models, pairs


def arms_of(models):
    """Return key -> value -> what was run with it."""
    left = iter(models)
    return {
        key: {value: [next(left) for _ in range(PATIENTS)] for value in values}
        for key, values in ARMS.items()
    }


def test_arms_are_the_same_patients_with_one_thing_changed(made):
    plan, _, models, _ = made
    seeds = [task.seed for task in plan.tasks[:PATIENTS]]
    assert len(set(seeds)) == PATIENTS
    assert [seed for _, seed, _ in models] == seeds * (len(models) // PATIENTS)
    for key, arms in arms_of(models).items():
        for who, task in enumerate(plan.tasks[:PATIENTS]):
            others = []
            for value, arm in arms.items():
                params, _, model = arm[who]
                assert params.get(key) == value
                kept = params.resolved() | dict(model.patient.covariates)
                kept.pop(key)
                others.append(kept)
            assert all(other == others[0] for other in others)
            set_before = {name: v for name, v in task.settings.items() if name != key}
            assert set_before.items() <= others[0].items()


def test_the_twin_differs_in_the_drug_alone(made):
    _, _, models, pairs = made
    assert pairs
    untreated = [(params, seed) for params, seed, _ in models[-PATIENTS:]]
    assert all(params.care.policy == "none" for params, _ in untreated)
    for model, twin, day in pairs:
        assert module.TOCILIZUMAB_WINDOW[0] <= day <= module.TOCILIZUMAB_WINDOW[1]
        assert twin.params.resolved() == model.params.resolved()
        assert twin.patient.covariates == model.patient.covariates
        new = [each for each in twin.treatments if each not in model.treatments]
        assert new == [(day, "tocilizumab")]
        assert [each for each in twin.treatments if each not in new] == model.treatments
        ours, theirs = (one.series[one.series["day"] <= day] for one in (model, twin))
        pd.testing.assert_frame_equal(ours, theirs)
        after = [
            one.series[one.series["day"] > day + 1.0]["il6_pg_per_ml"] for one in (model, twin)
        ]
        assert not after[0].equals(after[1])


def test_the_table_is_what_its_rows_give_by_hand(made):
    _, table, models, pairs = made
    rows = {
        key: [[model.outcomes() for _, _, model in arm] for arm in arms.values()]
        for key, arms in arms_of(models).items()
    }

    def share(flags):
        return 100.0 * sum(flags) / len(flags)

    def cmax(arm):
        seen = [row["cmax_copies_per_ug"] for row in arm if row["cmax_copies_per_ug"] > 0.0]
        return geometric_mean(seen) if seen else math.nan

    def severe(arm):
        return share([row["crs_grade_penn"] >= 3 for row in arm])

    def relapses(kind):
        return lambda arm: sum(row["relapse_phenotype"] == kind for row in arm)

    graded = [cmax, lambda arm: share([row["remission"] for row in arm]), severe]
    phenotypes = [relapses("cd19_positive"), relapses("cd19_negative"), severe]
    of_key = dict(zip(ARMS, (graded, graded, phenotypes), strict=True))
    wanted = [[of(arm) for arm in rows[key]] for key in ARMS for of in of_key[key]]
    wanted += by_hand(pairs)
    assert table["values"].tolist() == [" / ".join(f"{v:.3g}" for v in each) for each in wanted]
    assert table["change"].str.contains(f"{len(pairs)} with fever").sum() == 3


def by_hand(pairs):
    """Return fever gone, ratio of IL-6 and of Cmax, without and with the drug."""
    cool, il6, cmax = [], [], []
    for *twins, day in pairs:
        series = [one.series for one in twins]
        soon = [s[(s["day"] > day) & (s["day"] <= day + 2.0)] for s in series]
        cool.append([s["temperature_c"].min() < 38.0 for s in soon])
        il6.append(soon[1]["il6_pg_per_ml"].max() / soon[0]["il6_pg_per_ml"].max())
        cmax.append(series[1]["copies_per_ug"].max() / series[0]["copies_per_ug"].max())
    gone = [100.0 * sum(arm) / len(pairs) for arm in zip(*cool, strict=True)]
    return [gone, [1.0, geometric_mean(il6)], [1.0, geometric_mean(cmax)]]

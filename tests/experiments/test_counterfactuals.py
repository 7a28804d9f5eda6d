"""Counterfactuals: arms are the same patients with one thing changed, and the table is of them."""

import math
from statistics import geometric_mean

import numpy as np
import pandas as pd
import pytest

from tcellabm.experiments import counterfactuals as module
from tcellabm.experiments.counterfactuals import CHANGES, CounterfactualPlan
from tcellabm.experiments.effects import BURDEN, DOSE, DRUG, PERSISTENCE, effects
from tcellabm.experiments.session import Work

QUICK = {
    "marrow.rows": 1,
    "marrow.cols": 1,
    "resolution.agents_per_population": 8,
    "trial.patients": 8,
    "physiology.temperature_rise_c": 20.0,  # so that most have a fever on day 5.5
}
HERE = Work(0, quiet=True)


@pytest.fixture(scope="module")
def plan():
    return CounterfactualPlan.load("params/trials/eliana.toml", QUICK)


@pytest.fixture(scope="module")
def made(plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("counterfactuals")
    changes = {name: change._replace(days=40.0) for name, change in CHANGES.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHANGES", changes)
        short = CounterfactualPlan.load("params/trials/eliana.toml", QUICK)
    return folder, module.counterfactuals(short, folder, HERE, resume=True)


def arms_of(plan, change):
    """Return the tasks of a change: patient -> arm -> task."""
    arms = {}
    for task in plan.tasks:
        if task.change == change:
            arms.setdefault(task.patient, {})[task.label] = task
    return arms


@pytest.mark.parametrize("change", CHANGES)
def test_arms_are_the_same_patients_with_one_thing_changed(plan, change):
    infused = {task.patient: task for task in plan.trial.tasks}
    assert arms_of(plan, change).keys() == infused.keys() != set()
    key, values, days = CHANGES[change]
    for patient, arms in arms_of(plan, change).items():
        assert [task.settings[key] for task in arms.values()] == list(values)
        for task in arms.values():
            assert task.seed == infused[patient].seed
            changed = {k for k, v in task.settings.items() if infused[patient].settings.get(k) != v}
            assert changed <= {key, "time.days"} and task.settings["time.days"] == days


def test_the_twin_differs_in_the_drug_alone(plan):
    assert len(arms_of(plan, DRUG)) == len(plan.trial.tasks) > 0
    for arms in arms_of(plan, DRUG).values():
        without, treated = arms.values()
        assert without.settings == treated.settings and without.seed == treated.seed
        assert without.settings["care.policy"] == "none"
        assert not without.arm.orders
        assert [(o.treatment, o.day) for o in treated.arm.orders] == [("tocilizumab", 5.5)]
        assert without.run_id != treated.run_id


def test_pairs_of_the_drug_are_neighbors_that_begin_alike(plan):
    drug = [task for task in plan.tasks if task.change == DRUG]
    assert plan.together == 2 and plan.tasks[: len(drug)] == drug
    assert len(drug) == 2 * len(plan.trial.tasks) > 0
    assert all(a.patient == b.patient for a, b in zip(drug[::2], drug[1::2], strict=True))


def test_a_folder_holds_the_table_and_its_runs(made, plan):
    folder, result = made
    runs = pd.read_parquet(folder / "outcomes.parquet")
    assert result.complete and not result.errors and len(runs) == len(plan.tasks)
    assert len(pd.read_csv(folder / "counterfactuals.csv")) == len(result.effects) == 12
    fever = runs[(runs["change"] == DRUG)].pivot(index="patient", columns="arm")
    assert fever["fever_at_drug"].nunique(axis=1).eq(1).all()  # alike until the drug
    higher = fever["il6_after_pg_per_ml"]
    feverish = fever["fever_at_drug"].any(axis=1)
    assert feverish.any() and (higher["tocilizumab"] > higher["untreated"])[feverish].all()


def test_what_the_user_sets_is_told_as_the_arm_has_it():
    key = "product.dose_cells_per_kg"
    own = CounterfactualPlan.load("params/trials/eliana.toml", QUICK | {key: 3e5})
    told = {(t.change, t.label): own.labeled({}, t)[key] for t in own.tasks}
    assert [told[DOSE, f"{value:g}"] for value in CHANGES[DOSE].values] == [2e5, 1e6, 5e6]
    assert told[BURDEN, "1e+10"] == 3e5


def test_a_part_has_no_table_yet(plan, tmp_path):
    few = CounterfactualPlan.load("params/trials/eliana.toml", QUICK | {"trial.patients": 1})
    some = module.counterfactuals(few, tmp_path / "x", Work(0, shard=(1, 9), quiet=True))
    assert not some.complete and some.effects.empty


def made_up(change, arms, **columns):
    """Return runs of some patients in some arms; columns are one list an arm."""
    rows = []
    for place, arm in enumerate(arms):
        values = {name: arms_values[place] for name, arms_values in columns.items()}
        rows += [
            {"change": change, "arm": arm, "patient": who, "error": ""}
            | {"fever_at_drug": True, "fever_gone": True, "il6_after_pg_per_ml": 1.0}
            | {"remission": True, "crs_grade_penn": 0, "cmax_copies_per_ug": 1.0}
            | {"relapse_phenotype": ""}
            | {name: each[who] for name, each in values.items()}
            for who in range(len(next(iter(values.values()))))
        ]
    return rows


@pytest.fixture
def runs():
    rng = np.random.default_rng(5)
    cmax = rng.lognormal(3.0, 1.0, 20)
    flags = np.arange(20) < 5
    return pd.DataFrame(
        made_up(
            DRUG,
            ["untreated", "tocilizumab"],
            cmax_copies_per_ug=[cmax, 1.1 * cmax],
            fever_gone=[flags, ~flags],
            il6_after_pg_per_ml=[cmax, 3.0 * cmax],
            fever_at_drug=[np.arange(20) < 16] * 2,
        )
        + made_up(
            DOSE,
            ["1", "2", "3"],
            cmax_copies_per_ug=[cmax, 1.6 * cmax, 1.2 * cmax],
            remission=[flags, ~flags, flags],
        )
        + made_up(
            BURDEN,
            ["1", "2", "3"],
            cmax_copies_per_ug=[cmax, 1.5 * cmax, 2.0 * cmax],
            crs_grade_penn=[3 * flags, 4 * ~flags, 2 * ~flags],
        )
        + made_up(
            PERSISTENCE,
            ["1", "2"],
            relapse_phenotype=[[""] * 20, ["cd19_positive"] * 4 + ["cd19_negative"] * 16],
            crs_grade_penn=[3 * flags, 3 * flags],
        )
    )


def effect(table, change, measure):
    row = table[(table["change"] == change) & table["measure"].str.startswith(measure)]
    assert len(row) == 1
    return row.iloc[0]


def test_effects_are_what_the_rows_give_by_hand(runs):
    table = effects(runs)
    expected = {
        (DRUG, "fever gone"): (100.0 * 11 / 16, "true"),
        (DRUG, "highest IL-6"): (3.0, "true"),
        (DRUG, "Cmax"): (1.1, "true"),
        (DOSE, "Cmax"): (1.6, "false"),
        (DOSE, "remission"): (50.0, "false"),
        (DOSE, "CRS"): (0.0, ""),
        (BURDEN, "Cmax"): (2.0 / 1.5, "true"),
        (BURDEN, "CRS"): (-75.0, "false"),
        (BURDEN, "remission"): (0.0, ""),
        (PERSISTENCE, "CD19-positive"): (20.0, "true"),
        (PERSISTENCE, "CD19-negative"): (80.0, ""),
        (PERSISTENCE, "CRS"): (0.0, "true"),
    }
    assert len(table) == len(expected)
    for (change, measure), (value, met) in expected.items():
        row = effect(table, change, measure)
        assert row["effect"] == pytest.approx(value), (change, measure)
        assert row["met"] == met, (change, measure)
    assert table["met"].tolist() == sorted(table["met"], key=["false", "true", ""].index)


def test_arms_are_drawn_anew_together(runs):
    """A ratio that is the same in every patient has no width, however much patients differ."""
    row = effect(effects(runs), DOSE, "Cmax")
    assert (row["effect_low"], row["effect_high"]) == pytest.approx((1.6, 1.6))
    share = effect(effects(runs), DRUG, "fever gone")
    assert (
        share["effect_low"] < share["effect"] - 10.0 < share["effect"] + 10.0 < share["effect_high"]
    )


def test_a_patient_whose_run_failed_in_one_arm_is_left_out_of_all(runs):
    of_dose = runs["change"] == DOSE
    failed = of_dose & (runs["patient"] == 7) & (runs["arm"] == "2")
    runs.loc[failed, ["error", "cmax_copies_per_ug"]] = ["it broke", math.nan]
    row = effect(effects(runs), DOSE, "Cmax")
    kept = runs[of_dose & (runs["patient"] != 7)].groupby("arm")["cmax_copies_per_ug"]
    means = [geometric_mean(values) for _, values in kept]
    assert row["patients"] == 19
    assert row["values"] == " / ".join(f"{mean:.3g}" for mean in means)


def test_without_any_fever_the_drug_shows_nothing(runs):
    table = effects(runs.assign(fever_at_drug=False))
    row = effect(table, DRUG, "fever gone")
    assert row["patients"] == 0 and math.isnan(row["effect"]) and row["met"] == "false"

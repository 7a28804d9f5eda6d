"""The first fit: held to rows marked `calibrate`, and to a few behaviors that the model must show.

    python scripts/fit.py --patients 100 --steps 100

The same virtual patients are followed at every step, in every arm, with new values of all fitted
parameters. A step goes from the best values so far to where a linear model of the figures, fitted
to the steps before, sees the loss fall, with some chance added; the first steps are chance alone.
Every step is written to `runs/fit/steps.csv`; the best values are printed, to be entered in
`params/` by hand. `--steps 0` shows what the present values come to.
"""

import argparse
import math
import tomllib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import tcellabm
from tcellabm.experiments.cohort import Cohort, median, percent
from tcellabm.experiments.measures import MEASURES
from tcellabm.experiments.plan import patient_seed

SCENARIO = "scenarios/kymriah.toml"
COARSE = {"marrow.rows": 1, "marrow.cols": 1, "resolution.agents_per_population": 32}
DOSE, HALF_LIFE = "product.dose_cells_per_kg", "product.persistence_half_life_days"
UNTREATED = {HALF_LIFE: 120.0, "care.policy": "none", "time.days": 120.0}
MONTHS = UNTREATED | {DOSE: 5e6, "time.days": 56.0}
ARMS = {
    "trial": {DOSE: 3.1e6, HALF_LIFE: 120.0, "time.days": 460.0},
    "low": UNTREATED | {DOSE: 2e5},
    "high": UNTREATED | {DOSE: 5e6},
    "undepleted": MONTHS | {"lymphodepletion.given": False},
    "weak": MONTHS | {"product.affinity": 10.0},
}
FITTED = (
    "car_t.division_per_day",
    "car_t.capacity_per_ul",
    "car_t.exhaustion_per_day",
    "car_t.contraction_per_day",
    "car_t.leave_marrow_per_day",
    "car_t.memory_activation_per_day",
    "lymphodepletion.window_floor",
    "lymphodepletion.window_decay_days",
    "encounter.kill_per_day",
    "encounter.kill_half_density_per_ul",
    "encounter.activation_half_density_per_ul",
    "encounter.stimulation_half_engagement",
    "myeloid.ifng_half_pg_per_ml",
    "cytokines.il6.secretion_pg_per_cell_per_day",
    "physiology.temperature_rise_c",
    "population.patient.cd19_negative_fraction.median",
    "population.patient.homeostatic_cytokines.sigma_ln",
    "population.patient.myeloid_sensitivity.sigma_ln",
)
# Figures that a virtual trial measures too, by the id of the published row.
AS_IN_TRIAL = {
    "remission": "E01",
    "relapse_free_180": "E02",
    "relapse_free_365": "E03",
    "any_crs": "E09",
    "severe_crs": "E11",
    "tocilizumab": "E14",
    "crs_onset_day": "E12",
    "crs_duration_days": "E13",
    "tmax_day": "K02",
}
APLASIA_DAYS = 180.0  # B cells below the limit that long: six months
LATE_DAY = 60.0  # fever after it is no CRS
RIDGE, CAUTION = 0.03, 1.0  # of the linear model: against chance, against long steps


def follow(values: dict[str, float], patient: tuple[str, int]) -> dict[str, object]:
    """Return the outcomes of one patient, given as (arm, seed)."""
    arm, seed = patient
    params = tcellabm.load(SCENARIO, COARSE | values | ARMS[arm])
    model = tcellabm.TumorTCellModel(params, rng=seed)
    model.run_until(params.time.days)
    series = model.series
    fever = series.temperature_c[series.day > LATE_DAY] >= params.physiology.fever_c
    peak_day = float(series.day[series.copies_per_ug[series.day <= 28.0].idxmax()])
    return model.outcomes() | {"arm": arm, "late_fever": bool(fever.any()), "peak_day": peak_day}


def typical(values: pd.Series) -> float:
    """Return the geometric mean; unlike in the trial's measures, nothing counts as 1."""
    return math.exp(np.log(values.clip(lower=1.0)).mean())


def figures(patients: pd.DataFrame) -> dict[str, float]:
    """Return the simulated figures, by the names of the targets."""
    cohort = Cohort.of(patients.assign(error="", infused=True, transplant_day=math.nan))
    responders, others = patients[patients.remission], patients[~patients.remission]
    return {name: MEASURES[row].of(cohort) for name, row in AS_IN_TRIAL.items()} | {
        "cmax_copies_per_ug": typical(patients.cmax_copies_per_ug),
        "doubling_days": median(patients.doubling_days.to_numpy()),
        "contraction_half_life_days": median(patients.contraction_half_life_days.to_numpy()),
        "cmax_responder_ratio": typical(responders.cmax_copies_per_ug)
        / typical(others.cmax_copies_per_ug),
        "aplasia_180": percent(responders.b_cell_aplasia_days >= APLASIA_DAYS),
    }


def behaviors(arms: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Return what dose, lymphodepletion and affinity change, in the same patients."""
    low, high, weak = arms["low"], arms["high"], arms["weak"]

    def cells(arm: pd.DataFrame) -> float:
        return typical(arm.cmax_cells) / typical(high.cmax_cells)

    decades = math.log10(ARMS["high"][DOSE] / ARMS["low"][DOSE])
    responders = arms["trial"][arms["trial"].remission]
    return {
        "dose_cmax_ratio": typical(high.cmax_copies_per_ug) / typical(low.cmax_copies_per_ug),
        "dose_remission_points": percent(high.remission) - percent(low.remission),
        "dose_peak_slope": float((high.peak_day - low.peak_day).mean()) / decades,
        "undepleted_cells_ratio": cells(arms["undepleted"]),
        "weak_cells_ratio": cells(weak),
        "weak_grade": float((weak.crs_grade_penn - high.crs_grade_penn).mean()),
        "late_fever": percent(responders.late_fever),
    }


def measure(outcomes: pd.DataFrame) -> dict[str, float]:
    """Return all figures of one step."""
    arms = {name: arm.reset_index(drop=True) for name, arm in outcomes.groupby("arm")}
    return figures(arms["trial"]) | behaviors(arms)


def misses(simulated: dict[str, float], targets: dict[str, dict[str, float]]) -> np.ndarray:
    """Return the distances to the centers of the windows, in half-windows."""
    found = np.array([simulated[name] for name in targets])
    center = np.array([target["center"] for target in targets.values()])
    width = np.array([0.5 * (target["high"] - target["low"]) for target in targets.values()])
    return (np.nan_to_num(found) - center) / width


def descent(steps: np.ndarray, missed: np.ndarray, best: int, spread: float) -> np.ndarray:
    """Return the change of ln-parameters that a linear model of the misses asks for.

    Parameters
    ----------
    steps : array, shape (n, parameters)
        ln-parameters of the steps so far.
    missed : array, shape (n, targets)
        What `misses` said of them.
    best : int
        The step to go from.
    """
    away = (steps - steps[best]) / spread
    near = np.exp(-0.25 * np.mean(away**2, axis=1))[:, None]
    design = np.column_stack([np.ones(len(away)), away]) * near
    weight = RIDGE * len(away) * np.eye(design.shape[1])
    weight[0, 0] = 0.0
    model = np.linalg.solve(design.T @ design + weight, design.T @ (missed * near))
    here, slopes = model[0], model[1:]
    return -spread * np.linalg.solve(
        slopes @ slopes.T + CAUTION * np.eye(len(slopes)), slopes @ here
    )


def search(options: argparse.Namespace, targets: dict[str, dict[str, float]]) -> dict[str, float]:
    """Search, write and show every step, and return the best values."""
    rng = np.random.default_rng(options.seed)
    seeds = [patient_seed(options.seed, patient) for patient in range(options.patients)]
    patients = [(arm, seed) for arm in ARMS for seed in seeds]
    present = tcellabm.load(SCENARIO)
    start = np.log([float(present.get(key)) for key in FITTED])
    steps, missed, rows = [start], [], []
    with ProcessPoolExecutor() as pool:
        for step in range(options.steps + 1):
            values = dict(zip(FITTED, np.exp(steps[-1]).tolist(), strict=True))
            simulated = measure(pd.DataFrame(pool.map(partial(follow, values), patients)))
            missed.append(misses(simulated, targets))
            losses = np.sum(np.square(missed), axis=1)
            best = int(np.argmin(losses))
            rows.append({"step": step, "loss": losses[-1]} | values | simulated)
            if best == step:
                shown = {name: round(value, 2) for name, value in simulated.items()}
                print(f"step {step}: loss {losses[-1]:.2f}", shown, flush=True)
            pd.DataFrame(rows).to_csv(options.out / "steps.csv", index=False)
            chance = options.spread * rng.standard_normal(start.size)
            if 2 * step >= start.size:
                chance = 0.5 * chance + descent(
                    np.array(steps), np.array(missed), best, options.spread
                )
            steps.append(steps[best] + chance)
    return dict(zip(FITTED, np.exp(steps[best]).tolist(), strict=True))


def main() -> None:
    """Search, and print the best values and figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--steps", type=int, default=100, help="0 reports the present values")
    parser.add_argument("--spread", type=float, default=0.1, help="of a step, in ln")
    parser.add_argument("--seed", type=int, default=2026, help="of patients and steps")
    parser.add_argument("--out", type=Path, default=Path("runs/fit"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    targets = tomllib.loads(Path("params/trials/first_fit.toml").read_text(encoding="utf-8"))[
        "targets"
    ]
    for key, value in search(options, targets).items():
        print(f"{key} = {value:.4g}")


if __name__ == "__main__":
    main()

"""The first fit: a random search around the present values, held to rows marked `calibrate`.

    python scripts/fit.py --patients 100 --steps 30

Each step draws new values of all fitted parameters, log-normal around the best so far, follows
the same virtual patients with them, and keeps them if the loss falls. Every step is written to
`runs/fit/steps.csv`; the best values are printed, to be entered in `params/` by hand.
"""

import argparse
import math
import tomllib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import tcellabm
from tcellabm.experiments.plan import patient_seed

SCENARIO = "scenarios/kymriah.toml"
CONDITIONS = {
    "product.dose_cells_per_kg": 3.1e6,
    "product.persistence_half_life_days": 120.0,
    "time.days": 460.0,
}
FITTED = (
    "car_t.division_per_day",
    "car_t.exhaustion_per_day",
    "car_t.memory_activation_per_day",
    "lymphodepletion.window_floor",
    "lymphodepletion.window_decay_days",
    "encounter.kill_per_day",
    "encounter.kill_half_density_per_ul",
    "myeloid.killing_flux_half_per_ul_per_day",
    "myeloid.ifng_half_pg_per_ml",
    "cytokines.il6.secretion_pg_per_cell_per_day",
    "population.product.killing.sigma_ln",
    "population.product.exhaustion.sigma_ln",
    "population.patient.myeloid_sensitivity.sigma_ln",
)
APLASIA_DAYS = 180.0  # B cells below the limit that long: six months


def follow(values: dict[str, float], seed: int) -> dict[str, object]:
    """Return the outcomes of one patient."""
    params = tcellabm.load(SCENARIO, values)
    model = tcellabm.TumorTCellModel(params, rng=seed)
    model.run_until(params.time.days)
    return model.outcomes()


def relapse_free(patients: pd.DataFrame, day: float) -> float:
    """Return the Kaplan-Meier estimate among responders, percent, `day` days after remission."""
    responders = patients[patients.remission]
    time = (responders.event_free_days - responders.remission_day).to_numpy(float)
    event = responders.event_free_event.to_numpy(bool)
    data = stats.CensoredData(uncensored=time[event], right=time[~event])
    return 100.0 * float(stats.ecdf(data).sf.evaluate(day))


def figures(patients: pd.DataFrame) -> dict[str, float]:
    """Return the simulated figures, by the names of the targets."""
    responders = patients[patients.remission]
    log_cmax = np.log(patients.cmax_copies_per_ug.clip(lower=1.0))
    ratio = log_cmax[patients.remission].mean() - log_cmax[~patients.remission].mean()
    return {
        "remission": 100.0 * patients.remission.mean(),
        "relapse_free_365": relapse_free(patients, 365.0),
        "any_crs": 100.0 * (patients.crs_grade_penn >= 1).mean(),
        "severe_crs": 100.0 * (patients.crs_grade_penn >= 3).mean(),
        "tocilizumab": 100.0 * (patients.tocilizumab_doses > 0).mean(),
        "crs_onset_day": patients.crs_onset_day.median(),
        "crs_duration_days": patients.crs_duration_days.median(),
        "tmax_day": patients.tmax_day.median(),
        "cmax_copies_per_ug": math.exp(log_cmax.mean()),
        "cmax_responder_ratio": math.exp(ratio),
        "aplasia_180": 100.0 * (responders.b_cell_aplasia_days >= APLASIA_DAYS).mean(),
    }


def loss(simulated: dict[str, float], targets: dict[str, dict[str, float]]) -> float:
    """Return the sum of squared distances to the published figures, in half-windows (log scale)."""
    total = 0.0
    for name, target in targets.items():
        width = 0.5 * math.log(target["high"] / target["low"])
        value = max(simulated[name], 1e-9) if np.isfinite(simulated[name]) else 1e-9
        total += (math.log(value / target["center"]) / width) ** 2
    return total


def main() -> None:
    """Search, and print the best values and figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--steps", type=int, default=30, help="0 reports the present values")
    parser.add_argument("--spread", type=float, default=0.12, help="of a step, in ln")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    targets = tomllib.loads(Path("params/trials/first_fit.toml").read_text())["targets"]
    rng = np.random.default_rng(options.seed)
    seeds = [patient_seed(options.seed, patient) for patient in range(options.patients)]
    present = tcellabm.load(SCENARIO, CONDITIONS)
    best = {key: float(present.get(key)) for key in FITTED}
    lowest, rows = math.inf, []
    with ProcessPoolExecutor() as pool:
        for step in range(options.steps + 1):
            factors = np.exp(options.spread * rng.standard_normal(len(FITTED))) if step else 1.0
            values = dict(zip(FITTED, np.array(list(best.values())) * factors, strict=True))
            work = partial(follow, CONDITIONS | values)
            simulated = figures(pd.DataFrame(pool.map(work, seeds, chunksize=4)))
            found = loss(simulated, targets)
            if found < lowest:
                lowest, best = found, values
                shown = {name: round(value, 1) for name, value in simulated.items()}
                print(f"step {step}: loss {found:.2f}", shown)
            rows.append({"step": step, "loss": found} | values | simulated)
            Path("runs/fit").mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).to_csv("runs/fit/steps.csv", index=False)
    for key, value in best.items():
        print(f"{key} = {value:.4g}")


if __name__ == "__main__":
    main()

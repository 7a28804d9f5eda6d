"""Operating characteristics: what a design does, over many trials, beside the truth."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.designs.boin import TOO_TOXIC, Boin
from tcellabm.analysis.designs.conduct import Conduct, Trials, run
from tcellabm.analysis.designs.counts import NONE, Rule
from tcellabm.analysis.designs.crm import Crm, skeleton
from tcellabm.analysis.designs.patients import Population, rates
from tcellabm.analysis.designs.three_plus_three import COHORT, ThreePlusThree
from tcellabm.analysis.designs.utility import LEAST_RESPONSE, Utility, utility
from tcellabm.analysis.summary import wilson
from tcellabm.params import InputError

TARGET = 0.3
LEAST_TARGET, MOST_TARGET = 0.1, 0.6  # within which boundaries and skeletons make sense
_RULES: dict[str, Callable[[int, float], Rule]] = {
    "3+3": lambda doses, target: ThreePlusThree(doses),
    "boin": lambda doses, target: Boin(target),
    "crm": lambda doses, target: Crm(target, tuple(skeleton(target, doses))),
    "utility": lambda doses, target: Utility(target),
}
DESIGNS = tuple(_RULES)


def operating_characteristics(
    design: str | Rule,
    toxicity: Sequence[float],
    response: Sequence[float] | None = None,
    *,
    target: float = TARGET,
    patients: int = 30,
    cohort: int = 3,
    trials: int = 1000,
    rng: int | np.random.Generator = 1,
) -> dict[str, Any]:
    """Return what a dose-finding design does to independent patients with given rates.

    Parameters
    ----------
    design : str or Rule
        `3+3`, `boin`, `crm` or `utility`; or a rule, such as `Boin(0.25, enough=18)`.
    toxicity, response : sequence of float
        True rates at each dose, from the lowest dose on.
    target : float
        The toxicity sought (not by 3+3, which seeks none).
    patients, cohort : int
        The most patients, and patients of a cohort. 3+3 has cohorts of three and as many patients
        as it takes.
    trials : int
        Simulated trials.
    rng : int or Generator
        Seed; equal seeds give equal numbers.

    Returns
    -------
    dict
        `selected` (shares of trials that declare each dose, in dose order), `none` (share that
        declares no dose), means over trials `patients`, `toxicities`, `responses` (lists, by dose)
        and `total_patients`.

    Raises
    ------
    InputError
        Fewer than two doses, a rate outside 0 to 1, or an option that can't be used.
    """
    population = rates(toxicity, response)
    doses = population.toxicity.size
    rule = rule_of(design, doses, target) if isinstance(design, str) else design
    conduct = conduct_of(rule, Conduct(patients=patients, cohort=cohort), doses)
    _check_positive(trials, "trials")
    done = run(rule, population, conduct, trials, np.random.default_rng(rng))
    shares, none = _shares(done, doses)
    return {
        "selected": shares.tolist(),
        "none": none,
        "patients": done.observed.treated.mean(axis=0).tolist(),
        "toxicities": done.observed.toxic.mean(axis=0).tolist(),
        "responses": done.observed.responding.mean(axis=0).tolist(),
        "total_patients": float(done.observed.treated.sum(axis=1).mean()),
    }


def rule_of(design: str, doses: int, target: float) -> Rule:
    """Return a design by its name.

    Parameters
    ----------
    design : str
        One of DESIGNS, in any case.
    doses : int
        Number of doses.
    target : float
        The toxicity sought, from LEAST_TARGET to MOST_TARGET.

    Returns
    -------
    Rule
        With its defaults.

    Raises
    ------
    InputError
        There is none of that name, or the target can't be sought.
    """
    if design.lower() not in _RULES:
        allowed = f"allowed: {', '.join(DESIGNS)}"
        raise InputError(f"no design of that name: {design}", "--design", allowed)
    if not LEAST_TARGET <= target <= MOST_TARGET:
        allowed = f"allowed: {LEAST_TARGET} to {MOST_TARGET}"
        raise InputError(f"target {target:g}", "--target", allowed)
    return _RULES[design.lower()](doses, target)


def conduct_of(rule: Rule, conduct: Conduct, doses: int) -> Conduct:
    """Return how trials of a design are run: 3+3 prescribes cohorts and patients.

    Parameters
    ----------
    rule : Rule
        The design.
    conduct : Conduct
        As asked for.
    doses : int
        Number of doses.

    Returns
    -------
    Conduct
        As asked for, but for 3+3.

    Raises
    ------
    InputError
        There is not one cohort of patients.
    """
    _check_positive(conduct.cohort, "cohort")
    if conduct.patients < conduct.cohort:
        what = f"{conduct.patients} patients in cohorts of {conduct.cohort}"
        raise InputError(what, "--patients", "allowed: one cohort at least")
    if isinstance(rule, ThreePlusThree):
        return replace(conduct, cohort=COHORT, patients=2 * COHORT * doses)
    return conduct


def _check_positive(value: int, name: str) -> None:
    if value < 1:
        raise InputError(f"{name} {value}", f"--{name}", "allowed: 1 or more")


def right_doses(
    population: Population, target: float, least_response: float = LEAST_RESPONSE
) -> tuple[int, int]:
    """Return what a design should declare, by the truth.

    Parameters
    ----------
    population : Population
        With its true rates.
    target : float
        The toxicity sought, a share.
    least_response : float
        Share with a response below which a dose is futile.

    Returns
    -------
    tolerated : int
        The dose whose toxicity is nearest the target, of equals below it the higher; NONE if even
        the lowest is as toxic as BOIN holds to be too much (1.4 times the target).
    best : int
        The dose of the highest mean utility up to that one; NONE if none has enough responses.
    """
    if population.toxicity[0] >= TOO_TOXIC * target:
        return NONE, NONE
    climbing = population.toxicity + 1e-10 * np.arange(population.toxicity.size)
    tolerated = int(np.abs(climbing - target).argmin())
    worth = utility(population.toxicity, population.response, population.both)
    enough = population.response[: tolerated + 1] >= least_response
    best = int(np.where(enough, worth[: tolerated + 1], -np.inf).argmax())
    return tolerated, best if enough.any() else NONE


def characteristics(
    designs: Sequence[str],
    population: Population,
    doses: Sequence[float],
    target: float,
    conduct: Conduct,
    trials: int,
    seed: int,
) -> pd.DataFrame:
    """Return what designs do to patients of a table; every design meets the same patients.

    Parameters
    ----------
    designs : sequence of str
        Of DESIGNS.
    population : Population
        Patients at every dose.
    doses : sequence of float
        Ascending, for the table.
    target : float
        The toxicity sought, a share.
    conduct : Conduct
        How the trials are run.
    trials : int
        Simulated trials of each design.
    seed : int
        The same for every design.

    Returns
    -------
    DataFrame
        A row per design and dose, the last of each with no dose (NaN, the share that declares
        none): `design`, `dose`, the truth of the dose: `toxicity` and `response` (each with the
        interval of 95 % `_low`, `_high` that the number of patients leaves), `utility`, and
        whether it is `right`; `selected` (share of trials) with its Monte Carlo interval of 95 %
        `selected_low`, `selected_high`; means over trials `patients`, `toxicities`, `responses`
        at the dose; and of the whole trial, equal in all rows of a design, `enrolled`, `infused`,
        `days` with `days_low`, `days_high` (80 % of trials), `cost_usd`, `correct` (share of
        trials that declare the right dose).
    """
    _check_positive(trials, "trials")
    tolerated, best = right_doses(population, target)
    tables = []
    for name in designs:
        rule = rule_of(name, len(doses), target)
        ways = conduct_of(rule, conduct, len(doses))
        done = run(rule, population, ways, trials, np.random.default_rng(seed))
        right = best if isinstance(rule, Utility) else tolerated
        tables.append(_table(name.lower(), done, population, doses, right))
    return pd.concat(tables, ignore_index=True)


def _shares(done: Trials, doses: int) -> tuple[np.ndarray, float]:
    counts = np.bincount(done.declared + 1, minlength=doses + 1)
    shares = counts / done.declared.size
    return shares[1:], float(shares[0])


def _table(
    name: str, done: Trials, population: Population, doses: Sequence[float], right: int
) -> pd.DataFrame:
    shares, none = _shares(done, len(doses))
    selected = np.append(shares, none)
    low, high = wilson(selected * done.declared.size, np.full(selected.size, done.declared.size))
    worth = utility(population.toxicity, population.response, population.both)
    early, late = np.quantile(done.days, [0.1, 0.9])
    return pd.DataFrame(
        {
            "design": name,
            "dose": [*doses, np.nan],
            **_truth("toxicity", population.toxicity, population.size),
            **_truth("response", population.response, population.size),
            "utility": [*worth, np.nan],
            "right": np.append(np.arange(len(doses)), NONE) == right,
            "selected": selected,
            "selected_low": low,
            "selected_high": high,
            "patients": [*done.observed.treated.mean(axis=0), 0.0],
            "toxicities": [*done.observed.toxic.mean(axis=0), 0.0],
            "responses": [*done.observed.responding.mean(axis=0), 0.0],
            "enrolled": done.enrolled.mean(),
            "infused": done.observed.treated.sum(axis=1).mean(),
            "days": done.days.mean(),
            "days_low": early,
            "days_high": late,
            "cost_usd": done.cost.mean(),
            "correct": float((done.declared == right).mean()),
        }
    )


def _truth(name: str, shares: np.ndarray, size: float) -> dict[str, list[float]]:
    low, high = wilson(shares * size, np.full(shares.size, size))
    return {
        name: [*shares, np.nan],
        f"{name}_low": [*low, np.nan],
        f"{name}_high": [*high, np.nan],
    }

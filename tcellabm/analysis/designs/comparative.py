"""Two-arm trials on the patients of a sweep, with or without one interim look."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from tcellabm.analysis.summary import wilson
from tcellabm.params import InputError

ALPHA = 0.05  # two-sided
WANTED_POWER = 0.8
SIZES = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the size asked for, that are tried
SEARCH_TRIALS = 20_000  # of each size, in the search for the number needed
MOST_PATIENTS = 1_000_000  # of an arm, that the search for a sample size goes to


@dataclass(frozen=True)
class Arms:
    """True shares of patients who meet the endpoint, of all who are enrolled.

    A patient whose product fails does not (by intention to treat).
    """

    control: float
    experimental: float


class Looks(NamedTuple):
    """When a trial is looked at (shares of its patients), and the |z| that stops it each time."""

    shares: tuple[float, ...]
    limits: tuple[float, ...]


def looks(interim: float | None = None) -> Looks:
    """Return the looks of a trial: one at the end, and one in between if asked for.

    Limits are O'Brien and Fleming's (1979): constant over the square root of the share, such that
    the two-sided error of both looks is 5 %.

    Parameters
    ----------
    interim : float, optional
        Share of the patients at the interim look, between 0 and 1.

    Raises
    ------
    InputError
        It is not between 0.1 and 0.9.
    """
    if interim is None:
        return Looks((1.0,), (float(stats.norm.isf(ALPHA / 2.0)),))
    if not 0.1 <= interim <= 0.9:
        raise InputError(f"an interim look at {interim:g}", "--interim", "allowed: 0.1 to 0.9")
    both = stats.multivariate_normal([0.0, 0.0], [[1.0, r := math.sqrt(interim)], [r, 1.0]])

    def too_often(limit: float) -> float:
        ends = np.array([limit / r, limit])
        inside = both.cdf(ends, lower_limit=-ends)
        return float(1.0 - inside - ALPHA)

    limit = float(optimize.brentq(too_often, 1.5, 3.0, xtol=1e-6))
    return Looks((interim, 1.0), (limit / r, limit))


class Compared(NamedTuple):
    """What so many trials of one size came to.

    Attributes
    ----------
    significant : float
        Share of trials that found a difference.
    estimate : float
        Mean of the estimated differences.
    patients : float
        Mean number of both arms.
    stopped : float
        Share of trials that stopped at the interim look.
    """

    significant: float
    estimate: float
    patients: float
    stopped: float


def compare(
    arms: Arms, per_arm: int, plan: Looks, trials: int, rng: np.random.Generator
) -> Compared:
    """Run trials of two parallel arms; the pooled z-test of two proportions at each look.

    Rows drawn with replacement and looked at for one endpoint are a binomial draw of its share.

    Parameters
    ----------
    arms : Arms
        True shares.
    per_arm : int
        Patients of each arm at the end.
    plan : Looks
        When to stop.
    trials : int
        Simulated trials.
    rng : numpy.random.Generator
        Of the trials.

    Returns
    -------
    Compared
        Over all trials.
    """
    sizes = np.maximum(1, np.round(np.array(plan.shares) * per_arm).astype(int))
    steps = np.diff(sizes, prepend=0)
    met = [
        rng.binomial(steps[:, None], share, (len(steps), trials)).cumsum(axis=0)
        for share in (arms.control, arms.experimental)
    ]
    difference = (met[1] - met[0]) / sizes[:, None]
    pooled = (met[0] + met[1]) / (2.0 * sizes[:, None])
    error = np.sqrt(pooled * (1.0 - pooled) * 2.0 / sizes[:, None])
    z = np.divide(difference, error, out=np.zeros_like(error), where=error > 0.0)
    beyond = np.abs(z) >= np.array(plan.limits)[:, None]
    last = np.where(beyond.any(axis=0), beyond.argmax(axis=0), len(steps) - 1)
    trial = np.arange(trials)
    return Compared(
        significant=float(beyond.any(axis=0).mean()),
        estimate=float(difference[last, trial].mean()),
        patients=float(2.0 * sizes[last].mean()),
        stopped=float((last < len(steps) - 1).mean()),
    )


def needed(arms: Arms, plan: Looks, seed: int) -> float:
    """Return the patients of an arm with whom 80 % of trials find the difference.

    Found by bisection over simulated trials, from the textbook number on.

    Parameters
    ----------
    arms : Arms
        True shares.
    plan : Looks
        When to stop.
    seed : int
        Of the simulated trials.

    Returns
    -------
    float
        Patients, to 0.5 %; NaN if more than a million would be needed.
    """
    gap = abs(arms.experimental - arms.control)
    spread = sum(share * (1.0 - share) for share in (arms.control, arms.experimental))
    z = stats.norm.isf(ALPHA / 2.0) + stats.norm.isf(1.0 - WANTED_POWER)
    if gap == 0.0 or (guess := z**2 * spread / gap**2) > MOST_PATIENTS:
        return math.nan

    def power(per_arm: int) -> float:
        rng = np.random.default_rng([seed, per_arm])
        return compare(arms, per_arm, plan, SEARCH_TRIALS, rng).significant

    low, high = 1, max(4, math.ceil(2.0 * guess))
    while power(high) < WANTED_POWER:
        low, high = high, 2 * high
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= WANTED_POWER else (middle, high)
    return float(high)


def comparison(
    arms: Arms, per_arm: int, interim: float | None, trials: int, seed: int
) -> pd.DataFrame:
    """Return power, error of the first kind (a sham arm), bias and the number needed.

    Parameters
    ----------
    arms : Arms
        True shares.
    per_arm : int
        Patients of each arm: the size asked for.
    interim : float or None
        Share of patients at the interim look, 0.1 to 0.9; None for no look.
    trials : int
        Simulated trials of each size.
    seed : int
        Of the simulated trials.

    Returns
    -------
    DataFrame
        A row per design (parallel, and with an interim look if asked for) and size (from a quarter
        of `per_arm` to four times that): `design`, `control`, `experimental`, `difference` (the
        truth), `per_arm`, `power` with `power_low`, `power_high`, `type_1_error` with `_low`,
        `_high` (Monte Carlo, 95 %), `bias` (mean estimate less the truth), `patients` (mean, both
        arms), `stopped_early`, `needed_per_arm`.

    Raises
    ------
    InputError
        There are fewer than 16 patients, or the look can't be made.
    """
    least_size = round(2 / SIZES[0])
    if per_arm < least_size:
        what = f"{per_arm} patients in each arm"
        raise InputError(what, "--patients", f"allowed: {2 * least_size} in all or more")
    plans = {"parallel": looks()}
    if interim is not None:
        plans["interim look"] = looks(interim)
    rows = []
    for name, plan in plans.items():
        least = {"needed_per_arm": needed(arms, plan, seed)}
        for size in SIZES:
            row = _row(plan, arms, round(size * per_arm), trials, seed)
            rows.append({"design": name} | row | least)
    return pd.DataFrame(rows)


def _row(plan: Looks, arms: Arms, per_arm: int, trials: int, seed: int) -> dict[str, object]:
    real, false = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2))
    found = compare(arms, per_arm, plan, trials, real)
    sham = compare(Arms(arms.control, arms.control), per_arm, plan, trials, false)
    truth = arms.experimental - arms.control
    row: dict[str, object] = {"control": arms.control, "experimental": arms.experimental}
    row |= {"difference": truth, "per_arm": per_arm}
    for key, share in (("power", found.significant), ("type_1_error", sham.significant)):
        low, high = wilson(share * trials, trials)
        row |= {key: share, f"{key}_low": float(low), f"{key}_high": float(high)}
    return row | {
        "bias": found.estimate - truth,
        "patients": found.patients,
        "stopped_early": found.stopped,
    }

"""What a posterior must meet to be believed: each check once, with its limit and its words."""

from collections.abc import Mapping
from typing import Any, NamedTuple

RHAT = 1.01  # below it (Vehtari 2021)
LENGTH = 20.0  # of chains in autocorrelation times: shorter ones flatter themselves
PARETO_K = 0.7  # of the weights: above it their variance is not to be trusted (Vehtari 2024)
POOL_ERROR = 0.5  # of a posterior's width: what another pool may move its mean by
# Few draws may lie near the least effective patients.
NEAR = 1.5  # times the least
SELDOM = 0.01  # share of the draws

Diagnostics = Mapping[str, Any]  # as `posterior.json` holds them


class Check(NamedTuple):
    """One check, and whether it is met."""

    met: bool
    words: str

    def __str__(self) -> str:
        """Return it as a line of a report."""
        return f"{'met' if self.met else 'not met'}: {self.words}"


def of_chains(found: Diagnostics, least_draws: int) -> list[Check]:
    """Return what the chains must meet.

    Parameters
    ----------
    found : mapping
        Diagnostics.
    least_draws : int
        Effective draws wanted.

    Returns
    -------
    list of Check
        Effective draws, length, R-hat.
    """
    draws, length, rhat = found["ess_min"], found["length"], found["rhat_max"]
    return [
        Check(draws >= least_draws, f"effective draws {draws:.0f} ({least_draws} or more)"),
        Check(
            length >= LENGTH,
            f"chains of {length:.0f} autocorrelation times ({LENGTH:.0f} or more)",
        ),
        Check(rhat < RHAT, f"split R-hat {rhat:.4f} (below {RHAT})"),
    ]


def of_pool(found: Diagnostics, least_patients: int) -> list[Check]:
    """Return what the pool must meet to speak to all of the posterior.

    Parameters
    ----------
    found : mapping
        Diagnostics.
    least_patients : int
        Effective patients wanted at every draw.

    Returns
    -------
    list of Check
        Pareto k, effective patients at the worst draw and near it, error by the finite pool; the
        last two where they are known.
    """
    worst, near = found["pool_effective_min"], found.get("pool_near_least")
    words = f"effective patients at the worst draw {worst:.0f} ({least_patients} or more)"
    checks = [_of_weights(found["pareto_k_max"]), Check(worst >= least_patients, words)]
    if near is not None:
        bound = f"fewer than {NEAR * least_patients:.0f} effective patients"
        checks.append(
            Check(near <= SELDOM, f"draws with {bound} {near:.1%} ({SELDOM:.0%} or less)")
        )
    if (error := found.get("pool_error")) is not None:
        words = f"error by the finite pool {error:.2f} of a posterior's width"
        checks.append(Check(error <= POOL_ERROR, f"{words} ({POOL_ERROR} or less)"))
    return checks


def _of_weights(k: float | None) -> Check:
    if k is None:
        return Check(True, "Pareto k of the weights: no tail, the greatest are alike")
    return Check(k < PARETO_K, f"Pareto k of the weights {k:.2f} (below {PARETO_K})")


def of_posterior(written: Mapping[str, Any]) -> list[Check]:
    """Return all checks of a posterior as it is written, misses first."""
    sampler = written["recipe"]["calibration"]["sampler"]
    found = written["diagnostics"]
    checks = of_chains(found, sampler["least_draws"]) + of_pool(found, sampler["least_patients"])
    return sorted(checks, key=lambda check: check.met)

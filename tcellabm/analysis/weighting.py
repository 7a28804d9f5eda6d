"""Weights that make a pool of simulated patients stand for another population.

Prevalence weighting (Allen, Rieger, Musante 2016, CPT Pharmacometrics Syst Pharmacol 5:140): a
patient whose covariates are c weighs p(c | theta) over the density with which the pool drew c.
Covariates are log-normal and clipped, so that p has a mass at each bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import log_ndtr, logsumexp

BLOCK = 200_000  # numbers that are held at once
POPULATION = "population."


class Described(Protocol):
    """A log-normal law between bounds, as a population file states it."""

    @property
    def median(self) -> float: ...  # noqa: D102
    @property
    def sigma_ln(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Laws:
    """The log-normal laws of some covariates, of which theta sets medians and widths.

    Attributes
    ----------
    keys : tuple of str
        What theta sets, `population.<covariate>.median` or `.sigma_ln`; theta holds their logs.
    covariates : tuple of str
        The covariates, each once.
    usual : ndarray, shape (covariates, 2)
        Logs of median and of sigma_ln where theta does not set them.
    bounds : ndarray, shape (covariates, 2)
        Logs of the lowest and highest value; -inf where there is no lowest.
    """

    keys: tuple[str, ...]
    covariates: tuple[str, ...]
    usual: np.ndarray
    bounds: np.ndarray

    def at(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log medians and sigmas, each of shape (thetas, covariates).

        Parameters
        ----------
        theta : ndarray, shape (thetas, keys)
            Logs of the values of `keys`.
        """
        each = [self.of(theta, number) for number in range(len(self.covariates))]
        middle, sigma = (np.stack(parts, axis=1) for parts in zip(*each, strict=True))
        return middle, sigma

    def of(self, theta: np.ndarray, covariate: int) -> tuple[np.ndarray, np.ndarray]:
        """Return log median and sigma of one covariate, each of shape (thetas,).

        Parameters
        ----------
        theta : ndarray, shape (thetas, keys)
            Logs of the values of `keys`.
        covariate : int
            Its place in `covariates`.
        """
        name = f"{POPULATION}{self.covariates[covariate]}"
        law = [np.full(len(theta), usual) for usual in self.usual[covariate]]
        for place, part in enumerate(("median", "sigma_ln")):
            if f"{name}.{part}" in self.keys:
                law[place] = theta[:, self.keys.index(f"{name}.{part}")]
        return law[0], np.exp(law[1])


def laws_of(keys: Sequence[str], described: Mapping[str, Described]) -> Laws:
    """Return the laws that some keys set.

    Parameters
    ----------
    keys : sequence of str
        `population.<covariate>.median` or `.sigma_ln`.
    described : mapping
        Of each covariate `median`, `sigma_ln`, `low` and `high`.
    """
    names = tuple(dict.fromkeys(covariate_of(key) for key in keys))
    own = [described[name] for name in names]
    with np.errstate(divide="ignore"):
        usual = np.log([(law.median, law.sigma_ln) for law in own])
        bounds = np.log([(law.low, law.high) for law in own])
    return Laws(tuple(keys), names, usual.reshape(-1, 2), bounds.reshape(-1, 2))


def covariate_of(key: str) -> str:
    """Return the covariate whose law a key sets; empty if it sets no law."""
    name, _, part = key.rpartition(".")
    drawn = name.startswith(POPULATION) and part in ("median", "sigma_ln")
    return name.removeprefix(POPULATION) if drawn else ""


class Covariates(NamedTuple):
    """Logs of the patients' covariates, and which of them lie on a bound."""

    logs: np.ndarray  # (patients, covariates); 0 on a bound
    at_low: np.ndarray
    at_high: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, laws: Laws) -> "Covariates":
        """Take values, shape (patients, covariates), as they were drawn."""
        low, high = np.exp(laws.bounds[:, 0]), np.exp(laws.bounds[:, 1])
        at_low, at_high = values <= low * (1.0 + 1e-12), values >= high * (1.0 - 1e-12)
        inside = ~at_low & ~at_high
        return cls(np.log(np.where(inside, values, 1.0)), at_low, at_high)

    def part(self, which: slice | np.ndarray) -> "Covariates":
        """Return some of the patients."""
        return Covariates(*(column[which] for column in self))

    @property
    def inside(self) -> np.ndarray:
        """Which lie on no bound."""
        inside: np.ndarray = ~self.at_low & ~self.at_high
        return inside


def log_density(x: Covariates, laws: Laws, theta: np.ndarray, covariate: int) -> np.ndarray:
    """Return the log density of one covariate, up to a constant.

    Parameters
    ----------
    x : Covariates
        Of the patients.
    laws : Laws
        What theta sets.
    theta : ndarray, shape (thetas, keys)
        Logs of the values of `laws.keys`.
    covariate : int
        Its place in `laws.covariates`.

    Returns
    -------
    ndarray, shape (thetas, patients)
        On a bound, the log of its mass.
    """
    middle, sigma = (part[:, None] for part in laws.of(theta, covariate))
    low, high = laws.bounds[covariate]
    density = (x.logs[None, :, covariate] - middle) / sigma
    density *= -0.5 * density
    density -= np.log(sigma)
    for at, mass in ((x.at_low, (low - middle) / sigma), (x.at_high, (middle - high) / sigma)):
        if at[:, covariate].any():
            density[:, at[:, covariate]] = log_ndtr(mass)
    return density


def log_proposal(
    x: Covariates, laws: Laws, drawn: np.ndarray, independent: bool = True
) -> np.ndarray:
    """Return the log density with which a pool draws these patients.

    Parameters
    ----------
    x : Covariates
        Of the patients.
    laws : Laws
        What a draw sets.
    drawn : ndarray, shape (draws, keys)
        The laws that the pool's patients were drawn from.
    independent : bool
        Laws of different covariates were drawn independently, so that the density is a product of
        means over draws; else it is the mean of products.

    Returns
    -------
    ndarray, shape (patients,)
        Up to a constant; -inf where no draw could give the patient.
    """
    step = max(1, BLOCK // max(1, len(drawn)))
    blocks = [slice(start, start + step) for start in range(0, len(x.logs), step)]
    parts = [_mean_density(x.part(block), laws, drawn, independent) for block in blocks]
    return np.concatenate(parts) if parts else np.zeros(0)


def _mean_density(x: Covariates, laws: Laws, drawn: np.ndarray, independent: bool) -> np.ndarray:
    each = (log_density(x, laws, drawn, number) for number in range(len(laws.covariates)))
    logs = each if independent else iter([np.sum(list(each), axis=0)])
    with np.errstate(divide="ignore"):  # no density at all is a log of -inf
        means = [np.log(np.mean(np.exp(density), axis=0)) for density in logs]
    total: np.ndarray = np.sum(means, axis=0)
    return total


def mixed_proposal(x: Covariates, laws: Laws, pools: Sequence[np.ndarray]) -> np.ndarray:
    """Return the log density with which several pools together draw these patients.

    Parameters
    ----------
    x : Covariates
        Of the patients.
    laws : Laws
        What a draw sets.
    pools : sequence of ndarray, each of shape (draws, keys)
        Of each pool the laws of all of its patients: a larger pool counts for more.

    Returns
    -------
    ndarray, shape (patients,)
        Up to a constant.
    """
    sizes = np.array([len(drawn) for drawn in pools], float)
    each = [log_proposal(x, laws, drawn) for drawn in pools]
    mixed: np.ndarray = logsumexp(each, axis=0, b=(sizes / sizes.sum())[:, None])
    return mixed


class Weighting:
    """Weights of a pool at any theta, as one product of matrices.

    Parameters
    ----------
    x : Covariates
        Of the pool's patients.
    laws : Laws
        What theta sets.
    proposal : ndarray, shape (patients,)
        Log density with which the pool drew each of them.
    """

    def __init__(self, x: Covariates, laws: Laws, proposal: np.ndarray) -> None:
        self.laws, self._proposal = laws, proposal
        inside = x.inside.astype(float)
        self._middle = np.sum(x.logs * inside, axis=0) / np.maximum(inside.sum(axis=0), 1.0)
        logs = (x.logs - self._middle) * inside  # about the mean, so that squares stay small
        parts = (logs**2, logs, inside, x.at_low.astype(float), x.at_high.astype(float))
        self._basis = np.hstack(parts).T.copy()

    def log_weights(self, theta: np.ndarray) -> np.ndarray:
        """Return log weights up to a constant of each theta, shape (thetas, patients)."""
        middle, sigma = self.laws.at(theta)
        low, high = self.laws.bounds.T
        centred, precision = middle - self._middle, sigma**-2
        parts = (
            -0.5 * precision,
            centred * precision,
            -0.5 * centred**2 * precision - np.log(sigma),
            np.where(np.isfinite(low), log_ndtr((low - middle) / sigma), 0.0),
            np.where(np.isfinite(high), log_ndtr((middle - high) / sigma), 0.0),
        )
        logs: np.ndarray = np.hstack(parts) @ self._basis
        logs -= self._proposal
        return logs

    def weights(self, theta: np.ndarray) -> np.ndarray:
        """Return weights that sum to 1 at each theta, shape (thetas, patients)."""
        return normalized(self.log_weights(theta))


def normalized(logs: np.ndarray) -> np.ndarray:
    """Return weights from their logs; they sum to 1 along the last axis."""
    raw: np.ndarray = logs - logs.max(axis=-1, keepdims=True)
    np.exp(raw, out=raw)  # in place: most of the time would go into new arrays
    raw /= raw.sum(axis=-1, keepdims=True)
    return raw


def effective(weights: np.ndarray) -> np.ndarray:
    """Return how many equally weighted patients tell as much (Kish), along the last axis."""
    squares = np.einsum("...i,...i", weights, weights)
    size: np.ndarray = weights.sum(axis=-1) ** 2 / squares
    return size

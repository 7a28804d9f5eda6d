"""A posterior of population parameters on disk: draws, weights, and how they came about."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcellabm.model import MODEL_VERSION
from tcellabm.params import InputError, Parameters
from tcellabm.params.files import find_file


@dataclass(frozen=True)
class Posterior:
    """Draws of some parameters, with weights.

    Attributes
    ----------
    keys : tuple of str
        Dotted names.
    draws : ndarray, shape (draws, keys)
        Values, in the units of the parameters.
    weights : ndarray, shape (draws,)
        They sum to 1.
    """

    keys: tuple[str, ...]
    draws: np.ndarray
    weights: np.ndarray

    def median(self) -> dict[str, float]:
        """Return the weighted median of each parameter."""
        return {
            key: weighted_quantile(self.draws[:, i], self.weights, 0.5)
            for i, key in enumerate(self.keys)
        }

    def sample(self, n: int, seed: int) -> list[dict[str, float]]:
        """Return `n` draws by weight; more of them never change the first ones."""
        rng = np.random.default_rng(seed)
        ends = np.cumsum(self.weights)
        rows = np.searchsorted(ends, rng.random(n) * ends[-1])
        return [dict(zip(self.keys, map(float, self.draws[row]), strict=True)) for row in rows]


def weighted_quantile(values: np.ndarray, weights: np.ndarray, q: float) -> float:
    """Return the smallest value up to which a share `q` of the weight lies."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(ends, q * ends[-1])])


def read_posterior(name: str, params: Parameters) -> Posterior:
    """Read a posterior file (JSON) and check that it fits the model and its parameters.

    Raises
    ------
    InputError
        Not a posterior, from another MODEL_VERSION, or with values that are not allowed.
    """
    where = os.fspath(name)
    allowed = "allowed: a file that `tcellabm calibrate` wrote"
    try:
        said: Mapping[str, Any] = json.loads(find_file(where).read_text())
        version = said["model_version"]
        keys, draws = tuple(said["keys"]), np.array(said["draws"], float)
        weights = np.array(said["weights"], float)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("not a posterior", where, allowed) from None
    if version != MODEL_VERSION:
        what = f"posterior of model version {version}"
        raise InputError(what, where, f"allowed: version {MODEL_VERSION}; calibrate again")
    good = draws.ndim == 2 and draws.shape == (len(weights), len(keys)) and len(weights) > 0
    if not good or not np.all(weights >= 0.0) or not math.isfinite(weights.sum()):
        raise InputError("not a posterior", where, allowed)
    posterior = Posterior(keys, draws, weights / weights.sum())
    for row in draws:
        params.replace(dict(zip(keys, map(float, row), strict=True)))
    return posterior

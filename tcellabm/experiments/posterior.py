"""A posterior to draw parameters from: a table of draws, a column for each parameter."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError, Parameters
from tcellabm.params.files import find_file

WEIGHT = "weight"
_ALLOWED = "allowed: CSV or Parquet with a column a parameter, or JSON that `calibrate` wrote"


@dataclass(frozen=True)
class Posterior:
    """Draws of parameters, and how probable each is.

    Attributes
    ----------
    keys : tuple of str
        Dotted names.
    draws : list of dict
        Values by key, in the units of the parameters.
    weights : ndarray, shape (draws,)
        They sum to 1.
    digest : str
        Of the file.
    """

    keys: tuple[str, ...]
    draws: list[dict[str, Any]]
    weights: np.ndarray
    digest: str

    @classmethod
    def load(cls, name: str, params: Parameters) -> "Posterior":
        """Read draws: dotted keys, and a column `weight` if they are not equal.

        Raises
        ------
        InputError
            The file can't be read, is of another MODEL_VERSION, or a key, value or weight is none.
        """
        path = find_file(name)
        table = _read(path, name)
        weights = table.pop(WEIGHT).to_numpy(float) if WEIGHT in table else np.ones(len(table))
        if not len(table) or not len(table.columns):
            raise InputError("no draws", name, "allowed: a row a draw, a column a parameter")
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise InputError("a weight is no weight", name, "allowed: 0 or more, not all 0")
        draws = [
            {str(key): value for key, value in row.items()} for row in table.to_dict("records")
        ]
        for draw in draws:
            params.replace(draw)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return cls(tuple(draws[0]), draws, weights / weights.sum(), digest)

    def of(self, root: int, patient: int, replicate: int) -> dict[str, Any]:
        """Return the draw of a patient: the same at every point."""
        sequence = np.random.SeedSequence(root, spawn_key=(patient, replicate, 1))
        return self._at(np.random.default_rng(sequence).random())

    def median(self) -> dict[str, float]:
        """Return the weighted median of each parameter."""
        return {
            key: weighted_quantile(np.array([draw[key] for draw in self.draws]), self.weights, 0.5)
            for key in self.keys
        }

    def sample(self, n: int, seed: int) -> list[dict[str, Any]]:
        """Return `n` draws by weight; more of them never change the first ones."""
        return [self._at(share) for share in np.random.default_rng(seed).random(n).tolist()]

    def _at(self, share: float) -> dict[str, Any]:
        upper = np.cumsum(self.weights)
        return self.draws[int(np.searchsorted(upper / upper[-1], share, side="right"))]


def weighted_quantile(values: np.ndarray, weights: np.ndarray, q: float) -> float:
    """Return the smallest value up to which a share `q` of the weight lies."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(ends, q * ends[-1])])


def _read(path: Path, name: str) -> pd.DataFrame:
    try:
        if path.suffix == ".json":
            return _calibrated(json.loads(path.read_text()), name)
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except InputError:
        raise
    except Exception:
        raise InputError("not a posterior", name, _ALLOWED) from None


def _calibrated(said: dict[str, Any], name: str) -> pd.DataFrame:
    """Return the draws of what `tcellabm calibrate` wrote."""
    if (version := said["model_version"]) != MODEL_VERSION:
        what = f"posterior of model version {version}"
        raise InputError(what, name, f"allowed: version {MODEL_VERSION}; calibrate again")
    table = pd.DataFrame(np.array(said["draws"], float), columns=said["keys"])
    return table.assign(**{WEIGHT: np.array(said["weights"], float)})

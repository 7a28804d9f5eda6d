"""A posterior to draw patients' parameters from: a table of draws, a column for each parameter."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.params import InputError, Parameters

WEIGHT = "weight"


@dataclass(frozen=True)
class Posterior:
    """Draws of parameters, and how probable each is.

    Attributes
    ----------
    draws : list of dict
        Values by dotted key.
    upper : ndarray, shape (draws,)
        Cumulative weights, up to 1.
    digest : str
        Of the file.
    """

    draws: list[dict[str, Any]]
    upper: np.ndarray
    digest: str

    @classmethod
    def load(cls, name: str, params: Parameters) -> "Posterior":
        """Read a CSV or Parquet file: dotted keys, and a column `weight` if they are not equal.

        Raises
        ------
        InputError
            The file can't be read, or a key, value or weight is none.
        """
        table = _read(name)
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
        content = Path(name).read_bytes()
        upper = np.cumsum(weights) / weights.sum()
        return cls(draws, upper, hashlib.sha256(content).hexdigest()[:16])

    def of(self, root: int, patient: int, replicate: int) -> dict[str, Any]:
        """Return the draw of a patient: the same at every point."""
        sequence = np.random.SeedSequence(root, spawn_key=(patient, replicate, 1))
        share = np.random.default_rng(sequence).random()
        return self.draws[int(np.searchsorted(self.upper, share, side="right"))]


def _read(name: str) -> pd.DataFrame:
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(name)
        return pd.read_csv(name)
    except FileNotFoundError:
        raise InputError("no such file", name, "allowed: a CSV or Parquet file of draws") from None
    except Exception:
        raise InputError("can't be read", name, "allowed: a CSV or Parquet file of draws") from None

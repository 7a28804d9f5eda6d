"""A posterior of parameters: a table with one row per draw and one column per parameter."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError, Parameters
from tcellabm.params.errors import fault_of
from tcellabm.params.files import find_file, read_text
from tcellabm.params.meta import meta_of

WEIGHT = "weight"
_MOST_BYTES = 100_000_000
_ALLOWED = "allowed: CSV or Parquet, one column per parameter, or JSON that `calibrate` wrote"


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
    name : str
        Of the file too, as it was given.
    """

    keys: tuple[str, ...]
    draws: list[dict[str, Any]]
    weights: np.ndarray
    digest: str
    name: str

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
        if not table.columns.is_unique:
            raise InputError("a key is there twice", name, "allowed: one column per parameter")
        weights = _weights(table.pop(WEIGHT), name) if WEIGHT in table else np.ones(len(table))
        if not len(table) or not len(table.columns):
            raise InputError(
                "no draws", name, "allowed: one row per draw, one column per parameter"
            )
        draws = [
            {str(key): value for key, value in row.items()} for row in table.to_dict("records")
        ]
        for draw in draws:
            checked = {key: meta_of(key, name).check(value, name) for key, value in draw.items()}
            params.replace(checked)  # some values are allowed only next to others
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return cls(tuple(draws[0]), draws, weights / weights.sum(), digest, name)

    def of(self, root: int, patient: int, replicate: int) -> dict[str, Any]:
        """Return the draw of a patient: the same at every point.

        Parameters
        ----------
        root : int
            Seed of the sweep.
        patient, replicate : int
            Numbers from 0.

        Returns
        -------
        dict
            Values by dotted key.
        """
        sequence = np.random.SeedSequence(root, spawn_key=(patient, replicate, 1))
        return self._at(np.random.default_rng(sequence).random())

    def median(self) -> dict[str, float]:
        """Return the weighted median of each parameter.

        Raises
        ------
        InputError
            A parameter is not a number.
        """
        if odd := [key for key in self.keys if meta_of(key).kind in (bool, str)]:
            raise InputError(f"{odd[0]} has no median", self.name, "allowed: numbers, in a trial")
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
    """Return the smallest value up to which a share `q` of the weight lies.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Draws of one parameter.
    weights : ndarray, shape (n,)
        0 or more, not all 0.
    q : float
        Share of the weight, 0 to 1.
    """
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(ends, q * ends[-1])])


def _weights(column: pd.Series, name: str) -> np.ndarray:
    """Return weights as numbers, if they are any."""
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    weights: np.ndarray = column.to_numpy(float) if kind in "iuf" else np.full(len(column), np.nan)
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not len(weights) or ((weights >= 0.0).all() and 0.0 < total < np.inf):
        return weights
    raise InputError("a weight is no weight", name, "allowed: 0 or more, not all 0")


def _read(path: Path, name: str) -> pd.DataFrame:
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise InputError("a folder, or too large", name, "allowed: a file of up to 100 MB")
    if path.suffix == ".json":
        return _calibrated(read_text(path, name, _MOST_BYTES), name)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        table = pd.read_csv(path, header=None, encoding="utf-8-sig", dtype=str, nrows=1)
        rows = pd.read_csv(path, encoding="utf-8-sig", index_col=False)
        return rows.set_axis(table.loc[0], axis="columns")  # as written: pandas renames a second
    except Exception:
        raise InputError("not a posterior", name, _ALLOWED) from None


def _calibrated(text: str, name: str) -> pd.DataFrame:
    """Return the draws of what `tcellabm calibrate` wrote."""
    try:
        origin = _Origin.model_validate_json(text)
        if origin.model_version != MODEL_VERSION:
            what = f"posterior of model version {origin.model_version}"
            raise InputError(what, name, f"allowed: version {MODEL_VERSION}; calibrate again")
        written = _Written.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"not a posterior: {fault_of(error)}", name, _ALLOWED) from None
    if written.draws and {len(written.keys)} != {len(draw) for draw in written.draws}:
        raise InputError("a draw of another length", name, "allowed: one number per key in each")
    if len(written.weights) != len(written.draws):
        raise InputError("more draws or weights", name, "allowed: one weight per draw")
    if WEIGHT in written.keys:
        raise InputError(f"key {WEIGHT}", name, "allowed: dotted names of parameters")
    table = pd.DataFrame(np.array(written.draws, float).reshape(-1, len(written.keys)))
    return table.set_axis(written.keys, axis="columns").assign(
        **{WEIGHT: np.array(written.weights)}
    )


class _Origin(BaseModel):
    """Which model a posterior is of."""

    model_version: Annotated[int, Strict()]


class _Written(_Origin):
    """What `tcellabm calibrate` writes; what it says of its making is not looked at."""

    model_config = ConfigDict(strict=True, extra="forbid")

    keys: Annotated[list[str], Field(min_length=1)]
    draws: list[list[float]]
    weights: list[float]
    seed: Any = None
    patients: Any = None
    settings: Any = None
    made_by: Any = None
    generations: Any = None
    effective_sample_size: Any = None
    parameters: Any = None

"""A posterior of parameters: a table with one row per draw and one column per parameter.

One that `tcellabm calibrate` wrote is of laws of a population. It stands in the place of these laws
in the population file: a product moves its medians, and what a user sets wins over it.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from tcellabm.analysis.weighting import covariate_of
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError, Parameters, load_sweep
from tcellabm.params.errors import fault_of
from tcellabm.params.files import find_file, read_text, shipped_file
from tcellabm.params.meta import catalog, meta_of

WEIGHT = "weight"
NONE = "none"  # files.posterior: one population, that of the population file
SHIPPED = "trials/posterior.json"
_STREAM = 18  # of a patient's seed: which draw is that patient's
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
    def chosen(cls, files: Mapping[str, str], params: Parameters) -> "Posterior | None":
        """Return the posterior that is named, else the shipped one where it fits; None for none.

        The shipped one fits if it is of this MODEL_VERSION, met its own checks, and is of the
        population that is named.

        Parameters
        ----------
        files : mapping
            Files by what they are, as `params.load_sweep` found them.
        params : Parameters
            What the draws are laid over.

        Raises
        ------
        InputError
            The file that is named is none, see `load`.
        """
        name = files.get("posterior", "")
        if name:
            return None if name == NONE else cls.load(name, params)
        own = files.get("population", "").removeprefix("params/")
        path = _shipped(own) if own else None
        return None if path is None else cls.load(str(path), params)

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
        columns = {str(key): _checked(str(key), column, name) for key, column in table.items()}
        draws = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        for draw in _telling(draws):
            params.replace(_within(draw, params))  # some values are allowed only next to others
        return cls(tuple(draws[0]), draws, weights / weights.sum(), _digest(path), name)

    def of(self, seed: int) -> dict[str, Any]:
        """Return the draw of a patient: the same wherever that patient is met.

        Parameters
        ----------
        seed : int
            Of the patient.

        Returns
        -------
        dict
            Values by dotted key.
        """
        sequence = np.random.SeedSequence(seed, spawn_key=(_STREAM,))
        return self._at(np.random.default_rng(sequence).random())

    def settings(
        self, params: Parameters, seed: int, fixed: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return what a patient's draw sets over some parameters.

        A law of a covariate that is set, or that the population does not have, is left out, and so
        is what the user has set. A product moves medians, as it moves those of the population.

        Parameters
        ----------
        params : Parameters
            What the draw is laid over.
        seed : int
            Of the patient.
        fixed : collection of str
            Further keys that are set, such as axes.

        Returns
        -------
        dict
            Values by dotted key.
        """
        return applied(self.of(seed), params, fixed)

    def sample(self, n: int, seed: int) -> list[dict[str, Any]]:
        """Return `n` draws by weight; more of them never change the first ones."""
        return [self._at(share) for share in np.random.default_rng(seed).random(n).tolist()]

    def _at(self, share: float) -> dict[str, Any]:
        return self.draws[int(np.searchsorted(self._ends, share, side="right"))]

    @cached_property
    def _ends(self) -> np.ndarray:
        ends = np.cumsum(self.weights)
        return ends / ends[-1]


def applied(
    draw: Mapping[str, Any], params: Parameters, fixed: Collection[str] = ()
) -> dict[str, Any]:
    """Return what a draw sets over some parameters, see `Posterior.settings`.

    Parameters
    ----------
    draw : mapping
        Values by dotted key.
    params : Parameters
        What the draw is laid over.
    fixed : collection of str
        Further keys that are set, such as axes.

    Returns
    -------
    dict
        Values by dotted key.
    """
    taken = params.set_keys | set(fixed)
    found = {}
    for key, value in draw.items():
        covariate = covariate_of(key)
        unused = covariate and (covariate in taken or covariate not in params.distributions)
        if key not in taken and not unused:
            found[key] = _moved(value, covariate, params) if key.endswith(".median") else value
    return found


def _moved(median: float, covariate: str, params: Parameters) -> float:
    """Return a median as a product moves it, no farther than the law reaches."""
    entry, reference = params.entries.get(covariate), catalog()[covariate].value
    if not entry or not reference:
        return median
    law = params.distributions[covariate]
    return min(max(median * float(entry.value) / float(reference), law.low), law.high)


def one_patient(
    file: str | Path, overrides: Mapping[str, object] | None = None, seed: int = 1
) -> Parameters:
    """Return the parameters of one patient: a scenario, overrides, and the draw of its seed.

    Parameters
    ----------
    file : path
        A scenario.
    overrides : mapping, optional
        Values by dotted key, which replace those of the files.
    seed : int
        Of the patient.

    Returns
    -------
    params : Parameters
        Covariates of the population are left to be drawn.

    Raises
    ------
    InputError
        A file or value can't be used, or a value is a list.
    """
    scenario = load_sweep(file, overrides)
    for key in scenario.axes:
        raise InputError(f"{key} is a list", "", "allowed: one value; a list is for a sweep only")
    posterior = Posterior.chosen(scenario.files, scenario.params)
    if posterior is None:
        return scenario.params
    return scenario.params.replace(posterior.settings(scenario.params, seed))


def shipped_digest() -> str:
    """Return the digest of what patients are drawn from by default; empty if none is shipped."""
    path = _shipped()
    return "" if path is None else _digest(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _shipped(population: str | None = None) -> Path | None:
    """Return the posterior that is shipped; None if it is of another version or missed a check.

    Where a population is named, None too if it is not of that one.
    """
    path = shipped_file(SHIPPED)
    if path is None:
        return None
    try:
        origin = _Origin.model_validate_json(read_text(path, SHIPPED, _MOST_BYTES))
    except ValidationError:
        return None
    fits = population in (None, origin.population)
    return path if fits and origin.passed and origin.model_version == MODEL_VERSION else None


def _telling(draws: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return draws that tell whether all are allowed: of laws those of least and greatest values.

    A law needs its median between its bounds, which no draw sets.
    """
    if not all(covariate_of(key) for key in draws[0]):
        return draws
    return [{key: end(draw[key] for draw in draws) for key in draws[0]} for end in (min, max)]


def _within(draw: dict[str, Any], params: Parameters) -> dict[str, Any]:
    """Leave out laws of what the population does not have: they are not used."""
    laws = params.distributions
    return {k: v for k, v in draw.items() if not covariate_of(k) or covariate_of(k) in laws}


def _checked(key: str, column: pd.Series, name: str) -> list[Any]:
    """Return the draws of a parameter in its type; of decimal numbers the ends tell of all."""
    meta = meta_of(key, name)
    if meta.kind is not float or column.dtype.kind != "f":
        return [meta.check(value, name) for value in column]
    for end in (column.min(skipna=False), column.max(skipna=False)):
        meta.check(end, name)
    found: list[Any] = column.tolist()
    return found


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
    rows = [draw for chain in written.draws for draw in chain]
    if rows and {len(written.keys)} != {len(draw) for draw in rows}:
        raise InputError("a draw of another length", name, "allowed: one number per key in each")
    if WEIGHT in written.keys:
        raise InputError(f"key {WEIGHT}", name, "allowed: dotted names of parameters")
    table = pd.DataFrame(np.array(rows, float).reshape(-1, len(written.keys)))
    return table.set_axis(written.keys, axis="columns")


class _Origin(BaseModel):
    """Which model and population a posterior is of."""

    model_version: Annotated[int, Strict()]
    population: str = ""
    passed: bool = False


class _Written(_Origin):
    """What `tcellabm calibrate` writes; what it says of its making is not looked at."""

    model_config = ConfigDict(strict=True, extra="forbid")

    keys: Annotated[list[str], Field(min_length=1)]
    draws: list[list[list[float]]]
    log_weights: Any = None
    predictive: Any = None
    diagnostics: Any = None
    parameters: Any = None
    individuals: Any = None
    recipe: Any = None

"""One patient, from a scenario to the finished result folder."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from tcellabm.analysis.shown import patient_card
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.results import manifest, shards, store
from tcellabm.experiments.results.shards import parquet
from tcellabm.identity import MODEL_VERSION, run_id
from tcellabm.kernels import cache
from tcellabm.params import InputError, Parameters, load_sweep
from tcellabm.posterior import one_patient

PATIENTS = "sweep.patients"


@dataclass(frozen=True)
class PatientRecord:
    """What is kept of one patient.

    Attributes
    ----------
    outcomes : dict
        The contract's outcome columns.
    series : DataFrame
        The record over time.
    treatments : list of (float, str)
        Day and name of each drug given.
    """

    outcomes: dict[str, Any]
    series: pd.DataFrame
    treatments: list[tuple[float, str]]

    def _repr_html_(self) -> str:
        return patient_card(self.outcomes)


OUTCOMES = "outcomes.json"
Plot = Callable[[PatientRecord], bytes]
_SECONDS_OF_SILENCE = 5.0
_SHORTEST_DAYS = 2.0**-15  # no tick is shorter


def one_or_many(
    file: str | Path, overrides: Mapping[str, object] | None = None, seed: int = 1
) -> Parameters | Plan:
    """Return the parameters of one patient; where more are wanted, the plan of all.

    They are as many as `sweep.patients` among the overrides says, or as a cohort file has rows.

    Parameters
    ----------
    file : path
        A scenario.
    overrides : mapping, optional
        Values by dotted key.
    seed : int
        Of a plan: the seed that all patients' seeds come from.

    Returns
    -------
    Parameters or Plan
        Of one patient, or of several.

    Raises
    ------
    InputError
        A file, key or value can't be used.
    """
    given = dict(overrides or {})
    sweep = load_sweep(file, given)
    if "cohort" not in sweep.files and given.get(PATIENTS, 1) == 1:
        return one_patient(file, given, seed)
    plan = Plan.load(file, given, seed)
    for key in plan.keys:
        raise InputError(f"{key} varies", str(file), "allowed: one value; axes are for a sweep")
    if len(plan.tasks) == 1:
        return plan.params.replace(plan.own(0, seed))
    return plan


def follow(params: Parameters, seed: int = 1) -> PatientRecord:
    """Simulate one patient to the end of `time.days`; what takes long says how far it is."""
    from tcellabm.model import TumorTCellModel

    if cache.will_be_filled(params.resolution.single_cell):
        print(cache.COMPILING, file=sys.stderr)
    model = TumorTCellModel(params, rng=seed)
    for day in slices(params):
        model.run_until(day)
    return PatientRecord(model.outcomes(), model.series, model.treatments)


def slices(params: Parameters) -> Iterator[float]:
    """Yield days up to the last of a run, and say on stderr now and then which one it is.

    They lie closer the longer it takes from one to the next, so that no run is silent for long.
    """
    begun = spoken = time.monotonic()
    day, length, last = 0.0, _SHORTEST_DAYS, params.time.days
    while day < last:
        day, before = min(day + length, last), time.monotonic()
        yield day
        now = time.monotonic()
        length = 0.5 * length if now - before > 1.0 else 2.0 * length
        if now - spoken > _SECONDS_OF_SILENCE and day < last:
            spoken = now
            print(f"day {day:.4g} of {last:g} after {now - begun:.0f} s", file=sys.stderr)


def run(
    params: Parameters,
    seed: int,
    out: Path | str,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
    plot: Plot | None = None,
) -> dict[str, Any]:
    """Simulate one patient into a folder and return the outcomes.

    Writes `outcomes.json` (null where nothing happened), `series.parquet`, `figure.png` (with
    `plot`) and `manifest.json`. Errors are those of `experiments.studies.sweep.sweep`.

    Parameters
    ----------
    params : Parameters
        Of the patient; followed for `time.days`.
    seed : int
        Of the patient.
    out : path
        The folder.
    overwrite, resume : bool
        What to do with a folder that is not empty, see `store.open_folder`.
    command : str
        The command line, for the manifest.
    plot : callable, optional
        Makes the figure, PNG.

    Returns
    -------
    dict
        Column -> value; None where nothing happened.
    """
    recipe = {"model_version": MODEL_VERSION, "seed": seed, "parameters": params.resolved()}
    modes: dict[str, Any] = {"overwrite": overwrite, "resume": resume}
    known = partial(_holds, run_id(params, seed))
    with store.open_folder(out, recipe, known=known, **modes) as folder:
        damage = store.mend(folder)
        if folder.finished and not any(damage):
            return dict(json.loads((folder.path / OUTCOMES).read_text(encoding="utf-8")))
        damage.report(folder, 1)
        session = manifest.begin(recipe, command, folder.earlier)
        folder.write_manifest(session)
        record = follow(params, seed)
        outcomes = {key: _or_null(value) for key, value in record.outcomes.items()}
        files = {
            OUTCOMES: _json(outcomes),
            "series.parquet": parquet(_table(record.series)),
            **({"figure.png": plot(record)} if plot else {}),
        }
        for name, content in files.items():
            folder.write(name, content)
        sums = {name: shards.checksum(content) for name, content in files.items()}
        folder.write_manifest(manifest.end(session, "finished", runs=1, errors=0, files=sums))
        return outcomes


def _holds(name: str, place: Path) -> bool:
    """Tell whether the outcomes in a folder are of one run."""
    try:
        return bool(json.loads((place / OUTCOMES).read_bytes())["run_id"] == name)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _table(series: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(series, preserve_index=False)


def _or_null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()

"""Trial designs on the patients of a finished sweep; no patient is simulated again."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from tcellabm.analysis.designs.characteristics import DESIGNS, TARGET, characteristics
from tcellabm.analysis.designs.comparative import Arms, comparison
from tcellabm.analysis.designs.conduct import Conduct
from tcellabm.analysis.designs.endpoints import RESPONSE, TOXICITY, happened
from tcellabm.analysis.designs.sweeps import by_patient, chosen, dose_table
from tcellabm.experiments.results import manifest, shards, store
from tcellabm.experiments.results.outcomes import OUTCOMES, Opened, open_sweep
from tcellabm.experiments.results.ownership import MANIFEST
from tcellabm.experiments.results.store import mend
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError

DOSE = "product.dose_cells_per_kg"
WEEK = 7.0
TABLE = "characteristics.csv"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a sweep.

    Attributes
    ----------
    at : dict
        Values at which further axes are held; axes that are not named are not distinguished.
    patients : int
        The most of a dose-finding trial; of both arms, in a comparison.
    trials, seed : int
        Simulated trials, and the seed of their chance.
    """

    at: dict[str, Any] = field(default_factory=dict)
    patients: int = 30
    trials: int = 1000
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class DoseQuestion(Question):
    """Which dose designs find.

    Attributes
    ----------
    designs : tuple of str
        Names.
    axis : str
        The axis that is escalated; the dose, or the only axis, if empty.
    toxicity, response : str
        Endpoints, see `analysis.designs.endpoints`.
    window_days, follow_days : float
        How long toxicity is looked for, and how long a cohort is followed before the next.
    target : float
        The toxicity sought.
    stagger_days : float
        Least time between two infusions.
    enrolled_per_week : float, optional
        While a place is free; the sweep's `pathway.enrollments_per_week` if not given.
    """

    designs: tuple[str, ...] = DESIGNS
    axis: str = ""
    toxicity: str = TOXICITY
    response: str = RESPONSE
    window_days: float = 28.0
    follow_days: float = 28.0
    target: float = TARGET
    stagger_days: float = 14.0
    enrolled_per_week: float | None = None


@dataclass(frozen=True, kw_only=True)
class ArmQuestion(Question):
    """Whether trials tell two arms apart.

    Attributes
    ----------
    arms : tuple of dict
        Values of axes that make the control and the experimental arm.
    endpoint : str
        See `analysis.designs.endpoints.happened`.
    interim : float, optional
        Share of the patients at an interim look.
    """

    arms: tuple[dict[str, Any], ...]
    endpoint: str = "remission"
    interim: float | None = None
    patients: int = 200


@dataclass(frozen=True)
class Sweep:
    """A finished sweep: what was varied and set, its parameters, and one row per run."""

    opened: Opened
    parameters: Mapping[str, Any]
    checksum: str
    runs: pd.DataFrame


@dataclass(frozen=True)
class Answer:
    """What was found.

    Attributes
    ----------
    table : DataFrame
        Operating characteristics, a row per line of `characteristics.csv`.
    axis : str
        The axis that was escalated; empty in a comparison.
    pooled : list of str
        Axes that were not distinguished.
    patients : int
        Different patients in the table.
    """

    table: pd.DataFrame
    axis: str
    pooled: list[str]
    patients: int


Draw = Callable[[Answer], bytes]


def newest(within: Path | str = "runs") -> Path:
    """Return the newest finished sweep of a grid.

    Raises
    ------
    InputError
        There is none.
    """
    ended = {}
    for path in Path(within).glob(f"*/{MANIFEST}"):
        try:
            record = manifest.read(path)
        except ValueError:
            continue
        if record.get("axes") and record.get("status") == "finished" and _is_grid(record):
            ended[path.parent] = str(record.get("ended"))
    if not ended:
        allowed = "allowed: a sweep's folder, or after `tcellabm sweep`"
        raise InputError("no finished sweep", str(within), allowed)
    return max(ended, key=lambda folder: (ended[folder], folder.stat().st_mtime, folder.name))


def _is_grid(record: Mapping[str, Any]) -> bool:
    return bool(record.get("parameters", {}).get("sweep.sample", "grid") == "grid")


def read(folder: Path | str) -> Sweep:
    """Read a finished sweep.

    Raises
    ------
    InputError
        There is none, it is not finished, damaged, or not a grid.
    """
    opened = open_sweep(folder)
    record = manifest.read(Path(folder) / MANIFEST) if (Path(folder) / MANIFEST).exists() else {}
    if record.get("status") != "finished" or len(opened.outcomes) < opened.wanted:
        what = f"the sweep is not finished: {len(opened.outcomes)} of {opened.wanted} runs"
        raise InputError(what, str(folder), "allowed: after --resume of the sweep")
    if not opened.is_grid:
        what = "a sweep that is not paired: a sample, with other patients at other points"
        raise InputError(what, str(folder), "allowed: a grid")
    runs = pq.read_table(Path(folder) / OUTCOMES).to_pandas()
    return Sweep(opened, record["parameters"], record["files"][OUTCOMES], runs)


def answer(sweep: Sweep, question: Question) -> Answer:
    """Return what a sweep says to a question.

    Raises
    ------
    InputError
        The sweep holds no such doses, arms or endpoints, or an option can't be used.
    """
    runs = chosen(sweep.runs, sweep.opened.keys, question.at, "--at")
    if isinstance(question, ArmQuestion):
        return _compare(sweep, question, runs)
    assert isinstance(question, DoseQuestion)
    return _find(sweep, question, runs)


def _find(sweep: Sweep, question: DoseQuestion, runs: pd.DataFrame) -> Answer:
    axis = _axis(sweep.opened.keys, question)
    pooled = [key for key in sweep.opened.keys if key not in (axis, *question.at)]
    doses, patients = dose_table(
        runs, axis, pooled, question.toxicity, question.response, question.window_days
    )
    conduct = _conduct(sweep.parameters, question)
    table = characteristics(
        question.designs,
        patients,
        doses,
        question.target,
        conduct,
        question.trials,
        question.seed,
    )
    return Answer(table, axis, pooled, len(patients.cost))


def _axis(keys: Sequence[str], question: DoseQuestion) -> str:
    """Return the axis that is escalated."""
    free = [key for key in keys if key not in question.at]
    axis = question.axis or (DOSE if DOSE in free else free[0] if len(free) == 1 else "")
    if axis not in free:
        named = f"{axis} was not varied" if axis else f"{DOSE} was not varied"
        raise InputError(named, "--axis", f"allowed: {', '.join(free) or 'none, no axis is free'}")
    return axis


def _conduct(parameters: Mapping[str, Any], question: DoseQuestion) -> Conduct:
    """Return how trials are run, with the way to infusion of the sweep's parameters."""
    times = {
        "--follow": question.follow_days,
        "--stagger": question.stagger_days,
        "--enroll": question.enrolled_per_week or 1.0,
    }
    for option, value in times.items():
        if not math.isfinite(value):
            raise InputError(f"{option} {value}", "", "allowed: a number")
    of = {name.removeprefix("pathway."): value for name, value in parameters.items()}
    lead = (of["depletion_lead_low_days"] + of["depletion_lead_high_days"]) / 2.0
    parts = [
        (of["collection_days"] + lead, 0.0),
        (of["manufacture_days_median"], of["manufacture_sigma_ln"]),
        (of["shipping_days_median"], of["shipping_sigma_ln"]),
        (of["scheduling_days_median"], of["scheduling_sigma_ln"]),
    ]
    making = sum(days for days, _ in parts)
    spread = math.sqrt(sum((days * sigma) ** 2 for days, sigma in parts))  # by the delta method
    weekly = question.enrolled_per_week
    return Conduct(
        patients=question.patients,
        window_days=question.window_days,
        follow_days=min(question.follow_days, question.window_days),
        stagger_days=question.stagger_days,
        enrolled_per_day=(of["enrollments_per_week"] if weekly is None else weekly) / WEEK,
        failure_share=of["manufacture_failure_share"],
        making_days=making,
        making_sigma=spread / making if making else 0.0,
    )


def _compare(sweep: Sweep, question: ArmQuestion, runs: pd.DataFrame) -> Answer:
    set_by_arms = {key for arm in question.arms for key in arm}
    pooled = [key for key in sweep.opened.keys if key not in {*set_by_arms, *question.at}]
    names = ["control", "experimental"]
    parts = [chosen(runs, sweep.opened.keys, arm, "--arm") for arm in question.arms]
    both = pd.concat(
        [part.assign(group=name) for part, name in zip(parts, names, strict=True)],
        ignore_index=True,
    )
    place = by_patient(both, "group", pooled)[names].to_numpy()
    met = happened(both, question.endpoint, "--endpoint").to_numpy(bool)[place]
    infused = 1.0 - sweep.parameters["pathway.manufacture_failure_share"]
    arms = Arms(*(infused * met.mean(axis=0)))
    table = comparison(
        arms, question.patients // 2, question.interim, question.trials, question.seed
    )
    return Answer(table, "", pooled, len(place))


def write(
    found: Answer,
    sweep: Sweep,
    question: Question,
    out: Path | str,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
    draw: Draw | None = None,
) -> None:
    """Write an answer into a folder: `characteristics.csv`, `figure.png`, `manifest.json`.

    Parameters
    ----------
    found : Answer
        What the sweep says to the question.
    sweep : Sweep
        The one asked, for the recipe.
    question : Question
        What was asked, for the recipe.
    out : path
        The folder.
    overwrite, resume : bool
        What to do with a folder that is not empty, see `store.open_folder`.
    command : str
        The command line, for the manifest.
    draw : callable, optional
        Makes the figure, PNG.

    Raises
    ------
    InputError
        The folder can't be used.
    """
    recipe = {
        "model_version": MODEL_VERSION,
        "sweep": sweep.checksum,
        "question": {key: _plain(value) for key, value in asdict(question).items()},
    }
    with store.open_folder(out, recipe, overwrite=overwrite, resume=resume) as folder:
        damage = mend(folder)
        if folder.finished and not any(damage):
            return
        damage.report(folder, 0)
        session = manifest.begin(recipe, command, folder.earlier)
        folder.write_manifest(session)
        text = found.table.to_csv(index=False, lineterminator="\n")
        files = {TABLE: text.encode(), **({"figure.png": draw(found)} if draw else {})}
        for name, content in files.items():
            folder.write(name, content)
        sums = {name: shards.checksum(content) for name, content in files.items()}
        folder.write_manifest(manifest.end(session, "finished", runs=1, errors=0, files=sums))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

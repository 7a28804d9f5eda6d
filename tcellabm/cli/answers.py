"""What a sweep found, at the end of the command: a table and a few sentences."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tcellabm.cli.options import refuse

if TYPE_CHECKING:
    import pandas as pd

    from tcellabm.experiments.design.plan import Plan
    from tcellabm.experiments.results.outcomes import Opened, Result


def found(result: "Result") -> list[str]:
    """Return the lines that say what a finished sweep found; none without a reference."""
    from tcellabm.analysis.drivers import drivers
    from tcellabm.analysis.sentences import sentences, table
    from tcellabm.figures import labels

    if result.answer.reference is None:
        return []
    separating = drivers(result.outcomes, result.keys, result.covariates)
    lines = [table(result.answer, separating, labels), *sentences(result.answer, labels)]
    return [line for line in lines if line]


def resolvable(plan: "Plan") -> list[str]:
    """Return the line that says how small a difference a sweep will resolve."""
    from tcellabm.analysis.paired import smallest_resolved
    from tcellabm.analysis.summary import RATES

    if not plan.question.reference:
        return []
    size = plan.params.sweep
    patients = size.patients * size.replicates
    comparisons = len(RATES) * (len(plan.points) * plan.together - 1)
    one_way, half = (100 * smallest_resolved(patients, comparisons, part) for part in (0.0, 0.5))
    return [
        f"smallest difference from the reference that {patients} patients resolve: about "
        f"{one_way:.0f} points if all who change do so one way, {half:.0f} if half of all change"
    ]


def at(sweep: "Opened", settings: Mapping[str, object]) -> "pd.DataFrame":
    """Return the runs at some points: those that have these values of axes.

    Raises
    ------
    InputError
        A key is no axis, or no point has the value.
    """
    runs = sweep.outcomes
    for key, value in settings.items():
        if key not in sweep.keys:
            refuse(f"{key} is no axis", "--at", f"allowed: {', '.join(sweep.keys) or 'none'}")
        values = list(runs[key].unique())
        if value not in values:
            allowed = f"allowed: {', '.join(f'{v:g}' if _number(v) else str(v) for v in values)}"
            refuse(f"{key} = {value} is no point", "--at", allowed)
        runs = runs[runs[key] == value]
    return runs


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def who(found: "pd.DataFrame") -> list[str]:
    """Return in words which covariates separate patients, or that nothing can be said."""
    from tcellabm.analysis.sentences import driver_lines
    from tcellabm.figures import labels

    silent = ["Too few patients, or no covariates, to say who has severe CRS or relapses."]
    return driver_lines(found, labels) or silent

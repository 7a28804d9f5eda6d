"""Rules of one's own: a function and one line above it, in a file that a parameter file names.

>>> from tcellabm import rules
>>> @rules.policy
... def cautious(seen, params):
...     "Give tocilizumab at the first sustained fever."
...     return ("tocilizumab",) if seen.in_crs and not seen.tocilizumab_days else ()

`files.rules = ["mine.py"]` brings the file in, and `care.policy = "mine.cautious"` chooses the
policy. What is marked stays the function that it was. See docs/rules.md.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

_MARK = "_tcellabm_rule"
# What the function of each kind is called with.
_TAKES = {
    "policy": ("seen", "params"),
    "schedule": ("seen", "params"),
    "treatment": ("params",),
    "rate": ("value", "params"),
    "outcome": ("record", "params"),
    "measure": ("cohort",),
}
_COLUMNS = (float, int, bool, str)
_JUDGED = ("rate", "median", "kinetic", "sign", "slope")  # as in `analysis.measures`

type Function = Callable[..., Any]
type Mark = Callable[[Function], Function]


class RuleError(Exception):
    """A rule of one's own that cannot be used, or that raised; its name comes first."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A marked function.

    Attributes
    ----------
    name : str
        File and function: `mine.cautious`.
    kind : str
        policy, schedule, treatment, rate, outcome or measure.
    function : callable
        What was marked.
    facts : mapping
        What was said in the mark.
    """

    name: str
    kind: str
    function: Function
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, *words: Any) -> Any:
        """Call the function.

        Raises
        ------
        RuleError
            It raised.
        """
        try:
            return self.function(*words)
        except (Exception, SystemExit) as problem:
            what = f"{type(problem).__name__}: {problem}"
            raise RuleError(f"rule {self.name}: {what}") from problem

    def number(self, most: float, allowed: str, *words: Any) -> float:
        """Call the function for a number from 0 to `most`.

        Parameters
        ----------
        most : float
            Greatest number allowed.
        allowed : str
            What is allowed, with its unit, for the error.
        *words : object
            What the function is called with.

        Returns
        -------
        float
            0 to `most`.

        Raises
        ------
        RuleError
            It raised, or gave something else.
        """
        value = self(*words)
        if not isinstance(value, Real) or not 0.0 <= float(value) <= most:
            raise self.refuse(value, allowed)
        return float(value)

    def refuse(self, gave: object, allowed: str) -> RuleError:
        """Return the error that says what it gave, and what is allowed."""
        return RuleError(f"rule {self.name} gave {str(gave)[:60]!r}, allowed: {allowed}")


def is_own(name: object) -> bool:
    """Tell whether a name is that of a rule of one's own: FILE.FUNCTION."""
    return isinstance(name, str) and "." in name and all(map(str.isidentifier, name.split(".")))


# --- marks ----------------------------------------------------------------------------------------


def policy(function: Function) -> Function:
    """Mark a care policy: (`clinic.care.Bedside`, `Parameters`) -> names of what is given now."""
    return _marked("policy", function)


def schedule(function: Function) -> Function:
    """Mark a dosing schedule: (`clinic.dosing.Ward`, `Parameters`) -> share of the dose now."""
    return _marked("schedule", function)


def treatment(drug: str) -> Mark:
    """Mark a dose of a drug that the model has: `Parameters` of the patient -> mg.

    Parameters
    ----------
    drug : str
        tocilizumab, corticosteroid or anakinra.
    """
    _said("treatment", '"anakinra"', drug)
    return lambda function: _marked("treatment", function, drug=drug)


def rate(key: str) -> Mark:
    """Mark what takes the place of a parameter in each patient: (value, `Parameters`) -> value.

    Parameters
    ----------
    key : str
        Dotted key of a number: `car_t.exhaustion_per_day`.
    """
    _said("rate", '"car_t.exhaustion_per_day"', key)
    return lambda function: _marked("rate", function, key=key)


def outcome(unit: str, meaning: str = "") -> Mark:
    """Mark a column: (`clinic.record.Record`, `Parameters`) -> float, int, bool or str, annotated.

    Parameters
    ----------
    unit, meaning : str
        For whoever reads the table.
    """
    _said("outcome", '"days", "with fever"', unit, meaning)
    return lambda function: _marked("outcome", function, unit=unit, meaning=meaning)


def measure(id: str, kind: str = "") -> Mark:
    """Mark what a trial says to a published figure: `analysis.cohort.Cohort` -> float.

    Parameters
    ----------
    id : str
        Of the row in the file of published figures.
    kind : str
        rate, median, kinetic, sign or slope: how the row is judged.
    """
    _said("measure", '"E01", "rate"', id, kind)
    return lambda function: _marked("measure", function, id=id, judged=kind)


def _said(kind: str, example: str, *words: object) -> None:
    """Refuse a mark without what it must say: Python would take the function for it."""
    if not all(isinstance(word, str) and word for word in words):
        raise RuleError(f"a {kind} is marked by @rules.{kind}({example})")


def _marked(kind: str, function: Function, **facts: Any) -> Function:
    setattr(function, _MARK, (kind, facts))
    return function


# --- what is marked in a file ---------------------------------------------------------------------


def collected(file: str, names: Mapping[str, Any], home: str) -> tuple[Rule, ...]:
    """Return what is marked among the names of a module, in their order.

    Parameters
    ----------
    file : str
        What stands before the dot in the names of its rules.
    names : mapping
        The module's names.
    home : str
        The module's own name: what it has imported from others is not its own.

    Returns
    -------
    tuple of Rule
        Named FILE.FUNCTION.

    Raises
    ------
    RuleError
        A function does not take what it is called with, or an outcome does not say its type.
    """
    return tuple(
        _checked(Rule(f"{file}.{name}", *_mark_of(value)))
        for name, value in names.items()
        if hasattr(value, _MARK) and getattr(value, "__module__", "") == home
    )


def _mark_of(function: Function) -> tuple[str, Function, dict[str, Any]]:
    kind, facts = getattr(function, _MARK)
    return kind, function, facts


def _checked(rule: Rule) -> Rule:
    takes = _TAKES[rule.kind]
    try:
        inspect.signature(rule.function).bind(*takes)
    except TypeError:
        words = ", ".join(takes)
        raise RuleError(f"rule {rule.name} is a {rule.kind}, allowed: of ({words})") from None
    if rule.kind == "outcome":
        column_type(rule)
    if rule.kind == "measure" and rule.facts["judged"] not in _JUDGED:
        raise RuleError(f"rule {rule.name} is a measure, allowed: kind={', '.join(_JUDGED)}")
    return rule


def column_type(rule: Rule) -> type:
    """Return the type of an outcome's column.

    Raises
    ------
    RuleError
        The function has no annotation of its result, or another.
    """
    annotation = rule.function.__annotations__.get("return")
    for kind in _COLUMNS:
        if annotation in (kind, kind.__name__):  # a name where the file imports annotations
            return kind
    raise RuleError(f"rule {rule.name} is an outcome, allowed: with -> float, int, bool or str")

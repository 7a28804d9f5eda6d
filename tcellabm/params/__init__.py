"""What a parameter file may say: typed, with unit, range, source; TOML in, frozen `Parameters` out.

Layers, later wins: `model.toml`, product file, population file, scenario, sweep axis, overrides.
"""

from tcellabm.params.axes import Range
from tcellabm.params.errors import InputError
from tcellabm.params.loading import Row, Sweep, load, load_sweep, load_trial, parse_set, rows
from tcellabm.params.meta import Meta, Value
from tcellabm.params.parameters import Distribution, Entry, Parameters
from tcellabm.params.question import Question

__all__ = [
    "Distribution",
    "Entry",
    "InputError",
    "Meta",
    "Parameters",
    "Question",
    "Range",
    "Row",
    "Sweep",
    "Value",
    "load",
    "load_sweep",
    "load_trial",
    "parse_set",
    "rows",
]

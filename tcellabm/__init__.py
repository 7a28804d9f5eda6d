"""An agent-based model of CAR T cells, leukemia and the cytokine release syndrome."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel
    from tcellabm.params import InputError, Parameters, load
    from tcellabm.posterior import one_patient

__all__ = ["InputError", "Parameters", "TumorTCellModel", "load", "one_patient"]
_HOMES = dict.fromkeys(("InputError", "Parameters", "load"), "tcellabm.params")
_HOMES |= {"TumorTCellModel": "tcellabm.model", "one_patient": "tcellabm.posterior"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: the model alone takes seconds."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        return import_module("importlib.metadata").version("tcellabm")
    if name == "analysis":  # with the wing that scripts use
        import_module("tcellabm.analysis.designs")
        return import_module("tcellabm.analysis")
    raise AttributeError(f"module 'tcellabm' has no attribute {name!r}")

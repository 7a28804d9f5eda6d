"""An agent-based model of CAR T cells, leukemia and the cytokine release syndrome."""

from typing import TYPE_CHECKING, Any

from tcellabm.params import InputError, Parameters, load

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

__all__ = ["InputError", "Parameters", "TumorTCellModel", "load"]


def __getattr__(name: str) -> Any:
    """Import the model when it is first asked for: compiling kernels takes a while."""
    if name == "TumorTCellModel":
        from tcellabm.model import TumorTCellModel

        return TumorTCellModel
    raise AttributeError(f"module 'tcellabm' has no attribute {name!r}")

"""Figures, drawn from tables only; Matplotlib is imported when one is drawn."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcellabm.figures.curves import draw_curves
    from tcellabm.figures.designs import draw_comparison, draw_designs
    from tcellabm.figures.drivers import draw_drivers
    from tcellabm.figures.map import draw_map
    from tcellabm.figures.patient import draw_patient
    from tcellabm.figures.sensitivity import draw_indices, draw_tornado
    from tcellabm.figures.tradeoff import draw_tradeoff
    from tcellabm.figures.trial import draw_trial
    from tcellabm.figures.window import draw_sheets

__all__ = [
    "draw_comparison",
    "draw_curves",
    "draw_designs",
    "draw_drivers",
    "draw_indices",
    "draw_map",
    "draw_patient",
    "draw_sheets",
    "draw_tornado",
    "draw_tradeoff",
    "draw_trial",
]
_HOMES = {name: name.removeprefix("draw_") for name in __all__} | {
    "draw_comparison": "designs",
    "draw_indices": "sensitivity",
    "draw_sheets": "window",
    "draw_tornado": "sensitivity",
}


def __dir__() -> list[str]:
    """Name what can be imported, for a notebook's completion and the reference."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a figure when it is first asked for: one patient needs none of a sweep's."""
    if name in _HOMES:
        return getattr(import_module(f"tcellabm.figures.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tcellabm.figures' has no attribute {name!r}")

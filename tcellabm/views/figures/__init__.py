"""Figures, drawn from tables only; Matplotlib is imported when one is drawn."""

from tcellabm.views.figures.map import draw_map
from tcellabm.views.figures.patient import draw_patient
from tcellabm.views.figures.trial import draw_trial

__all__ = ["draw_map", "draw_patient", "draw_trial"]

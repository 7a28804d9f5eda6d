"""One page of a virtual trial: survival, exposure, toxicity, and every published row beside it."""

from typing import TYPE_CHECKING

import pandas as pd

from tcellabm.figures.canvas import look, new_figure, png
from tcellabm.figures.forest import draw_forest
from tcellabm.figures.toxicity import draw_cytokine_times, draw_grade_bars
from tcellabm.figures.trial_curves import draw_survival, draw_transgene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 19.0, 21.0
_LEFT = (0.05, 0.485)  # the curves
_FOREST = (0.70, 0.845)


def draw_trial(
    patients: pd.DataFrame,
    comparison: pd.DataFrame,
    curves: pd.DataFrame,
    limit: float,
    draws: int = 0,
) -> bytes:
    """Draw the page.

    Parameters
    ----------
    patients : DataFrame
        Everyone enrolled, as in `patients.parquet`.
    comparison : DataFrame
        As in `comparison.csv`.
    curves : DataFrame
        Published curves: `curve`, `day`, `value`.
    limit : float
        Limit of quantification of the transgene, copies/ug.
    draws : int
        Draws of the posterior that intervals are over; 0 for one population.

    Returns
    -------
    bytes
        A PNG image.
    """
    with look():
        figure = new_figure(_WIDTH, _HEIGHT)
        infused = patients[patients["infused"] & (patients["error"] == "")]
        _draw_left(figure, infused, comparison, curves, limit)
        left, right = _FOREST
        draw_forest(figure.add_axes((left, 0.035, right - left, 0.888)), comparison)
        _head(figure, patients, comparison, draws)
        return png(figure)


def _draw_left(
    figure: "Figure",
    infused: pd.DataFrame,
    comparison: pd.DataFrame,
    curves: pd.DataFrame,
    limit: float,
) -> None:
    left, right = _LEFT
    wide = right - left
    half = 0.46 * wide
    draw_survival(figure.add_axes((left, 0.725, half, 0.19)), infused, comparison, "RFS")
    draw_survival(figure.add_axes((right - half, 0.725, half, 0.19)), infused, comparison, "EFS")
    draw_transgene(figure.add_axes((left, 0.475, wide, 0.185)), infused, curves, limit)
    draw_grade_bars(figure.add_axes((left + 0.08, 0.275, wide - 0.08, 0.135)), infused, comparison)
    draw_cytokine_times(figure.add_axes((left, 0.04, wide, 0.175)), infused, comparison)


def _over(draws: int) -> str:
    return f"{draws} draws of the posterior and their patients" if draws else "virtual patients"


def _head(figure: "Figure", patients: pd.DataFrame, comparison: pd.DataFrame, draws: int) -> None:
    infused = int(patients["infused"].sum())
    title = "A virtual trial of tisagenlecleucel beside the published ones"
    figure.text(0.015, 0.992, title, va="top", fontsize=19, fontweight="bold")
    judged = comparison[comparison["agrees"].isin(["true", "false"])]
    agreeing = int((judged["agrees"] == "true").sum())
    lines = (
        f"{len(patients)} virtual patients enrolled, {infused} infused. "
        f"{agreeing} of {len(judged)} published figures that the model can speak to agree.",
        f"Blue: simulated, with 95 % intervals over {_over(draws)}. Black: published, with the "
        "interval by which agreement is judged. Physiology is a proxy; ELIANA: Maude 2018.",
    )
    figure.text(0.015, 0.973, "\n".join(lines), va="top", fontsize=12, linespacing=1.5)

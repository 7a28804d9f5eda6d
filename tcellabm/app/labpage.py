"""The lab page: Mesa's SolaraViz on the lab's model, with the canvas of the class page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import solara
import traitlets
from matplotlib.figure import Figure
from mesa.visualization import SolaraViz
from mesa.visualization.utils import update_counter
from solara.server.kernel_context import get_current_context

from tcellabm.app import lab
from tcellabm.app.assets import STATIC, program, style
from tcellabm.app.export import appearance
from tcellabm.app.frames import picture
from tcellabm.app.places import CLIENT
from tcellabm.app.registry import PATIENTS

NAME = "tcellabm lab: one patient, day by day. Teaching model, not for clinical use"
DETAIL = 0.4  # the canvas is small


class MarrowWidget(anywidget.AnyWidget):
    """One patient on the canvas of the class page."""

    _esm = f"{program()}\n{(STATIC / 'lab.js').read_text(encoding='utf-8')}"
    _css = style()
    about = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    hints = traitlets.Dict().tag(sync=True)
    voxel = traitlets.Int(-1).tag(sync=True)


@solara.component
def Patient(model: lab.PageModel) -> None:
    """Show the patient of a lab model as it is now."""
    update_counter.get()
    voxel, set_voxel = solara.use_state(-1)
    hints = solara.use_memo(lab.hints, [])
    taken = picture(model, voxel if voxel >= 0 else None, DETAIL)
    if model.fault:
        solara.Error(f"{model.fault}. The patient shown is the one by default.")
    if note := lab.grid_note(model.params):
        solara.Info(note)
    MarrowWidget.element(
        about=appearance(model.params),
        hints=hints,
        facts={**taken.facts, "day": model.time, "given": []},
        voxel=voxel,
        on_voxel=set_voxel,
        pixels=taken.pixels,
    )


def plot_of(chart: lab.Chart) -> Callable[[Any], Any]:
    """Return a component that plots what the data collector has of a chart."""

    def Plot(model: lab.PageModel) -> Any:
        figure = Figure(figsize=(6, 4.6))
        lab.draw(figure.subplots(), chart, model.datacollector.get_model_vars_dataframe())
        return solara.FigureMatplotlib(figure, format="png", bbox_inches="tight")

    return Plot


PLOTS = [plot_of(chart) for chart in lab.CHARTS]


@solara.component
def LabPage() -> Any:
    """Show the lab, if there is a place for one more patient."""
    solara.Title("tcellabm: lab")
    refusal = solara.use_memo(_enter, [])
    return solara.Error(refusal) if refusal else Lab()


def _enter() -> str:
    """Take a place until the page is gone; say why there is none."""
    client = CLIENT.get()
    refusal = PATIENTS.take(client)
    if not refusal:
        get_current_context().on_close(lambda: PATIENTS.give_back(client))
    return refusal


@solara.component
def Lab() -> None:
    """Let a modeler step one patient, with every parameter as an input."""
    model = solara.use_memo(lambda: lab.PageModel(1), [])
    inputs = solara.use_memo(lab.inputs, [])
    SolaraViz(
        model,
        components=[(Patient, 0), *((plot, 0) for plot in PLOTS)],
        model_params=inputs,
        name=NAME,
        play_interval=50,
    )

"""The lab page: Mesa's SolaraViz on the lab's model, with the canvas of the class page."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import solara
from matplotlib.figure import Figure
from mesa.visualization import SolaraViz
from mesa.visualization.utils import update_counter
from solara.server.kernel_context import get_current_context

from tcellabm.app import lab
from tcellabm.app.export import appearance
from tcellabm.app.places import CLIENT
from tcellabm.app.plan import TREATMENTS
from tcellabm.app.registry import PATIENTS
from tcellabm.app.widget import MarrowWidget, shown

NAME = "tcellabm lab: one patient, day by day. Teaching model, not for clinical use"
MOST_FOUND = 30  # inputs shown at once by a search


@solara.component
def Patient(model: lab.PageModel) -> None:
    """Show the patient of a lab model as it is now."""
    update_counter.get()
    voxel, set_voxel = solara.use_state(-1)
    hints = solara.use_memo(lambda: {one.label: one.hint for one in lab.inputs()}, [])
    places, facts = shown(model, voxel, model.ordered)
    with solara.Column(style={"height": "100%", "overflow": "auto"}):  # never over a chart
        if model.fault:
            solara.Error(f"{model.fault}. The patient shown is the one by default.")
        if note := lab.grid_note(model.params):
            solara.Info(note)
        Orders(model)
        MarrowWidget.element(
            about=appearance(model.params),
            hints=hints,
            facts=facts,
            voxel=voxel,
            on_voxel=set_voxel,
            places=places,
        )


@solara.component
def Orders(model: lab.PageModel) -> None:
    """Give something to the patient now: it acts from the next step on."""
    ordered, set_ordered = solara.use_state(len(model.ordered))

    def give(treatment: str) -> None:
        model.order(treatment)
        set_ordered(len(model.ordered))

    with solara.Row(gap="4px", style={"flex-wrap": "wrap"}):
        for name, button in TREATMENTS.items():
            solara.Button(button.name, on_click=lambda name=name: give(name), outlined=True)
    orders = [f"{TREATMENTS[name].mark} (day {day:g})" for day, name in model.ordered]
    solara.Text("Given: " + (", ".join(["CAR T (day 0)", *orders])), style={"font-size": "14px"})


@solara.component
def Inputs(values: dict[str, str]) -> None:
    """Let a modeler set parameters: folded by section, or found by name. Reset takes them."""
    shown = solara.use_memo(lab.inputs, [])
    search, set_search = solara.use_state("")
    opened, set_opened = solara.use_state("seed")
    changed, set_changed = solara.use_state(0)

    def keep(key: str, value: str) -> None:
        values[key] = value
        set_changed(changed + 1)

    first = {one.key: one.value for one in shown}
    moved = [key for key, value in values.items() if value != first[key]]
    solara.InputText("Search parameters", value=search, on_value=set_search, continuous_update=True)
    if moved:
        solara.Info(
            f"Set: {', '.join(moved)}. Reset starts the patient again with them.", dense=True
        )
    if search.strip():
        found = lab.found(shown, search)
        Fields(found[:MOST_FOUND], values, keep)
        if len(found) > MOST_FOUND:
            solara.Text(f"and {len(found) - MOST_FOUND} more: say more of the name")
        return
    for section, members in groupby(shown, lambda one: one.section):
        fields = list(members)
        solara.Button(
            f"{'▾' if section == opened else '▸'} {section} ({len(fields)})",
            on_click=lambda section=section: set_opened("" if section == opened else section),
            text=True,
            attributes={"aria-expanded": str(section == opened).lower()},
            style={"justify-content": "start", "width": "100%", "text-transform": "none"},
        )
        if section == opened:
            Fields(fields, values, keep)


@solara.component
def Fields(
    shown: list[lab.Input], values: dict[str, str], keep: Callable[[str, str], None]
) -> None:
    """Show some inputs.

    Parameters
    ----------
    shown : list of Input
        Each gets a field.
    values : dict of str to str
        By key, where they differ from the input's first value.
    keep : callable
        Called with key and text when a field changes.
    """
    with solara.Column(gap="0px"):
        for one in shown:
            solara.InputText(
                one.label,
                value=values.get(one.key, one.value),
                on_value=lambda value, key=one.key: keep(key, value),
            ).key(one.key)


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
    values: dict[str, str] = solara.use_memo(dict, [])
    model = solara.use_memo(lambda: lab.PageModel(values=values), [])
    with solara.Sidebar(), solara.Card("Parameters"):
        Inputs(values)
    SolaraViz(
        model,
        components=[(Patient, 0), *((plot, 0) for plot in PLOTS)],
        model_params={"values": values},
        name=NAME,
        play_interval=50,
    )

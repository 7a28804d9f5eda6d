"""The lab: one patient as Mesa users know it, built by keyword from the keys of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from mesa.datacollection import DataCollector

from tcellabm.biology import rates
from tcellabm.biology.marrow import CYTOKINES as PLASMA
from tcellabm.identity import seed_of
from tcellabm.model import TumorTCellModel
from tcellabm.params import InputError, Parameters, load, parse_set, rows
from tcellabm.posterior import one_patient

SCENARIO = "scenarios/kymriah.toml"
WATCHED = {"marrow.rows": 16, "marrow.cols": 16, "resolution.max_agents": 400_000}
DRAWN = "drawn"  # said of a parameter that is drawn for each patient
MOST_VOXELS, MOST_AGENTS = 16384, 400_000  # of a patient in a page
CELLS = ("leukemia", "car_t", "b_cell", "myeloid")


class Chart(NamedTuple):
    """One chart of what the data collector has: columns with their names and colors."""

    unit: str
    lines: dict[str, tuple[str, str]]
    scale: str  # of the axis, as Matplotlib names it
    least: tuple[float, float]  # the axis shows at least this


CHARTS = (
    Chart(
        "cells (simulated)",
        {
            "leukemia": ("leukemia", "#D55E00"),
            "car_t": ("CAR T", "#0072B2"),
            "b_cell": ("B cells", "#999900"),
            "myeloid": ("myeloid", "#CC79A7"),
        },
        "symlog",
        (0.0, 10.0),
    ),
    Chart(
        "pg/mL serum",
        {"il6": ("IL-6", "#D55E00"), "ifng": ("IFN-γ", "#0072B2")},
        "log",
        (1.0, 100.0),
    ),
    Chart("temperature, °C", {"temperature": ("", "#D55E00")}, "linear", (36.0, 40.0)),
)


class LabModel(TumorTCellModel):
    """A patient whose parameters are keywords, with a data collector that looks once a day.

    Parameters
    ----------
    rng : int or str, optional
        The seed.
    scenario : mesa.experimental.scenarios.Scenario, optional
        Mesa's page passes one whenever it builds a model. It says nothing of this patient.
    **keys
        Values by dotted key over the scenario: `LabModel(rng=1, **{"time.days": 30})`. Text is
        read as `--set` reads it; "drawn" and empty text set nothing.

    Raises
    ------
    InputError
        If a key is unknown, or a value is not allowed.
    """

    def __init__(self, rng: int | str | None = None, scenario: object = None, **keys: Any) -> None:
        """Load the scenario with these keys, and draw the patient."""
        number = seed_of(seed(rng))
        super().__init__(parameters(keys, number), rng=number)
        reporters: dict[str, Any] = {kind: _cells_of(kind) for kind in CELLS}
        reporters |= {"day": "time", **{name: _plasma_of(name) for name in ("il6", "ifng")}}
        reporters["temperature"] = lambda model: model.course.now.body.temperature_c
        self.datacollector = DataCollector(model_reporters=reporters)
        self.datacollector.collect(self)

    def step(self) -> None:
        """Collect data: Mesa calls this once a day."""
        self.bring_up_to_date()
        self.datacollector.collect(self)


def grid_note(params: Parameters) -> str:
    """Return what to say of a grid that is not the default; empty if it is."""
    if rates.voxels(params) == rates.voxels(load(SCENARIO)):
        return ""
    grid = f"{params.marrow.rows}×{params.marrow.cols} voxels"
    return f"On {grid} the patient of this seed has the same covariates but another course."


def _cells_of(kind: str) -> Any:
    return lambda model: model.counts()[kind]


def _plasma_of(cytokine: str) -> Any:
    place = PLASMA.index(cytokine)
    return lambda model: float(model.tissue.state.plasma[place])


def parameters(keys: Mapping[str, Any], number: int = 1) -> Parameters:
    """Resolve the scenario of the lab for the patient of a seed; text is read as by `--set`."""
    given = {key: value for key, value in keys.items() if value not in ("", DRAWN)}
    texts = [f"{key}={value}" for key, value in given.items() if isinstance(value, str)]
    return one_patient(SCENARIO, {**WATCHED, **given, **parse_set(texts)}, number)


def seed(rng: int | str | None) -> int | None:
    """Read a seed from an input of the page."""
    if not isinstance(rng, str):
        return rng
    if not (rng.strip().isdecimal() and rng.isascii() and len(rng) < 20):
        raise InputError(f"seed = {rng[:30]}", "page", "allowed: a whole number from 0 on")
    return int(rng)


class PageModel(LabModel):
    """The lab's model in a page: what is not allowed is said there, and the patient left small.

    Parameters
    ----------
    rng : int or str, optional
        The seed, unless `values` or `keys` have one; 1 by default.
    scenario : mesa.experimental.scenarios.Scenario, optional
        Of Mesa's page; not used.
    values : mapping of str to str, optional
        What the inputs of the page say, read when the model is built: by the page at first, by
        Mesa's Reset later.
    **keys
        Values by dotted key, over those of `values`.
    """

    def __init__(
        self,
        rng: int | str | None = None,
        scenario: object = None,
        values: Mapping[str, str] | None = None,
        **keys: Any,
    ) -> None:
        """Draw the patient, the one by default where the inputs are not allowed."""
        self.fault = ""
        self.ordered: list[tuple[float, str]] = []
        given = {**(values or {}), **keys}
        number = given.pop("rng", 1 if rng is None else rng)
        try:
            check_size(parameters(given))
            super().__init__(number, **given)
        except (InputError, ValueError) as error:
            super().__init__(1)
            self.fault = str(error)

    def order(self, treatment: str) -> None:
        """Give something now, in the dose of the label, to a patient who is alive."""
        if self.running:
            self.give(treatment)
            self.ordered.append((self.time, treatment))


def check_size(params: Parameters) -> None:
    """Refuse a patient that a page should not be asked to hold.

    Raises
    ------
    InputError
        If there are too many voxels or agents.
    """
    voxels = params.marrow.rows * params.marrow.cols
    if voxels > MOST_VOXELS:
        raise InputError(f"{voxels} voxels", "page", f"allowed: up to {MOST_VOXELS}")
    if params.resolution.max_agents > MOST_AGENTS:
        key = f"resolution.max_agents = {params.resolution.max_agents}"
        raise InputError(key, "page", f"allowed: up to {MOST_AGENTS}")


class Input(NamedTuple):
    """One input of the page: a parameter, or the seed."""

    key: str
    label: str
    value: str  # at first
    hint: str  # unit, range, source

    @property
    def section(self) -> str:
        """The section that it is folded into."""
        return self.key.partition(".")[0] if "." in self.key else "seed"


SEED = Input("rng", "seed", "1", "The number that makes this patient: the same number again.")


def inputs() -> list[Input]:
    """Return an input of the page for the seed and for every parameter of the schema."""
    return [SEED] + [
        Input(
            row.key,
            row.key if row.unit in ("1", "bool", "text") else f"{row.key} ({row.unit})",
            row.value.strip('"'),
            f"unit {row.unit}; allowed {row.range}; source: {row.source}",
        )
        for row in rows(SCENARIO, WATCHED)
        if not row.key.startswith("population.")
    ]


def found(shown: Sequence[Input], text: str) -> list[Input]:
    """Return the inputs whose key or hint has all words of a text."""
    words = text.casefold().split()
    return [one for one in shown if all(w in f"{one.key} {one.hint}".casefold() for w in words)]


def draw(axes: Any, chart: Chart, table: pd.DataFrame) -> None:
    """Draw a chart of what was collected, by day.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn on.
    chart : Chart
        Columns, names, colors and scale.
    table : DataFrame
        One row per day, with the columns of the chart and `day`.
    """
    for column, (name, color) in chart.lines.items():
        axes.plot(table["day"], table[column], color=color, label=name, marker=".")
    axes.set(xlabel="day", ylabel=chart.unit, yscale=chart.scale)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, chart.least[0]), max(high, chart.least[1]))
    axes.grid(alpha=0.3)
    if len(chart.lines) > 1:
        axes.legend(loc="best")

"""One patient: biology and clinic put together, on Mesa's clock."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from mesa import Model
from mesa.time import Event, Priority

from tcellabm import checkpoint
from tcellabm.biology import saving
from tcellabm.biology.agents import CellAgents, CellView
from tcellabm.biology.patient import draw_patient
from tcellabm.biology.tissue import Tissue
from tcellabm.clinic import assays
from tcellabm.clinic.course import Chances, Course
from tcellabm.clinic.outcomes import Final, outcomes
from tcellabm.clinic.plausible import check_course
from tcellabm.clinic.record import MOST_CELLS, TREATMENTS, Record
from tcellabm.identity import MODEL_VERSION, run_id
from tcellabm.kernels import layout
from tcellabm.params import Parameters

if TYPE_CHECKING:
    import pandas as pd
    from mesa.discrete_space import OrthogonalVonNeumannGrid

    from tcellabm.biology.patient import Patient

KINDS = {
    "leukemia": slice(layout.LEUKEMIA, layout.B_CELL),
    "car_t": slice(layout.MEMORY, layout.RESTING),
    "b_cell": slice(layout.B_CELL, layout.MEMORY),
    "myeloid": slice(layout.RESTING, layout.STATES),
}


class TumorTCellModel(Model):
    """One virtual patient, from the moment of infusion.

    Treatments, blood draws and assessments are events of Mesa's clock; between them the rules run
    in ticks of 2^-k days. `step` is Mesa's day and holds no rule.

    Parameters
    ----------
    params : Parameters
        From `tcellabm.load`.
    rng : int, numpy.random.Generator or None
        The seed is the whole recipe of a patient. A generator is copied, not used up; None takes
        a seed from the operating system.

    Attributes
    ----------
    patient : Patient
        The covariates drawn or set; frozen.
    params : Parameters
        The parameters with the patient's covariates in place; frozen.
    seed : int
        Reproduces the patient.
    """

    def __init__(self, params: Parameters, rng: int | np.random.Generator | None = None) -> None:
        """Draw the patient and the cells of day 0."""
        if not isinstance(params, Parameters):
            what = f"params is a {type(params).__name__}"
            raise TypeError(f"{what}, allowed: of tcellabm.load; in mesa.batch_run, a list")
        self.scheduled: list[Event] = []
        self.seed = _seed_of(rng)
        super().__init__(rng=self.seed)
        self._mesa_step, self.step = self.step, self._step_and_follow  # type: ignore[method-assign]
        covariates, cells, *others = np.random.SeedSequence(self.seed).spawn(5)
        self.patient: Patient = draw_patient(params, self.seed, np.random.default_rng(covariates))
        self.run_id = run_id(params, self.seed)
        self.params: Parameters = params.replace(dict(self.patient.covariates))
        self._tissue = Tissue(self.params, np.random.default_rng(cells))
        self._course = Course(self.params, self._tissue, _chances(others))
        self._orders: list[tuple[float, str, float]] = []
        self.schedule_event(self._start, at=0.0, priority=Priority.HIGH)

    # --- the clock --------------------------------------------------------------------------------

    def run_until(self, end_time: float) -> None:
        """Run to a day after infusion; a day already reached does nothing.

        Raises
        ------
        ValueError
            It is no finite number.
        """
        if not math.isfinite(end_time):
            raise ValueError(f"run until day {end_time}, allowed: a finite number")
        if end_time > self.time:
            super().run_until(float(end_time))
            self._follow_clock()

    def run_for(self, duration: float) -> None:
        """Run for so many days."""
        self.run_until(self.time + duration)

    def run_model(self) -> None:
        """Run to the day that the parameters name, `time.days`."""
        self.run_until(self.params.time.days)

    def step(self) -> None:
        """Mesa's day: a hook for subclasses."""

    def _step_and_follow(self) -> None:
        self._mesa_step()
        self._follow_clock()

    def _follow_clock(self) -> None:
        """Bring the patient to the time of the clock, all events of which have been run."""
        self._bring_up_to_date()
        self.scheduled = [event for event in self.scheduled if event.time > self.time]

    def _bring_up_to_date(self) -> None:
        """Run what is due: an event sees the state of its time."""
        if self.record.treatments:  # the infusion is the first event
            self._course.bring_to(self.time)
            self.running = self._course.alive

    def schedule_event(self, function: Callable[[], None], **when: Any) -> Event:
        """Schedule a one-off event; see `mesa.Model.schedule_event`."""
        event = super().schedule_event(function, **when)
        self.scheduled.append(event)
        return event

    # --- events -----------------------------------------------------------------------------------

    def _start(self) -> None:
        """Day 0: a marrow aspirate, the infusion, a blood draw."""
        course = self._course
        course.assess(0.0)
        course.administer(0.0, "car_t", course.share_due(0.0) * course.labelled("car_t"))
        course.note_row()
        course.ask_care(0.0)
        self._draw_blood()
        self._plan(self._assess, assays.next_assessment(0.0))

    def _plan(self, event: Callable[[], None], day: float) -> None:
        self.schedule_event(event, at=day, priority=Priority.HIGH)

    def _draw_blood(self) -> None:
        """Take a blood sample and plan the next one."""
        self._bring_up_to_date()
        if self.running:
            self._course.draw_blood(self.time)
            self._plan(self._draw_blood, assays.next_draw(self.time))

    def _assess(self) -> None:
        """Take a planned marrow aspirate and plan the next one."""
        self._bring_up_to_date()
        if self.running:
            self._course.assess(self.time)
            self._course.ask_dosing(self.time)
            self._plan(self._assess, assays.next_assessment(self.time))

    def give(self, treatment: str, at: float | None = None, cells: float | None = None) -> None:
        """Order a treatment; it acts from the next tick on.

        Parameters
        ----------
        treatment : str
            One of TREATMENTS.
        at : float, optional
            Day after infusion; now if not given.
        cells : float, optional
            CAR T cells of the whole body, for "car_t"; the product's dose if not given.

        Raises
        ------
        ValueError
            An unknown treatment, a day in the past, or a number of cells that cannot be given.
        """
        if treatment not in TREATMENTS:
            raise ValueError(f"unknown treatment {treatment!r}, allowed: {', '.join(TREATMENTS)}")
        day = self.time if at is None else float(at)
        if not self.time <= day < math.inf:
            raise ValueError(f"day {at} of {treatment} is past, allowed: {self.time} or later")
        if cells is not None and treatment != "car_t":
            raise ValueError(f"cells given with {treatment}, allowed: with car_t only")
        amount = self._course.labelled(treatment) if cells is None else float(cells)
        if not 0.0 <= amount <= MOST_CELLS:
            raise ValueError(f"{cells} cells, allowed: a number from 0 to {MOST_CELLS:g}")
        self._orders.append((day, treatment, amount))
        # after what is seen at the same moment, which is HIGH, whenever it was ordered
        self.schedule_event(self._carry_out, at=day, priority=Priority.DEFAULT)

    def _carry_out(self) -> None:
        """Give what is due."""
        self._bring_up_to_date()
        due = [order for order in self._orders if order[0] <= self.time]
        self._orders = [order for order in self._orders if order[0] > self.time]
        for _, treatment, amount in due if self.running else ():
            self._course.administer(self.time, treatment, amount)

    # --- what is seen from outside ----------------------------------------------------------------

    @property
    def rng(self) -> np.random.Generator:
        """The stream of the cells: there is no other owner."""
        return self._tissue.rng if hasattr(self, "_tissue") else self._mesa_rng

    @rng.setter
    def rng(self, rng: np.random.Generator) -> None:
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng is a {type(rng).__name__}, allowed: a numpy.random.Generator")
        if hasattr(self, "_tissue"):
            self._tissue.rng = rng
        else:
            self._mesa_rng = rng

    def reset_rng(self, rng: int | np.random.Generator | None = None) -> None:
        """Draw anew from here: cells, death, background fevers, assays.

        Parameters
        ----------
        rng : int or numpy.random.Generator, optional
            The model's own seed if not given.
        """
        seed = _seed_of(self.seed if rng is None else rng)
        cells, *others = np.random.SeedSequence(seed).spawn(4)
        self.rng = np.random.default_rng(cells)
        self._course.redraw(_chances(others), self.time)

    @property
    def tissue(self) -> Tissue:
        """Cells, sites and cytokines."""
        self._bring_up_to_date()
        return self._tissue

    @property
    def course(self) -> Course:
        """Drugs, bedside and clinician."""
        self._bring_up_to_date()
        return self._course

    @property
    def record(self) -> Record:
        """What was observed so far."""
        return self._course.record

    def counts(self) -> dict[str, int]:
        """Return the simulated living cells by kind, exact."""
        return {kind: self.tissue.body(states) for kind, states in KINDS.items()}

    @property
    def agents(self) -> Any:
        """The living agents (groups of cells) as a read-only Mesa agent set."""
        return CellAgents.of(self, self.tissue.cells, self.tissue.rungs)

    @property
    def agents_by_type(self) -> dict[type, Any]:
        """The living agents by their one type."""
        return {CellView: self.agents}

    @property
    def agent_types(self) -> list[type]:
        """The one type of the agents."""
        return [CellView]

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("agents are read-only: cells change by the model's rules alone")

    register_agent = deregister_agent = remove_all_agents = _refuse

    @property
    def grid(self) -> OrthogonalVonNeumannGrid:
        """The marrow as a Mesa grid, with its property layers."""
        return self.tissue.marrow.grid

    @property
    def series(self) -> pd.DataFrame:
        """The record: a row per tick to day 60, per day after."""
        return self.course.record.series()

    @property
    def treatments(self) -> list[tuple[float, str]]:
        """What was given, and on which day."""
        return [(given.day, given.name) for given in self.course.record.treatments]

    def outcomes(self) -> dict[str, Any]:
        """Return the outcomes so far, a plain dict of the published columns."""
        counts, fraction = self.counts(), self.params.resolution.represented_fraction
        died = self.record.death_day
        final = Final(
            day=self.time if math.isnan(died) else died,
            leukemic_cells=round(counts["leukemia"] / fraction),
            car_t_cells=round(counts["car_t"] / fraction),
            whole_body=fraction == 1.0,
            seed=self.seed,
            run_id=self.run_id,
        )
        return outcomes(self.record, final, self.params)

    def fork(self, rng: int | np.random.Generator | None = None) -> TumorTCellModel:
        """Return a twin in the same state.

        Parameters
        ----------
        rng : int or numpy.random.Generator, optional
            If given, the twin draws anew from here; else it equals the uninterrupted run.
        """
        frozen: dict[int, Any] = {id(part): part for part in (self.params, self.patient)}
        frozen[id(self.subscribers)] = type(self.subscribers)(list)  # who watches, watches this one
        twin = copy.deepcopy(self, frozen)
        if rng is not None:
            twin.reset_rng(rng)
        return twin

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return all that changes, for a checkpoint: values as JSON has them, and arrays."""
        tissue, cells = saving.saved(self.tissue)
        course, chart = self._course.saved()
        return {
            "run_id": self.run_id,
            "tissue": tissue,
            "course": course,
            "orders": self._orders,
        }, cells | chart

    def set_state(self, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take a state.

        Raises
        ------
        ValueError, KeyError, TypeError
            It is not of a patient with these parameters.
        """
        self.run_id = values["run_id"]
        saving.put_back(self._tissue, values["tissue"], arrays)
        self._course.put_back(values["course"], arrays)
        check_course(values["course"], self._course.now, self.record, self.params, self.time)
        self._orders = list(values["orders"])
        self.running = self._course.alive

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the patient to a file from which `restore` goes on (npz; nothing is pickled).

        Raises
        ------
        ValueError
            Something is scheduled that is not the model's own method.
        OSError
            The disk is full or read-only.
        """
        checkpoint.save(self, path, MODEL_VERSION)

    @classmethod
    def restore(cls, path: str | os.PathLike[str]) -> TumorTCellModel:
        """Return the patient of a file: runs on as the one saved would have.

        Raises
        ------
        InputError
            The file is missing, damaged, no checkpoint, or of another version.
        """
        return checkpoint.restore(cls, path, MODEL_VERSION)


def _chances(seeds: list[np.random.SeedSequence]) -> Chances:
    """Return the streams of assays, death and background fever."""
    assays_seed, death, fever = seeds
    return Chances(
        assays=int(assays_seed.generate_state(1, np.uint64)[0]),
        death=np.random.default_rng(death),
        fever=np.random.default_rng(fever),
    )


def _seed_of(rng: int | np.random.Generator | None) -> int:
    """Return a seed, without using up a generator that is the caller's."""
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"seed {rng}, allowed: 0 or more")
        return int(rng)
    if rng is None or isinstance(rng, np.random.Generator):
        source = np.random.default_rng() if rng is None else copy.deepcopy(rng)
        return int(source.integers(2**63))
    raise TypeError(f"rng is a {type(rng).__name__}, allowed: an integer seed or a Generator")

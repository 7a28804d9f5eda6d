"""One patient: biology and clinic put together, on Mesa's clock."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from mesa.time import Priority

from tcellabm.analysis.shown import Shown
from tcellabm.biology import saving
from tcellabm.biology.agents import ReadOnlyAgents
from tcellabm.biology.patient import Patient, draw_patient
from tcellabm.biology.tissue import Tissue
from tcellabm.checkpoint import Saved
from tcellabm.clinic import assays
from tcellabm.clinic.course import Course
from tcellabm.clinic.orders import Order, checked_order, due
from tcellabm.clinic.outcomes import Final, outcomes
from tcellabm.clinic.plausible import check_course
from tcellabm.clinic.record import Record
from tcellabm.clock import Clock
from tcellabm.identity import course_streams, patient_streams, run_id, seed_of
from tcellabm.params import Parameters

if TYPE_CHECKING:
    import pandas as pd


class TumorTCellModel(ReadOnlyAgents, Saved, Shown, Clock):
    """One virtual patient, from the moment of infusion.

    Treatments, blood draws and assessments are events of Mesa's clock; between them the rules run
    in ticks of 2^-k days. `step` is Mesa's day and holds no rule.

    Parameters
    ----------
    params : Parameters
        From `tcellabm.load`, or from `tcellabm.one_patient`: those that `tcellabm run` follows.
    rng : int, numpy.random.Generator or None
        With `params` the whole recipe of a patient. A generator is copied, not used up; None takes
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
        self.seed = seed_of(rng)
        super().__init__(self.seed)
        covariates, streams = patient_streams(self.seed)
        self.patient: Patient = draw_patient(params, self.seed, covariates)
        self.run_id = run_id(params, self.seed)
        self.params: Parameters = params.of_patient(self.patient.covariates)
        self._tissue = Tissue(self.params, streams.cells)
        self._course = Course(self.params, self._tissue, streams)
        self._orders: list[Order] = []
        self.schedule_event(self._start, at=0.0, priority=Priority.HIGH)

    def run_model(self) -> None:
        """Run to the day that the parameters name, `time.days`."""
        self.run_until(self.params.time.days)

    def bring_up_to_date(self) -> None:
        """Run what is due: an event sees the state of its time."""
        if self.record.treatments:  # the infusion is the first event
            self._course.bring_to(self.time)
            self.running = self._course.alive

    # --- events -----------------------------------------------------------------------------------

    def _start(self) -> None:
        """Day 0: a marrow aspirate, the infusion, a blood draw."""
        self._course.begin()
        self._draw_blood()
        self._plan(self._assess, assays.next_assessment(0.0))

    def _plan(self, event: Callable[[], None], day: float) -> None:
        self.schedule_event(event, at=day, priority=Priority.HIGH)

    def _draw_blood(self) -> None:
        """Take a blood sample and plan the next one."""
        self.bring_up_to_date()
        if self.running:
            self._course.draw_blood(self.time)
            self._plan(self._draw_blood, assays.next_draw(self.time))

    def _assess(self) -> None:
        """Take a planned marrow aspirate and plan the next one."""
        self.bring_up_to_date()
        if self.running:
            self._course.assess(self.time)
            self._course.ask_dosing(self.time)
            self._plan(self._assess, assays.next_assessment(self.time))

    def give(self, treatment: str, at: float | None = None, cells: float | None = None) -> None:
        """Order a treatment; it acts from the next tick on.

        Parameters
        ----------
        treatment : str
            One of TREATMENTS, or a rule of one's own.
        at : float, optional
            Day after infusion; now if not given.
        cells : float, optional
            CAR T cells of the whole body, for "car_t"; the product's dose if not given.

        Raises
        ------
        ValueError
            An unknown treatment, a day in the past, or a number of cells that cannot be given.
        """
        day = self.time if at is None else float(at)
        order = checked_order(treatment, day, cells, now=self.time, dose=self._course.dose)
        self._orders.append(order)
        # after what is seen at the same moment, which is HIGH, whenever it was ordered
        self.schedule_event(self._carry_out, at=day, priority=Priority.DEFAULT)

    def _carry_out(self) -> None:
        """Give what is due."""
        self.bring_up_to_date()
        ordered, self._orders = due(self._orders, self.time)
        for order in ordered if self.running else ():
            self._course.administer(self.time, order.treatment, order.amount)

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
        """Resample from here: cells, death, background fevers, assays.

        Parameters
        ----------
        rng : int or numpy.random.Generator, optional
            The model's own seed if not given.
        """
        streams = course_streams(seed_of(self.seed if rng is None else rng))
        self.rng = streams.cells
        self._course.redraw(streams, self.time)

    @property
    def tissue(self) -> Tissue:
        """Cells, sites and cytokines."""
        self.bring_up_to_date()
        return self._tissue

    @property
    def course(self) -> Course:
        """Drugs, bedside and clinician."""
        self.bring_up_to_date()
        return self._course

    @property
    def record(self) -> Record:
        """What was observed so far."""
        return self._course.record

    def counts(self) -> dict[str, int]:
        """Return the simulated living cells by kind, exact."""
        return self.tissue.counts()

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
            If given, the twin is resampled from here; else it equals the uninterrupted run.
        """
        shared: dict[int, Any] = {id(part): part for part in (self.params, self.patient)}
        shared[id(self.subscribers)] = type(self.subscribers)(list)  # who watches, watches this one
        twin = copy.deepcopy(self, shared)
        if rng is not None:
            twin.reset_rng(rng)
        return twin

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return all that changes, for a checkpoint: values as JSON has them, and arrays."""
        tissue, cells = saving.saved(self.tissue)
        course, chart = self._course.saved()
        values = {"run_id": self.run_id, "orders": self._orders}
        return values | {"tissue": tissue, "course": course}, cells | chart

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
        self._orders = [Order(*order) for order in values["orders"]]
        self.running = self._course.alive

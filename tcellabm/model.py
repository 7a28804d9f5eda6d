"""One patient: biology and clinic put together, on Mesa's clock."""

from __future__ import annotations

import copy
import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from mesa import Model
from mesa.time import Priority, Schedule

from tcellabm import checkpoint
from tcellabm.biology.agents import CellAgents
from tcellabm.biology.cytokines import Effect
from tcellabm.biology.marrow import CYTOKINES
from tcellabm.biology.patient import draw_patient
from tcellabm.biology.tissue import Tissue
from tcellabm.clinic import assays, grading
from tcellabm.clinic.care import POLICIES, Bedside
from tcellabm.clinic.dosing import SCHEDULES, Ward
from tcellabm.clinic.neurotoxicity import Neurotoxicity
from tcellabm.clinic.outcomes import Final, in_remission, outcomes
from tcellabm.clinic.pharmacy import Pharmacy
from tcellabm.clinic.physiology import Physiology
from tcellabm.clinic.record import (
    CELL_COLUMNS,
    DRUGS,
    MOST_CELLS,
    TREATMENTS,
    Draw,
    Record,
    Treatment,
)
from tcellabm.identity import MODEL_VERSION, run_id
from tcellabm.kernels import layout

if TYPE_CHECKING:
    import pandas as pd
    from mesa.discrete_space import OrthogonalVonNeumannGrid

    from tcellabm.biology.patient import Patient
    from tcellabm.params import Parameters

LEUKEMIA = slice(layout.LEUKEMIA, layout.B_CELL)
B_CELLS = slice(layout.B_CELL, layout.MEMORY)
CAR_T = slice(layout.MEMORY, layout.RESTING)
MYELOID = slice(layout.RESTING, layout.STATES)
ACTIVATED = slice(layout.ACTIVATED, layout.STATES)
# Columns of the series that are cells of the body, in order: the states that each counts.
SERIES_CELLS = dict(
    zip(
        CELL_COLUMNS,
        (
            slice(layout.LEUKEMIA + 1, layout.B_CELL),
            slice(layout.LEUKEMIA, layout.LEUKEMIA + 1),  # the lowest rung carries no CD19
            slice(layout.MEMORY, layout.EFFECTOR),
            slice(layout.EFFECTOR, layout.EXHAUSTED),
            slice(layout.EXHAUSTED, layout.RESTING),
            B_CELLS,
            ACTIVATED,
        ),
        strict=True,
    )
)
# Ticks stay short that long after a treatment: what it sets off acts within hours.
ALERT_DAYS = {"car_t": 28.0} | dict.fromkeys(DRUGS, 7.0)
# Infused cells pass from blood to marrow within hours: ticks of an eighth for half a day.
HOMING_DAYS, HOMING_HALVINGS = 0.5, 3


class TumorTCellModel(Model):
    """One virtual patient, from the moment of infusion.

    The rules run in one recurring event, the tick, whose length is 2^-k days; treatments,
    blood draws and assessments are events too. `step` is Mesa's day and holds no rule.

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
    record : Record
        What was observed so far.
    """

    def __init__(self, params: Parameters, rng: int | np.random.Generator | None = None) -> None:
        """Draw the patient and the cells of day 0."""
        self.seed = _seed_of(rng)
        super().__init__(rng=self.seed)
        self.running: bool = True
        patient_stream, dynamics = np.random.SeedSequence(self.seed).spawn(2)
        self.patient: Patient = draw_patient(
            params, self.seed, np.random.default_rng(patient_stream)
        )
        self.run_id = run_id(params, self.seed)
        self.params: Parameters = params.replace(dict(self.patient.covariates))
        self.rng = np.random.default_rng(dynamics)
        self._fraction = self.params.resolution.represented_fraction
        self.tissue = Tissue(self.params, self.rng)
        self.physiology = Physiology(self.params)
        self.neurotoxicity = Neurotoxicity(self.params)
        self.drugs = Pharmacy(self.params, self.patient.weight_kg)
        self.record = Record()
        self._orders: list[tuple[float, str, float]] = []
        self._reached = 0.0  # the state is that of this time
        self._due = 0.0  # the next tick
        self._blasts_in_blood = True
        self._infected_until = 0.0
        self.schedule_event(self._start, at=0.0, priority=Priority.HIGH)
        self._start_ticks(2.0 ** -(self.params.time.tick_halvings + HOMING_HALVINGS))

    # --- the clock --------------------------------------------------------------------------------

    def run_until(self, end_time: float) -> None:
        """Run to a day after infusion; a day already reached does nothing."""
        if end_time > self.time:
            super().run_until(float(end_time))

    def run_for(self, duration: float) -> None:
        """Run for so many days."""
        self.run_until(self.time + duration)

    def _start_ticks(self, first: float) -> None:
        self._due = first
        self._ticks = self.schedule_recurring(
            self._tick, Schedule(interval=TumorTCellModel._next_tick, start=first), Priority.LOW
        )

    def _tick(self) -> None:
        self._bring_up_to_date()

    def _next_tick(self) -> float:
        """Choose the length of the next tick and note when it is due."""
        length = self._tick_length()
        self._due = self.time + length
        return length

    def _tick_length(self) -> float:
        """Return the longest tick, 2^-k days on a grid from day 0, that the state allows."""
        time, change = self.params.time, self.tissue.fastest
        shortest, length = 2.0**-time.tick_halvings, 2.0**-time.slow_tick_halvings
        infused = self.record.days_of("car_t")
        if infused and self.time - infused[-1] < HOMING_DAYS:
            length = shortest * 2.0**-HOMING_HALVINGS
        elif self.physiology.in_crs or self._recently_treated():
            length = shortest
        while self.time % length != 0.0 or (
            length > shortest and change * length > time.change_per_tick
        ):
            length *= 0.5
        return length

    def _recently_treated(self) -> bool:
        given = self.record.treatments
        return any(self.time - one.day < ALERT_DAYS[one.name] for one in given)

    def _bring_up_to_date(self) -> None:
        """Advance the state to now, if a tick is due now: events of equal time see it done."""
        if self.time < self._due or self._reached == self.time or not self.running:
            return
        dt = self.time - self._reached
        steroid = self.drugs.corticosteroid
        self.tissue.advance(self._reached, dt, steroid.division_factor, self._effect())
        self.drugs.advance(dt)
        self._reached = self.time
        self._follow_body(dt)
        self._meet_fate(dt)
        self._write_row()
        self._follow_care()

    # --- what a tick does beside cells ------------------------------------------------------------

    def _effect(self) -> Effect:
        """Return what drugs do to cytokines: IL-6 loses its way out by the receptor."""
        share = self.params.cytokines.il6.receptor_share
        by_receptor = share * self.drugs.il6_free
        return Effect(self.drugs.corticosteroid.secretion_factor, 1.0 - share + by_receptor)

    def _follow_body(self, dt: float) -> None:
        serum = dict(zip(CYTOKINES, self.tissue.cytokines.plasma.tolist(), strict=True))
        self.physiology.advance(
            dt,
            serum["il6"] * self.drugs.il6_free,
            serum["il1"] * self.drugs.il1_free,
            self._body(ACTIVATED),
            self._infected(dt),
        )
        self.neurotoxicity.advance(dt, serum["il6"], serum["il1"], self.drugs.il1_free_in_cns)

    def _infected(self, dt: float) -> bool:
        """Draw background neutropenic fevers, where the parameters ask for them."""
        physiology, white = self.params.physiology, self._white_cells()
        if physiology.neutropenic_fever_per_day > 0.0:
            low = white < 2.0 * self.params.patient.white_cell_nadir_per_ul
            chance = -math.expm1(-physiology.neutropenic_fever_per_day * dt)
            if low and self.rng.random() < chance:
                self._infected_until = self.time + physiology.neutropenic_fever_days
        return self.time < self._infected_until

    def _meet_fate(self, dt: float) -> None:
        """Let the patient die of CRS, of cerebral edema or of progression."""
        physiology, capacity = self.params.physiology, self.params.marrow.capacity_cells
        needs = self.physiology.needs
        leukemia = self._body(LEUKEMIA)
        hazards = {
            "crs": physiology.crs_death_per_day * (max(needs.blood_pressure, needs.oxygen) == 3),
            "icans": self.params.neurotoxicity.icans_death_per_day
            * self.neurotoxicity.cerebral_edema,
            "progression": physiology.progression_death_per_day
            * (leukemia >= physiology.progression_share * capacity),
        }
        for cause, hazard in hazards.items():
            if self.running and hazard and self.rng.random() < -math.expm1(-hazard * dt):
                self.record.death_day, self.record.death_cause = self.time, cause
                self.running = False
                self._ticks.stop()

    def _follow_care(self) -> None:
        """Let the clinician act on what is seen; orders act from the next tick on."""
        if not self.running:
            return
        needs = self.physiology.needs
        bedside = Bedside(
            self.time,
            needs.blood_pressure,
            needs.oxygen,
            self.record.days_of("tocilizumab"),
            self.record.days_of("corticosteroid"),
            self.record.days_of("anakinra"),
            self.physiology.in_crs,
            self.neurotoxicity.grade,
            self.record.assessments[0].blast_share,
        )
        for drug in POLICIES[self.params.care.policy](bedside, self.params):
            self.give(drug)
        if share := self._share_due():
            self.give("car_t", cells=share * self._labelled_cells())
        self._look_for_blasts()

    def _share_due(self) -> float:
        """Return the share of the dose that the dosing schedule has infused now."""
        seen = self.record.assessments
        started_low = seen[0].blast_share < self.params.assay.remission_blast_share
        ward = Ward(
            self.time,
            self.physiology.in_crs,
            self.record.days_of("car_t"),
            self._per_ul(B_CELLS),
            in_remission(seen[-1], started_low, self.params),
        )
        return SCHEDULES[self.params.dosing.schedule](ward, self.params)

    def _write_row(self) -> None:
        """Note this moment in the series; cells are those of the body."""
        if not self.record.wants_row(self.time):
            return
        needs = self.physiology.needs
        self.record.add_row(
            (
                self.time,
                *(self._body(states) for states in SERIES_CELLS.values()),
                self._copies_per_ug(),
                *self.tissue.cytokines.plasma.tolist(),
                self.drugs.tocilizumab.concentration,
                self.physiology.temperature_c,
                self.physiology.crp_mg_per_l,
                self.physiology.ferritin_ng_per_ml,
                needs.blood_pressure,
                needs.oxygen,
                grading.penn(needs),
                grading.astct(needs),
                grading.lee(needs),
                self.neurotoxicity.grade,
                self._per_ul(B_CELLS),
                self._per_ul(LEUKEMIA),
                self.physiology.fever_hours,
                self.neurotoxicity.cerebral_edema,
            )
        )

    # --- events -----------------------------------------------------------------------------------

    def _start(self) -> None:
        """Day 0: a marrow aspirate, the infusion, a blood draw."""
        self._assess()
        self._administer("car_t", self._share_due() * self._labelled_cells())
        self._draw_blood()
        self._write_row()

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
        amount = self._labelled_amount(treatment) if cells is None else float(cells)
        if not 0.0 <= amount <= MOST_CELLS:
            raise ValueError(f"{cells} cells, allowed: a number from 0 to {MOST_CELLS:g}")
        self._orders.append((day, treatment, amount))
        # after what is seen and ordered at the same moment, which is HIGH, whenever it was ordered
        self.schedule_event(self._bring_up_to_date, at=day, priority=Priority.HIGH)
        self.schedule_event(self._carry_out, at=day, priority=Priority.DEFAULT)

    def _labelled_amount(self, treatment: str) -> float:
        if treatment == "car_t":
            return self._labelled_cells()
        return self.drugs.labelled_mg(treatment)

    def _labelled_cells(self) -> float:
        return self.params.product.dose_cells_per_kg * self.patient.weight_kg

    def _carry_out(self) -> None:
        """Give what is due; the next tick comes sooner where it was to be a long one."""
        due = [order for order in self._orders if order[0] <= self.time]
        self._orders = [order for order in self._orders if order[0] > self.time]
        for _, treatment, amount in due if self.running else ():
            self._administer(treatment, amount)
        sooner = self.time + self._tick_length()
        if self._reached == self.time and self.time < sooner < self._due and self.running:
            self._ticks.stop()
            self._start_ticks(sooner)

    def _administer(self, treatment: str, amount: float) -> None:
        if treatment == "car_t":
            self.tissue.infuse(amount)
        else:
            self.drugs.give(treatment, amount)
        self.record.treatments.append(Treatment(self.time, treatment, amount))

    def _draw_blood(self) -> None:
        """Take a blood sample and plan the next one."""
        self._bring_up_to_date()
        if self.running:
            self.record.draws.append(Draw(self.time, self._copies_per_ug()))
            self.schedule_event(
                self._draw_blood, at=assays.next_draw(self.time), priority=Priority.HIGH
            )

    def _assess(self) -> None:
        """Take a planned marrow aspirate and plan the next one."""
        self._look_at_marrow()
        if self.running:
            self.schedule_event(
                self._assess, at=assays.next_assessment(self.time), priority=Priority.HIGH
            )

    def _look_at_marrow(self) -> None:
        self._bring_up_to_date()
        if not self.running or (
            self.record.assessments and self.record.assessments[-1].day == self.time
        ):
            return
        marrow = np.subtract(self.tissue.in_body, self.tissue.in_blood)
        blasts = marrow[LEUKEMIA]
        seen = assays.Marrow(
            blasts_by_density=blasts,
            rungs=self.tissue.rungs,
            other_cells=int(marrow.sum() - blasts.sum()),
            capacity=self.tissue.rates.voxel_capacity * self.tissue.marrow.voxels,
            blood_blasts_per_ul=self._per_ul(LEUKEMIA),
        )
        self.record.assessments.append(assays.assess(self.time, seen, self.params, self.rng))

    def _look_for_blasts(self) -> None:
        """Ask for a marrow aspirate where blasts appear in blood."""
        limit = self.params.assay.circulating_blasts_per_ul
        found = self._per_ul(LEUKEMIA) >= limit
        if found and not self._blasts_in_blood:
            self.schedule_event(self._look_at_marrow, at=self.time, priority=Priority.HIGH)
        self._blasts_in_blood = found

    # --- what is seen from outside ----------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Return the simulated living cells by kind, exact."""
        kinds = {"leukemia": LEUKEMIA, "car_t": CAR_T, "b_cell": B_CELLS, "myeloid": MYELOID}
        return {kind: sum(self.tissue.in_body[states]) for kind, states in kinds.items()}

    @property
    def agents(self) -> Any:
        """The living agents (groups of cells) as a read-only Mesa agent set."""
        return CellAgents.of(self, self.tissue.cells, self.tissue.rungs)

    @property
    def grid(self) -> OrthogonalVonNeumannGrid:
        """The marrow as a Mesa grid, with its property layers."""
        return self.tissue.marrow.grid

    @property
    def series(self) -> pd.DataFrame:
        """The record: a row per tick to day 60, per day after."""
        return self.record.series()

    @property
    def treatments(self) -> list[tuple[float, str]]:
        """What was given, and on which day."""
        return [(given.day, given.name) for given in self.record.treatments]

    def outcomes(self) -> dict[str, Any]:
        """Return the outcomes so far, a plain dict of the published columns."""
        counts, died, fraction = self.counts(), self.record.death_day, self._fraction
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
            twin.rng = np.random.default_rng(_seed_of(rng))
            twin.tissue.rng = twin.rng
        return twin

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

    # --- small measures ---------------------------------------------------------------------------

    def _body(self, states: slice) -> float:
        """Return the cells of some states in the whole body."""
        return sum(self.tissue.in_body[states]) / self._fraction

    def _per_ul(self, states: slice) -> float:
        """Return the density of some states in blood, cells/uL."""
        return sum(self.tissue.in_blood[states]) / self.tissue.marrow.blood_ul

    def _white_cells(self) -> float:
        return self.tissue.recovery.white_cells_per_ul(self.time)

    def _copies_per_ug(self) -> float:
        car_t = self._per_ul(CAR_T)
        return assays.copies_per_ug(car_t, self._white_cells(), self.params)


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

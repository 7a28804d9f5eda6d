"""A patient's course: the kernel runs from event to event, care is asked at each, all is noted."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import is_
from typing import Any, Protocol

import numpy as np

from tcellabm.body import capacity_cells
from tcellabm.clinic import assays, drugs, physiology
from tcellabm.clinic.care import Bedside, policy_of
from tcellabm.clinic.dosing import Ward, schedule_of
from tcellabm.clinic.outcomes import in_remission
from tcellabm.clinic.record import Draw, Record, Treatment
from tcellabm.identity import Streams
from tcellabm.kernels import course as kernel
from tcellabm.kernels import layout
from tcellabm.kernels.bedside import Cns, Signs
from tcellabm.kernels.drugs import Drugs
from tcellabm.kernels.jit import machine_code
from tcellabm.kernels.records import as_lists, like, packed
from tcellabm.params import Parameters
from tcellabm.units import HOURS_PER_DAY

LEUKEMIA = slice(layout.LEUKEMIA, layout.B_CELL)
B_CELLS = slice(layout.B_CELL, layout.MEMORY)
# Ticks stay short that long after a treatment: what it sets off acts within hours.
ALERT_DAYS = {"car_t": 28.0} | dict.fromkeys(drugs.DRUGS, 7.0)
ROUNDING = 1e-9  # of a number of rounds
HOMING_DAYS = 0.5  # infused cells pass from blood to marrow within hours


class Tissue(Protocol):
    """The living part of a patient, as `biology.tissue` has it."""

    rng: np.random.Generator
    state: layout.State
    law: layout.Law
    work: layout.Work | None
    rungs: np.ndarray
    room: layout.Room

    @property
    def blood_ul(self) -> float: ...  # noqa: D102
    def make_room(self) -> None: ...  # noqa: D102
    def infuse(self, dose: float) -> None: ...  # noqa: D102
    def per_ul(self, states: slice) -> float: ...  # noqa: D102


class Course:
    """Follows one patient on the clinic's side; `bring_to` moves it on.

    Parameters
    ----------
    params : Parameters
        With the patient's covariates.
    tissue : Tissue
        Cells and cytokines on day 0.
    streams : Streams
        Of it those of assays, death and fever.

    Attributes
    ----------
    now : kernels.course.Course
        Drugs, bedside, CNS and clock at the end of the last tick.
    record : Record
        What was observed so far.
    """

    def __init__(self, params: Parameters, tissue: Tissue, streams: Streams) -> None:
        """Start before the infusion; `params` hold the patient's covariates."""
        self._params, self._tissue = params, tissue
        self._assay_entropy = streams.assays
        self.record = Record(infections=physiology.infections(params, streams.fever))
        self._packed_rules = packed(_rules(params, tissue))
        self._look_in()
        self.now = _first(params, self.rules, physiology.thresholds(streams.death))
        self._asked = 0.0  # when care was asked last
        self._look_again = math.inf  # when the dosing schedule is asked next, whatever happens

    def _look_in(self) -> None:
        """Take a view of the rules; the kernel's machine code is for tables not seen yet."""
        self.rules: kernel.Rules = self._packed_rules[0]
        self._tables: tuple[Any, ...] = (None, None, None)
        self._code: Callable[..., kernel.Course] = kernel.run

    def begin(self) -> None:
        """Assess the marrow, infuse, and look at the patient, all on day 0."""
        self.assess(0.0)
        self.administer(0.0, "car_t", self.share_due(0.0) * self.labelled("car_t"))
        self.note_row()
        self.ask_care(0.0)

    # --- time -------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the patient lives."""
        return self.now.cause == kernel.ALIVE

    def bring_to(self, day: float) -> None:
        """Run all ticks that end by `day`, and ask care on the way.

        Raises
        ------
        InputError
            More agents than `resolution.max_agents`.
        """
        while self.alive:
            planned = self._next_stop()
            stop = min(day, planned)
            if self.now.due <= stop and self._run(stop):
                self._notice()
            elif self.now.due > stop:
                if planned > day:
                    return
                self._make_rounds(planned)

    def _run(self, until: float) -> bool:
        """Run the kernel; tell whether it met something to notice."""
        before, tissue = self.now.day, self._tissue
        tissue.make_room()
        self.record.make_room()
        tables = state, chart, work = tissue.state, self.record.chart, tissue.work
        given = (tissue.rng, until, state, self.now, self._packed_rules, chart, work)
        if not all(map(is_, tables, self._tables)):
            self._tables, self._code = tables, machine_code(kernel.run, *given)
        self.now = self._code(*given)
        return self.now.day > before and self.now.changed

    def _next_stop(self) -> float:
        """Return when care or the dosing schedule is asked next if nothing changes."""
        return min(self._look_again, self._next_round())

    def _next_round(self) -> float:
        """Return when the next round is; never while there is neither CRS nor ICANS."""
        signs, hours = self.now.signs, self._params.care.round_hours
        if not signs.needs.fever and signs.icans == 0:
            return math.inf
        asked = max(self._asked, self.now.day) * HOURS_PER_DAY / hours
        return (math.floor(asked + ROUNDING) + 1) * hours / HOURS_PER_DAY

    def _make_rounds(self, day: float) -> None:
        if day == self._look_again:
            self._look_again = math.inf
        self.ask_care(day)

    def _notice(self) -> None:
        """Act on what has changed in the last tick: a death, blasts in blood, signs."""
        if not self.alive:
            self.record.death_day = self.now.died
            self.record.death_cause = physiology.CAUSES[self.now.cause]
            return
        if self.now.appeared:
            self.assess(self.now.day)
        self.ask_care(self.now.day)

    # --- saving -----------------------------------------------------------------------------------

    def saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what there is beside constants: values as JSON has them, and arrays."""
        record, chart = self.record, self.record.chart
        values = {
            "now": as_lists(self.now),
            "asked": self._asked,
            "look_again": self._look_again,
            "assays": self._assay_entropy,
            "death": [record.death_day, record.death_cause],
            "draws": [list(one) for one in record.draws],
            "assessments": [list(one) for one in record.assessments],
            "treatments": [list(one) for one in record.treatments],
        }
        return values, {"rows": chart.rows[: len(record)], "infections": chart.infections}

    def put_back(self, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take what was saved.

        Raises
        ------
        ValueError, KeyError, TypeError
            It is not of a course.
        """
        self.now = like(self.now, values["now"])
        self._asked, self._look_again = float(values["asked"]), float(values["look_again"])
        self._assay_entropy = int(values["assays"])
        self.record = Record.of(values, arrays)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a copy takes of its own."""
        own = ("rules", "_tables", "_code")
        return {name: part for name, part in self.__dict__.items() if name not in own}

    def __setstate__(self, parts: dict[str, Any]) -> None:
        """Look into its own rules."""
        self.__dict__.update(parts)
        self._look_in()

    def redraw(self, streams: Streams, day: float) -> None:
        """Resample, from a day on, what chance decides outside of cells."""
        self._assay_entropy = streams.assays
        begun = self.record.chart.infections[self.record.chart.infections <= day]
        coming = physiology.infections(self._params, streams.fever, day)
        chart = self.record.chart._replace(infections=np.concatenate([begun, coming]))
        self.record.chart = chart
        self.now = self.now._replace(left=physiology.thresholds(streams.death))

    # --- care -------------------------------------------------------------------------------------

    def ask_care(self, day: float) -> None:
        """Let the clinician act on what is seen; what is ordered is given at once."""
        self._asked, policy = day, policy_of(self._params)
        for treatment in policy(self._bedside(day), self._params):
            self.administer(day, *self.dose(treatment))
        self.ask_dosing(day)

    def _bedside(self, day: float) -> Bedside:
        needs, record = self.now.signs.needs, self.record
        return Bedside(
            day=day,
            blood_pressure_need=needs.blood_pressure,
            oxygen_need=needs.oxygen,
            tocilizumab_days=record.days_of("tocilizumab"),
            corticosteroid_days=record.days_of("corticosteroid"),
            anakinra_days=record.days_of("anakinra"),
            need_hours=self.now.body.need_hours,
            critical_hours=self.now.body.critical_hours,
            fever_hours=self.now.body.fever_hours,
            in_crs=needs.fever,
            icans_grade=self.now.signs.icans,
            blast_share=record.assessments[0].blast_share,
        )

    def ask_dosing(self, day: float) -> None:
        """Infuse what the dosing schedule asks for now."""
        if cells := self.share_due(day) * self.labelled("car_t"):
            self.administer(day, "car_t", cells)

    def share_due(self, day: float) -> float:
        """Return the share of the dose that the dosing schedule wants infused now."""
        assessments = self.record.assessments
        started_low = assessments[0].blast_share < self._params.assay.remission_blast_share
        ward = Ward(
            day=day,
            in_crs=self.now.signs.needs.fever,
            infusion_days=self.record.days_of("car_t"),
            b_cells_per_ul=self._tissue.per_ul(B_CELLS),
            in_remission=in_remission(assessments[-1], started_low, self._params),
        )
        return schedule_of(self._params)(ward, self._params)

    def dose(self, treatment: str) -> tuple[str, float]:
        """Return what a treatment gives and how much: cells of the body, or mg of a drug."""
        product, patient = self._params.product, self._params.patient
        if treatment == "car_t":
            return treatment, product.dose_cells_per_kg * patient.weight_kg
        return drugs.dose(treatment, self._params)

    def labelled(self, treatment: str) -> float:
        """Return one dose as labelled: cells of the body, or mg."""
        return self.dose(treatment)[1]

    def administer(self, day: float, treatment: str, amount: float) -> None:
        """Give something; it acts from the last tick on, and the next comes sooner.

        Parameters
        ----------
        day : float
            Day after infusion.
        treatment : str
            `car_t`, or a drug.
        amount : float
            Cells of the body, or mg; 0 is noted and does nothing.
        """
        self.record.treatments.append(Treatment(day, treatment, amount))
        if amount == 0.0:
            return
        alert = max(self.now.alert_until, day + ALERT_DAYS[treatment])
        now = self.now._replace(alert_until=alert)
        if treatment == "car_t":
            self._tissue.infuse(amount)
            now = now._replace(homing_until=day + HOMING_DAYS)
            self._look_again = day + self._params.dosing.interval_days
        else:
            given = drugs.given(now.drugs, treatment, amount, self._params)
            now = now._replace(drugs=given)
        self.now = kernel.planned(now, day, self.rules.clock)

    # --- what is seen -----------------------------------------------------------------------------

    @property
    def cerebral_edema(self) -> bool:
        """Whether the injury of the CNS is of its worst form."""
        return bool(self.now.cns.injury >= self.rules.cns.edema_injury)

    def concentration(self, drug: str) -> float:
        """Return the concentration of an antibody or antagonist in serum, ug/mL."""
        if drug == "tocilizumab":
            return float(self.now.drugs.tocilizumab_mg.x / self.rules.drugs.tocilizumab.volume_l)
        return float(self.now.drugs.anakinra_mg / self.rules.drugs.anakinra.volume_l)

    def note_row(self) -> None:
        """Note this moment in the series."""
        self.record.make_room()
        kernel.write_row(self._tissue.state, self.now, self.rules, self.record.chart)

    def draw_blood(self, day: float) -> None:
        """Take a blood sample."""
        copies = kernel.sampled_copies(self._tissue.state, day, self._packed_rules)
        self.record.draws.append(Draw(day, copies))

    def assess(self, day: float) -> None:
        """Take a marrow aspirate, unless there was one at this moment."""
        taken = self.record.assessments
        if taken and taken[-1].day == day:
            return
        state = self._tissue.state
        marrow = state.body - state.blood
        blasts = marrow[LEUKEMIA]
        marrow = assays.Marrow(
            blasts_by_density=blasts,
            rungs=self._tissue.rungs,
            other_cells=int(marrow.sum() - blasts.sum()),
            capacity=capacity_cells(self._params) * self._params.resolution.represented_fraction,
            blood_blasts_per_ul=self._tissue.per_ul(LEUKEMIA),
        )
        chance = assays.chance(self._assay_entropy, day)
        taken.append(assays.assess(day, marrow, self._params, chance))


def _first(
    params: Parameters, rules: kernel.Rules, left: tuple[float, float, float]
) -> kernel.Course:
    """Return the course before anything has happened: no signs, and ticks as after an infusion."""
    course = kernel.Course(
        day=0.0,
        due=0.0,
        halvings=0,
        drugs=Drugs(),
        body=physiology.healthy_body(params),
        cns=Cns(),
        signs=Signs(),
        left=left,
        homing_until=HOMING_DAYS,
        alert_until=ALERT_DAYS["car_t"],
    )
    return kernel.planned(course, 0.0, rules.clock)


def _rules(params: Parameters, tissue: Tissue) -> kernel.Rules:
    time, resolution = params.time, params.resolution
    return kernel.Rules(
        law=tissue.law,
        drugs=drugs.drug_laws(params),
        body=physiology.body_law(params),
        cns=physiology.cns_law(params),
        clock=kernel.ClockLaw(time.tick_halvings, time.slow_tick_halvings, time.change_per_tick),
        fate=physiology.fate_law(params),
        blood=kernel.BloodLaw(
            ul=tissue.blood_ul,
            fraction=resolution.represented_fraction,
            copies_per_share=params.assay.cells_per_ug * params.product.copies_per_cell,
            blasts_per_ul=params.assay.circulating_blasts_per_ul,
        ),
        infection_days=params.physiology.neutropenic_fever_days,
        room=tissue.room,
        most_agents=resolution.max_agents,
    )

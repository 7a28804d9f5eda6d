"""Two patients who are one until only one of them is treated; any day of theirs can be gone to."""

from __future__ import annotations

from tcellabm.app.plan import ARMS, DAYS_PER_STEP, DOSE, Plan, Treatment, on_grid
from tcellabm.app.thinned import Thinned
from tcellabm.model import TumorTCellModel

MOST_CHECKPOINTS = 48
CHECKPOINT_SPACING = 0.03


class Twins:
    """Your patient and the twin, driven by a plan: the state is a function of plan and day.

    Attributes
    ----------
    plan : Plan
        What both get, and when.
    day : float
        The day reached; both are at it.
    dose_per_kg : float
        The dose drawn for this patient, cells/kg.
    """

    def __init__(self, plan: Plan) -> None:
        """Draw the patient of a plan, at day 0."""
        self.plan = plan
        self._start()

    def _start(self) -> None:
        params = self.plan.params()
        first = TumorTCellModel(params, rng=self.plan.seed)
        self.covariates = dict(first.patient.covariates)
        self.dose_per_kg = self.covariates[DOSE]
        self.day = 0.0
        doses = tuple(self._dose_of_day_0(arm) for arm in ARMS)
        if doses[0] == doses[1]:
            doses = doses[:1]
        self._arms = [
            TumorTCellModel(
                params if dose is None else params.replace({DOSE: dose}), self.plan.seed
            )
            for dose in doses
        ]
        # one patient, or two once they differ
        self._kept: Thinned[tuple[TumorTCellModel, ...]] = Thinned(
            MOST_CHECKPOINTS, CHECKPOINT_SPACING
        )
        self._kept.offer(0.0, self._copy)

    def _dose_of_day_0(self, arm: str) -> float | None:
        """Return the dose that an arm gets as the model starts; None for the one drawn."""
        given = [t for t in self._given_to(arm) if t.name == "car_t" and t.day == 0.0]
        return given[0].per_kg if given else 0.0

    def _given_to(self, arm: str) -> list[Treatment]:
        return [t for t in self.plan.treatments if t.concerns(arm)]

    # --- time -----------------------------------------------------------------------------------

    @property
    def apart(self) -> bool:
        """Whether the two differ by now."""
        return len(self._arms) == 2

    @property
    def arms(self) -> tuple[TumorTCellModel, TumorTCellModel]:
        """Your patient, and the twin: the same object while nothing sets them apart."""
        return self._arms[0], self._arms[-1]

    @property
    def ended(self) -> bool:
        """Whether the last day is reached, or nobody is alive."""
        return self.day >= self.plan.days or not any(arm.running for arm in self._arms)

    def advance(self, to: float) -> None:
        """Run both to a day, giving what is planned when it is due."""
        to = min(to, self.plan.days)
        while self.day < to:
            self._give_due()
            later = [t.day for t in self.plan.treatments if t.day > self.day]
            self._run(min([to, *later, self._next_kept()]))
            self._kept.offer(self.day, self._copy)

    def _give_due(self) -> None:
        due = [t for t in self.plan.treatments if t.day == self.day]
        if not self.apart and any(not t.concerns(ARMS[1]) for t in due):
            self._arms.append(self._arms[0].fork())
        for treatment in due:
            for arm, model in zip(ARMS, self._arms, strict=False):
                if treatment.concerns(arm) and not self._is_start(treatment, arm):
                    self._give(model, treatment)

    def _is_start(self, treatment: Treatment, arm: str) -> bool:
        """Tell whether the model gives this by itself, as its infusion of day 0."""
        if treatment.name != "car_t" or treatment.day > 0.0:
            return False
        return treatment is next(t for t in self._given_to(arm) if t.name == "car_t")

    def _give(self, model: TumorTCellModel, treatment: Treatment) -> None:
        if not model.running:
            return
        cells = None
        if treatment.name == "car_t":
            per_kg = self.dose_per_kg if treatment.per_kg is None else treatment.per_kg
            cells = per_kg * model.patient.weight_kg
        model.give(treatment.name, cells=cells)

    def _run(self, day: float) -> None:
        for model in self._arms:
            if model.running:
                model.run_until(day)
        self.day = day

    # --- going back -----------------------------------------------------------------------------

    def _copy(self) -> tuple[TumorTCellModel, ...]:
        return tuple(model.fork() for model in self._arms)

    def _next_kept(self) -> float:
        """Return the first moment of the grid after now at which the state will be kept."""
        return max(on_grid(self._kept.next_day) + DAYS_PER_STEP, self.day + DAYS_PER_STEP)

    def seek(self, day: float) -> None:
        """Go to any day, from the last state kept before it."""
        day = min(max(day, 0.0), self.plan.days)
        if day < self.day:
            self._return_to(day)
        self.advance(day)

    def _return_to(self, day: float) -> None:
        """Go back to the last state kept at or before a day, and forget what came after."""
        self._kept.forget_after(day)
        self.day, arms = self._kept.last()
        self._arms = [model.fork() for model in arms]

    def give(self, treatment: Treatment) -> None:
        """Give something today; what was planned for later is dropped."""
        self.plan = self.plan.give(treatment)
        if treatment.day == 0.0:
            self._start()  # what day 0 gives is given as the model starts

"""ICANS: what IL-1 and IL-6 do once they are in the CNS, later and longer than in blood.

Tocilizumab, an antibody, does not reach the CNS: IL-6 that it keeps in the serum still enters.
Anakinra does. A physiological proxy: grades are thresholds of one injury, not an examination.
"""

from tcellabm.clinic.physiology import passed, signal
from tcellabm.params import Parameters


class Neurotoxicity:
    """The CNS of one patient; `advance` moves it by a tick.

    Attributes
    ----------
    il6, il1 : float
        Exposure of the CNS, as the serum level that would keep it up, pg/mL.
    injury : float
        What they have done, in the unit of the signal that causes it.
    """

    def __init__(self, params: Parameters) -> None:
        """Start healthy; `params` hold the patient's covariates."""
        self._params, self._body = params.neurotoxicity, params.physiology
        self._sensitivity = params.patient.neuro_sensitivity
        cytokines = params.cytokines
        self._normal = (cytokines.il6.baseline_pg_per_ml, cytokines.il1.baseline_pg_per_ml)
        self.il6, self.il1 = self._normal
        self.injury = 0.0

    def advance(self, dt: float, il6: float, il1: float, il1_free: float) -> None:
        """Follow the serum for `dt` days.

        Parameters
        ----------
        il6, il1 : float
            Serum levels, blocked in the blood or not, pg/mL.
        il1_free : float
            Share of IL-1 in the CNS that anakinra leaves unblocked.
        """
        enter = passed(dt, self._params.entry_half_life_days)
        self.il6 += (il6 - self.il6) * enter
        self.il1 += (il1 - self.il1) * enter
        levels = (self.il6, self.il1 * il1_free)
        aim = signal(levels, self._normal, self._body, self._params.il1_weight)
        way = passed(dt, self._params.injury_half_life_days)
        self.injury += (self._sensitivity * aim - self.injury) * way

    @property
    def grade(self) -> int:
        """ASTCT grade, 0-4; grade 5, death by it, is given by the model."""
        p = self._params
        limits = (p.grade_1_injury, p.grade_2_injury, p.grade_3_injury, p.grade_4_injury)
        return sum(self.injury >= limit for limit in limits)

    @property
    def cerebral_edema(self) -> bool:
        """Whether the injury is of its worst form."""
        return self.injury >= self._params.edema_injury

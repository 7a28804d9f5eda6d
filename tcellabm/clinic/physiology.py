"""From cytokine signal to fever, blood pressure, oxygen: physiological proxies, not physiology."""

import math

from tcellabm.clinic.grading import Needs
from tcellabm.params import Parameters
from tcellabm.params.clinic import Physiology as PhysiologyParameters

HOURS_PER_DAY = 24.0
NO_NEEDS = Needs(False, False, 0, 0)


def hill(level: float, half: float, exponent: float) -> float:
    """Return level^n / (level^n + half^n)."""
    if level <= 0.0:
        return 0.0
    return 1.0 / (1.0 + (half / level) ** exponent)


def signal(
    levels: tuple[float, float],
    normal: tuple[float, float],
    params: PhysiologyParameters,
    il1_weight: float,
) -> float:
    """Return what a tissue makes of (IL-6, IL-1) above normal, pg/mL: a weighted sum of two Hills.

    The exponent below 1 compresses: levels vary a thousandfold between patients.
    """
    halves = (params.il6_half_pg_per_ml, params.il1_half_pg_per_ml)
    above = [
        max(0.0, hill(level, half, params.il6_hill) - hill(rest, half, params.il6_hill))
        for level, rest, half in zip(levels, normal, halves, strict=True)
    ]
    return above[0] + il1_weight * above[1]


class Physiology:
    """The bedside state of one patient; `advance` moves it by a tick.

    Attributes
    ----------
    temperature_c, crp_mg_per_l, ferritin_ng_per_ml : float
        As measured.
    leak : float
        Vascular leak, in the unit of the signal that causes it.
    fever_hours : float
        Hours of fever without a break, up to now.
    in_crs : bool
        From sustained fever until neither fever nor needs are left.
    needs : Needs
        What a grade is read off: nothing counts before a sustained fever.
    """

    def __init__(self, params: Parameters) -> None:
        """Start healthy; `params` hold the patient's covariates."""
        self._params = params.physiology
        self._sensitivity = params.patient.vascular_sensitivity
        self._baseline = {
            name: getattr(params.cytokines, name).baseline_pg_per_ml for name in ("il6", "il1")
        }
        self._myeloid_pool = params.myeloid.pool_cells
        self.temperature_c = self._params.normal_temperature_c
        self.crp_mg_per_l = self._params.crp_normal_mg_per_l
        self.ferritin_ng_per_ml = self._params.ferritin_normal_ng_per_ml
        self.leak = 0.0
        self.fever_hours = 0.0
        self.in_crs = False
        self.needs = NO_NEEDS

    def advance(
        self, dt: float, il6: float, il1: float, activated: float, infected: bool = False
    ) -> None:
        """Follow the cytokines for `dt` days.

        Parameters
        ----------
        il6, il1 : float
            Serum levels not blocked by a drug, pg/mL.
        activated : float
            Activated myeloid cells in the body.
        infected : bool
            A background neutropenic fever is under way.
        """
        p, signal = self._params, self.signal(il6, il1)
        aim = p.normal_temperature_c + p.temperature_rise_c * signal
        aim = min(max(aim, p.high_fever_c if infected else 0.0), p.highest_temperature_c)
        hours = dt * HOURS_PER_DAY
        self.temperature_c += (aim - self.temperature_c) * -math.expm1(
            -hours / p.temperature_lag_hours
        )
        self.leak += (self._sensitivity * signal - self.leak) * passed(dt, p.leak_half_life_days)
        crp = p.crp_normal_mg_per_l + p.crp_maximum_mg_per_l * hill(il6, p.crp_half_pg_per_ml, 1.0)
        self.crp_mg_per_l += (crp - self.crp_mg_per_l) * passed(hours, p.crp_half_life_hours)
        share = activated / self._myeloid_pool if self._myeloid_pool > 0.0 else 0.0
        ferritin = p.ferritin_normal_ng_per_ml + p.ferritin_maximum_ng_per_ml * hill(
            share, p.ferritin_half_share, 1.0
        )
        self.ferritin_ng_per_ml += (ferritin - self.ferritin_ng_per_ml) * -math.expm1(
            -p.ferritin_loss_per_day * dt
        )
        self._note_fever(hours)

    def signal(self, il6: float, il1: float) -> float:
        """Return what the body makes of unblocked IL-6 and IL-1 above their baselines."""
        normal = (self._baseline["il6"], self._baseline["il1"])
        return signal((il6, il1), normal, self._params, self._params.il1_weight)

    def _note_fever(self, hours: float) -> None:
        p = self._params
        feverish = self.temperature_c >= p.fever_c
        self.fever_hours = self.fever_hours + hours if feverish else 0.0
        pressure, oxygen = self.blood_pressure_need, self.oxygen_need
        sustained = self.fever_hours >= p.fever_hours
        self.in_crs = sustained or (self.in_crs and (feverish or pressure > 0 or oxygen > 0))
        high = self.temperature_c >= p.high_fever_c
        self.needs = Needs(True, high, pressure, oxygen) if self.in_crs else NO_NEEDS

    @property
    def blood_pressure_need(self) -> int:
        """0 none, 1 fluids, 2 one vasopressor, 3 high-dose or multiple vasopressors."""
        p, leak = self._params, self.leak
        return (leak >= p.fluids_leak) + (leak >= p.pressor_leak) + (leak >= p.high_pressor_leak)

    @property
    def oxygen_need(self) -> int:
        """0 none, 1 low-flow, 2 high-flow, 3 ventilation."""
        p, leak = self._params, self.leak
        return (leak >= p.low_flow_leak) + (leak >= p.high_flow_leak) + (leak >= p.ventilation_leak)


def passed(time: float, half_life: float) -> float:
    """Return the share of the way to its aim that a first-order process goes in `time`."""
    return 1.0 - 0.5 ** (time / half_life)

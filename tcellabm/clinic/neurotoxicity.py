"""ICANS: what IL-1 and IL-6 do once they are in the CNS, later and longer than in blood.

Tocilizumab, an antibody, does not reach the CNS: IL-6 that it keeps in the serum still enters.
Anakinra does. A physiological proxy: grades are thresholds of one injury, not an examination.
"""

from tcellabm.clinic.physiology import signal_law
from tcellabm.kernels.bedside import Cns, CnsLaw
from tcellabm.params import Parameters


def cns_law(params: Parameters) -> CnsLaw:
    """Return how the CNS of a patient reacts; `params` hold the patient's covariates."""
    p = params.neurotoxicity
    return CnsLaw(
        signal=signal_law(params),
        il1_weight=p.il1_weight,
        sensitivity=params.patient.neuro_sensitivity,
        entry_half_life_days=p.entry_half_life_days,
        injury_half_life_days=p.injury_half_life_days,
        grade_injuries=(p.grade_1_injury, p.grade_2_injury, p.grade_3_injury, p.grade_4_injury),
        edema_injury=p.edema_injury,
    )


def healthy_cns(params: Parameters) -> Cns:
    """Return the CNS of a patient whose cytokines are those of health."""
    cytokines = params.cytokines
    return Cns(cytokines.il6.baseline_pg_per_ml, cytokines.il1.baseline_pg_per_ml)

"""ICANS: injury of the CNS by IL-1, IFN-gamma and the leak of vessels.

IL-6 that tocilizumab keeps from its receptor has no part in it, so that tocilizumab, an antibody
that does not reach the CNS, neither helps nor harms. Anakinra enters. A physiological proxy: grades
are thresholds of one injury, not an examination.
"""

import math

from tcellabm.kernels.bedside import CnsLaw
from tcellabm.params import Parameters


def cns_law(params: Parameters) -> CnsLaw:
    """Return how the CNS of a patient reacts; `params` hold the patient's covariates."""
    p, cytokines = params.neurotoxicity, params.cytokines
    return CnsLaw(
        il1_scale=p.il1_pg_per_ml,
        ifng_scale=p.ifng_pg_per_ml,
        leak_weight=p.leak_weight,
        exponent=p.exponent,
        injury_per_day=p.injury_per_day * params.patient.neuro_sensitivity,
        repair_per_day=math.log(2.0) / p.injury_half_life_days,
        il1_normal=cytokines.il1.baseline_pg_per_ml,
        ifng_normal=cytokines.ifng.baseline_pg_per_ml,
        grade_injuries=(p.grade_1_injury, p.grade_2_injury, p.grade_3_injury, p.grade_4_injury),
        edema_injury=p.edema_injury,
    )

"""Every column of series and outcomes: name, type, unit, meaning, and the module that fills it."""

from typing import NamedTuple

import numpy as np


class Column(NamedTuple):
    """One column of a table."""

    name: str
    kind: type  # float, int, bool, str
    unit: str
    meaning: str
    filled_by: str  # the module that computes it


_COURSE, _BEDSIDE = "kernels.course", "kernels.bedside"

SERIES = (
    Column("day", float, "d", "time after infusion", _COURSE),
    Column("leukemia_cd19_positive", float, "cells", "leukemic cells with CD19, body", _COURSE),
    Column("leukemia_cd19_negative", float, "cells", "leukemic cells without, body", _COURSE),
    Column("car_t_memory", float, "cells", "memory CAR T cells, body", _COURSE),
    Column("car_t_effector", float, "cells", "effector CAR T cells, body", _COURSE),
    Column("car_t_exhausted", float, "cells", "exhausted CAR T cells, body", _COURSE),
    Column("b_cell", float, "cells", "healthy B cells, body", _COURSE),
    Column("myeloid_activated", float, "cells", "activated myeloid cells, body", _COURSE),
    Column("copies_per_ug", float, "copies/ug", "transgene in blood, per DNA", _COURSE),
    Column("il6_pg_per_ml", float, "pg/mL", "IL-6 in serum", _COURSE),
    Column("il1_pg_per_ml", float, "pg/mL", "IL-1 in serum", _COURSE),
    Column("il2_pg_per_ml", float, "pg/mL", "IL-2 in serum", _COURSE),
    Column("ifng_pg_per_ml", float, "pg/mL", "IFN-gamma in serum", _COURSE),
    Column("tocilizumab_ug_per_ml", float, "ug/mL", "tocilizumab in serum", _COURSE),
    Column("temperature_c", float, "deg C", "body temperature", _BEDSIDE),
    Column("crp_mg_per_l", float, "mg/L", "C-reactive protein", _BEDSIDE),
    Column("ferritin_ng_per_ml", float, "ng/mL", "ferritin", _BEDSIDE),
    Column("blood_pressure_need", int, "0-3", "none, fluids, one pressor, more", _BEDSIDE),
    Column("oxygen_need", int, "0-3", "none, low-flow, high-flow, ventilation", _BEDSIDE),
    Column("crs_grade_penn", int, "0-4", "CRS grade, Penn scale", "kernels.grading"),
    Column("crs_grade_astct", int, "0-4", "CRS grade, ASTCT 2019", "kernels.grading"),
    Column("crs_grade_lee", int, "0-4", "CRS grade, Lee 2014", "kernels.grading"),
    Column("icans_grade", int, "0-4", "ICANS grade, ASTCT 2019", _BEDSIDE),
)
# Kept beside the published columns, for outcomes alone.
SERIES_INTERNAL = (
    Column("b_cells_per_ul", float, "1/uL", "B cells in blood", _COURSE),
    Column("blood_blasts_per_ul", float, "1/uL", "leukemic cells in blood", _COURSE),
    Column("fever_hours", float, "h", "hours of fever without a break", _BEDSIDE),
    Column("infected", bool, "bool", "a background fever is under way", _COURSE),
    Column("cerebral_edema", bool, "bool", "CNS injury is of its worst form", _BEDSIDE),
)
SERIES_RECORD = np.dtype(
    [(column.name, np.dtype(column.kind)) for column in SERIES + SERIES_INTERNAL]
)

_OUTCOMES, _MODEL = "clinic.outcomes", "model"
_GRADE = "0-5"  # 5: death by it

OUTCOMES = (
    Column("remission", bool, "bool", "CR or CRi by month 3, confirmed 28 days later", _OUTCOMES),
    Column("remission_day", float, "d", "first assessment of that remission", _OUTCOMES),
    Column("mrd_negative", bool, "bool", "MRD-negative while in remission, by month 3", _OUTCOMES),
    Column("relapse_day", float, "d", "first assessment that shows a relapse", _OUTCOMES),
    Column("relapse_phenotype", str, "text", "cd19_positive or cd19_negative", _OUTCOMES),
    Column("cured", bool, "bool", "no leukemic cell alive at the end", _OUTCOMES),
    Column("event_free_days", float, "d", "time to the event, or to the end", _OUTCOMES),
    Column("event_free_event", bool, "bool", "no remission, relapse, or death", _OUTCOMES),
    Column("death_day", float, "d", "day of death", "kernels.course"),
    Column("death_cause", str, "text", "progression, crs or icans", "kernels.course"),
    Column("followed_days", float, "d", "length of follow-up", _MODEL),
    Column("cmax_copies_per_ug", float, "copies/ug", "highest transgene of the draws", _OUTCOMES),
    Column("cmax_cells", float, "cells", "most CAR T cells of the body, daily", _OUTCOMES),
    Column("tmax_day", float, "d", "draw of the highest transgene", _OUTCOMES),
    Column("auc_0_28", float, "copies/ug·d", "area under the draws of days 0-28", _OUTCOMES),
    Column("doubling_days", float, "d", "doubling time from the low to the peak", _OUTCOMES),
    Column("contraction_half_life_days", float, "d", "half-life in 14 d after it", _OUTCOMES),
    Column("tlast_day", float, "d", "last draw above the limit of quantification", _OUTCOMES),
    Column("b_cell_aplasia_days", float, "d", "time with few B cells in blood", _OUTCOMES),
    Column("crs_grade_penn", int, _GRADE, "worst CRS of 8 weeks, Penn scale", _OUTCOMES),
    Column("crs_grade_astct", int, _GRADE, "worst CRS of 8 weeks, ASTCT 2019", _OUTCOMES),
    Column("crs_grade_lee", int, _GRADE, "worst CRS of 8 weeks, Lee 2014", _OUTCOMES),
    Column("crs_onset_day", float, "d", "begin of the fever that opened CRS", _OUTCOMES),
    Column("crs_duration_days", float, "d", "from onset to the last day of CRS", _OUTCOMES),
    Column("icans_grade", int, _GRADE, "worst ICANS of 8 weeks, ASTCT 2019", _OUTCOMES),
    Column("icans_onset_day", float, "d", "first day of ICANS", _OUTCOMES),
    Column("icans3_day", float, "d", "first day of ICANS of grade 3 or more", _OUTCOMES),
    Column("crs_astct3_day", float, "d", "first day of CRS of ASTCT grade 3 or more", _OUTCOMES),
    Column("crs_grade_penn_whole", int, _GRADE, "worst CRS of the whole course, Penn", _OUTCOMES),
    Column("icans_grade_whole", int, _GRADE, "worst ICANS of the whole course", _OUTCOMES),
    Column("late_fever_days", float, "d", "fever after day 60, infections excluded", _OUTCOMES),
    Column("icu_days", float, "d", "time in intensive care", _OUTCOMES),
    Column("peak_il6", float, "pg/mL", "highest IL-6 in serum", _OUTCOMES),
    Column("peak_ifng", float, "pg/mL", "highest IFN-gamma in serum", _OUTCOMES),
    Column("peak_crp", float, "mg/L", "highest C-reactive protein", _OUTCOMES),
    Column("peak_temperature", float, "deg C", "highest temperature", _OUTCOMES),
    Column("tocilizumab_doses", int, "1", "doses of tocilizumab", _OUTCOMES),
    Column("steroid_doses", int, "1", "doses of corticosteroid", _OUTCOMES),
    Column("cost_usd", float, "USD", "drugs and intensive care", "clinic.cost"),
    Column("leukemic_cells_end", float, "cells", "leukemic cells of the body at the end", _MODEL),
    Column("car_t_cells_end", float, "cells", "CAR T cells of the body at the end", _MODEL),
    Column("seed", int, "1", "the recipe of the patient", _MODEL),
    Column("run_id", str, "text", "hash of parameters, seed and model version", "identity"),
)
# Beside the outcomes in `outcomes.parquet` and `patients.parquet`.
_RUNNER = "experiments.compute.runner"
RUN = (
    Column("patient", int, "1", "number of the patient", _RUNNER),
    Column("replicate", int, "1", "number of the replicate", _RUNNER),
)
FAULT = Column("error", str, "text", "why a run failed; empty if it did not", _RUNNER)


def names(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Return the names of some columns, in order."""
    return tuple(column.name for column in columns)

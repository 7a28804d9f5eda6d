"""Every column of the series, said once: name, type, unit, meaning, who fills it."""

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
    Column("cerebral_edema", bool, "bool", "CNS injury is of its worst form", _BEDSIDE),
)
SERIES_RECORD = np.dtype(
    [(column.name, np.dtype(column.kind)) for column in SERIES + SERIES_INTERNAL]
)


def names(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Return the names of some columns, in order."""
    return tuple(column.name for column in columns)

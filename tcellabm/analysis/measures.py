"""What a virtual trial gives for each published figure: one measure per row, by its id.

A measure takes a cohort and returns a number in the unit of the published row. How it is judged:
`rate` (Clopper-Pearson from n), `median` (x or / 1.5), `kinetic` (x or / 2) where no interval was
published; `sign` and `slope` rows by the margins in the file. Ids without a measure are beyond the
model; BEYOND says why.
"""

from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcellabm.analysis import survival
from tcellabm.analysis.cohort import (
    Cohort,
    geometric_cv,
    geometric_mean,
    median,
    percent,
    positive,
    where,
)
from tcellabm.params import Parameters
from tcellabm.params.own import own
from tcellabm.rules import Rule
from tcellabm.units import DAY_365

CUT_DAYS = 398.0  # median follow-up of the 2017 cut, 13.1 months (recalled)


class Measure(NamedTuple):
    """How a row is measured and judged."""

    kind: str  # rate, median, kinetic, sign, slope
    of: Callable[[Cohort], float]
    note: str = ""


def _rfs(months: float) -> Callable[[Cohort], float]:
    return lambda c: 100.0 * c.relapse_free.at(months)


def _efs(months: float) -> Callable[[Cohort], float]:
    return lambda c: 100.0 * c.event_free.at(months)


def _os(months: float) -> Callable[[Cohort], float]:
    return lambda c: 100.0 * c.overall.at(months)


def _without_transplant(c: Cohort) -> float:
    stayed = where(c.responders, np.isnan(c.responders["transplant_day"]))
    return 100.0 * survival.relapse_free(stayed).at(36.0)


def _dose_slope(c: Cohort) -> float:
    observed = (c.infused["cmax_copies_per_ug"] > 0.0) & (c.infused["dose_cells_per_kg"] > 0.0)
    if observed.sum() < 3:
        return float("nan")
    x, y = (np.log(c.infused[n][observed]) for n in ("dose_cells_per_kg", "cmax_copies_per_ug"))
    return float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 0.0 else float("nan")


def _spearman(c: Cohort) -> float:
    il6, crp = (pd.Series(c.infused[name]) for name in ("peak_il6", "peak_crp"))
    if il6.nunique() < 2 or crp.nunique() < 2:
        return float("nan")
    return float(il6.corr(crp, method="spearman"))


def _answers(c: Cohort) -> float:
    """CRS over within 14 d of the first tocilizumab, with at most two doses."""
    end = c.treated["crs_onset_day"] + c.treated["crs_duration_days"]
    soon = end - c.treated["first_tocilizumab_day"] <= 14.0
    died = c.treated["death_day"] <= c.treated["first_tocilizumab_day"] + 14.0
    return percent(soon & (c.treated["tocilizumab_doses"] <= 2) & ~died)


def _negative_relapses(c: Cohort) -> float:
    early = c.infused["relapse_day"] <= CUT_DAYS
    return percent(c.infused["relapse_phenotype"][early] == "cd19_negative")


def _longer_without_b_cells(c: Cohort) -> float:
    observed = where(c.responders, c.responders["followed_days"] >= 180.0)
    back = observed["b_cells_back_day"] <= 180.0
    return median(observed["tlast_day"][~back]) - median(observed["tlast_day"][back])


def _expansion(c: Cohort) -> float:
    cells = c.infused["dose_cells_per_kg"] * c.infused["weight_kg"]
    return geometric_mean(c.infused["cmax_cells"][cells > 0.0] / cells[cells > 0.0])


def _above(column: str, least: float, group: str = "infused") -> Callable[[Cohort], float]:
    return lambda c: percent(getattr(c, group)[column] >= least)


def _median(column: str, group: str = "infused", times: float = 1.0) -> Callable[[Cohort], float]:
    return lambda c: times * median(getattr(c, group)[column])


def _at_grades(column: str, low: int, high: int) -> Callable[[Cohort], float]:
    return lambda c: median(c.graded(low, high)[column])


def _ratio(column: str) -> Callable[[Cohort], float]:
    return lambda c: geometric_mean(c.responders[column]) / geometric_mean(c.others[column])


def _mean(column: str, group: str) -> Callable[[Cohort], float]:
    return lambda c: geometric_mean(getattr(c, group)[column])


def _late_share(column: str, in_remission_until: float = 0.0) -> Callable[[Cohort], float]:
    """Return a geometric mean over that of Cmax, of responders still in remission on a day."""

    def share(c: Cohort) -> float:
        held = ~(c.responders["relapse_day"] <= in_remission_until)
        late, peak = c.responders[column][held], c.responders[_CMAX][held]
        return geometric_mean(late) / geometric_mean(peak)

    return share


def _cv(column: str, group: str) -> Callable[[Cohort], float]:
    return lambda c: geometric_cv(getattr(c, group)[column])


_remission = Measure("rate", lambda c: percent(c.infused["remission"]))
_ELSEWHERE = "another trial or real-world patients: not the population simulated"
_NO_SALVAGE = "no treatment after relapse is modeled"
_here = _remission._replace(note=_ELSEWHERE)
_CMAX, _AUC = "cmax_copies_per_ug", "auc_0_28"
_PRESSURE, _OXYGEN = "worst_blood_pressure_need", "worst_oxygen_need"

MEASURES: dict[str, Measure] = {
    "L01": _remission,
    "L03": Measure("rate", lambda c: percent(c.responders["mrd_negative"])),
    "L05": Measure("rate", _above("crs_grade_penn", 1)),
    "L06": Measure("rate", _above("crs_grade_penn", 3)),
    "L07": Measure("rate", _above("icans_grade", 1)),
    "L10": Measure("median", _median("lymphodepletion_to_infusion_days")),
    "E01": _remission,
    "E02": Measure("rate", _rfs(6.0)),
    "E03": Measure("rate", _rfs(12.0)),
    "E04": Measure("rate", _rfs(12.0)),
    "E05": Measure("rate", _efs(6.0)),
    "E06": Measure("rate", _efs(12.0)),
    "E07": Measure("rate", _os(6.0), _NO_SALVAGE),
    "E08": Measure("rate", _os(12.0), _NO_SALVAGE),
    "E09": Measure("rate", _above("crs_grade_penn", 1)),
    "E10": Measure("rate", lambda c: percent(np.isin(c.infused["crs_grade_penn"], (3, 4)))),
    "E11": Measure("rate", _above("crs_grade_penn", 3)),
    "E12": Measure("median", _median("crs_onset_day", "crs")),
    "E13": Measure("median", _median("crs_duration_days", "crs")),
    "E14": Measure("rate", _above("tocilizumab_doses", 1)),
    "E15": Measure("rate", _above("tocilizumab_doses", 1, "crs")),
    "E16": Measure("rate", lambda c: percent(c.infused["icu_days"] > 0.0)),
    "E17": Measure("rate", _above(_PRESSURE, 3)),
    "E17b": Measure("rate", _above(_OXYGEN, 3)),
    "E18": Measure("rate", _above("icans_grade", 1)),
    "E19": Measure("rate", lambda c: percent(c.infused["icans_grade"] == 3)),
    "E20": Measure(
        "median",
        lambda c: median(np.minimum(c.responders["tlast_day"], CUT_DAYS)),
        "follow-up cut at 13 months for all",
    ),
    "E21": Measure("rate", lambda c: 100.0 * c.aplasia.at(6.0)),
    "E22": Measure("rate", _negative_relapses, "relapses within 13 months"),
    "E23": Measure("median", _median("screening_blast_share", times=100.0)),
    "E24": Measure("median", _median("dose_cells_per_kg")),
    "E25": Measure("rate", lambda c: percent(c.enrolled["infused"]), "its parts are inputs"),
    "E26": _remission,
    "E27": Measure("rate", _rfs(36.0)),
    "E29": Measure("rate", _efs(36.0)),
    "E30": Measure("rate", _os(36.0), _NO_SALVAGE),
    "E31": Measure("rate", _rfs(60.0)),
    "E32": Measure("rate", _os(60.0), _NO_SALVAGE),
    "E33": Measure("rate", _without_transplant, "responders who got no transplant"),
    "P01": Measure("rate", _above("crs_grade_penn", 1)),
    "P02": Measure("median", _median("crs_onset_day", "crs")),
    "P04": Measure("median", _median("crs_duration_days", "crs")),
    "P04b": Measure("median", _at_grades("crs_duration_days", 3, 4)),
    "P05": Measure("rate", lambda c: percent(c.crs["icu_days"] > 0.0)),
    "P05b": Measure("median", _median("icu_entry_day", "crs")),
    "P06": Measure("rate", _above("tocilizumab_doses", 1, "crs")),
    "P07": Measure("rate", _above("steroid_doses", 1, "crs")),
    "P08": Measure("rate", _above(_PRESSURE, 3, "crs")),
    "P08b": Measure("rate", _above(_OXYGEN, 3, "crs")),
    "P09": Measure("rate", lambda c: percent(c.crs["fever_days"] > 0.0)),
    "P09b": Measure("median", _median("fever_onset_day", "crs")),
    "P09c": Measure("median", lambda c: median(c.crs["fever_days"][c.crs["fever_days"] > 0.0])),
    "P10": Measure("rate", lambda c: percent(c.infused["death_day"] <= 30.0)),
    "P11": Measure("median", _median("enrollment_to_infusion_days")),
    "P12": Measure("rate", lambda c: percent(c.enrolled["infused"]), _ELSEWHERE),
    "P13": _here,
    "K02": Measure("median", _median("tmax_day")),
    "K03": Measure("kinetic", _mean(_CMAX, "infused")),
    "K04": Measure("kinetic", _mean("doubling_days", "infused")),
    "K05": Measure("kinetic", _mean("contraction_half_life_days", "infused")),
    "K06": Measure("kinetic", _mean("terminal_half_life_days", "responders")),
    "K10": Measure("rate", _above("tocilizumab_doses", 1)),
    "K10b": Measure("median", _median("first_tocilizumab_day", "treated")),
    "K11": Measure("kinetic", _ratio(_CMAX)),
    "K12": Measure("kinetic", _ratio(_AUC)),
    "K13": Measure("kinetic", _mean(_CMAX, "responders")),
    "K13b": Measure("kinetic", _cv(_CMAX, "responders")),
    "K14": Measure("kinetic", _mean(_CMAX, "others")),
    "K14b": Measure("kinetic", _cv(_CMAX, "others")),
    "K15": Measure("kinetic", _mean(_AUC, "responders")),
    "K15b": Measure("kinetic", _cv(_AUC, "responders")),
    "K16": Measure("kinetic", _mean(_AUC, "others")),
    "K16b": Measure("kinetic", _cv(_AUC, "others")),
    "K17": Measure("median", _median("tmax_day", "responders")),
    "K23": Measure("slope", _dose_slope, "by a margin: few patients bound a slope loosely"),
    "K24": Measure("kinetic", _expansion),
    "K27": Measure("sign", _longer_without_b_cells),
    "K28": Measure("kinetic", _late_share("copies_day_60")),
    "K29": Measure("kinetic", _late_share("copies_day_180", in_remission_until=180.0)),
    "K30": Measure("rate", _above("steroid_doses", 1)),
    "P14": Measure("rate", lambda c: percent(c.treated["tocilizumab_doses"] == 1)),
    "P15": Measure("median", lambda c: median(positive(c.crs["icu_days"]))),
    "P16": Measure("median", lambda c: median(positive(c.crs["ventilated_days"]))),
    "P17": Measure("rate", _above(_PRESSURE, 1, "crs")),
    "P17b": Measure("rate", _above(_OXYGEN, 1, "crs")),
    "C01": Measure("rate", _above("crs_grade_penn", 4), _ELSEWHERE),
    "C05": Measure("median", _at_grades("peak_il6", 0, 3)),
    "C06": Measure("median", _at_grades("peak_il6", 4, 5)),
    "C07": Measure(
        "median",
        lambda c: median(c.graded(4, 5)["peak_ifng"]) / median(c.graded(0, 3)["peak_ifng"]),
    ),
    "C08": Measure("median", _at_grades("peak_ferritin", 0, 3)),
    "C08b": Measure("median", _at_grades("peak_ferritin", 4, 5)),
    "C09": Measure("median", _at_grades("peak_crp", 0, 3)),
    "C09b": Measure("median", _at_grades("peak_crp", 4, 5)),
    "C10": Measure("sign", _spearman),
    "C12": Measure("rate", lambda c: percent(np.isin(c.infused["crs_grade_penn"], (3, 4)))),
    "C12b": Measure("rate", _above(_PRESSURE, 2)),
    "C12c": Measure("rate", _above(_OXYGEN, 3)),
    "C13": Measure("rate", _answers, "of all given tocilizumab"),
    "C14": Measure(
        "median",
        lambda c: median(c.treated["first_tocilizumab_day"] - c.treated["crs_onset_day"]),
    ),
    "C15": Measure("median", _median("fever_after_tocilizumab_hours", "treated")),
    "C16": Measure("sign", _median("il6_after_over_before", "treated")),
    "C20": Measure("median", _median("il6_peak_day", "crs")),
    "D01": Measure("median", lambda c: 100.0 * float(np.mean(c.enrolled["net_growth_per_day"]))),
    "D02": Measure("median", lambda c: median(c.enrolled["screening_burden"])),
    "D16": Measure("median", lambda c: median(c.enrolled["manufacture_days"])),
    "H01": _here,
    "H03": _here,
    "H03b": Measure("rate", _rfs(12.0), _ELSEWHERE),
    "H03c": Measure("rate", _os(12.0), f"{_ELSEWHERE}; {_NO_SALVAGE}"),
    "H03d": Measure("rate", _rfs(24.0), _ELSEWHERE),
    "H03e": Measure("rate", _os(24.0), f"{_ELSEWHERE}; {_NO_SALVAGE}"),
    "H04": Measure("rate", lambda c: percent(c.infused["crs_grade_astct"] == 0), _ELSEWHERE),
    "H04b": Measure(
        "rate", lambda c: percent(np.isin(c.infused["crs_grade_astct"], (1, 2))), _ELSEWHERE
    ),
    "H04c": Measure("rate", _above("crs_grade_astct", 3), _ELSEWHERE),
}


def _early_relapses(c: Cohort) -> float:
    """Of relapses within five years, those within 24 months of remission."""
    after = c.responders["relapse_day"] - c.responders["remission_day"]
    return percent(after[after <= 5 * DAY_365] <= 2 * DAY_365)


# What the goals of a trial ask for beside published rows.
FURTHER: dict[str, Measure] = {
    "early_relapses": Measure("rate", _early_relapses),
    "cmax_cv": Measure("kinetic", _cv(_CMAX, "infused")),
}

_NO_NUMBER = "no number to compare with"
BEYOND: dict[str, str] = {
    "L02": "CR and CRi cannot be distinguished: no hematopoiesis is modeled",
    "L04": _NO_NUMBER,
    "L08": "a bound of the protocol: the population keeps to it",
    "L09": "a bound of the protocol: the pathway keeps to it",
    "E17c": "no kidneys are modeled",
    "E28": "the model follows nobody after a transplant",
    "P08c": "no kidneys are modeled",
    "K01": "relative to an extrapolated level on day 0, not to the cells infused",
    "K07": "a share of a fitted curve, not of cells",
    "K08": "a comparison within patients: see `tcellabm counterfactuals`",
    "K09": "a comparison within patients that the trial does not make",
    "K20": "marrow is not assayed for transgene",
    "K26": _NO_NUMBER,
    "C02": "24 analytes were measured; the model has four",
    "C03": "prediction from early values is not studied here",
    "C04": "the analytes are not modeled",
    "C11": "severe was defined otherwise there",
    "C17": "built into the model: no evidence for it",
    "C18": "built into the model: no evidence for it",
    "D03": "a definition",
    "D04": _NO_NUMBER,
    "D15": "another country's way to infusion",
    "P18": "built into the policy `eliana`: no evidence for it",
    "K31": "another product",
    "C22": "patients without measurable disease: see `tcellabm counterfactuals`",
    "C23": "a comparison that the trial does not make: see `tcellabm counterfactuals`",
    "C24": "adults, other products",
    "C25": "a choice of dose",
    "C26": "adults with lymphoma",
    "H33": "another product: `scenarios/myeloma.toml`",
    "H34": "another product: `scenarios/myeloma.toml`",
    "H35": "cells of a donor: see `tcellabm counterfactuals` for lymphodepletion",
    "H36": "an input of the policy `eliana`",
    "H17": "another schedule: `dosing.schedule = fractionated`",
    "H28": "another product: `products/obe_cel.toml`",
}


def own_measures(params: Parameters) -> dict[str, Measure]:
    """Return the measures of one's own that parameters name, by id."""
    return {
        rule.facts["id"]: Measure(rule.facts["judged"], _number(rule), rule.name)
        for rule in own(params.rules).of("measure")
    }


def _number(rule: Rule) -> Callable[[Cohort], float]:
    def measured(cohort: Cohort) -> float:
        value = rule(cohort)
        if not isinstance(value, Real):
            raise rule.refuse(value, "a number")
        return float(value)

    return measured

"""Two tables of runs compared patient by patient: differences with intervals, and who changed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcellabm.analysis.fates import fates
from tcellabm.analysis.summary import SEVERE_PENN, in_remission_at_a_year

RESAMPLES = 1000
SHARE, MEAN, RATIO = "share", "mean", "ratio"
_MOST_NUMBERS = 20_000_000  # of one block of resamples
Values = Callable[[pd.DataFrame], pd.Series]


class Measure(NamedTuple):
    """What is compared.

    Attributes
    ----------
    label : str
        In words, with its unit.
    kind : str
        SHARE and MEAN are compared by difference, RATIO by the quotient of geometric means.
    of : callable
        Runs -> a number per run, NaN where there is none.
    needs : str
        A column of tables that have it.
    """

    label: str
    kind: str
    of: Values
    needs: str


def _column(name: str) -> Values:
    return lambda runs: runs[name].astype(float)


def _severe(name: str) -> Values:
    return lambda runs: (runs[name] >= SEVERE_PENN).astype(float)


def _happened(name: str) -> Values:
    return lambda runs: runs[name].notna().astype(float)


MEASURES = {
    "remission": Measure("remission (CR or CRi)", SHARE, _column("remission"), "remission"),
    "remission_365": Measure(
        "in remission on day 365", SHARE, in_remission_at_a_year, "followed_days"
    ),
    "mrd_negative": Measure("MRD-negative", SHARE, _column("mrd_negative"), "mrd_negative"),
    "relapsed": Measure("relapsed", SHARE, _happened("relapse_day"), "relapse_day"),
    "died": Measure("died", SHARE, _happened("death_day"), "death_day"),
    "severe_crs": Measure(
        "severe CRS (Penn 3 or more)", SHARE, _severe("crs_grade_penn"), "crs_grade_penn"
    ),
    "severe_icans": Measure(
        "severe ICANS (3 or more)", SHARE, _severe("icans_grade"), "icans_grade"
    ),
    "crs_grade_penn": Measure(
        "CRS grade (Penn)", MEAN, _column("crs_grade_penn"), "crs_grade_penn"
    ),
    "icans_grade": Measure("ICANS grade", MEAN, _column("icans_grade"), "icans_grade"),
    "icu_days": Measure("days in intensive care", MEAN, _column("icu_days"), "icu_days"),
    "tocilizumab_doses": Measure(
        "tocilizumab, doses", MEAN, _column("tocilizumab_doses"), "tocilizumab_doses"
    ),
    "event_free_days": Measure(
        "event-free days", MEAN, _column("event_free_days"), "event_free_days"
    ),
    "b_cell_aplasia_days": Measure(
        "B-cell aplasia, days", MEAN, _column("b_cell_aplasia_days"), "b_cell_aplasia_days"
    ),
    "cmax_copies_per_ug": Measure(
        "Cmax, copies/µg", RATIO, _column("cmax_copies_per_ug"), "cmax_copies_per_ug"
    ),
    "peak_il6": Measure("peak IL-6, pg/mL", RATIO, _column("peak_il6"), "peak_il6"),
}


@dataclass(frozen=True)
class Pairs:
    """Runs of the same patient at the same point in two tables.

    Attributes
    ----------
    a, b : DataFrame
        Runs; rows of the same number are a pair.
    points : DataFrame
        A row per pair: the axes that both have by name, those of one alone with `A ` or `B `
        before their names.
    """

    a: pd.DataFrame
    b: pd.DataFrame
    points: pd.DataFrame

    @property
    def keys(self) -> list[str]:
        """Columns that tell points apart."""
        return list(self.points.columns)

    @cached_property
    def point(self) -> np.ndarray:
        """The number of each pair's point, in the order in which they come."""
        if not self.keys:
            return np.zeros(len(self.points), np.int64)
        number: np.ndarray = self.points.groupby(self.keys, sort=False, dropna=False).ngroup()
        return np.asarray(number)

    @cached_property
    def patient(self) -> np.ndarray:
        """The number of each pair's patient."""
        return np.unique(self.a["seed"].to_numpy(), return_inverse=True)[1]

    @property
    def measures(self) -> list[str]:
        """What both tables can be compared by."""
        return [
            name
            for name, measure in MEASURES.items()
            if measure.needs in self.a and measure.needs in self.b
        ]


def pair(a: pd.DataFrame, keys_a: Sequence[str], b: pd.DataFrame, keys_b: Sequence[str]) -> Pairs:
    """Pair runs by seed and by the axes that both tables have.

    Each value of an axis that only one has is compared with all of the other.

    Parameters
    ----------
    a, b : DataFrame
        A row per run.
    keys_a, keys_b : sequence of str
        Their axes.

    Returns
    -------
    Pairs
        In the order of `a`, then of `b`.
    """
    shared = [key for key in keys_a if key in keys_b]
    by = ["seed", *shared]
    left = a[by].assign(place_a=np.arange(len(a)))
    right = b[by].assign(place_b=np.arange(len(b)))
    both = left.merge(right, on=by, how="inner").sort_values(["place_a", "place_b"])
    own_a = a.iloc[both["place_a"]].reset_index(drop=True)
    own_b = b.iloc[both["place_b"]].reset_index(drop=True)
    points = {key: own_a[key] for key in shared}
    points |= {f"A {key}": own_a[key] for key in keys_a if key not in shared}
    points |= {f"B {key}": own_b[key] for key in keys_b if key not in shared}
    return Pairs(own_a, own_b, pd.DataFrame(points, index=own_a.index))


def differences(pairs: Pairs, seed: int = 1) -> pd.DataFrame:
    """Return what differs from A to B, over all points and at each.

    Parameters
    ----------
    pairs : Pairs
        At least one.
    seed : int
        Of the resampling.

    Returns
    -------
    DataFrame
        `at` (`all`, or `point`), the keys (NaN over all), `measure`, `patients`, `pairs` (of which
        both have a value), `a`, `b` (means, of a ratio geometric), `compared` (`difference` or
        `ratio`), `effect` with its bootstrap interval of 95 % over patients `effect_low`,
        `effect_high`, `resolved` (the interval lies on one side), `up`, `down` (pairs in which B
        has more, or less).
    """
    frame = pairs.points.drop_duplicates().reset_index(drop=True)
    single = len(frame) <= 1
    groups = [np.zeros_like(pairs.point)] + ([] if single else [pairs.point + 1])
    size = 1 if single else len(frame) + 1
    tables = []
    measured = {name: _values(pairs, name) for name in pairs.measures}
    drawn = _bootstrap(pairs, measured, groups, size, seed)
    for name in pairs.measures:
        rows = _effects(*measured[name], pairs, groups, size)
        low, high = _interval(drawn[name], rows["effect"].to_numpy())
        if MEASURES[name].kind == SHARE:
            low, high = _widened(rows, low, high)
        tables.append(_told(rows.assign(low=low, high=high), name))
    at = pd.DataFrame({"at": ["all"] + ["point"] * (size - 1)})
    heads = pd.concat(
        [at, frame.set_index(frame.index + 1) if not single else frame.iloc[:0]], axis=1
    )
    return pd.concat([pd.concat([heads, rows], axis=1) for rows in tables], ignore_index=True)


def _values(pairs: Pairs, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a measure of both runs of each pair, as logarithms where ratios are wanted."""
    measure = MEASURES[name]
    found = [np.asarray(measure.of(runs), float) for runs in (pairs.a, pairs.b)]
    if measure.kind == RATIO:
        found = [np.log10(v, out=np.full(v.size, np.nan), where=v > 0) for v in found]
    known = np.isfinite(found[0]) & np.isfinite(found[1])
    return np.where(known, found[0], np.nan), np.where(known, found[1], np.nan)


def _effects(
    a: np.ndarray, b: np.ndarray, pairs: Pairs, groups: list[np.ndarray], size: int
) -> pd.DataFrame:
    def total(values: np.ndarray) -> np.ndarray:
        parts = [np.bincount(group, np.nan_to_num(values), size) for group in groups]
        whole: np.ndarray = np.sum(parts, axis=0)
        return whole

    known = np.isfinite(a)
    n = total(known.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_a, mean_b, effect = total(a) / n, total(b) / n, total(b - a) / n
    patients = [len(np.unique(pairs.patient[known & (g == k)])) for g, k in _each(groups, size)]
    return pd.DataFrame(
        {
            "patients": patients,
            "pairs": n.astype(np.int64),
            "a": mean_a,
            "b": mean_b,
            "effect": effect,
            "up": total((b > a).astype(float)).astype(np.int64),
            "down": total((b < a).astype(float)).astype(np.int64),
        }
    )


def _each(groups: list[np.ndarray], size: int) -> Iterator[tuple[np.ndarray, int]]:
    yield groups[0], 0
    yield from ((groups[1], number) for number in range(1, size))


def _bootstrap(
    pairs: Pairs,
    measured: dict[str, tuple[np.ndarray, np.ndarray]],
    groups: list[np.ndarray],
    size: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return mean differences of resampled patients, shape (resamples, size) by measure."""
    count = int(pairs.patient.max()) + 1
    sums = {name: _by_patient(*values, pairs, groups, size) for name, values in measured.items()}
    rng, rows = np.random.default_rng(seed), max(1, _MOST_NUMBERS // count)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in measured}
    for start in range(0, RESAMPLES, rows):
        block = min(rows, RESAMPLES - start)
        weights = rng.multinomial(count, np.full(count, 1.0 / count), size=block).astype(float)
        for name, (total, known) in sums.items():
            with np.errstate(invalid="ignore", divide="ignore"):
                drawn[name].append((weights @ total) / (weights @ known))
    return {name: np.concatenate(blocks) for name, blocks in drawn.items()}


def _by_patient(
    a: np.ndarray, b: np.ndarray, pairs: Pairs, groups: list[np.ndarray], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of differences and numbers of pairs, shape (patients, size)."""
    shape = (int(pairs.patient.max()) + 1, size)
    total, known = np.zeros(shape), np.zeros(shape)
    for group in groups:
        np.add.at(total, (pairs.patient, group), np.nan_to_num(b - a))
        np.add.at(known, (pairs.patient, group), np.isfinite(a))
    return total, known


def _interval(drawn: np.ndarray, effect: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle 95 %; NaN where there is no second patient to draw."""
    bounds = np.full((2, effect.size), np.nan)
    for place in np.flatnonzero(np.isfinite(effect)):
        values = drawn[np.isfinite(drawn[:, place]), place]
        if values.size:
            bounds[:, place] = np.quantile(values, [0.025, 0.975])
    return bounds[0], bounds[1]


def _widened(
    rows: pd.DataFrame, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals of shares that hold where all resampled patients are alike.

    Where no patient changed, or all did, resampling knows no other: as many as the exact binomial
    bound (Clopper-Pearson 1934) may be of another kind.
    """
    n = np.maximum(rows["patients"].to_numpy(), 1)
    bound = np.where(low == high, 1.0 - 0.025 ** (1.0 / n), 0.0)
    return np.maximum(low - bound, -1.0), np.minimum(high + bound, 1.0)


def _told(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Name the columns of one measure, ratios as ratios; intervals need two patients."""
    alone = rows["patients"] < 2
    low, high = rows["low"].mask(alone), rows["high"].mask(alone)
    ratio = MEASURES[name].kind == RATIO

    def shown(values: pd.Series) -> pd.Series:
        return 10.0**values if ratio else values

    return pd.DataFrame(
        {
            "measure": name,
            "patients": rows["patients"],
            "pairs": rows["pairs"],
            "a": shown(rows["a"]),
            "b": shown(rows["b"]),
            "compared": "ratio" if ratio else "difference",
            "effect": shown(rows["effect"]),
            "effect_low": shown(low),
            "effect_high": shown(high),
            "resolved": (low > 0.0) | (high < 0.0),
            "up": rows["up"],
            "down": rows["down"],
        }
    )


def changed(pairs: Pairs) -> pd.DataFrame:
    """Return the pairs that differ in outcome or grade, and how.

    Returns
    -------
    DataFrame
        The keys, `patient`, `seed`, `remission` (`gained`, `lost` or empty), then of both (`_a`,
        `_b`) the fate, death and relapse days, and worst grades of CRS and ICANS.
    """
    table = pairs.points.assign(patient=pairs.a["patient"], seed=pairs.a["seed"])
    before, after = pairs.a["remission"], pairs.b["remission"]
    table["remission"] = np.select([after & ~before, before & ~after], ["gained", "lost"], "")
    for end, runs in (("a", pairs.a), ("b", pairs.b)):
        table[f"fate_{end}"] = fates(runs)
    names = ("relapse_day", "death_day", "crs_grade_penn", "icans_grade")
    for name in names:
        table[f"{name}_a"], table[f"{name}_b"] = pairs.a[name], pairs.b[name]
    compared_by = ("fate", "crs_grade_penn", "icans_grade")
    differs = [table[f"{name}_a"] != table[f"{name}_b"] for name in compared_by]
    return table[np.logical_or.reduce([*differs, table["remission"] != ""])].reset_index(drop=True)

"""Published beside simulated: what is compared, and when it agrees."""

import math
import os

import numpy as np
import pandas as pd
import pytest

from tcellabm.analysis import survival
from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.comparison import (
    clopper_pearson,
    compare,
    judged_by,
    published_curves,
    read_published,
)
from tcellabm.analysis.measures import BEYOND, MEASURES, Measure
from tcellabm.params import InputError
from tcellabm.params.files import find_file

PUBLISHED = read_published(find_file("trials/published.csv"))
NAN = math.nan


def row(value, low=NAN, high=NAN, interval="", n=NAN):
    return {"value": value, "low": low, "high": high, "interval": interval, "n": n}


def test_every_published_row_has_a_measure_or_a_reason():
    assert set(PUBLISHED["id"]) == MEASURES.keys() | BEYOND.keys()
    assert not MEASURES.keys() & BEYOND.keys()


def test_published_rows_say_where_they_come_from():
    assert (PUBLISHED["source"].str.len() > 5).all()
    assert PUBLISHED["confidence"].str.contains("read|recalled|derived").all()
    assert set(PUBLISHED["use"]) == {"calibrate", "input", "validate"}
    assert published_curves()["source"].str.len().min() > 5


@pytest.mark.parametrize(
    ("said", "kind", "low", "high"),
    [
        (row(81, 71, 89, "95 % CI", 75), "rate", 71, 89),
        (row(3, 1, 22, "range", 79), "median", 2.0, 4.5),  # of patients, not of the median
        (row(24000.0), "kinetic", 12000, 48000),
        (row(NAN, 1e2, 1e5, "range of patients"), "kinetic", 1e2, 1e5),
        (row(NAN, 1, NAN, "sign"), "sign", 1, NAN),
        (row(NAN), "rate", NAN, NAN),
    ],
)
def test_by_what_a_row_is_judged(said, kind, low, high):
    assert judged_by(said, kind)[:2] == pytest.approx((low, high), nan_ok=True)


def test_a_rate_without_interval_gets_clopper_pearson():
    """15 of 30: 31.3 to 68.7 %, as in the tables."""
    low, high, name = judged_by(row(50.0, n=30), "rate")
    assert (low, high) == pytest.approx((31.3, 68.7), abs=0.05)
    assert "Clopper-Pearson" in name
    assert clopper_pearson(0, 10)[0] == 0.0 and clopper_pearson(10, 10)[1] == 1.0


def test_kaplan_meier_by_hand():
    """Freireich's 6-MP arm (Kaplan-Meier textbook example): 0.857 after week 6, 0.690 at 13."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    event = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    month = survival.DAYS_PER_MONTH
    times = survival.Times(np.array(weeks) * month, np.array(event, bool))
    assert times.at(6) == pytest.approx(0.857, abs=1e-3)
    assert times.at(13) == pytest.approx(0.690, abs=1e-3)
    assert times.at(5.9) == 1.0
    low, high = times.band()
    days, share = times.curve()
    assert len(days) == len(share) == len(low) == len(high)
    assert np.all((low <= share) & (share <= high))


def columns(**more):
    n = len(next(iter(more.values())))
    empty = dict.fromkeys(("relapse_day", "death_day", "transplant_day"), [NAN] * n)
    base = {"remission_day": [28.0] * n, "followed_days": [1900.0] * n}
    return {name: np.array(values) for name, values in (empty | base | more).items()}


def test_transplant_censors_and_never_counts_as_event():
    seen = columns(relapse_day=[100.0, 200.0, NAN], transplant_day=[60.0, NAN, 90.0])
    times = survival.relapse_free(seen)
    assert times.days.tolist() == [32.0, 172.0, 62.0]
    assert times.event.tolist() == [False, True, False]


def test_death_ends_survival_and_relapse_freedom():
    seen = columns(death_day=[300.0, NAN], relapse_day=[200.0, NAN])
    assert survival.overall(seen).days.tolist() == [300.0, 1900.0]
    assert survival.relapse_free(seen).days.tolist() == [172.0, 1872.0]


def cohort(**more):
    n = len(next(iter(more.values())))
    base = {"infused": [True] * n, "remission": [True] * n, "seed": range(n)}
    return Cohort({name: np.array(list(values)) for name, values in (base | more).items()})


@pytest.mark.parametrize(
    ("share", "agrees"), [(0.70, "false"), (0.72, "true"), (0.88, "true"), (0.90, "false")]
)
def test_a_row_agrees_if_the_point_is_inside(share, agrees, monkeypatch):
    from tcellabm.analysis import comparison

    rate = Measure("rate", lambda c: 100.0 * float(np.mean(c.enrolled["remission"])))
    monkeypatch.setattr(comparison, "MEASURES", {"E01": rate})
    patients = cohort(remission=np.arange(100) < 100 * share)
    table = compare(patients, PUBLISHED).set_index("id")
    assert table.loc["E01", "agrees"] == agrees
    assert table.loc["E01", "simulated"] == pytest.approx(100 * share)
    assert table.loc["E01", "simulated_low"] <= 100 * share <= table.loc["E01", "simulated_high"]
    assert (table.drop("E01")["agrees"] == "").all()


def test_the_interval_covers_posterior_draws_too(monkeypatch):
    """Two draws under which other patients weigh: the interval reaches from one to the other."""
    from tcellabm.analysis import comparison

    rate = Measure("rate", lambda c: 100.0 * float(np.mean(c.enrolled["remission"])))
    monkeypatch.setattr(comparison, "MEASURES", {"E01": rate})
    patients = cohort(remission=np.arange(200) < 160)
    up = np.where(np.arange(200) < 160, 0.95 / 160, 0.05 / 40)
    down = np.where(np.arange(200) < 160, 0.5 / 160, 0.5 / 40)
    alone = compare(patients, PUBLISHED).set_index("id").loc["E01"]
    wide = compare(patients, PUBLISHED, weights=np.stack([up, down])).set_index("id").loc["E01"]
    assert wide["simulated"] == alone["simulated"]
    assert wide["simulated_low"] < 55 < alone["simulated_low"]
    assert wide["simulated_high"] > 92


@pytest.mark.parametrize(
    "text",
    ["", "id,quantity\nE01,x\n", "not a table at all"],
)
def test_published_figures_that_are_none_are_refused(text, tmp_path):
    file = tmp_path / "published.csv"
    file.write_text(text)
    with pytest.raises(InputError, match="published figures"):
        read_published(file)


def test_an_id_twice_is_refused(tmp_path):
    file = tmp_path / "published.csv"
    shipped = find_file("trials/published.csv").read_text()
    file.write_text(shipped + shipped.splitlines()[1] + "\n")
    with pytest.raises(InputError, match="an id twice"):
        read_published(file)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("value", text) for text in ("inf", "1e400", "-inf", "-1", "101")),
        *(("low", text) for text in ("99", "inf")),
        *(("high", text) for text in ("0", "-inf")),
        *(("n", text) for text in ("0", "-3", "inf", "0.5")),
    ],
)
def test_a_published_figure_that_cannot_be_is_refused(column, text, tmp_path):
    file = tmp_path / "published.csv"
    table = pd.read_csv(find_file("trials/published.csv"), dtype=str, keep_default_na=False)
    table.loc[table["id"] == "E01", column] = text  # a rate with an interval
    table.to_csv(file, index=False)
    with pytest.raises(InputError, match="published figure E01: "):
        read_published(file)


def test_published_figures_in_a_pipe_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "published.csv")
    with pytest.raises(InputError, match="a folder, or too large"):
        read_published(tmp_path / "published.csv")


def test_a_run_that_failed_is_in_no_group():
    table = pd.DataFrame(
        {"error": ["", "died"], "infused": True, "remission": True, "seed": [1, 2]}
    )
    assert len(Cohort.of(table).infused["seed"]) == 1

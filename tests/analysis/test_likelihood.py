"""Likelihood of published rows: every form against brute force on a toy population."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from experiments.toy import outcomes
from scipy import stats

from tcellabm.analysis import survival
from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.comparison import read_published
from tcellabm.analysis.fit import members, simulated, standard_error
from tcellabm.analysis.likelihood import RECALLED, Likelihood, Row, log_log, read_rows
from tcellabm.analysis.measures import MEASURES
from tcellabm.analysis.patientwise import ROWS
from tcellabm.params import InputError
from tcellabm.params.files import find_file

PUBLISHED = read_published(find_file("trials/published.csv"))
FORMS = find_file("trials/likelihood.csv")
TIMES = 5000  # trials of brute force
N = 4000


@pytest.fixture(scope="module")
def population():
    """Patients of a toy population, and weights that are not equal."""
    rng = np.random.default_rng(1)
    killing, myeloid = np.exp(rng.standard_normal((2, N)))
    weights = rng.gamma(2.0, size=N)
    return outcomes(rng, killing, myeloid), weights / weights.sum()


def log_of(row, population):
    infused, weights = population
    return float(Likelihood([row], infused).by_row(weights[None])[0, 0])


def trials(row, population, of, times=TIMES):
    """Draw cohorts of n from the group of a row; return a figure of each."""
    infused, weights = population
    rng = np.random.default_rng(2)
    drawn = [
        rng.choice(group, (times, int(n)), p=weights[group] / weights[group].sum())
        for group, n in zip(members(row, infused), (row.n, row.n_other), strict=False)
    ]
    return of(*drawn)


def within(found, share, times=TIMES):
    """Hold a probability against a share of trials, by 5 standard errors."""
    assert abs(found - share) < 5.0 * np.sqrt(found * (1.0 - found) / times)


def test_binomial(population):
    row = Row("E01", "binomial", 72.0, 50.0)
    counts = trials(row, population, lambda a: population[0]["remission"][a].sum(axis=1))
    within(np.exp(log_of(row, population)), np.mean(counts == 36))


@pytest.mark.parametrize(("value", "n"), [(4.0, 61.0), (5.0, 25.0), (3.0, 15.0)])
def test_the_median_of_an_odd_number_rounds_to_the_published(population, value, n):
    row = Row("E13", "median", value, n, rounding=0.5)
    days = population[0]["crs_duration_days"]
    medians = trials(row, population, lambda a: np.median(days[a], axis=1))
    inside = (medians >= value - 0.5) & (medians < value + 0.5)
    within(np.exp(log_of(row, population)), np.mean(inside))


def test_the_mean_of_logs_is_normal_with_the_variance_of_n(population):
    """The density at three places against that of trials, in a window of a third of a width."""
    shown = Row("K03", "log_normal", 1.0, 90.0, tolerance=0.0)
    logs = np.log(population[0]["cmax_copies_per_ug"])
    means = trials(shown, population, lambda a: logs[a].mean(axis=1))
    for quantile in (0.1, 0.5, 0.9):
        place = np.quantile(means, quantile)
        half = 0.15 * means.std()
        density = np.exp(log_of(replace(shown, value=float(np.exp(place))), population))
        share = np.mean(np.abs(means - place) < half)
        assert density * 2.0 * half == pytest.approx(share, rel=0.2)
    wide = log_of(replace(shown, value=float(np.exp(means.mean())), tolerance=0.25), population)
    assert np.exp(-wide) == pytest.approx(np.sqrt(2.0 * np.pi * (means.var() + 0.25**2)), rel=0.05)


def test_a_ratio_has_the_variance_of_both_groups(population):
    row = Row("K11", "log_normal_ratio", 1.0, 62.0, 8.0)
    logs = np.log(population[0]["cmax_copies_per_ug"])
    ratios = trials(row, population, lambda a, b: logs[a].mean(axis=1) - logs[b].mean(axis=1))
    at = replace(row, value=float(np.exp(ratios.mean())))
    assert np.exp(-log_of(at, population)) == pytest.approx(
        np.sqrt(2.0 * np.pi) * ratios.std(), rel=0.06
    )


def test_a_weighted_kaplan_meier_estimate_is_that_of_copies():
    """Whole weights are copies of patients: SciPy's estimate of the copies is the same."""
    rng = np.random.default_rng(3)
    infused = outcomes(rng, *np.exp(rng.standard_normal((2, 300))))
    infused["followed_days"] = np.round(infused["followed_days"], -1)  # with ties
    infused["relapse_day"] = np.round(infused["relapse_day"], -1)
    copies = rng.integers(0, 5, 300)
    again = np.repeat(np.arange(300), copies)
    repeated = {name: column[again] for name, column in infused.items()}
    row = Row("E02", "kaplan_meier", 80.0, 61.0, error=0.3)
    found = Likelihood([row], infused).figures(copies[None] / copies.sum())
    assert found[0, 0] == pytest.approx(MEASURES["E02"].of(Cohort(repeated)), rel=1e-9)


def test_the_spread_of_kaplan_meier_estimates_is_that_of_its_scale(population):
    """Of 61 responders, in log(-log S): Greenwood's error is the spread of trials.

    Within 16 %: 5 standard errors of the spread of 500.
    """
    infused, weights = population
    row = Row("E02", "kaplan_meier", 80.0, 61.0, error=0.3)
    rng = np.random.default_rng(4)
    made = [simulated(row, infused, weights, rng) for _ in range(500)]
    scale = log_log(np.array([each.value for each in made]) / 100.0)
    errors = np.array([each.error for each in made])
    assert scale.std() == pytest.approx(np.median(errors), rel=0.16)
    truth = log_log(Likelihood([row], infused).figures(weights[None])[0, 0] / 100.0)
    assert abs(scale.mean() - truth) < 5.0 * scale.std() / np.sqrt(500) + 0.02  # bias of order 1/n


def test_standard_errors_of_survival_by_hand():
    """Four patients, one event of four at risk: Greenwood is sqrt(1 / 12) of ln S."""
    times = survival.Times(np.array([10.0, 400.0, 400.0, 400.0]), np.array([True] + [False] * 3))
    assert standard_error(times, 6.0) == pytest.approx(np.sqrt(1 / 12) / abs(np.log(0.75)))


def test_recalled_rows_have_doubled_variance():
    """Half of the log likelihood is a normal density of twice the variance, up to a constant."""
    rows = {row.name: row for row in read_rows(FORMS, PUBLISHED)}
    assert {name for name, row in rows.items() if row.weight == RECALLED} == {
        *("E02", "E03", "E14", "E21")
    }
    x = np.linspace(-2.0, 2.0, 9)
    halved = 0.5 * stats.norm.logpdf(x)
    doubled = stats.norm.logpdf(x, scale=np.sqrt(2.0))
    assert np.ptp(halved - doubled) < 1e-12


def test_every_row_to_fit_has_a_form_and_says_who_it_is_about():
    rows = read_rows(FORMS, PUBLISHED)
    names = set(PUBLISHED.loc[PUBLISHED["use"] == "calibrate", "id"])
    assert {row.name for row in rows} == names == set(ROWS)
    forms = Counter(row.form for row in rows)
    assert set(forms) == {*("binomial", "median", "log_normal", "log_normal_ratio", "kaplan_meier")}
    assert all(row.n > 0 for row in rows)


@pytest.mark.parametrize("name", ["E01", "E02", "E03", "E09", "E11", "E13", "P04b", "K03", "K11"])
def test_with_equal_weights_a_row_is_the_measure_of_the_cohort(name, population):
    infused, _ = population
    row = next(row for row in read_rows(FORMS, PUBLISHED) if row.name == name)
    found = Likelihood([row], infused).figures(np.full((1, N), 1.0 / N))[0, 0]
    assert found == pytest.approx(MEASURES[name].of(Cohort(infused)), rel=2e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("E01,binomial,75", "E01,binomial,"), "E01: binomial, n = nan"),
        (lambda t: t.replace("E01,binomial", "E01,poisson"), "E01: poisson"),
        (lambda t: t.replace("E12,median,61,,0.5", "E12,median,61,,"), "E12: median"),
        (lambda t: t.replace("K11,", "K99,"), "K11"),
        (lambda t: t + "E01,binomial,75,,,,\n", "twice"),
        (lambda t: t.replace("rounding", "round"), "columns"),
        (lambda t: "", "forms of likelihood"),
    ],
)
def test_a_table_of_forms_that_is_none_is_refused(change, words, tmp_path):
    file = tmp_path / "forms.csv"
    file.write_text(change(FORMS.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_rows(file, PUBLISHED)

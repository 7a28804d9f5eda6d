"""A plan and its URL: the same again after a round trip; nonsense is refused in one line."""

import math
import re
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcellabm import InputError
from tcellabm.app.glossary import GLOSSARY
from tcellabm.app.plan import (
    DAYS_PER_STEP,
    LARGEST_SEED,
    LONGEST_DAYS,
    MOST_TREATMENTS,
    SCENARIOS,
    SLIDERS,
    TREATMENTS,
    Plan,
    Treatment,
    on_grid,
    unknown,
)
from tcellabm.clinic import record

GRID = st.integers(0, int(30 / DAYS_PER_STEP)).map(lambda n: n * DAYS_PER_STEP)
DOSE = SLIDERS["dose"]
DOSES = st.floats(DOSE.low, DOSE.high)


def _treatment(day, name, who, dose):
    return Treatment(day, name, who, dose if name == "car_t" else None)


TREATED = st.builds(
    _treatment, GRID, st.sampled_from(list(TREATMENTS)), st.sampled_from(["a", "both"]),
    st.none() | DOSES,
)  # fmt: skip
MOVED = st.fixed_dictionaries(
    {}, optional={name: st.floats(s.low, s.high) for name, s in SLIDERS.items() if name != "dose"}
)
PLANS = st.builds(
    Plan,
    scenario=st.sampled_from(list(SCENARIOS)),
    seed=st.integers(0, LARGEST_SEED),
    policy=st.sampled_from(["none", "label"]),
    settings=MOVED,
    treatments=st.lists(TREATED, max_size=6).map(tuple),
    days=st.floats(30.0, LONGEST_DAYS),
    story=st.sampled_from(["", "remission"]),
)


@settings(max_examples=60, deadline=None)
@given(plan=PLANS, day=GRID)
def test_a_plan_survives_its_url(plan, day):
    assert Plan.of_query(plan.query(day)) == (plan, day)


NAMES = ["scenario", "seed", "care", "days", "day", "give", "story", *SLIDERS]
VALUES = st.text(max_size=20) | st.sampled_from(
    [
        "nan",
        "inf",
        "-1",
        "1e400",
        "0x10",
        "1_0",
        "",
        "\u0663",
        "0:car_t:both",
        "1:::",
        "9e9:car_t:a",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=8), VALUES), max_size=6))
def test_any_query_is_a_plan_or_one_clear_line(pairs):
    _try(urlencode(pairs, errors="replace"))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_plan_or_one_clear_line(text):
    _try(text)


def _try(query):
    try:
        plan, day = Plan.of_query(query)
    except InputError as error:
        line = str(error)
        assert line.isprintable() and len(line) <= 200
    else:
        assert 0.0 <= day <= plan.days <= LONGEST_DAYS
        assert len(plan.treatments) <= MOST_TREATMENTS
        assert Plan.of_query(plan.query(day)) == (plan, day)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("seed=1&seed=2", "twice"),
        ("burden=1e20", "allowed: 1e+07 to 7e+11"),
        ("give=3:aspirin", "allowed: DAY:NAME"),
        ("give=3:tocilizumab:a:2e6", "with car_t only"),
        ("give=" + ",".join(["1:car_t:a"] * 41), "allowed: 40"),
        ("days=1e9", "allowed: 1 to 730"),
        ("day=20&days=10", "allowed: 0 to 10"),
        ("care=magic", "allowed: none"),
        ("scenario=../../etc/passwd", "allowed: body, biopsy"),
        ("story=" + "x" * 41, "name of a story"),
        ("x=" + "y" * 5000, "allowed: 4000"),
    ],
)
def test_what_is_wrong_is_named(query, said):
    with pytest.raises(InputError, match=re.escape(said)):
        Plan.of_query(query)


def test_keys_that_are_not_known_say_nothing_and_are_named():
    query = "utm_source=school&seed=4&utm_source=again&give=0:car_t:a"
    assert Plan.of_query(query) == Plan.of_query("seed=4&give=0:car_t:a")
    assert unknown(query) == ["utm_source"]


def test_all_that_the_model_can_give_has_a_button_of_its_own():
    assert set(TREATMENTS) == set(record.TREATMENTS)
    assert len({button.key for button in TREATMENTS.values()}) == len(TREATMENTS)
    assert all(button.term in GLOSSARY for button in TREATMENTS.values())


def test_giving_something_drops_what_was_planned_for_later():
    plan = Plan(treatments=(Treatment(0.0, "car_t", "both"), Treatment(9.0, "tocilizumab")))
    after = plan.give(Treatment(4.0, "corticosteroid"))
    assert [t.name for t in after.treatments] == ["car_t", "corticosteroid"]


def test_twins_are_the_same_until_only_one_is_treated():
    both = Treatment(0.0, "car_t", "both")
    assert Plan(treatments=(both,)).same_until() == math.inf
    assert Plan(treatments=(both, Treatment(5.0, "tocilizumab"))).same_until() == 5.0


@given(st.floats(0.0, LONGEST_DAYS))
def test_days_fall_on_the_grid(day):
    assert day - DAYS_PER_STEP < on_grid(day) <= day
    assert on_grid(on_grid(day)) == on_grid(day)


def test_what_sliders_admit_is_allowed():
    for end in ("low", "high"):
        settings = {name: getattr(s, end) for name, s in SLIDERS.items()}
        for scenario in SCENARIOS:
            params = Plan(scenario=scenario, settings=settings).params()
            moved = {name: params.get(SLIDERS[name].key) for name in SLIDERS}
            assert moved == settings

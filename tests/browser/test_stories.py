"""Each story ends as it says; `scripts/find_stories.py` finds patients for it anew."""

import pytest

from tcellabm import InputError
from tcellabm.views.browser import stories
from tcellabm.views.browser.ending import NAMES, ending_of, fits, screen
from tcellabm.views.browser.plan import Treatment
from tcellabm.views.browser.twins import Twins

FIND = "run scripts/find_stories.py: parameters have changed"


@pytest.mark.parametrize("name", list(stories.ALL))
def test_a_story_ends_as_it_says(name):
    story = stories.ALL[name]
    twins = Twins(story.plan)
    twins.advance(story.plan.days)
    assert tuple(map(ending_of, twins.arms)) == story.ends, FIND
    assert fits(name, twins), FIND
    shown = screen(twins)
    assert shown["as_told"] and shown["why"] == story.why
    assert [arm["word"] for arm in shown["arms"]] == [NAMES[end] for end in story.ends]


def test_stories_say_what_to_look_at_on_days_of_their_own():
    for story in stories.ALL.values():
        days = [note.day for note in story.notes]
        assert days == sorted(set(days)) and days[0] == 0.0 and days[-1] < story.plan.days
        # a stop belongs to every treatment, so that the class sees it given
        assert {t.day for t in story.plan.treatments} <= set(days)


def test_a_story_of_which_a_class_made_its_own_is_not_as_told():
    plan = stories.plan_of("rescue")
    twins = Twins(plan)
    twins.advance(1.0)
    twins.give(Treatment(1.0, "corticosteroid"))
    assert not screen(twins)["as_told"]


def test_an_unknown_story_is_refused():
    with pytest.raises(InputError, match="allowed: remission"):
        stories.plan_of("nonsense")

"""Each story ends as it says; `scripts/find_stories.py` finds patients for it anew."""

import pytest

from tcellabm import InputError
from tcellabm.app import stories
from tcellabm.app.claims import broken
from tcellabm.app.ending import NAMES, ending_of, fits, screen
from tcellabm.app.plan import Plan, Treatment
from tcellabm.app.twins import Twins

FIND = "run scripts/find_stories.py: parameters have changed"


@pytest.mark.parametrize("name", list(stories.ALL))
def test_a_story_ends_as_it_says(name):
    story = stories.ALL[name]
    twins = Twins(story.plan)
    twins.advance(story.plan.days)
    assert tuple(map(ending_of, twins.arms)) == story.ends, FIND
    assert fits(story, twins) == [], FIND
    shown = screen(twins)
    assert shown["as_told"] and shown["why"].startswith(story.why.partition("{")[0])
    assert "{" not in shown["why"]
    assert [arm["word"] for arm in shown["arms"]] == [NAMES[end] for end in story.ends]


def test_every_claim_is_of_words_that_the_story_says():
    for story in stories.ALL.values():
        assert [claim.says for claim in story.claims if claim.says not in story.texts] == []


def test_a_claim_that_does_not_hold_is_named():
    story = stories.ALL["remission"]
    wrong = story.claims[0]._replace(most=1.0)
    twins = Twins(story.plan)
    twins.advance(1.0)
    assert broken(story._replace(claims=(wrong,)), twins)[0].startswith(repr(wrong.says))


def test_an_address_with_a_story_has_its_patient():
    plan = stories.ALL["rescue"].plan
    assert stories.opened("story=rescue") == (plan, 0.0, "")
    branch = stories.opened("story=rescue&give=0:car_t:both&day=3")
    assert branch.plan.seed == plan.seed and branch.plan.story == "rescue" and branch.day == 3.0
    other = stories.opened("story=rescue&seed=77&fbclid=x")
    assert other.plan.story == "" and other.plan.seed == 77
    assert "changes the patient" in other.note and "fbclid" in other.note
    with pytest.raises(InputError, match="allowed: remission"):
        stories.opened("story=nonsense")


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


def test_the_end_screen_tells_of_icans_and_anakinra_where_there_was_any():
    infused = Treatment(0.0, "car_t", "both")
    twins = Twins(Plan(seed=7, treatments=(infused, Treatment(1.0, "anakinra")), days=2.0))
    twins.advance(1.25)
    course, limit = twins.arms[0].course, twins.arms[0].params.neurotoxicity.grade_2_injury
    course.now = course.now._replace(cns=course.now.cns._replace(injury=1.1 * limit))
    twins.advance(2.0)
    yours, twin = (" ".join(arm["said"]) for arm in screen(twins)["arms"])
    assert "(ICANS): worst grade 2" in yours and "1 of anakinra" in yours
    assert "ICANS" not in twin and "anakinra" not in twin


def test_an_unknown_story_is_refused():
    with pytest.raises(InputError, match="allowed: remission"):
        stories.plan_of("nonsense")

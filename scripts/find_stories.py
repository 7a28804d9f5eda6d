"""Find the patients of the browser's stories anew, and write them into stories.toml.

Run it after parameters have changed: `uv run python scripts/find_stories.py`. A story keeps its
seed as long as that patient still ends as told and bears out every claim of the text; else seeds
are tried in turn. Where a treatment follows something, as a drug follows the need of intensive
care, its day moves with it, and so do the notes from then on.
"""

import argparse
import dataclasses
import re
import sys
from pathlib import Path

from tcellabm.app import ending, stories
from tcellabm.app.plan import Plan, Treatment
from tcellabm.app.stories import Story
from tcellabm.app.twins import Twins


def main() -> int:
    """Try seeds for every story; return 1 if one was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=200, help="seeds to try for each story")
    parser.add_argument("--only", default="", help="a story; all if not given")
    arguments = parser.parse_args()
    names = [name for name in stories.ALL if arguments.only in ("", name)]
    return int(not all([find(name, arguments.most) for name in names]))


def find(name: str, most: int) -> bool:
    """Find the patient of one story and write it down; say why not those that were tried."""
    story = stories.ALL[name]
    for seed in dict.fromkeys([story.plan.seed, *range(1, most + 1)]):
        tried = moved(story, dataclasses.replace(story.plan, seed=seed))
        if tried is None:
            print(f"{name}, seed {seed}: no {story.moves}", flush=True)
            continue
        twins = Twins(tried.plan)
        twins.advance(tried.plan.days)
        wrong = ending.fits(tried, twins)
        print(f"{name}, seed {seed}: {'; '.join(wrong) or 'found'}", flush=True)
        if not wrong:
            write(tried)
            stories.ALL[name] = tried  # claims of other stories may refer to it
            return True
    print(f"{name}: none of {most} seeds", file=sys.stderr)
    return False


def moved(story: Story, plan: Plan) -> Story | None:
    """Return the story with another patient, its later treatment and notes moved; None if never."""
    later = last_of(story)
    if later is None:
        return story._replace(plan=plan)
    untreated = tuple(given for given in plan.treatments if given.day == 0.0)
    twins = Twins(dataclasses.replace(plan, treatments=untreated))
    twins.advance(plan.days)
    day = ending.moment(story.moves, twins.arms[0])
    if day is None or day >= plan.days:
        return None
    given = (*untreated, dataclasses.replace(later, day=day))
    shift = day - later.day
    notes = tuple(
        note._replace(day=note.day + shift) if note.day >= later.day else note
        for note in story.notes
    )
    claims = tuple(
        claim._replace(day=claim.day + shift)
        if claim.day is not None and later.day <= claim.day
        and any(claim.says in note.text for note in notes if note.day >= day)
        else claim
        for claim in story.claims
    )  # fmt: skip
    plan = dataclasses.replace(plan, treatments=given)
    return story._replace(plan=plan, notes=notes, claims=claims)


def last_of(story: Story) -> Treatment | None:
    """Return the treatment of a story that follows something."""
    return story.plan.treatments[-1] if story.moves else None


def write(found: Story) -> None:
    """Write a patient, and the days that moved, into the file of stories."""
    path, old = Path(stories.FILE), stories.ALL[found.name]
    text = path.read_text(encoding="utf-8")
    start = text.index(f"[{found.name}]\n")
    end = text.find("\n\n[", start)
    told = text[start:] if end < 0 else text[start:end]
    told = re.sub(r"^seed = \d+$", f"seed = {found.plan.seed}", told, flags=re.M)
    if later := last_of(old):
        told = told.replace(f"{later.day:g}:{later.name}", f"{last_of(found).day:g}:{later.name}")
    for before, after in zip(old.notes, found.notes, strict=True):
        told = told.replace(f"    [{before.day}, ", f"    [{after.day}, ")
    lines = told.split("\n")
    for before, after in zip(old.claims, found.claims, strict=True):
        if before.day != after.day:
            lines = [line.replace(f"day = {before.day}", f"day = {after.day}")
                     if f'"{before.says}"' in line else line for line in lines]  # fmt: skip
    told = "\n".join(lines)
    path.write_text(text[:start] + told + ("" if end < 0 else text[end:]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

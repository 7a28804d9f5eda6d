"""Find the patients of the browser's stories anew, and write their seeds into stories.toml.

Run it after parameters have changed: `uv run python scripts/find_stories.py`. A story keeps its
seed as long as that still ends as told; else seeds are tried in turn. The rescue also needs the
day on which its patient first needs intensive care.
"""

import argparse
import dataclasses
import re
import sys
from pathlib import Path

from tcellabm.app import stories
from tcellabm.app.ending import fits
from tcellabm.app.plan import Plan, on_grid
from tcellabm.app.twins import Twins

RESCUE = "rescue"
SOON = 0.25  # days from intensive care to the drug


def main() -> int:
    """Try seeds for every story; return 1 if one was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=200, help="seeds to try for each story")
    parser.add_argument("--only", default="", help="a story; all if not given")
    arguments = parser.parse_args()
    missing = 0
    for name, story in stories.ALL.items():
        if arguments.only in ("", name):
            missing += not find(name, story, arguments.most)
    return min(missing, 1)


def find(name: str, story: stories.Story, most: int) -> bool:
    """Find the seed of one story and write it down."""
    for seed in [story.plan.seed, *range(1, most + 1)]:
        plan = dataclasses.replace(story.plan, seed=seed)
        day = first_severe(plan) if name == RESCUE else None
        if name == RESCUE:
            if day is None:
                continue
            plan = with_drug_on(plan, day)
        twins = Twins(plan)
        twins.advance(plan.days)
        if fits(name, twins):
            write(name, seed, day)
            print(
                f"{name}: seed {seed}" + ("" if day is None else f", drug on day {day:g}"),
                flush=True,
            )
            return True
    print(f"{name}: none of {most} seeds", file=sys.stderr)
    return False


def first_severe(plan: Plan) -> float | None:
    """Return a moment soon after an untreated patient first needs intensive care."""
    untreated = tuple(t for t in plan.treatments if t.name == "car_t")
    twins = Twins(dataclasses.replace(plan, treatments=untreated))
    twins.advance(min(30.0, plan.days))
    series = twins.arms[0].series
    severe = series[(series.blood_pressure_need >= 2) | (series.oxygen_need >= 2)]
    return on_grid(float(severe.day.iloc[0]) + SOON) if len(severe) else None


def with_drug_on(plan: Plan, day: float) -> Plan:
    """Return the plan with its drug moved to a day."""
    moved = tuple(
        t if t.name == "car_t" else dataclasses.replace(t, day=day) for t in plan.treatments
    )
    return dataclasses.replace(plan, treatments=moved)


def write(name: str, seed: int, day: float | None) -> None:
    """Write a seed, and the day of the rescue, into the file of stories."""
    path = Path(stories.FILE)
    head, start, rest = path.read_text(encoding="utf-8").partition(f"[{name}]\n")
    told, mark, after = rest.partition("\n[" if name != list(stories.ALL)[-1] else "\0")
    # the section ends where the next one begins; notes are lists, and begin with blanks
    told = re.sub(r"^seed = \d+$", f"seed = {seed}", told, flags=re.M)
    if day is not None:
        old = next(t.day for t in stories.ALL[name].plan.treatments if t.name != "car_t")
        told = told.replace(f"{old:g}:tocilizumab", f"{day:g}:tocilizumab")
        told = told.replace(f"[{old:g}, ", f"[{day:g}, ")
    path.write_text(head + start + told + mark + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

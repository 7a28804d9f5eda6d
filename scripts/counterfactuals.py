"""Counterfactuals on the patients of the virtual trial; writes runs/counterfactuals.csv.

python scripts/counterfactuals.py --patients 60
"""

import argparse
from pathlib import Path

from tcellabm.experiments.counterfactuals import counterfactuals
from tcellabm.experiments.trial import TrialPlan


def main() -> None:
    """Run them and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trial", default="params/trials/eliana.toml")
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    enrolled = {"trial.patients": 2 * options.patients}
    plan = TrialPlan.load(options.trial, enrolled, options.seed)
    table = counterfactuals(plan, options.patients)
    Path("runs").mkdir(exist_ok=True)
    table.to_csv("runs/counterfactuals.csv", index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()

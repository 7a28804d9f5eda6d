"""What a dose-finding rule does, exactly: every course of a trial with its probability."""

from collections import defaultdict
from math import comb

import numpy as np

from tcellabm.analysis.designs.counts import NONE, Seen


def seen(treated, toxic, dose, last=0.0, responding=None, both=None):
    """Counts of one trial."""
    rows = [np.array([treated]), np.array([toxic])]
    rows += [
        np.array([treated if each is None else each]) * (each is not None)
        for each in (responding, both)
    ]
    return Seen(*rows, np.array([dose]), np.array([last]))


def exact(rule, toxicity, cohorts, cohort=3):
    """Return the probabilities of declaring no dose and each dose, and of patients at each dose."""
    doses = len(toxicity)
    states = {((0,) * doses, (0,) * doses, 0): 1.0}
    ended, treated_at = defaultdict(float), np.zeros(doses)
    for number in range(cohorts):
        reached = defaultdict(float)
        for (treated, toxic, dose), chance in states.items():
            treated_at[dose] += chance * cohort
            for events in range(cohort + 1):
                p = toxicity[dose]
                share = comb(cohort, events) * p**events * (1 - p) ** (cohort - events)
                n, y = list(treated), list(toxic)
                n[dose] += cohort
                y[dose] += events
                reached[tuple(n), tuple(y), dose, events / cohort] += chance * share
        states = defaultdict(float)
        keys = list(reached)
        columns = [np.array([key[place] for key in keys]) for place in range(4)]
        now = Seen(columns[0], columns[1], columns[0] * 0, columns[0] * 0, *columns[2:])
        following = rule.next_dose(now)
        declared = rule.declared(now)
        for key, wanted, final in zip(keys, following, declared, strict=True):
            if wanted == NONE or number == cohorts - 1:
                ended[int(final)] += reached[key]
            else:
                states[key[0], key[1], int(wanted)] += reached[key]
    return np.array([ended[dose] for dose in range(NONE, doses)]), treated_at

"""A posterior to test with: a file of 300 draws of two laws."""

import json
from pathlib import Path

import numpy as np

from tcellabm.identity import MODEL_VERSION

SPREAD = "population.product.killing.sigma_ln"
PERSISTENCE = "population.product.persistence_half_life_days.median"


def write(file: Path) -> set[tuple[float, float]]:
    """Write it; return the draws."""
    rng = np.random.default_rng(1)
    draws = np.round(np.exp(rng.normal([0.3, 5.0], [0.1, 0.3], (300, 2))), 6)
    said = {"model_version": MODEL_VERSION, "keys": [SPREAD, PERSISTENCE]}
    said |= {"population": "populations/pediatric_ball.toml", "passed": True}
    file.write_text(
        json.dumps(said | {"draws": draws.reshape(3, 100, 2).tolist()}), encoding="utf-8"
    )
    return {tuple(draw) for draw in draws.tolist()}

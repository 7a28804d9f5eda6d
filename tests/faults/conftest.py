"""The model that takes no time, and processes that are killed at the end, as in `experiments`."""

from experiments.conftest import fake_model, plan, start, with_package  # noqa: F401

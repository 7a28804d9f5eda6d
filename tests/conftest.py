"""What tests of several folders share, and how they share the processes that they run in."""

import fcntl
import os

import pytest

# The files that take longest, for a start: so no process is left alone with one at the end.
LONG = ("test_reference", "test_pages", "test_emergence", "test_processes", "test_faults")
FEW = 200  # tests; so few compile what they need as they come to it
KERNELS = {
    "groups": ("scenarios/kymriah.toml", {"marrow.rows": 2, "marrow.cols": 2}),
    "single": (
        "scenarios/biopsy.toml",
        {"marrow.rows": 8, "marrow.cols": 8, "resolution.represented_fraction": 5e-10},
    ),
}


def pytest_collection_modifyitems(items):
    place = {name: i for i, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def compiled(request, tmp_path_factory):
    """Compile the kernels once: two processes begin with one each, the others find them there."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker or len(request.session.items) < FEW:
        return
    names = list(KERNELS) if int(worker.removeprefix("gw")) % 2 else list(KERNELS)[::-1]
    for name in names:
        with (tmp_path_factory.getbasetemp().parent / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _live(*KERNELS[name])


def _live(scenario, overrides):
    from tcellabm import TumorTCellModel, load

    TumorTCellModel(load(scenario, overrides), rng=1).run_until(1.0)


@pytest.fixture
def figures(monkeypatch):
    """Every figure that the test saves, the last one last."""
    from matplotlib.figure import Figure

    saved, save = [], Figure.savefig

    def savefig(figure, *words, **options):
        saved.append(figure)
        return save(figure, *words, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved

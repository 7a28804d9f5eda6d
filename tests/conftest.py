"""What tests of several folders share, and how they share the processes that they run in."""

import getpass
import os
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

# The files that take longest, for a start: so no process is left alone with one at the end.
LONG = ("test_reference", "test_pages", "test_jit", "test_classroom", "test_emergence")
LONG += ("test_processes", "test_faults", "test_calibration", "test_own_fit", "test_publishing")
# What Windows has not is imported by the first lines of these: signals, owners, resources, forks.
POSIX = ("signals", "checkpoints", "fuzz", "report")
collect_ignore = [f"faults/test_{name}.py" for name in POSIX] + ["experiments/test_intruders.py"]
if os.name == "posix":
    collect_ignore = []
FEW = 200  # tests; so few compile what they need as they come to it
KERNELS = {
    "groups": ("scenarios/kymriah.toml", {"marrow.rows": 2, "marrow.cols": 2}),
    "single": (
        "scenarios/biopsy.toml",
        {"marrow.rows": 8, "marrow.cols": 8, "resolution.represented_fraction": 5e-10},
    ),
}


def _keep_bytecode():
    """Let all processes of the tests share bytecode where Python may not leave it by the sources.

    Else each of some forty processes compiles all that it imports anew.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        folder = os.path.join(tempfile.gettempdir(), f"bytecode-of-{getpass.getuser()}")
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
        sys.dont_write_bytecode = False


_keep_bytecode()


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
        with FileLock(tmp_path_factory.getbasetemp().parent / f"{name}.lock"):
            _live(*KERNELS[name])


def _live(scenario, overrides):
    from tcellabm import TumorTCellModel, load

    TumorTCellModel(load(scenario, overrides), rng=1).run_until(1.0)


@pytest.fixture
def figures():
    """Every figure that the test saves, the last one last."""
    from drawing import saved_figures

    with saved_figures() as saved:
        yield saved


@pytest.fixture
def posterior(tmp_path):
    """A file of draws, and the draws."""
    import draws

    file = tmp_path / "posterior.json"
    return str(file), draws.write(file)


@pytest.fixture
def shipped(posterior, monkeypatch):
    """The same file, as if it were shipped."""
    from tcellabm import posterior as module

    file = Path(posterior[0])
    monkeypatch.setattr(module, "shipped_file", lambda name: file)
    return file

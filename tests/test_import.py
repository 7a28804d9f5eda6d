"""Importing changes nothing outside the package, and every command starts on any system."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tcellabm

PACKAGE = Path(tcellabm.__file__).parents[1]
COMMANDS = (
    "sweep",
    "app",
    "plot",
    "sensitivity",
    "trial",
    "counterfactuals",
    "design",
    "calibrate",
)

# What a process looks like from outside, before and after an import. NumPy and Numba are there
# before: what they do themselves is not looked at.
LOOK = """
import importlib, json, os, random, signal, sys, warnings
import numba, numpy, pandas, pyarrow, mesa


def look():
    names = sorted(name for name in dir(numba.config) if name.isupper())
    state = numpy.random.get_state()
    return {
        "environment": dict(os.environ),
        "numba": {name: repr(getattr(numba.config, name)) for name in names},
        "numpy's random": [state[1].tolist(), *map(repr, state[2:])],
        "numpy's errors": numpy.geterr(),
        "random": repr(random.getstate()),
        "arrow": pyarrow.default_memory_pool().backend_name,
        "signals": [repr(signal.getsignal(number)) for number in signal.valid_signals()],
        "folder": os.getcwd(),
        "filters": repr(warnings.filters),
    }


before = look()
importlib.import_module(sys.argv[1])
after = look()
print(json.dumps([name for name in before if before[name] != after[name]]))
"""

# What Windows has not. The package alone lacks the modules: others have their own ways there.
LACKING = """
import builtins, os, signal, sys

real = builtins.__import__


def lacking(name, globals=None, *args, **more):
    importer = (globals or {}).get("__name__") or ""
    if importer.split(".")[0] == "tcellabm" and name in ("fcntl", "grp", "pwd", "resource"):
        raise ImportError(name)
    return real(name, globals, *args, **more)


builtins.__import__ = lacking
for name in ("getuid", "geteuid", "getgid", "getegid", "getppid", "getpgid", "fork", "forkpty",
             "setsid", "killpg", "nice", "getloadavg", "sched_getaffinity", "statvfs", "mkfifo",
             "register_at_fork", "umask", "chown", "fchmod", "fchown"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGSTOP", "SIGUSR1", "SIGCHLD", "SIGALRM", "setitimer", "alarm",
             "pthread_sigmask", "pthread_kill", "sigwait", "siginterrupt"):
    if hasattr(signal, name):
        delattr(signal, name)
"""


@pytest.fixture
def in_a_new_process(tmp_path):
    """Run Python code in a process whose HOME and temporary folder are empty."""
    for name in ("home", "temporary", "work"):
        (tmp_path / name).mkdir(mode=0o700)
    places = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONPATH": str(PACKAGE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLCONFIGDIR": str(tmp_path),
    }
    env = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}

    def _run(code, *words, **more):
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(
            command, env=env | places | more, cwd=tmp_path / "work", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return _run


@pytest.mark.parametrize(
    "name",
    [
        "tcellabm",
        "tcellabm.model",
        "tcellabm.experiments",
        "tcellabm.experiments.studies.sweep",
        "tcellabm.experiments.studies.calibration",
        "tcellabm.kernels.tick",
        "tcellabm.cli",
    ],
)
def test_importing_changes_nothing_outside(in_a_new_process, tmp_path, name):
    assert json.loads(in_a_new_process(LOOK, name)) == []
    for place in ("home", "temporary", "work"):
        assert list((tmp_path / place).iterdir()) == []


@pytest.mark.parametrize("name", ["tcellabm", "tcellabm.experiments", "tcellabm.cli"])
def test_importing_loads_no_compiler(in_a_new_process, name):
    code = f"import sys, {name}; print([name for name in ('numba', 'mesa') if name in sys.modules])"
    assert in_a_new_process(code).strip() == "[]"


def test_the_program_has_arrow_take_memory_from_the_system(in_a_new_process):
    code = (
        "import sys\nfrom tcellabm.cli import main\ntry:\n    main()\nexcept SystemExit:\n"
        "    import pyarrow\n    print(pyarrow.default_memory_pool().backend_name)"
    )
    assert in_a_new_process(code, "--version").split()[-1] == "system"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--help"], "Usage: tcellabm"),
        (["params"], "product.dose_cells_per_kg"),
        (["run", "--days", "1"], "wrote"),
        *(([command, "--help"], "Usage: tcellabm") for command in COMMANDS),
    ],
    ids=str,
)
def test_commands_start_where_what_posix_has_is_lacking(in_a_new_process, words, told):
    code = f"{LACKING}\nfrom tcellabm.cli import main\nmain()"
    # Without the compiler, for time: what it has to keep is tested with the cache.
    assert told in in_a_new_process(code, *words, NUMBA_DISABLE_JIT="1")


def test_kernels_are_kept_where_what_posix_has_is_lacking(in_a_new_process, tmp_path):
    (tmp_path / "work" / "ours.py").write_text(
        "from tcellabm.kernels.jit import kernel\n\n\n@kernel\ndef triple(x):\n    return 3 * x\n"
    )
    code = (
        f"{LACKING}\nfrom tcellabm.kernels import cache\nfrom ours import triple\nprint(triple(2))"
        "\nprint(cache.stored('triple'), cache.folder())"
    )
    assert in_a_new_process(code).split()[:2] == ["6", "True"]


def test_every_figure_can_be_asked_for_and_is_named():
    """The reference and a notebook's completion take the names that `dir` gives."""
    from tcellabm import figures

    assert set(figures.__all__) <= set(dir(figures))
    assert all(callable(getattr(figures, name)) for name in figures.__all__)

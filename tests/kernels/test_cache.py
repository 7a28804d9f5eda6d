"""Compiled kernels are kept where nobody else can plant any, or not at all."""

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from tcellabm.kernels import cache, jit, kept

posix = pytest.mark.skipif(os.name == "nt", reason="owners and modes are those of POSIX")
PACKAGE = Path(cache.__file__).parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without a cache, and an empty temporary folder beside it."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "home"


def chosen():
    """The folder that a new process would take."""
    return cache.folder.__wrapped__()


def temporary(home):
    return home.parent / "temporary" / f"tcellabm-{os.geteuid()}" / cache._fingerprint()


def mode(path):
    return path.lstat().st_mode & 0o777


@posix
def test_the_folder_is_the_users_alone(home):
    found = chosen()
    assert found == home / ".cache" / "tcellabm" / cache._fingerprint()
    assert [mode(each) for each in (found, found.parent, home / ".cache")] == [0o700] * 3
    assert chosen() == found


@posix
@pytest.mark.parametrize("bits", [0o750, 0o701, 0o755, 0o770, 0o777, 0o1777, 0o500])
def test_a_folder_that_others_may_enter_is_not_used(home, bits):
    chosen().chmod(bits)
    assert chosen() == temporary(home)
    temporary(home).chmod(bits)
    with pytest.warns(UserWarning, match="compiled again"):
        assert chosen() is None


@posix
def test_a_folder_of_a_group_is_used_if_the_group_has_no_access(home):
    found = chosen()
    found.chmod(0o2700)
    assert chosen() == found


@posix
@pytest.mark.parametrize("bits", [0o770, 0o702, 0o777])
@pytest.mark.parametrize("above", [1, 2, 3])
def test_a_folder_that_others_can_replace_is_not_used(home, bits, above):
    found = chosen()
    found.parents[above - 1].chmod(bits)
    assert chosen() == temporary(home)


@posix
def test_a_sticky_folder_above_is_fine(home):
    home.chmod(0o1777)
    assert chosen().is_relative_to(home)


@posix
def test_nothing_is_made_below_a_folder_that_others_write(home):
    home.chmod(0o777)
    assert chosen() == temporary(home)
    assert list(home.iterdir()) == []


class Status:
    """What `lstat` gives, but for the owner."""

    def __init__(self, true, owner):
        self.st_mode, self.st_uid = true.st_mode, owner


@posix
@pytest.mark.parametrize(("above", "used"), [(0, False), (1, True), (2, True)])
@pytest.mark.parametrize("owner", ["root", "another"])
def test_a_folder_of_another_user_is_not_used(home, monkeypatch, above, used, owner):
    """Root alone may own what lies above."""
    found = chosen()
    foreign = [found, *found.parents][above]
    real = Path.lstat
    me, other = os.geteuid() or 1000, {"root": 0, "another": 4321}[owner]

    def lstat(path):
        true = real(path)
        ours = path.is_relative_to(home.parent)
        return Status(true, other if path == foreign else me if ours else 0)

    monkeypatch.setattr(os, "geteuid", lambda: me)
    monkeypatch.setattr(Path, "lstat", lstat)
    expected = found if used and owner == "root" else temporary(home)
    assert chosen() == expected


@posix
@pytest.mark.parametrize("name", ["", "tcellabm"])
def test_a_link_in_the_place_of_our_folder_is_not_followed(home, name):
    """It may be planted, and what it leads to may change."""
    elsewhere = home / "elsewhere"
    place = home / ".cache" / "tcellabm" / cache._fingerprint()
    link = place.parent if name else place
    link.parent.mkdir(parents=True, mode=0o700)
    elsewhere.mkdir(mode=0o700)
    link.symlink_to(elsewhere)
    assert chosen() == temporary(home)
    assert list(elsewhere.iterdir()) == []


@posix
def test_a_linked_home_is_taken_for_what_it_leads_to(home, monkeypatch):
    link = home.parent / "link"
    link.symlink_to(home)
    monkeypatch.setenv("HOME", str(link))
    assert chosen().is_relative_to(home)


@posix
def test_a_planted_folder_in_the_temporary_one_is_not_used(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home / "file"))
    (home / "file").write_text("")
    (home.parent / "temporary").chmod(0o1777)
    planted = temporary(home)
    planted.mkdir(parents=True)
    planted.chmod(0o777)
    with pytest.warns(UserWarning, match="compiled again"):
        assert chosen() is None


@posix
@pytest.mark.parametrize("told", ["", "cache", "./cache", "~/cache"])
def test_a_relative_xdg_path_is_ignored(home, monkeypatch, told):
    monkeypatch.setenv("XDG_CACHE_HOME", told)
    monkeypatch.chdir(home.parent)
    assert chosen().is_relative_to(home / ".cache")
    assert sorted(each.name for each in home.parent.iterdir()) == ["home", "temporary"]


@posix
def test_an_absolute_xdg_path_is_used(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "xdg" / "deep"))
    assert chosen().is_relative_to(home / "xdg" / "deep")


@posix
@pytest.mark.parametrize("told", ["relative", "/dev/null"])
def test_a_home_that_is_none_leaves_the_temporary_folder(home, monkeypatch, told):
    monkeypatch.setenv("HOME", told)
    monkeypatch.chdir(home)
    assert chosen() == temporary(home)
    assert list(home.iterdir()) == []


def without_a_user(*args):
    raise RuntimeError("Could not determine home directory.")


def without_a_place():
    raise FileNotFoundError("No usable temporary directory found")


@posix
def test_without_a_user_the_temporary_folder_is_left(home, monkeypatch):
    monkeypatch.setattr(Path, "home", without_a_user)
    assert chosen() == temporary(home)


@posix
def test_without_any_folder_there_is_one_warning(home, monkeypatch):
    monkeypatch.setattr(Path, "home", without_a_user)
    monkeypatch.setattr(tempfile, "gettempdir", without_a_place)
    cache.folder.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert [cache.folder(), cache.folder(), cache.stored("x")] == [None, None, False]
    finally:
        cache.folder.cache_clear()
    assert [str(each.message) for each in told] == [
        "no safe and writable cache folder: kernels are compiled again each time"
    ]


def test_where_there_are_no_owners_the_users_own_folder_is_used(home, monkeypatch):
    monkeypatch.setattr(cache, "_HAS_OWNERS", False)
    monkeypatch.setattr(cache, "_users_folder", lambda: home / "Local")
    monkeypatch.delattr(os, "geteuid", raising=False)
    assert chosen() == home / "Local" / "tcellabm" / cache._fingerprint()


@posix
def test_links_in_a_circle_are_no_folder(home):
    (home / ".cache").symlink_to(home / ".cache")
    assert chosen() == temporary(home)


# Functions of another package, compiled before and after a kernel of ours, in one process.
THEIRS = """
import numba


@numba.njit(cache=True)
def double(x):
    return 2 * x
"""
OURS = """
from tcellabm.kernels.jit import kernel


@kernel
def triple(x):
    return 3 * x
"""
TOGETHER = """
import json, os, sys
os.umask(int(sys.argv[1]))
import numba
before = {name: getattr(numba.config, name) for name in dir(numba.config) if name.isupper()}
import theirs, ours, theirs_too
assert all(getattr(numba.config, name) == value for name, value in before.items())
from tcellabm.kernels import cache
assert (theirs.double(2), ours.triple(2), theirs_too.double(2)) == (4, 6, 4)
theirs_at = {module.double.stats.cache_path for module in (theirs, theirs_too)}
assert theirs_at == {os.path.join(sys.argv[2], "__pycache__")}
assert ours.triple.stats.cache_path == str(cache.folder())
assert cache.stored("triple") and not cache.stored("double")
print(len(ours.triple.stats.cache_hits), cache.folder())
"""


@pytest.fixture
def compile_both(home, tmp_path):
    """Compile in a process of its own; return whether ours came from the disk, and the folder."""
    for name, text in (("theirs", THEIRS), ("theirs_too", THEIRS), ("ours", OURS)):
        (tmp_path / f"{name}.py").write_text(text)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE), str(tmp_path)])}
    env.pop("NUMBA_CACHE_DIR", None)

    def _compile_both(umask=0o022):
        words = [sys.executable, "-W", "error", "-c", TOGETHER, str(umask), str(tmp_path)]
        done = subprocess.run(words, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        hits, folder = done.stdout.split()
        return bool(int(hits)), Path(folder)

    return _compile_both


@posix
def test_each_package_keeps_its_functions_in_its_own_folder(compile_both):
    assert [compile_both()[0] for _ in range(2)] == [False, True]


@posix
def test_kept_files_are_the_users_alone(compile_both):
    _, folder = compile_both(umask=0)
    files = sorted(folder.iterdir())
    assert [each.suffix for each in files] == [".nbc", ".nbi"]
    assert [mode(each) for each in [folder, *files]] == [0o700, 0o600, 0o600]


@posix
@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
def test_a_damaged_file_is_as_good_as_none(compile_both, suffix):
    _, folder = compile_both()
    (file,) = folder.glob(f"*{suffix}")
    file.write_bytes(file.read_bytes()[:-20])
    assert [compile_both()[0] for _ in range(2)] == [False, True]


@posix
def test_a_full_disk_costs_the_cache_and_not_the_run(home, monkeypatch):
    def full(path, flags):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "_open_private", full)
    monkeypatch.setattr(kept, "folder", lambda: home)
    triple = jit.kernel(lambda x: 3 * x)
    assert triple(2) == 6
    assert list(home.iterdir()) == []

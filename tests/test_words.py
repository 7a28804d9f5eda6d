"""Plain English: words of a private dialect that must not come back, in names and in prose."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(ROOT.glob("tcellabm/**/*.py"))
PAGES = sorted(ROOT.glob("tcellabm/app/**/*.js"))
PUBLISHED = ("care.py", "dosing.py")  # users' own rules have an argument `seen` too
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = {"said", "told", "seen", "kept", "grown", "made"}
PHRASES = re.compile(
    r"\banew\b|\bof none\b|\bhad no say\b|\bhangs? (little |much )?on\b|\bcomes? to the same\b"
    r"|\b(?:a|one) (row|column) an? \w+|\bis told\b|\btold apart\b|\bread off\b",
    re.IGNORECASE,
)


def bound_names(tree):
    """Yield each name that a module binds: variables, arguments, functions, classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_what_they_hold(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = NAMES - ({"seen"} if path.name in PUBLISHED else set())
    assert [f"{path}:{line}: {name}" for name, line in bound_names(tree) if name in names] == []


@pytest.mark.parametrize(
    "path", [*SOURCES, *PAGES, *DOCUMENTS], ids=lambda path: str(path.relative_to(ROOT))
)
def test_prose_is_plain(path):
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    assert [f"{path}:{number}: {line}" for number, line in lines if PHRASES.search(line)] == []


def test_the_check_finds_what_it_looks_for():
    assert PHRASES.search("a row a draw, a column a key")
    assert PHRASES.search("patients drawn anew")
    assert not PHRASES.search("one row per draw; at a row of a table")
    assert [name for name, _ in bound_names(ast.parse("def f(told): seen = 1"))] == [
        *("f", "told", "seen")
    ]


def test_spelling():
    program = shutil.which("codespell", path=Path(sys.executable).parent)
    if program is None:
        pytest.skip("codespell is not installed")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout

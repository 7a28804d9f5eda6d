"""Standard streams that are closed, missing, full, without a reader, or of few characters."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tcellabm
from tcellabm.cli import execute

PACKAGE = Path(tcellabm.__file__).parent
TCELLABM = f"{sys.executable} -m tcellabm.cli"
ENDED = {"params": 0, "params --set x=1": 2}


def shell(line, folder):
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize("words", ENDED)
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_exit_code(words, closed, tmp_path):
    assert shell(f"{TCELLABM} {words} {closed}", tmp_path).returncode == ENDED[words]


@pytest.mark.parametrize("words", ENDED)
@pytest.mark.parametrize("reader", ["| true", "| head -1", "2>&1 | true"])
def test_a_reader_that_leaves_changes_no_exit_code(words, reader, tmp_path):
    done = shell(f"{TCELLABM} {words} {reader}; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert done.returncode == ENDED[words]


def test_a_full_disk_under_stdout_is_one_line(tmp_path):
    done = shell(f"{TCELLABM} params >/dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "No space left" in done.stderr


@pytest.mark.parametrize(
    "setting", ["PYTHONIOENCODING=ascii", "LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0"]
)
def test_what_cannot_be_shown_is_replaced(setting, tmp_path):
    (tmp_path / "a.toml").write_text('"é.µ" = 1\n', encoding="utf-8")
    (tmp_path / "b.toml").write_text(
        'product.killing = { value = 2.0, source = "Müller, µ" }\n', encoding="utf-8-sig"
    )
    done = shell(f"{setting} {TCELLABM} params a.toml", tmp_path)
    assert done.returncode == 2 and "error: unknown key" in done.stderr
    done = shell(f"{setting} {TCELLABM} params b.toml", tmp_path)
    assert done.returncode == 0 and "M?ller, ?" in done.stdout


def test_a_file_has_no_number_of_a_stream(tmp_path):
    code = "from tcellabm.cli import streams; streams.make_safe(); print(open('a', 'w').fileno())"
    done = shell(f'{sys.executable} -c "{code}" <&- 2>&-', tmp_path)
    assert int(done.stdout) > 2


@pytest.mark.parametrize("words", ENDED)
def test_missing_streams_change_no_exit_code(words, monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert execute(words.split()) == ENDED[words]


def test_every_text_file_is_opened_in_a_named_encoding():
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _opens_text(node):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def _opens_text(call):
    name = getattr(call.func, "attr", "")
    named = any(word.arg == "encoding" for word in call.keywords)  # of `open`, ruff looks
    return name in ("read_text", "write_text") and not named

"""Every command with standard streams closed, full or left: `python tests/faults/streams.py`.

Held is the exit code of the command with all its streams, its results whole, and no traceback; a
full disk under stdout is one line and exit code 2, after the results.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import tcellabm

TCELLABM = f"{sys.executable} -m tcellabm.cli"
WORLD = {"PYTHONPATH": str(Path(tcellabm.__file__).parents[1]), "PYTHONWARNINGS": "ignore"}
DOSES = "--set product.dose_cells_per_kg=[1e6,2e6]"
SMALL = f"-n 1 --days 1 --workers 0 {DOSES}"
COMMANDS = {
    "run": "run --days 1",
    "sweep": f"sweep {SMALL}",
    "trial": "trial -n 2 --days 2 --workers 0",
    "counterfactuals": "counterfactuals -n 1 --workers 0",
    "sensitivity": "sensitivity --samples 2 --days 1 --workers 0 "
    "--set 'product.dose_cells_per_kg={uniform=[1e6,2e6]}'",
    "calibrate": f"calibrate {Path(__file__).with_name('calibration.toml')} --workers 0",
    "predict": "predict cohorts/no_measurable_disease.toml -n 2 --workers 0",
}
BARE = {"plot": "plot swept", "params": "params", "a mistake": "run --days x"}
CODES = {"a mistake": 2}
FULL = ">/dev/full"
WAYS = ["", ">&-", "2>&-", "<&-", "<&- >&- 2>&-", "| true", "2>&1 | true", FULL, "2>/dev/full"]
APP_WAYS = [way for way in WAYS if "|" not in way]
MOST_SECONDS = 5.0  # that a page may serve on after it was told to end


def shell(line, folder):
    """Run a line; return what went wrong with the program as such, its exit code and stderr."""
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=os.environ | WORLD, capture_output=True, check=False
    )
    said = done.stderr.decode("utf-8", "replace")
    odd = [word for word in ("Traceback", "Exception ignored", "Fatal Python") if word in said]
    return odd, done.returncode, said


def fault(name, words, way, folder):
    """Return what is wrong with how a command ends; empty if nothing is."""
    odd, code, said = shell(f"{TCELLABM} {words} {way}; exit ${{PIPESTATUS[0]}}", folder)
    wanted = CODES.get(name, 2 if way == FULL else 0)
    if odd or code != wanted:
        return f"exit {code}, {wanted} wanted: {said[-300:]}"
    if code == 2 and not any(gone in way for gone in ("2>", "|")) and said.count("\n") != 1:
        return f"not one line: {said[:300]}"
    if name in COMMANDS and not finished(folder / "a"):
        return f"not whole: {sorted(path.name for path in folder.glob('a/*'))}"
    return ""


def finished(folder):
    manifest, posterior = folder / "manifest.json", folder / "posterior.json"
    if posterior.exists():
        return "draws" in json.loads(posterior.read_bytes())
    return manifest.exists() and json.loads(manifest.read_bytes())["status"] == "finished"


def fault_of_pages(way, folder):
    """Serve the pages, ask for one, end them; return what is wrong."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    line = f"exec {TCELLABM} app --port {port} {way}"
    with open(folder / "said", "wb") as said:
        begun = subprocess.Popen(
            ["bash", "-c", line], cwd=folder, env=os.environ | WORLD, stdout=said, stderr=said
        )
    try:
        answer = asked(f"http://127.0.0.1:{port}/", begun)
        begun.send_signal(signal.SIGTERM)
        begun.wait(MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return f"still there {MOST_SECONDS:g} s after its end"
    finally:
        begun.kill()
        begun.wait()
    told = (folder / "said").read_text(encoding="utf-8", errors="replace")
    wanted = way == FULL or answer == 200
    return "" if wanted and "Traceback" not in told else f"{answer}: {told[-300:]}"


def asked(address, process):
    """Ask for a page until it is there, or the process has ended; return the status."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.status
        except OSError:
            time.sleep(0.2)
    return process.returncode


def tries(names=(*COMMANDS, *BARE, "app"), ways=None):
    """Try commands; yield the name, what was tried, and the misses."""
    for name in names:
        chosen = ways or (APP_WAYS if name == "app" else WAYS)
        missed = []
        for way in chosen:
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                if name == "app":
                    why = fault_of_pages(way, folder)
                else:
                    if name == "plot":
                        shell(f"{TCELLABM} sweep {SMALL} --out swept", folder)
                    words = f"{COMMANDS[name]} --out a" if name in COMMANDS else BARE[name]
                    why = fault(name, words, way, folder)
                missed += [f"{way}: {why}"] if why else []
        yield name, len(chosen), missed


def main(*names):
    total = misses = 0
    for name, tried, missed in tries(names or (*COMMANDS, *BARE, "app")):
        print(f"{name}: {tried} tried, {tried - len(missed)} held", flush=True)
        print(*map(repr, missed), sep="\n", end="\n" if missed else "", flush=True)
        total, misses = total + tried, misses + len(missed)
    print(f"streams: {total} tried, {misses} misses")
    return bool(misses)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

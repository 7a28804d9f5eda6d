"""Input that nobody meant: `python tests/faults/fuzz.py [CASES] [SEED]` prints what was held.

A case is held if it is taken, or refused by the package's own error in one line, within SECONDS of
processor time, and memory does not grow by more than MEMORY_MB over all cases of its kind.
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from faults import edits  # noqa: E402

from tcellabm import InputError, TumorTCellModel, load  # noqa: E402
from tcellabm.analysis.comparison import read_published  # noqa: E402
from tcellabm.experiments.studies.calibration import Calibration  # noqa: E402
from tcellabm.identity import MODEL_VERSION  # noqa: E402
from tcellabm.params import load_sweep, load_trial, parse_set  # noqa: E402
from tcellabm.params.meta import catalog  # noqa: E402
from tcellabm.posterior import Posterior  # noqa: E402

SECONDS, MEMORY_MB, LONGEST = 5.0, 500, 193
ODD = ["", " ", "nan", "-nan", "inf", "-1", "1e999", "9" * 400, "true", "[]", "{}", "[[1]]", "\x00"]
ODD += ["'", '"', "=", "%00", "%zz", "é", "\u202e", "\ud800", "x" * 3000, "[" * 2000, "1_0", "0x1f"]
SHARES = {"file": 0.25, "set": 0.25, "address": 0.26, "checkpoint": 0.1, "posterior": 0.08}
SHARES |= {"published": 0.03, "calibration": 0.03}


def anything(rng, depth=0):
    """Return a value such as JSON can hold, of any type."""
    kinds = [None, True, -1, 0, 10**30, 0.5, float("nan"), float("inf"), rng.choice(ODD)]
    if depth < 3:
        kinds.append([anything(rng, depth + 1) for _ in range(rng.randrange(4))])
        kinds.append({rng.choice(ODD): anything(rng, depth + 1) for _ in range(rng.randrange(3))})
    return rng.choice(kinds)


def flipped(rng, content):
    """Return bytes with some of them cut out, doubled, or replaced."""
    content = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        first = rng.randrange(len(content) + 1)
        last = min(len(content), first + rng.randrange(30))
        new = [b"", bytes(content[first:last]) * 2, rng.randbytes(3), rng.choice(ODD).encode(*UTF8)]
        content[first:last] = rng.choice(new)
    return bytes(content)


UTF8 = ("utf-8", "surrogatepass")


def key(rng):
    name = rng.choice(list(catalog()))
    return rng.choice([name, name, name, name[:-1], f"population.{name}.median", rng.choice(ODD)])


def value(rng):
    numbers = [f"{rng.uniform(-10, 10):.3g}", f"1e{rng.randrange(-20, 20)}", "3", "[1, 2]"]
    tables = ["{linspace=[1,2,3]}", "{uniform=[0,1]}", "{value=1, unit='d'}", "{logspace=[0,1,9]}"]
    return rng.choice([*numbers, *numbers, *tables, rng.choice(ODD)])


class Kinds:
    """A case of each kind: it returns, or raises InputError."""

    def __init__(self, folder):
        """Make what is to be changed."""
        from tcellabm.app.guard import Guard
        from tcellabm.app.hosts import Allowed
        from tcellabm.app.plan import Plan

        self.folder, self._plan = folder, Plan
        self._seeds = [
            Path(f"params/{name}").read_bytes()
            for name in ("scenarios/kymriah.toml", "sweeps/dose_persistence.toml")
        ]
        model = TumorTCellModel(load("params/scenarios/kymriah.toml"), rng=3)
        model.give("tocilizumab", at=7.0)
        model.run_until(3.0)
        model.save(folder / "seed.npz")
        self._content = (folder / "seed.npz").read_bytes()
        self._header, self._arrays = edits.unpacked(folder / "seed.npz")
        self._published = Path("params/trials/published.csv").read_text("utf-8").splitlines()
        self._guard = Guard(self._page, Allowed("127.0.0.1", 8765, []), lambda _: False)
        self._loop, self._params = asyncio.new_event_loop(), load()

    def close(self):
        self._loop.close()

    def file(self, rng):
        path = self.folder / "a.toml"
        content = rng.choice(self._seeds)
        if rng.random() < 0.5:
            lines = [f"{key(rng)} = {value(rng)}" for _ in range(rng.randrange(1, 6))]
            content = "\n".join(lines).encode(*UTF8)
        path.write_bytes(content if rng.random() < 0.3 else flipped(rng, content))
        rng.choice([load, load_sweep, load_trial])(path)

    def set(self, rng):
        items = [f"{key(rng)}={value(rng)}" for _ in range(rng.randrange(1, 4))]
        if rng.random() < 0.2:
            items = [flipped(rng, item.encode(*UTF8)).decode("utf-8", "replace") for item in items]
        load_sweep("params/scenarios/kymriah.toml", parse_set(items))

    def address(self, rng):
        if rng.random() < 0.5:
            names = ["seed", "give", "dose", "burden", "story", "days", "day", rng.choice(ODD)]
            pairs = [f"{rng.choice(names)}={value(rng)}" for _ in range(rng.randrange(5))]
            self._plan.of_query("&".join(pairs))
            return
        self._loop.run_until_complete(self._ask(rng))

    async def _ask(self, rng):
        names = [b"localhost:8765", b"127.0.0.1", b"evil.example", rng.randbytes(9), b""]
        names += [rng.choice(ODD).encode(*UTF8), b"[::1]:8765", b"localhost:99999999999"]
        headers = [(b"host", rng.choice(names)) for _ in range(rng.choice([1, 1, 1, 0, 2]))]
        if rng.random() < 0.5:
            headers.append((b"origin", b"http://" * rng.randrange(2) + rng.choice(names)))
        path = "/" + rng.choice([*ODD, "lab", "static/../x", "jupyter/api/kernels/x/channels"])
        kind = {"type": rng.choice(["http", "http", "lifespan"]), "method": "GET"}
        scope = {**kind, "headers": headers, "path": path, "client": ("a", 1), "query_string": b""}
        sent = []

        async def send(message):
            sent.append(message)

        await self._guard(scope, None, send)
        for message in sent:
            assert len(message.get("body", b"")) <= 300

    async def _page(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def checkpoint(self, rng):
        path = self.folder / "a.npz"
        if rng.random() < 0.3:
            path.write_bytes(flipped(rng, self._content))
        else:
            header = json.loads(json.dumps(self._header))
            _change(rng, header)
            edits.write(path, header, self._arrays)
        TumorTCellModel.restore(path)

    def posterior(self, rng):
        said = {"model_version": MODEL_VERSION, "keys": ["product.killing", "product.affinity"]}
        said |= {"draws": [[[1.0, 1.0], [1.2, 1.5]]], "passed": True}
        _change(rng, said)
        content = json.dumps(said).encode()
        path = self.folder / rng.choice(["a.json", "a.csv"])
        if path.suffix == ".csv":
            content = b"product.killing,weight\n1,1\n2,3\n"
        path.write_bytes(flipped(rng, content) if rng.random() < 0.5 else content)
        Posterior.load(str(path), self._params)

    def published(self, rng):
        path = self.folder / "published.csv"
        lines = self._published[:1] + rng.sample(self._published[1:], 9)
        place = rng.randrange(1, 10)
        cells = lines[place].split(",")
        cells[rng.randrange(len(cells))] = rng.choice([value(rng), *ODD])
        lines[place] = ",".join(cells)
        content = "\n".join(lines).encode(*UTF8)
        path.write_bytes(flipped(rng, content) if rng.random() < 0.5 else content)
        read_published.__wrapped__(path)  # the cache would hold all of them

    def calibration(self, rng):
        path = self.folder / "calibration.toml"
        prior = f'"{key(rng)}" = {{ low = {value(rng)}, high = {value(rng)} }}'
        lines = ['files.trial = "trials/eliana.toml"', "[priors]", rng.choice([prior, value(rng)])]
        content = "\n".join(lines).encode(*UTF8)
        path.write_bytes(flipped(rng, content) if rng.random() < 0.5 else content)
        Calibration.load(str(path), 1, 1, {})


def _change(rng, part):
    """Put anything somewhere into nested lists and tables."""
    while True:
        places = list(part) if isinstance(part, dict) else range(len(part))
        place = rng.choice(list(places))
        inner = part[place]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
            part[place] = anything(rng)
            return
        part = inner


def fault_of(case, rng):
    """Return what is wrong with how a case ends; empty if nothing is."""
    start = time.process_time()
    try:
        case(rng)
    except InputError as error:
        text = str(error)
        if len(text) > LONGEST or not text.isprintable():
            return f"not one line: {text[:100]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    seconds = time.process_time() - start
    return f"took {seconds:.1f} s" if seconds > SECONDS else ""


def fuzz(cases, seed=1):
    """Try so many cases in all; return how many of each kind were tried, and the faults."""
    tried, faults = Counter(), {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        kinds = Kinds(Path(folder))
        for kind, share in SHARES.items():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for number in range(round(cases * share)):
                tried[kind] += 1
                name = f"{seed}-{kind}-{number}"  # the whole recipe of a case
                if why := fault_of(getattr(kinds, kind), random.Random(name)):
                    faults[name] = why
            print(f"{kind}: {tried[kind]} tried, {len(faults)} misses so far", file=sys.stderr)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            if grown > MEMORY_MB:
                faults[kind] = f"memory grew by {grown:.0f} MB"
        kinds.close()
    return tried, faults


def main():
    cases, seed = (*map(int, sys.argv[1:]), 100_000, 1)[:2]
    start = time.process_time()
    tried, faults = fuzz(cases, seed)
    failed = Counter(name.split("-")[1] if "-" in name else name for name in faults)
    for kind, number in tried.items():
        print(f"{kind}: {number} tried, {number - failed[kind]} held")
    print(f"{time.process_time() - start:.0f} s of the processor")
    for name, why in list(faults.items())[:50]:
        print(name, why.encode("ascii", "replace").decode())
    print(f"fuzz: {sum(tried.values())} tried, {len(faults)} misses")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())

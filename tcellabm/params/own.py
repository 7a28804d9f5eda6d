"""Files of rules that parameters name: read once, run where a patient is, known by their hash."""

import hashlib
import linecache
import sys
import traceback
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tcellabm.params.errors import InputError, nearest, shorten
from tcellabm.params.files import read_text
from tcellabm.params.meta import OWN, catalog
from tcellabm.rules import Rule, RuleError, collected, is_own

GROUP = "tcellabm.rules"  # of entry points: packages that bring rules
_FIXED = ("sweep.", "trial.", "time.", "resolution.", "marrow.")  # how much is computed, and how
_DOSE = ".dose_mg_per_kg"  # what every drug has
_SHOWN = 16  # characters of a hash


class Source(NamedTuple):
    """A file of rules, as text: it goes with the parameters wherever a patient is followed.

    Attributes
    ----------
    name : str
        What stands before the dot in the names of its rules.
    text : str
        The file; empty for an installed package, which must be installed wherever it is used.
    digest : str
        SHA-256 of the file, hexadecimal.
    """

    name: str
    text: str
    digest: str

    @property
    def file(self) -> str:
        """What a parameter file calls it."""
        return f"{self.name}.py" if self.text else self.name

    def __str__(self) -> str:
        """Name and hash, for a manifest."""
        return f"{self.name} sha256:{self.digest[:_SHOWN]}"


def read_sources(names: object, where: str) -> list[Source]:
    """Read files of rules, or find the packages of that name.

    Parameters
    ----------
    names : str or list of str
        Paths that end in `.py`, looked for beside the file that names them and then as given; or
        names of entry points.
    where : str
        The file, or `--set`, that names them.

    Raises
    ------
    InputError
        There is none, or it is not Python, or what is marked in it is not as it should be.
    """
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"files.rules = {shorten(names)}", where, 'allowed: ["FILE.py"]')
    try:
        sources = [_file(name, where) if name.endswith(".py") else _package(name) for name in names]
        for source in sources:
            for rule in loaded(source):
                _check_facts(rule)
    except RuleError as error:
        raise InputError(str(error), where) from None
    return sources


def joined(parts: Iterable[Source]) -> tuple[Source, ...]:
    """Return files of rules, each once.

    Raises
    ------
    InputError
        Two have the same name and are not the same.
    """
    sources = tuple(dict.fromkeys(parts))
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two files of rules are called {name}", "", "allowed: one")
    return sources


def _check_facts(rule: Rule) -> None:
    key, drug = rule.facts.get("key", ""), rule.facts.get("drug", "")
    if rule.kind == "rate" and (
        key not in catalog() or catalog()[key].kind not in (int, float) or key.startswith(_FIXED)
    ):
        allowed = f"allowed: the key of a number, nearest: {nearest(key, catalog())}"
        raise RuleError(f"rule {rule.name} is a rate of {key!r}, {allowed}")
    drugs = [name.removesuffix(_DOSE) for name in catalog() if name.endswith(_DOSE)]
    if rule.kind == "treatment" and drug not in drugs:
        raise RuleError(f"rule {rule.name} gives {drug!r}, allowed: {', '.join(drugs)}")


def _file(name: str, where: str) -> Source:
    beside, stem = Path(where).parent / name, Path(name).stem
    text = read_text(beside if beside.exists() else Path(name), name)
    if not stem.isidentifier() or any(key.startswith(f"{stem}.") for key in catalog()):
        allowed = "allowed: letters, digits, _, and no section of parameters"
        raise InputError(f"a file of rules is called {shorten(stem)}", where, allowed)
    if not text.strip():
        raise InputError("no rules in it", name, "allowed: functions under @rules.policy and so on")
    return Source(stem, text, hashlib.sha256(text.encode()).hexdigest())


def _package(name: str) -> Source:
    found = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in found:
        allowed = f"allowed: FILE.py, or {', '.join(found) or 'an installed package'}"
        raise InputError(f"no rules {shorten(name)}", "files.rules", allowed)
    return Source(name, "", _digest(found[name], _imported(found[name])))


def _imported(point: metadata.EntryPoint) -> ModuleType:
    try:
        module = point.load()
    except Exception as problem:
        raise RuleError(f"rules {point.name}: {type(problem).__name__}: {problem}") from problem
    if not isinstance(module, ModuleType):
        raise RuleError(f"rules {point.name} are a {type(module).__name__}, allowed: a module")
    return module


def _digest(point: metadata.EntryPoint, module: ModuleType) -> str:
    """Return the hash of a package's version and of its module of rules."""
    version = f"{point.dist.name} {point.dist.version}" if point.dist else ""
    code = Path(module.__file__).read_bytes() if module.__file__ else b""
    return hashlib.sha256(version.encode() + b"\n" + code).hexdigest()


@cache
def loaded(source: Source) -> tuple[Rule, ...]:
    """Run a file of rules and return what is marked in it.

    Raises
    ------
    RuleError
        It raised, or the package that is installed here is another.
    """
    if source.text:
        module = _run(source)
    else:
        points = [p for p in metadata.entry_points(group=GROUP) if p.name == source.name]
        if not points:
            raise RuleError(f"rules {source.name} are not installed here")
        module = _imported(points[0])
        if _digest(points[0], module) != source.digest:
            raise RuleError(f"rules {source.name} are another version here")
    rules = collected(source.name, vars(module), module.__name__)
    if not rules:
        raise RuleError(f"rules {source.name}: nothing is marked, allowed: @rules.policy and so on")
    return rules


def _run(source: Source) -> ModuleType:
    """Run the text of a file as a module of its own."""
    name = f"tcellabm_rules_{source.digest[:_SHOWN]}_{source.name}"
    module = ModuleType(name)
    file = f"<rules {source.name}.py {source.digest[:_SHOWN]}>"
    linecache.cache[file] = (len(source.text), None, source.text.splitlines(True), file)
    sys.modules[name] = module  # where dataclasses look for it
    try:
        exec(compile(source.text, file, "exec"), vars(module))
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        kind = "" if isinstance(problem, RuleError) else f"{type(problem).__name__}: "
        what = f"{kind}{problem}{_line_of(problem, file)}"
        raise RuleError(f"rules {source.name}: {what}") from problem
    return module


def _line_of(problem: BaseException, file: str) -> str:
    """Return the last line of a file that a problem passed through; empty if it never ran."""
    lines = [at.lineno for at in traceback.extract_tb(problem.__traceback__) if at.filename == file]
    return f", line {lines[-1]}" if lines else ""


class Own:
    """The rules that some parameters have.

    Parameters
    ----------
    sources : iterable of Source
        Files that the parameters name.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        rules = [rule for source in sources for rule in loaded(source)]
        self._by_name = {rule.name: rule for rule in rules}

    def of(self, kind: str) -> list[Rule]:
        """Return all rules of a kind, in the order of files and functions."""
        return [rule for rule in self._by_name.values() if rule.kind == kind]

    def named(self, kind: str, name: str) -> Rule:
        """Return a rule.

        Raises
        ------
        InputError
            There is none of this kind.
        """
        known = [rule.name for rule in self.of(kind)]
        if name not in known:
            allowed = ", ".join(known) or "after files.rules = [FILE.py] that has it"
            raise InputError(f"no {kind} {shorten(name)}", "", f"allowed: {allowed}")
        return self._by_name[name]


own = cache(Own)


def check_values(values: Mapping[str, Any], sources: tuple[Source, ...]) -> None:
    """Check that every rule that is a value is there.

    Raises
    ------
    InputError
        One is not.
    """
    for key, kind in OWN.items():
        if is_own(values.get(key)):
            own(sources).named(kind, values[key])

"""What a result folder says about its making: recipe, versions, times."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import tcellabm
from tcellabm.params.errors import fault_of
from tcellabm.params.meta import Value

_PACKAGES = ("tcellabm", "mesa", "numpy", "numba", "pandas", "pyarrow", "dask", "distributed")
_PASSING = ("status", "command", "started", "ended", "sessions", "cpus")
_MAKING = ("versions", "git_commit", "set", "wanted", "runs", "errors", "files")
_CHECKSUM = "checksum"
_MOST_BYTES = 100_000_000  # a sweep can have many points


class _Form(BaseModel):
    """What is read of a manifest again; there is more in it."""

    model_config = ConfigDict(strict=True)

    status: str = ""
    command: str = ""
    started: str = ""
    sessions: int = 0
    git_commit: str | None = None
    parameters: dict[str, Value] = {}
    axes: dict[str, list[Any] | dict[str, Any]] = {}
    arms: list[Any] = []
    reference: dict[str, Value] = {}
    window: dict[str, float] = {}
    label: list[float] = []
    settings: Annotated[dict[str, Value], Field(alias="set")] = {}
    wanted: Annotated[int, Field(ge=0)] = 0
    files: dict[str, str] = {}


def now() -> str:
    """Return the time as ISO 8601 text, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def begin(recipe: dict[str, Any], command: str, earlier: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest of a session that starts.

    Parameters
    ----------
    recipe : dict
        What decides the results.
    command : str
        The command line.
    earlier : dict
        Manifest of the session that this one resumes; empty at a fresh start.

    Returns
    -------
    dict
        JSON values, with the status `running`.
    """
    return {
        "status": "running",
        "command": command or earlier.get("command", ""),
        "started": earlier.get("started", now()),
        "ended": None,
        "sessions": earlier.get("sessions", 0) + 1,
        **recipe,
        "versions": {"python": sys.version.split()[0]} | {p: version(p) for p in _PACKAGES},
        "git_commit": earlier.get("git_commit", _git_commit()),  # of what began it
        "cpus": os.cpu_count(),
    }


def end(manifest: dict[str, Any], status: str, **facts: Any) -> dict[str, Any]:
    """Return the manifest of a session that ends as `finished` or `interrupted`.

    Parameters
    ----------
    manifest : dict
        Of the session as it began.
    status : str
        `finished` or `interrupted`.
    **facts : object
        JSON values to add, such as `runs`, `errors` and `files`.

    Returns
    -------
    dict
        A new one.
    """
    return manifest | {"status": status, "ended": now(), **facts}


def provenance(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what a table says about itself: all of a manifest that no resuming changes."""
    return {key: value for key, value in manifest.items() if key not in _PASSING}


def recipe(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what decides the results: all that a manifest does not say of its making."""
    making = (*_PASSING, *_MAKING)
    return {key: value for key, value in manifest.items() if key not in making}


def difference(before: dict[str, Any], now: dict[str, Any], path: str = "") -> str:
    """Say in words where two recipes first differ; empty if they don't.

    Parameters
    ----------
    before, now : dict
        Recipes, as JSON values.
    path : str
        Keys above these, for the message.

    Returns
    -------
    str
        One clause, without a period.
    """
    for key in [*before, *(key for key in now if key not in before)]:
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            if deeper := difference(old, new, f"{path}{key} "):
                return deeper
        elif old != new:
            return f"{path}{key} was {_short(old)} there and is {_short(new)} now"
    return ""


def _short(value: object) -> str:
    text = "absent" if value is None else json.dumps(value)
    return text if len(text) <= 30 else text[:27] + "..."


def to_text(manifest: dict[str, Any]) -> str:
    """Return a manifest as the text of its file, with a checksum of all the rest."""
    own = {_CHECKSUM: _checksum(manifest)}
    return json.dumps(manifest | own, indent=2, ensure_ascii=False) + "\n"


def read(path: Path) -> dict[str, Any]:
    """Return the manifest in a file.

    Raises
    ------
    ValueError
        There is none, or it is not as this program wrote it.
    OSError
        The disk did not let it be read: that says nothing of what is in it.
    """
    if not path.exists():
        raise ValueError("there is none")
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ValueError("a folder, or too large")
    content = path.read_bytes()
    try:
        manifest = dict(json.loads(content.decode("utf-8-sig")))
    except (ValueError, TypeError, RecursionError):
        raise ValueError("not JSON with keys") from None
    if manifest.pop(_CHECKSUM, None) != _checksum(manifest):
        raise ValueError("not as it was written")
    try:
        _Form.model_validate(manifest)
    except ValidationError as error:
        raise ValueError(fault_of(error)) from None
    return manifest


def _checksum(manifest: dict[str, Any]) -> str:
    plain = json.loads(json.dumps(manifest))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def version(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Return the checkout's commit, marked if files differ; None for an installed package."""
    checkout = Path(tcellabm.__file__).parent.parent
    if not (checkout / ".git").exists():
        return None
    git = [
        "git",
        "-C",
        str(checkout),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    try:
        done = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None

"""What a shell offers where somebody presses the tab key: keys of `--set`, parameter files."""

from collections.abc import Callable
from glob import escape, glob
from pathlib import Path


def settings(incomplete: str) -> list[str]:
    """Return `KEY=` for every key that begins so; after the equals sign, the choices there are."""
    from tcellabm.params.meta import settable

    key, equals, value = incomplete.partition("=")
    if not equals:
        return [f"{name}=" for name in settable() if name.startswith(key)]
    choices = settable()[key].range if key in settable() else ()
    texts = (str(choice).lower() for choice in choices if isinstance(choice, bool | str))
    return [f"{key}={text}" for text in texts if text.startswith(value)]


def files(kind: str) -> Callable[[str], list[str]]:
    """Return what completes parameter files: the shipped ones of a kind, and what is here."""

    def complete(incomplete: str) -> list[str]:
        from tcellabm.params.files import shipped_names

        shipped = [name for name in shipped_names(kind) if name.startswith(incomplete)]
        here = (Path(path) for path in glob(f"{escape(incomplete)}*"))
        there = [f"{path}/" if path.is_dir() else str(path) for path in here if _may_lead(path)]
        return sorted({*shipped, *there})

    return complete


def _may_lead(path: Path) -> bool:
    """Tell whether a path is a parameter file, or may hold one."""
    return path.is_dir() or path.suffix == ".toml"

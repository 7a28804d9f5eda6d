"""What the browser runs: modules, served as they are, or joined into one classic script."""

import re
from collections.abc import Iterable
from pathlib import Path

STATIC = Path(__file__).with_name("static")
# In the order of their imports.
MODULES = (
    "words",
    "dots",
    "ladder",
    "smear",
    "charts",
    "arm",
    "controls",
    "welcome",
    "stage",
    "source",
    "recorded",
)
# Of the classroom edition, after those.
CLASSROOM = ("recording", "answers", "predict", "outcome", "tree", "hundred", "classroom")
_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./\w+\.js\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |function |class )", re.MULTILINE)


def program() -> str:
    """Return the modules as one script without imports, for where a browser loads no modules."""
    return _joined(MODULES)


def classroom_program() -> str:
    """Return the script of the classroom edition, which shows what `CLASSROOM` has taken."""
    start = 'new Classroom(document.getElementById("classroom"), joined(CLASSROOM.data));'
    return f"{_joined((*MODULES, *CLASSROOM))}\n{start}\n"


def _joined(modules: Iterable[str]) -> str:
    texts = [(STATIC / f"{name}.js").read_text(encoding="utf-8") for name in modules]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def style() -> str:
    """Return the style sheet of the page."""
    return (STATIC / "stage.css").read_text(encoding="utf-8")

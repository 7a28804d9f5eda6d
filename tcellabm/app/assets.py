"""What the browser runs: small files, joined into one program for the page and for the replay."""

from pathlib import Path

STATIC = Path(__file__).with_name("static")
SCRIPTS = ("dots", "smear", "charts", "words", "arm", "controls", "welcome", "stage")


def program() -> str:
    """Return the JavaScript of the page, one module without imports."""
    return "\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)


def style() -> str:
    """Return the style sheet of the page."""
    return (STATIC / "stage.css").read_text(encoding="utf-8")

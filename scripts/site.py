"""Build the documentation site: python scripts/site.py [FOLDER], by default build/site.

Tutorials are executed, warnings are errors, and every link within the site must lead somewhere.
"""

import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parents[1]


class _Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def dead_links(site: Path) -> list[str]:
    """Return the links within a site that lead nowhere, each with its page."""
    written = (path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts)
    pages = {path: _Page(path) for path in written}  # without templates of the theme
    return [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        for link in sorted(page.links)
        if not _leads(path, link, pages)
    ]


def _leads(path: Path, link: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target not in pages:
        return target.exists()
    return parts.fragment in ("", *pages[target].anchors)


def main() -> int:
    """Build it; return the exit code."""
    site = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()
    shutil.rmtree(site, ignore_errors=True)
    places = ["-d", str(site.parent / "doctrees"), str(ROOT / "docs"), str(site)]
    code = build_main(["-b", "html", "-W", "--keep-going", "-q", *places])
    dead = dead_links(site) if code == 0 else []
    print(*dead, sep="\n", end="\n" * bool(dead), file=sys.stderr)
    if code == 0 and not dead:
        print(f"wrote {site}/index.html")
    return code or bool(dead)


if __name__ == "__main__":
    sys.exit(main())

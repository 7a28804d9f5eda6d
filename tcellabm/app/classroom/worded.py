"""Texts of the site within HTML: each names its place in `data/texts.js`, whose words win."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

_PART = re.compile(r"\{(\w*)\}")


class Place(str):
    """Where a text stands in the texts of the site: keys and numbers with slashes between."""


class Words:
    """What turns places into HTML; a page without JavaScript shows the words as they are now.

    Parameters
    ----------
    texts : mapping
        What `data/texts.js` holds.
    """

    def __init__(self, texts: Mapping[str, Any]) -> None:
        self._texts = texts

    def at(self, place: str) -> Any:
        """Return the text, list or table at a place."""
        found: Any = self._texts
        for key in place.split("/"):
            found = found[int(key)] if isinstance(found, list | tuple) else found[key]
        return found

    def plain(self, place: str, **values: str) -> str:
        """Return a text with what is put in; a value may be a `Place` itself."""

        def part(found: re.Match[str]) -> str:
            value = values.get(found[1] or "number", found[0])
            return self.plain(value) if isinstance(value, Place) else value

        return _PART.sub(part, str(self.at(place)))

    def __call__(self, place: str, **values: str) -> str:
        """Return the same as HTML that names its place."""
        fill = {
            name: {"at": value} if isinstance(value, Place) else value
            for name, value in values.items()
        }
        data = f" data-fill='{escape(json.dumps(fill, ensure_ascii=False))}'" if fill else ""
        text = escape(self.plain(place, **values))
        return f'<span data-text="{escape(place)}"{data}>{text}</span>'

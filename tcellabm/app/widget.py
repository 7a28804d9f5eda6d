"""The class page as one widget: JavaScript that draws, and the session that it talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget

from tcellabm.app.assets import STATIC, program, style
from tcellabm.app.gate import load_pandas

if TYPE_CHECKING:
    from tcellabm.app.session import Session


def _script() -> str:
    return f"{program()}\n{(STATIC / 'live.js').read_text(encoding='utf-8')}"


class StageWidget(anywidget.AnyWidget):
    """Two patients in a browser; commands come as custom messages, frames go as binary ones."""

    _esm = _script()
    _css = style()

    def __init__(self) -> None:
        """Wait for the browser to say what it wants to see; that begins a session."""
        super().__init__()
        self._session: Session | None = None
        self.on_msg(self._hear)

    def _hear(self, _widget: object, command: dict[str, Any], _parts: object) -> None:
        if command.get("do") == "open" and self._session is None:
            self._say({"kind": "status", "text": "Loading the model and its kernels"}, [])
            # loaded now, not with the page, which is there sooner without
            load_pandas()
            from tcellabm.app import registry

            self._session = registry.begin(self._say)
        if self._session is not None:
            self._session.tell(command)

    def _say(self, message: dict[str, Any], parts: list[bytes]) -> None:
        self.send(message, buffers=parts)

    def close(self) -> None:
        """End the session with the widget."""
        if self._session is not None:
            self._session.close()
            self._session = None
        super().close()

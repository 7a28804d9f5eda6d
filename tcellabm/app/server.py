"""Serving the pages: on this machine alone unless told otherwise, offline, without telemetry."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import sys
import warnings
from typing import Any

from tcellabm.app.hosts import Allowed, is_every
from tcellabm.params import InputError

SETTINGS = {
    "SOLARA_APP": "tcellabm.app.pages",
    "SOLARA_MODE": "production",
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    # Assets come from the package solara-assets; what is not there is asked of nobody.
    "SOLARA_ASSETS_PROXY": "true",
    "SOLARA_ASSETS_CDN": "http://127.0.0.1:9/",
    "SOLARA_ASSETS_FONTAWESOME_ENABLED": "false",
    "SOLARA_THEME_TITLE": "tcellabm",
    "SOLARA_THEME_LOADER": "plain",
    "SOLARA_KERNEL_CULL_TIMEOUT": "5s",  # a lost page may come back so long
    "SOLARA_SESSION_HTTPS_ONLY": "false",
}
# A command is some hundred bytes. What is too long, or too much, uvicorn refuses.
LIMITS: dict[str, Any] = {"ws_max_size": 2**18, "limit_concurrency": 256}


def missing() -> str:
    """Return the first package of the extra `app` that is not installed; empty if none."""
    needed = ("anywidget", "solara", "starlette", "uvicorn")
    return next((name for name in needed if importlib.util.find_spec(name) is None), "")


def check_port(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on.

    Raises
    ------
    InputError
        If it is taken, or not one of this machine.
    """
    try:
        for family, *_, address in socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
    except OSError as error:
        where = f"--host {host} --port {port}"
        raise InputError(f"cannot listen, {error.strerror}", where, "allowed: a free one") from None


def greeting(host: str, port: int, page: str) -> str:
    """Say where the pages are, and under which names they are not.

    Parameters
    ----------
    host : str
        Name or address that is listened on.
    port : int
        TCP port.
    page : str
        Path of the page, without a slash in front.

    Returns
    -------
    str
        One line, or two where every address is listened on.
    """
    name = "localhost" if is_every(host) else host
    lines = [f"open http://{name}:{port}/{page} (Ctrl-C ends it)"]
    lines[0] += "; a teaching model, not for clinical use"
    if is_every(host):
        lines.append(f"under other names with --allow-origin http://NAME:{port} only")
    return "\n".join(lines)


def serve(host: str, port: int, allowed: Allowed) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    host : str
        Name or address to listen on; of IPv6 with or without brackets.
    port : int
        TCP port.
    allowed : Allowed
        Hosts and origins that may ask.
    """
    os.environ.update(SETTINGS)  # before Solara is imported: it reads them then
    import uvicorn

    from tcellabm.app import warm
    from tcellabm.app.guard import Guard
    from tcellabm.app.site import site

    warnings.filterwarnings("ignore", "Cookies with samesite=none", UserWarning)
    logging.getLogger("uvicorn.error").addFilter(_tells)
    guard = Guard(site(), allowed, _lives)
    warm.start()
    uvicorn.run(guard, host=host.strip("[]"), port=port, log_level="warning", **LIMITS)


def _lives(path: str) -> bool:
    """Whether Solara has a kernel for a socket's path, /jupyter/api/kernels/KERNEL/channels."""
    contexts = getattr(sys.modules.get("solara.server.kernel_context"), "contexts", {})
    return any(part in contexts for part in path.split("/"))


def _tells(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's log is true: this one it says of every socket refused in words.

    https://github.com/Kludex/uvicorn/pull/3138
    """
    return "without completing handshake" not in record.getMessage()

"""Serving the pages: on this machine alone unless told otherwise, offline, without telemetry."""

from __future__ import annotations

import os

SETTINGS = {
    "SOLARA_APP": "tcellabm.views.browser.pages",
    "SOLARA_MODE": "production",
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    # Assets come from the package solara-assets; what is not there is asked of nobody.
    "SOLARA_ASSETS_PROXY": "true",
    "SOLARA_ASSETS_CDN": "http://127.0.0.1:9/",
    "SOLARA_ASSETS_FONTAWESOME_ENABLED": "false",
    "SOLARA_THEME_TITLE": "tcellabm",
    "SOLARA_THEME_SHOW_BANNER": "false",
    "SOLARA_KERNEL_CULL_TIMEOUT": "2m",  # a closed tab's patient goes soon
    "SOLARA_SESSION_HTTPS_ONLY": "false",
}


def serve(host: str, port: int) -> None:
    """Serve until interrupted."""
    os.environ.update(SETTINGS)
    import uvicorn

    uvicorn.run("solara.server.starlette:app", host=host, port=port, log_level="warning")

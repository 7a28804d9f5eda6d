"""A server of the pages in a process of its own, and a real browser to look at them."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

CHROMIUM = shutil.which("chromium")
STARTS_WITHIN = 180.0  # seconds; kernels may have to be compiled
SIZE = {"width": 1280, "height": 720}


class Address(str):
    """Where a server is, and which process it is."""

    pid: int


class Outside:
    """All that a process may ask of the internet by way of a proxy: asked for, and not answered."""

    def __init__(self):
        self.asked = []
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()
        address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        proxies = {f"{kind}_proxy": address for kind in ("http", "https", "all")}
        proxies["no_proxy"] = "127.0.0.1,localhost"
        self.environment = proxies | {name.upper(): value for name, value in proxies.items()}

    def _listen(self):
        while True:
            caller, _ = self._door.accept()
            with caller:
                caller.settimeout(1.0)
                try:
                    self.asked.append(caller.recv(200))
                except TimeoutError:
                    self.asked.append(b"")


@pytest.fixture(scope="module")
def outside():
    """What the server asks of anybody but this machine."""
    return Outside()


@pytest.fixture(scope="module")
def server(tmp_path_factory, outside):
    """The address of `tcellabm app`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "tcellabm.cli", "app", "--port", str(port)]
    with log.open("w") as file:
        environment = {**os.environ, **outside.environment}
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        address = Address(f"http://127.0.0.1:{port}/")
        address.pid = process.pid
        try:
            _wait_for(address, process, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    assert "Traceback" not in log.read_text()


def _wait_for(address, process, log):
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium, driven by Playwright; nothing is downloaded.

    Playwright's loop of events runs until it ends: other tests could have none of their own.
    """
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page whose console, errors and requests are watched."""

    def __init__(self, browser, **options):
        options = {"viewport": SIZE, "bypass_csp": True, **options}  # the driver evaluates text
        self.context = browser.new_context(accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.faults = []
        self.asked = []
        self.page.set_default_timeout(90_000)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))

    def _hear(self, message):
        if message.type == "error":
            self.faults.append(message.text)

    def open(self, address):
        self.page.goto(address)
        self.page.wait_for_function("document.querySelector('.twins')?.stats?.frames > 0")
        return self.page

    def check(self):
        assert not self.faults
        for url in self.asked:
            local = ("http://127.0.0.1:", "ws://127.0.0.1:", "blob:", "data:", "file:")
            assert url.startswith(local), url


@pytest.fixture
def watched(chromium):
    """Make pages that must end without a console error or a request to elsewhere."""
    pages = []

    def make(**options):
        pages.append(Watched(chromium, **options))
        return pages[-1]

    yield make
    for page in pages:
        page.check()
        page.context.close()

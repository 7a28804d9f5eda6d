"""Figures of the class page in headless Chromium: `python tests/benchmarks/pages.py`.

Prints, as measured: seconds from the command to the page (what it shows, and how far it is loaded)
and to the first picture of a patient, frames and drawings a second with about 10,000 dots in each
arm, milliseconds from a key to the frame that shows the treatment, frames a second of two tabs that
play together, growth of the server's memory when pages were opened and closed, and from minute 2 to
the last minute of play.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import time

import psutil
from playwright.sync_api import sync_playwright

STATS = "({ ...document.querySelector('.twins').stats })"
SHOWN = "document.querySelector('.twins')?.stats?.frames > 0"
PATIENT = "?seed=7&days=730&burden=4e11&give=0:car_t:both,0.125:corticosteroid:a&day=1"
MANY = PATIENT.replace("burden=4e11", "burden=7e11&quality=0.01")  # of dots
LATENCY = """() => new Promise((done) => {
  const twins = document.querySelector('.twins'), was = twins.given, start = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 't', bubbles: true }));
  const look = () => twins.given > was || performance.now() - start > 5000
    ? done(performance.now() - start) : requestAnimationFrame(look);
  look();
})"""


def main() -> None:
    """Serve, look, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10, help="of play, for memory")
    parser.add_argument("--pages", type=int, default=20, help="opened and closed, for memory")
    told = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = _page(browser)
        started = time.monotonic()
        command = [sys.executable, "-m", "tcellabm.cli", "app", "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _wait_for(port)
            page.goto(address)
            page.locator(".welcome h2").wait_for()
            print(f"first useful paint: {time.monotonic() - started:.1f} s after the command")
            page.wait_for_function(SHOWN, timeout=300_000)
            print(f"first picture: {time.monotonic() - started:.1f} s after the command")
            process = psutil.Process(server.pid)
            _measure(page, address)
            _two_tabs(browser, page, address)
            _opened_and_closed(browser, address, process, told.pages)
            _minutes(page, process, told.minutes)
        finally:
            server.terminate()
            server.wait()
        browser.close()


def _wait_for(port):
    """Ask the port, not the browser: a page that fails to load takes the server's processor."""
    for _ in range(1200):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not come up in a minute")


def _page(browser):
    return browser.new_page(viewport={"width": 1920, "height": 1080}, bypass_csp=True)


def _rates(pages, seconds=10.0):
    """Return frames and drawings a second of pages that play."""
    for page in pages:
        page.bring_to_front()
        page.keyboard.press(" ")
    pages[0].wait_for_timeout(3000)
    before, start = [page.evaluate(STATS) for page in pages], time.monotonic()
    pages[0].wait_for_timeout(1000 * seconds)
    after, passed = [page.evaluate(STATS) for page in pages], time.monotonic() - start
    return [
        own | {name: (own[name] - was[name]) / passed for name in ("frames", "draws")}
        for own, was in zip(after, before, strict=True)
    ]


def _measure(page, address):
    page.goto(address + MANY)
    page.wait_for_function(SHOWN)
    own = _rates([page])[0]
    print(f"frames {own['frames']:.1f} /s, drawings {own['draws']:.1f} /s of both arms")
    print(f"dots: {own['dots']}")
    page.goto(address + PATIENT)
    page.wait_for_function(SHOWN)
    page.keyboard.press(" ")
    waits = [page.evaluate(LATENCY) for _ in range(9)]
    print(f"key to frame: median {statistics.median(waits):.0f} ms, worst {max(waits):.0f} ms")
    page.keyboard.press(" ")


def _two_tabs(browser, page, address):
    """Both in windows of their own, in front: a browser draws no page that is covered."""
    other = _page(browser)
    for tab, seed in ((page, 7), (other, 8)):
        tab.goto(address + PATIENT.replace("seed=7", f"seed={seed}"))
        tab.wait_for_function(SHOWN)
    told = [f"{own['frames']:.1f}" for own in _rates([page, other])]
    print(f"two tabs: {' and '.join(told)} frames/s")
    other.close()
    page.keyboard.press(" ")


def _opened_and_closed(browser, address, server, number):
    """Each plays two seconds; one before the first look, so that all that is loaded once is."""
    for count in range(number + 1):
        page = _page(browser)
        page.goto(address + PATIENT.replace("seed=7", f"seed={100 + count}"))
        page.wait_for_function(SHOWN)
        page.keyboard.press(" ")
        page.wait_for_timeout(2000)
        page.close()
        if count == 0:
            time.sleep(5.0)
            before = server.memory_info().rss
    time.sleep(5.0)
    growth = server.memory_info().rss / before - 1.0
    print(f"memory of the server, {number} pages opened and closed: {100 * growth:+.1f} %")


def _minutes(page, server, minutes):
    page.keyboard.press(" ")
    used = []
    for minute in range(1, minutes + 1):
        page.wait_for_timeout(60_000)
        heap = page.evaluate("performance.memory?.usedJSHeapSize ?? 0")
        used.append((server.memory_info().rss, heap))
        rss, js = used[-1][0] / 1e6, used[-1][1] / 1e6
        print(f"minute {minute}: server {rss:.0f} MB, page {js:.0f} MB", flush=True)
    if len(used) > 2:
        growth = used[-1][0] / used[1][0] - 1.0
        print(f"growth of the server from minute 2 to {len(used)}: {100 * growth:.1f} %")


if __name__ == "__main__":
    main()

"""Take docs/class.png anew, the class page in the README: the rescue story on its last note.

tcellabm app --port 8765 &                               # in another terminal
python scripts/pictures.py http://127.0.0.1:8765/
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from tcellabm.app import stories

FILE = Path(__file__).parents[1] / "docs" / "class.png"
SIZE = {"width": 1280, "height": 720}
STORY = "rescue"


def main() -> None:
    """Open the page, wait for the day of the note, take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="of the running pages")
    parser.add_argument("--out", type=Path, default=FILE)
    arguments = parser.parse_args()
    story = stories.ALL[STORY]
    day = story.notes[-1].day
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE, bypass_csp=True)
        page.goto(f"{arguments.address}?{story.plan.query(day)}", timeout=180_000)
        page.wait_for_function(f"document.querySelector('.twins')?.day === {day}", timeout=180_000)
        page.wait_for_timeout(1000)  # until the status line is gone
        page.screenshot(path=arguments.out)
        browser.close()


if __name__ == "__main__":
    main()

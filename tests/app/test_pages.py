"""The pages in a real browser: Debian's Chromium, driven by Playwright."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from matplotlib.image import imread

from tcellabm.app import stories
from tcellabm.app.assets import program, style
from tcellabm.app.ending import NAMES
from tcellabm.app.glossary import EDEMA, GRADES

SHOWN = "document.querySelector('.twins')"
SERIOUS = ("serious", "critical")
FITS = """(shown, text) => shown.length > 1 && shown.every((node) => {
  node.textContent = text;
  return node.scrollWidth <= node.clientWidth;
})"""
# Texts smaller than 13 px.
SMALL = """() => [...document.querySelectorAll('.twins *')].filter((node) => node.offsetParent
  && [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())
  && parseFloat(getComputedStyle(node).fontSize) < 12.99)
  .map((node) => node.outerHTML.slice(0, 80))"""
# Charts of the lab that lie over the patient, at nine points of each.
OVER = """() => [...document.querySelectorAll('img')].filter((chart) => {
  const box = chart.getBoundingClientRect();
  return [0.05, 0.5, 0.95].some((x) => [0.05, 0.5, 0.95].some((y) => {
    const there = document.elementsFromPoint(box.left + x * box.width, box.top + y * box.height);
    return there.some((node) => node.closest('.single'));
  }));
}).length"""
INFUSED = "?seed=5&give=0:car_t:both"
# Of each patient in a picture: words, marrow, smear, cells, fever (left, top, width, height).
PARTS = (
    (0, 70, 670, 20),
    (0, 100, 400, 400),
    (410, 100, 260, 100),
    (0, 510, 670, 180),
    (0, 695, 670, 90),
)


def day(page):
    return float(page.locator(".day").inner_text().removeprefix("day "))


def said(page):
    """What the address says, once it has caught up."""
    page.wait_for_timeout(600)
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def scrub(page, to):
    """Drag the time line to a day, and wait until that is shown."""
    page.evaluate(
        """(to) => { const bar = document.querySelector('.timeline input[type=range]');
        bar.value = to; bar.dispatchEvent(new Event('change')); }""",
        to,
    )
    page.wait_for_function(f"{SHOWN}.day === {to}")


def frames(page):
    return page.evaluate(f"{SHOWN}.stats.frames")


def wait_for_more(page, count=1):
    page.wait_for_function(f"{SHOWN}.stats.frames >= {frames(page) + count}")


def assert_picture(file):
    """The picture kept of both patients: marrow, smear, and charts, each with ink in it."""
    pixels = imread(file)[:, :, :3]
    assert pixels.shape[:2] == (800, 1400)
    for x in (20, 710):
        for left, top, width, height in PARTS:
            part = pixels[top : top + height, x + left : x + left + width]
            assert np.ptp(part, axis=(0, 1)).max() > 0.3, (x, left, top)


def violations(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(v["id"], v["nodes"][0]["html"][:160]) for v in found if v["impact"] in SERIOUS]


def test_what_stands_there_while_the_model_loads(chromium):
    page = chromium.new_page()
    page.set_content(
        f"<html lang=en><title>t</title><style>{style()}</style><main><div></div></main>"
    )
    start = "window.stage = new Stage(document.querySelector('main div'), quiet);"
    quiet = "const quiet = { listen() {}, tell() {}, close() {} };"
    page.add_script_tag(content=f"{program()}\n{quiet}\n{start}")
    page.evaluate("stage.receive({ kind: 'status', text: 'Loading the model', share: 0.25 })")
    welcome = page.locator(".welcome")
    assert welcome.get_by_text("Loading the model").is_visible()
    assert welcome.locator("progress").is_visible() and welcome.locator("li").count() == 7
    assert welcome.locator("progress").evaluate("bar => bar.value") == 0.25
    assert not violations(page)
    page.evaluate("stage.receive({ kind: 'error', text: 'too many pages are open' })")
    assert page.get_by_role("alert").is_visible() and not welcome.locator("progress").is_visible()
    y = page.get_by_role("alert").bounding_box()["y"] + 5
    assert page.evaluate(f"document.elementFromPoint(20, {y}).className") == "error"
    page.close()


def test_what_stands_there_first_goes_with_the_first_patient(server, watched):
    assert watched().open(server).locator(".welcome").count() == 0


@pytest.mark.parametrize("name", list(stories.ALL))
def test_a_story_plays_to_the_end_it_states(server, watched, name):
    story = stories.ALL[name]
    page = watched().open(server)
    page.select_option("#story", name)
    page.locator(".note", has_text=story.notes[0].text[:20]).wait_for()
    page.select_option("[aria-label=Speed]", "30")
    scrub(page, story.plan.days - 8.0)  # most of it is computed, not watched
    page.locator(".play").click()
    page.locator("dialog.end[open]").wait_for(timeout=60_000)
    screen = page.locator("dialog.end")
    assert screen.get_attribute("data-as-told") == "true"
    text = screen.inner_text()
    assert story.title in text and story.why.partition("{")[0] in text and "{" not in text
    heads = screen.locator("h3").all_inner_texts()
    assert [head.split(": ", 1)[1] for head in heads] == [NAMES[end] for end in story.ends]


def test_a_story_stops_at_its_notes(server, watched):
    page = watched().open(server)
    page.select_option("#story", "rescue")
    page.locator(".note", has_text="Day 0").wait_for()
    page.select_option("[aria-label=Speed]", "10")
    page.locator(".play").click()
    page.locator(".note", has_text="tocilizumab now").wait_for()
    page.locator(".play", has_text="Play").wait_for()
    page.locator(".play").click()
    page.locator(".note", has_text="The fever falls").wait_for()


def test_each_button_has_its_effect(server, watched):
    page = watched().open(f"{server}?seed=7")
    page.get_by_role("button", name="Infuse CAR T cells").click()
    page.get_by_role("button", name="Second CAR T dose").wait_for()
    page.locator("[aria-label='A quarter day on']").click()
    page.wait_for_function("document.querySelector('.day').textContent === 'day 0.3'")
    cells = page.locator(".arm-a .group").nth(1).locator("b").all_inner_texts()
    assert cells[0] != "0"
    for name, words in (
        ("Tocilizumab", "IL-6"),
        ("Dexamethasone", "steroid"),
        ("Anakinra", "IL-1"),
        ("Second CAR T dose", "CD19"),
    ):
        wait_for_more(page, 0)
        before = frames(page)
        button = page.get_by_role("button", name=name)
        assert words in button.get_attribute("data-tip")
        button.click()
        page.wait_for_function(f"{SHOWN}.stats.frames > {before}")
    given = said(page)["give"]
    assert re.findall(r"[\d.]+:(\w+):(\w+)", given) == [
        ("car_t", "both"), ("tocilizumab", "a"), ("corticosteroid", "a"), ("anakinra", "a"),
        ("car_t", "a"),
    ]  # fmt: skip
    page.locator(".play").click()
    page.locator(".arm-b .subtitle", has_text="not given").wait_for()
    page.locator(".play", has_text="Pause").click()
    page.locator(".play", has_text="Play").wait_for()
    here = day(page)
    page.locator("[aria-label='A day back']").click()
    page.wait_for_function(
        f"Number(document.querySelector('.day').textContent.slice(4)) <= {max(0, here - 0.9)}"
    )


def test_sliders_make_another_patient_and_say_when(server, watched):
    page = watched().open(f"{server}?seed=7")
    slider = page.locator("#slider-persistence")
    assert "next start" in page.locator(".slider", has=slider).inner_text()
    assert "next infusion" in page.locator(".slider", has=page.locator("#slider-dose")).inner_text()
    slider.fill("20")
    page.locator("#slider-dose").fill("90")
    before = frames(page)
    page.get_by_role("button", name="Start again with these").click()
    page.wait_for_function(f"{SHOWN}.stats.frames > {before}")
    persistence = float(said(page)["persistence"])
    assert 5.0 < persistence < 30.0
    page.get_by_role("button", name="Infuse CAR T cells").click()
    page.get_by_role("button", name="Second CAR T dose").wait_for()


def test_the_address_brings_everything_back(server, watched):
    query = "?seed=8&myeloid=3&give=0:car_t:both,4.5:tocilizumab:a,5:anakinra:a&day=6.5"
    first = watched().open(server + query)
    again = watched().open(f"{server}?{urlsplit(first.url).query}")
    assert said(first) == said(again) and day(first) == day(again) == 6.5
    texts = [page.locator(".arm").all_inner_texts() for page in (first, again)]
    assert texts[0] == texts[1] and texts[0][0] != texts[0][1]


def test_the_server_asks_nothing_of_anybody(server, outside, watched):
    watched().open(server)  # by then a telemetry that is on has told of the start
    assert outside.asked == []


def test_a_bad_address_is_one_clear_line(server, watched):
    page = watched().open(f"{server}?seed=minus")
    assert "seed = minus" in page.locator(".error").inner_text()


def test_the_keyboard_is_enough(server, watched):
    page = watched().open(f"{server}?seed=7")
    page.keyboard.press("i")
    page.get_by_role("button", name="Second CAR T dose").wait_for()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.day').textContent === 'day 0.3'")
    page.keyboard.press(" ")
    page.locator(".play", has_text="Pause").wait_for()
    for key in "tda":
        page.keyboard.press(key)
    page.keyboard.press(" ")
    page.locator(".play", has_text="Play").wait_for()
    given = re.findall(r":(\w+):a", said(page)["give"])
    assert given == ["tocilizumab", "corticosteroid", "anakinra"]
    marrow = page.locator(".arm-a .marrow")
    marrow.focus()
    words = page.locator(".arm-a .smear").get_attribute("aria-label")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(500)
    assert page.evaluate("document.activeElement.className") == "marrow"
    label = marrow.get_attribute("aria-label")
    assert "Smear" in words and "CAR T cells" in label
    assert "CRS grade 0 (no CRS), ICANS grade 0 (no ICANS)" in label


def test_no_serious_fault_in_accessibility(server, watched):
    page = watched().open(f"{server}{INFUSED}&day=9")
    assert violations(page) == []
    ended = watched().open(f"{server}?seed=7&days=1&day=1")
    ended.locator("dialog.end[open]").wait_for()
    assert violations(ended) == []


@pytest.mark.parametrize(
    ("width", "height"), [(1280, 720), (853, 480), (390, 844), (768, 1024), (2560, 1440)]
)
def test_nothing_is_cut_off(server, watched, width, height):
    watch = watched()
    watch.page.set_viewport_size({"width": width, "height": height})
    page = watch.open(f"{server}{INFUSED}&day=8")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = page.evaluate(
        """[...document.querySelectorAll('.arm')].map((arm) => arm.scrollWidth > arm.clientWidth
        || arm.scrollHeight > arm.clientHeight + 1)"""
    )
    assert cut == [False, False]
    for words in (*GRADES["CRS"], *GRADES["ICANS"], EDEMA):
        assert page.locator(".grade-text").evaluate_all(FITS, f"4: {words}"), words
    for part in (".play", ".timeline input[type=range]", ".day"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, part
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, part
    assert page.locator(".top .notice").is_visible()
    assert page.evaluate(SMALL) == []


def test_each_idea_can_be_made_large(server, watched):
    page = watched().open(f"{server}{INFUSED}&day=5")
    for name, shown in (("Marrow", ".marrow"), ("Curves", ".cells"), ("Bedside", ".bedside")):
        before = page.locator(f".arm-a {shown}").bounding_box()
        page.get_by_role("button", name=name, exact=True).click()
        after = page.locator(f".arm-a {shown}").bounding_box()
        assert after["height"] > 1.2 * before["height"], name
        page.get_by_role("button", name="All", exact=True).click()


def test_what_happens_is_seen_while_time_passes_unless_motion_is_off(server, watched):
    page = watched().open(f"{server}{INFUSED}&day=6")
    assert page.evaluate(f"{SHOWN}.stats.events") == [0, 0]
    assert page.locator(".arm-a .leukemia_killed b").inner_text().endswith("illion")
    page.keyboard.press(" ")
    page.wait_for_function(f"{SHOWN}.stats.events?.[0] > 0")
    page.keyboard.press(" ")
    page.locator("#motion").uncheck()
    page.locator(".play").click()
    wait_for_more(page, 5)
    assert page.evaluate(f"{SHOWN}.stats.events") == [0, 0]


def test_a_branch_says_what_it_drops_and_can_be_undone(server, watched):
    page = watched().open(f"{server}{INFUSED},4:tocilizumab:a&day=3")
    page.keyboard.press("d")
    page.locator(".remark", has_text="without tocilizumab on day 4").wait_for()
    assert "tocilizumab" not in said(page)["give"]
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"{SHOWN}.given === 2")
    assert "4:tocilizumab" in said(page)["give"] and "corticosteroid" not in said(page)["give"]


def test_a_link_of_a_story_shows_its_patient_and_keeps_what_platforms_add(server, watched):
    page = watched().open(f"{server}?story=rescue&utm_source=school")
    assert page.locator(".remark", has_text="Ignored in the address: utm_source").is_visible()
    plan = stories.ALL["rescue"].plan
    assert said(page)["seed"] == str(plan.seed) and said(page)["give"]
    other = watched().open(f"{server}?story=rescue&seed=77")
    assert "story" not in said(other) and said(other)["seed"] == "77"
    assert "changes the patient" in other.locator(".remark").inner_text()


def test_a_page_whose_connection_is_lost_comes_back_by_itself(server, watched):
    watch = watched()
    page = watch.open(f"{server}{INFUSED}&day=2")
    page.locator("[aria-label='A quarter day on']").click()
    page.wait_for_function(f"{SHOWN}.day === 2.25")
    page.evaluate(f"{SHOWN}.source.socket.close()")
    page.get_by_text("No connection to the server").wait_for()
    page.get_by_text("No connection to the server").wait_for(state="hidden")
    assert page.evaluate(f"{SHOWN}.day") == 2.25
    page.locator("[aria-label='A quarter day on']").click()
    page.wait_for_function(f"{SHOWN}.day === 2.5")


def test_what_is_kept_can_be_opened(server, watched, tmp_path):
    page = watched().open(f"{server}{INFUSED}&day=2")
    page.select_option("[aria-label=Speed]", "10")
    page.locator(".play").click()
    page.wait_for_function("Number(document.querySelector('.day').textContent.slice(4)) > 8")
    page.locator(".play").click()
    files = {}
    for name in ("Table (CSV)", "Picture (PNG)", "Replay (HTML)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    assert files["Table (CSV)"].read_text().startswith("patient,day,")
    assert_picture(files["Picture (PNG)"])
    replay = watched(offline=True, bypass_csp=True).open(files["Replay (HTML)"].as_uri())
    replay.select_option("[aria-label=Speed]", "10")
    replay.locator(".play").click()
    replay.wait_for_function("Number(document.querySelector('.day').textContent.slice(4)) > 6")
    assert replay.evaluate(f"{SHOWN}.stats.dots[0]") > 500
    for scale, words in zip(GRADES, replay.locator(".arm-a .grade").all_inner_texts(), strict=True):
        assert f"{scale} grade" in words and words.split(": ")[1] in (*GRADES[scale], EDEMA)
    assert violations(replay) == []


def test_two_users_are_independent(server, watched):
    one, other = watched().open(f"{server}?seed=7"), watched().open(f"{server}?seed=7")
    one.get_by_role("button", name="Infuse CAR T cells").click()
    one.get_by_role("button", name="Second CAR T dose").wait_for()
    one.locator(".play").click()
    wait_for_more(one, 10)
    assert "give" not in said(other) and day(other) == 0.0


def test_the_lab_steps_resets_and_explains(server, watched):
    watch = watched()
    page = watch.page
    page.goto(f"{server}lab")
    page.locator(".single .marrow").wait_for()
    page.get_by_role("button", name="Step").click()
    page.locator(".single .subtitle", has_text="day 1").wait_for()
    page.locator("img").nth(2).wait_for()
    assert page.evaluate(OVER) == 0
    page.get_by_label("Search parameters").fill("weight kg")
    weight = page.get_by_label("patient.weight_kg (kg)", exact=True)
    weight.wait_for()
    box = page.locator(".v-input", has=weight)
    assert "allowed 3 to 200" in box.get_attribute("title")
    weight.fill("1000")
    weight.press("Tab")
    page.get_by_text("Set: patient.weight_kg").wait_for()
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("patient.weight_kg = 1000 is out of range").wait_for()
    weight.fill("20")
    weight.press("Tab")
    page.get_by_role("button", name="Reset").click()
    page.locator(".single .subtitle", has_text="day 0").wait_for()
    page.get_by_text("is out of range").wait_for(state="detached")
    page.get_by_role("button", name="Tocilizumab").click()
    page.get_by_text("tocilizumab (day 0)").wait_for()

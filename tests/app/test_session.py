"""A session: commands in, frames out, never more on the way than the browser can draw."""

import queue
import re
import time

import numpy as np
import pytest

from tcellabm.app import assets, registry
from tcellabm.app.feed import MOST_ON_THE_WAY
from tcellabm.app.places import Places
from tcellabm.app.plan import Plan
from tcellabm.app.server import SETTINGS
from tcellabm.app.session import MOST_COMMANDS, Session

WAIT = 60.0  # seconds until a test gives up: never a measure of speed


class Browser:
    """What a page does: hears messages, answers frames unless told to be slow."""

    def __init__(self, query="seed=7", answers=True, **options):
        self.heard: queue.Queue = queue.Queue()
        self.answers = answers
        self.session = Session(self._hear, **options)
        self.session.start()
        self.tell("open", query=query)

    def _hear(self, message, parts):
        self.heard.put((message, parts))
        if self.answers and message["kind"] == "frame":
            self.tell("drawn", n=message["n"])

    def tell(self, do, **words):
        self.session.tell({"do": do, **words})

    def wait_for(self, kind, holds=lambda message: True):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            message, parts = self.heard.get(timeout=WAIT)
            if message["kind"] == kind and holds(message):
                return message, parts
        raise AssertionError(f"no {kind}")


@pytest.fixture
def opened():
    browsers = []

    def open_one(*args, **options):
        browsers.append(Browser(*args, **options))
        return browsers[-1]

    yield open_one
    for browser in browsers:
        browser.session.close()
    for browser in browsers:
        browser.session.join(WAIT)
        assert not browser.session.is_alive()


def test_a_page_opens_with_a_plan_then_a_frame(opened):
    browser = opened("seed=7&day=1.5&give=0:car_t:both")
    about, _ = browser.wait_for("plan")
    frame, parts = browser.wait_for("frame")
    assert about["seed"] == 7 and frame["day"] == 1.5 and not frame["playing"]
    voxels = about["shape"][0] * about["shape"][1]
    assert len(parts[0]) == 4 * voxels * (len(about["drawn"]) + len(about["glows"]))
    rows = np.frombuffer(parts[1], np.float32).reshape(-1, frame["columns"])
    assert rows[0, 0] == 0.0 and rows[-1, 0] <= 1.5


def test_play_moves_on_and_pause_stops(opened):
    browser = opened()
    browser.tell("play", on=True)
    browser.wait_for("frame", lambda f: f["day"] > 0.2)
    browser.tell("play", on=False)
    stopped, _ = browser.wait_for("frame", lambda f: not f["playing"])
    browser.tell("step")
    after, _ = browser.wait_for("frame")
    assert after["day"] == stopped["day"] + 0.25


def test_no_more_frames_are_sent_than_are_drawn(opened):
    browser = opened(answers=False)
    browser.tell("play", on=True)
    last, _ = browser.wait_for("frame", lambda f: f["n"] == MOST_ON_THE_WAY)
    time.sleep(0.5)
    assert browser.heard.empty()
    browser.tell("drawn", n=1)
    following, _ = browser.wait_for("frame")
    assert following["n"] == MOST_ON_THE_WAY + 1 and following["day"] > last["day"]


@pytest.mark.parametrize("drug", ["tocilizumab", "anakinra"])
def test_a_treatment_shows_in_the_next_frame_and_sets_the_twins_apart(opened, drug):
    browser = opened("seed=7&day=5&give=0:car_t:both")
    browser.wait_for("frame")
    browser.tell("give", name=drug)
    frame, _ = browser.wait_for("frame")
    assert frame["given"][-1] == [5.0, drug, "a"]
    assert f"5:{drug}:a" in frame["query"]
    browser.tell("step")
    apart, parts = browser.wait_for("frame", lambda f: len(f["arms"]) == 2)
    assert apart["arms"][0][drug] > 0.0 == apart["arms"][1][drug]
    assert len(parts) == 4 and apart["rows_after"][1] == -1.0


def days_of(frame, part):
    return np.frombuffer(part, np.float32).reshape(-1, frame["columns"])[:, 0]


def test_rows_of_the_charts_say_after_which_day_they_come(opened):
    browser = opened("seed=7&day=3&give=0:car_t:both")
    frame, parts = browser.wait_for("frame")
    assert frame["rows_after"] == [-1.0] and days_of(frame, parts[1])[0] == 0.0
    browser.tell("seek", day=4)
    onward, parts = browser.wait_for("frame")
    assert onward["rows_after"] == [3.0] and (days_of(onward, parts[1]) > 3.0).all()
    browser.tell("seek", day=1)
    back, parts = browser.wait_for("frame")
    assert 0.0 < back["rows_after"][0] <= 1.0 and len(parts[1]) == 0
    browser.tell("rows")
    again, parts = browser.wait_for("frame")
    assert again["rows_after"] == [-1.0] and days_of(again, parts[1])[-1] <= 1.0


def test_what_a_branch_drops_is_said_and_comes_back(opened):
    browser = opened("seed=7&day=3&give=0:car_t:both,4:tocilizumab:a")
    browser.wait_for("frame")
    browser.tell("give", name="corticosteroid")
    given, _ = browser.wait_for("frame")
    note, _ = browser.wait_for("note")
    assert "tocilizumab on day 4" in note["text"]
    assert given["branches"] == ["day 0 CAR T, day 4 tocilizumab"]
    browser.tell("branch", number=0)
    other, _ = browser.wait_for("frame")
    assert [name for _, name, _ in other["given"]] == ["car_t", "tocilizumab"]
    assert other["branches"] == ["day 0 CAR T, day 3 dexa"] and other["day"] == 3.0
    browser.tell("undo")
    back, _ = browser.wait_for("frame")
    assert [name for _, name, _ in back["given"]] == ["car_t", "corticosteroid"]


def test_giving_while_a_day_is_being_gone_to_gives_on_that_day(opened):
    browser = opened()
    browser.wait_for("frame")
    browser.tell("seek", day=6)
    browser.tell("give", name="corticosteroid", who="both")
    frame, _ = browser.wait_for("frame", lambda f: f["given"])
    assert frame["given"] == [[6.0, "corticosteroid", "both"]]


def test_a_story_stops_to_be_read_unless_told_not_to(opened):
    browser = opened()
    browser.tell("story", name="remission")
    browser.tell("speed", days_per_second=30.0)
    browser.tell("play", on=True)
    stopped, _ = browser.wait_for("frame", lambda f: not f["playing"] and f["day"] > 0)
    assert stopped["day"] == 4.0 and "Day 4" in stopped["note"]
    browser.tell("stops", on=False)
    browser.tell("play", on=True)
    browser.wait_for("frame", lambda f: f["playing"] and f["day"] > 13.0)


def test_the_last_day_ends_play_with_a_screen(opened):
    browser = opened("seed=7&days=2")
    browser.tell("speed", days_per_second=30.0)
    browser.tell("play", on=True)
    frame, _ = browser.wait_for("frame", lambda f: f["ended"])
    assert not frame["playing"] and len(frame["ending"]["arms"]) == 2


def test_an_idle_patient_is_freed_and_comes_back_as_it_was(opened):
    browser = opened("seed=7&day=2&give=0:car_t:both", idle_seconds=0.3)
    before, _ = browser.wait_for("frame")
    browser.wait_for("status", lambda s: "Paused for long" in s["text"])
    assert browser.session._twins is None
    browser.tell("look", arm="a", voxel=0)
    after, _ = browser.wait_for("frame")
    assert after["day"] == before["day"]
    assert after["arms"][0]["cells"] == before["arms"][0]["cells"]


@pytest.mark.parametrize(
    "command",
    [
        {"do": "fly"},
        {"do": "give", "name": "aspirin"},
        {"do": "give", "name": "car_t", "per_kg": "many"},
        {"do": "seek", "day": "soon"},
        {"do": "seek", "day": None},
        {"do": "speed", "days_per_second": 1e9},
        {"do": "look", "arm": "a", "voxel": "x"},
        {"do": "branch", "number": 3},
        {"do": "story", "name": "../x"},
        {"do": "restart", "query": "seed=-1"},
        {"do": "export", "what": "rm"},
        {"do": "drawn", "n": "x"},
        {},
    ],
)
def test_a_bad_command_is_an_error_and_the_session_goes_on(opened, command):
    browser = opened()
    browser.wait_for("frame")
    browser.session.tell(command)
    error, _ = browser.wait_for("error")
    assert error["text"] and "\n" not in error["text"]
    browser.tell("step")
    assert browser.wait_for("frame")[0]["day"] == 0.25


def test_a_bad_url_says_so_and_shows_the_patient_by_default(opened):
    browser = opened("seed=minus")
    error, _ = browser.wait_for("error")
    assert "seed" in error["text"]
    assert browser.wait_for("frame")[0]["query"] == Plan().query()


def test_two_sessions_do_not_touch_each_other(opened):
    one, other = opened("seed=7"), opened("seed=7")
    one.wait_for("frame")
    other.wait_for("frame")
    one.tell("give", name="car_t", who="both")
    one.tell("seek", day=3)
    other.tell("step")
    frame, _ = other.wait_for("frame")
    assert frame["day"] == 0.25 and frame["given"] == []
    assert one.wait_for("frame", lambda f: f["day"] == 3.0)[0]["given"]


def test_a_table_holds_both_patients(opened):
    browser = opened("seed=7&day=2&give=0:car_t:a")
    browser.wait_for("frame")
    browser.tell("export", what="csv")
    message, (text,) = browser.wait_for("file")
    lines = text.decode().splitlines()
    assert message["name"].endswith(".csv")
    assert lines[0].startswith("patient,day,leukemia_cd19_positive")
    assert lines[0].endswith(",icans_grade")
    assert {line[0] for line in lines[1:]} == {"a", "b"}


def test_a_replay_is_one_file_that_asks_for_nothing(opened):
    browser = opened("seed=7&give=0:car_t:both")
    browser.tell("speed", days_per_second=10.0)
    browser.tell("play", on=True)
    browser.wait_for("frame", lambda f: f["day"] > 3)
    browser.tell("export", what="replay")
    _, (page,) = browser.wait_for("file")
    text = page.decode()
    assert "/*DATA*/" not in text and "not for clinical use" in text
    assert "default-src 'none'" in text and "//" not in text.split("<style", 1)[0]


def test_telemetry_is_off(monkeypatch):
    telemetry = pytest.importorskip("solara.server.settings").Telemetry
    monkeypatch.delenv("SOLARA_TELEMETRY_MIXPANEL_ENABLE", raising=False)
    assert telemetry().mixpanel_enable  # on unless it is told not to be
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert not telemetry().mixpanel_enable


def test_only_so_many_sessions_are_open():
    heard, places = [], Places("patients", 2, 2)
    sessions = [registry.begin(lambda *_: None, places) for _ in range(2)]
    assert registry.begin(lambda message, _: heard.append(message), places) is None
    assert heard[0]["kind"] == "error" and "2 patients are open, allowed" in heard[0]["text"]
    sessions[0].close()
    sessions[0].join(WAIT)
    assert len(places) == 1
    sessions.append(registry.begin(lambda *_: None, places))
    assert sessions[-1] is not None
    for session in sessions:
        session.close()
        session.join(WAIT)
    assert len(places) == 0


def test_a_session_that_is_closed_does_not_obey_what_waits_and_lets_go_of_its_patient(opened):
    browser = opened()
    browser.wait_for("frame")
    for _ in range(100):
        browser.tell("restart", query="seed=8")
    browser.session.close()
    browser.session.join(WAIT)
    assert not browser.session.is_alive() and browser.session._twins is None
    assert browser.session._commands.qsize() > 1


def test_only_so_many_commands_wait():
    heard = []
    session = Session(lambda message, _: heard.append(message))  # not started: all wait
    for _ in range(MOST_COMMANDS + 1):
        session.tell({"do": "step"})
    assert [message["kind"] for message in heard] == ["error"]
    assert f"{MOST_COMMANDS} commands wait" in heard[0]["text"]
    session.close()
    session.start()
    session.join(WAIT)
    assert not session.is_alive()


def test_the_program_of_the_page_asks_for_nothing_elsewhere():
    for text in (assets.program(), assets.style()):
        assert "http://" not in text and "https://" not in text and "@import" not in text


def test_the_modules_share_one_script_without_a_name_said_twice():
    script = assets.program()
    names = re.findall(r"^(?:const|let|function|class) (\w+)", script, re.MULTILINE)
    assert sorted(set(names)) == sorted(names) and len(names) > 50
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)


def test_the_page_imports_modules_of_the_script_alone():
    for name in assets.MODULES:
        text = (assets.STATIC / f"{name}.js").read_text(encoding="utf-8")
        before = assets.MODULES[: assets.MODULES.index(name)]
        assert set(re.findall(r'from "\./(\w+)\.js"', text)) <= set(before), name

"""The live page in a browser: what it shows, and what clicks and keys do."""

import shutil

import numpy as np
import pytest
from bench.page import BROWSERS
from emotion_camera.recordings import read_recording
from watched import LABELS, FakeStream, served, wait_until

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(BROWSERS)} is installed")

PATIENCE_MS = 15_000
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def camera():
    return FakeStream()


@pytest.fixture
def url(camera, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with served(camera) as (_, url):
        yield url


@pytest.fixture
def open_page(browser, url):
    """A function that opens the page; the test fails when the page logs an error, a breach of its policy for example."""
    errors, contexts = [], []

    def open_it(viewport=LAPTOP, **how):
        contexts.append(browser.new_context(viewport=viewport, **how))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert [error for error in errors if "WebSocket connection" not in error] == []


@pytest.fixture
def page(open_page, camera):
    """The page of a camera that shows one happy face."""
    camera.ready()
    camera.report((1, "happy"))
    camera.show()
    page = open_page()
    page.wait_for_selector("#frame[data-drawn]")
    return page


def text_is(page, place: str, text: str) -> None:
    """Waits until it is."""
    sync_api.expect(page.locator(place)).to_have_text(text, timeout=PATIENCE_MS)


def test_shows_the_frame_as_the_camera_draws_it(page, camera):
    camera.show(np.full((120, 160), 200, np.uint8))
    page.wait_for_selector("#frame[width='160']")
    pixel = page.evaluate("[...document.getElementById('frame').getContext('2d').getImageData(80, 60, 1, 1).data]")
    assert pixel[:3] == pytest.approx([200] * 3, abs=3)
    assert page.locator("#cover").is_hidden()


def test_names_each_face_and_shows_its_scores(page, camera):
    camera.report((1, "happy"), (2, "sad"), (3, None))
    sync_api.expect(page.locator(".face")).to_have_count(3)
    assert page.locator(".face .word").all_text_contents() == ["happy", "sad", "uncertain"]
    assert page.locator(".face h3 .badge").all_text_contents() == ["H", "S", "?"]
    bars = page.locator(".face").first.locator("li")
    assert bars.locator(".value").all_text_contents() == ["1 %", "1 %", "1 %", "90 %", "1 %", "1 %", "1 %"]
    widths = [bars.nth(place).locator(".fill").bounding_box()["width"] for place in range(len(LABELS))]
    assert max(widths) == widths[LABELS.index("happy")]


def test_a_face_that_leaves_is_taken_away(page, camera):
    camera.report((2, "sad"))
    text_is(page, ".face .word", "sad")  # the only one
    sync_api.expect(page.locator("#no-faces")).to_be_visible(timeout=PATIENCE_MS)


def test_shows_what_camera_it_is(page, camera):
    camera.print(event="status", free=1_482_912, settings={}, rest={})
    text_is(page, "#memory", "1.5 MB")
    shown = [page.inner_text(f"#{place}") for place in ("name", "board", "firmware", "model")]
    assert shown == ["told camera", "H7", "5.0.0", "emotion.tflite"]


def test_a_model_with_other_classes_is_shown_with_their_names(open_page, camera):
    camera.ready(labels=["calm", "<b>odd</b>"])
    camera.show()
    page = open_page()
    page.wait_for_selector("#frame[data-drawn]")
    face = {"id": 1, "box": [0, 0, 9, 9], "emotion": "<b>odd</b>", "score": 0.7, "scores": [0.3, 0.7]}
    camera.print(t=0, fps=9.0, faces=[face])
    text_is(page, ".face .word", "<b>odd</b>")
    assert page.locator(".face .label span:last-child").all_text_contents() == ["calm", "<b>odd</b>"]


def test_the_calibrate_button_and_key_give_the_command(page, camera):
    page.wait_for_selector("#calibrate:enabled")
    page.click("#calibrate")
    wait_until(lambda: camera.said.count("calibrate") == 1)
    page.keyboard.press("c")
    wait_until(lambda: camera.said.count("calibrate") == 2)
    camera.print(event="reply", message="Look at the camera.")
    text_is(page, "#notice", "Look at the camera.")


def test_keys_can_be_turned_off(page, camera):
    page.keyboard.press("?")
    page.click("#shortcuts")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.click("#calibrate")
    wait_until(lambda: "calibrate" in camera.said)
    assert camera.said.count("calibrate") == 1


def test_a_camera_that_takes_no_commands_says_why(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    camera = FakeStream(mute="it is a recording")
    camera.ready()
    with served(camera) as (_, url), browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#calibrate[title='it is a recording']:disabled")


def test_the_record_button_and_key_record(page, camera, tmp_path):
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    assert page.locator("#recording").is_visible()
    camera.report((1, "happy"))
    camera.show()
    page.keyboard.press("r")
    page.wait_for_selector("#record[aria-pressed=false]")
    assert "emotion-camera report" in page.inner_text("#notice")
    (folder,) = (tmp_path / "recordings").iterdir()
    assert read_recording(folder).frames == ()


def test_the_theme_follows_the_system_and_the_button_and_is_kept(open_page):
    page = open_page(color_scheme="dark")
    assert background(page) == "rgb(15, 18, 22)"
    page.click("#theme")
    assert background(page) == "rgb(244, 245, 247)"
    page.reload()
    assert background(page) == "rgb(244, 245, 247)"
    page.keyboard.press("t")
    assert background(page) == "rgb(15, 18, 22)"


def background(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_tab_key_goes_through_the_buttons_in_their_order(page):
    page.wait_for_selector("#calibrate:enabled")
    places = []
    for _ in range(5):
        page.keyboard.press("Tab")
        places.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert places == ["skip", "calibrate", "record", "theme", "help"]
    page.keyboard.press("Enter")
    assert page.locator("#help-dialog").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "help"


def test_those_who_hear_the_page_are_told_what_is_in_view(page, camera):
    def told() -> bool:
        camera.report((1, "happy"), (2, "sad"))
        page.wait_for_timeout(100)
        return "face 2 sad" in page.text_content("#spoken")

    wait_until(told)
    unnamed = page.evaluate("[...document.querySelectorAll('button')].filter((it) => !it.textContent.trim()).length")
    assert unnamed == 0


def test_the_cable_pulled_and_put_back_is_shown(page, camera):
    camera.lose("plug the camera in again")
    text_is(page, "#cover-text", "plug the camera in again")
    text_is(page, "#connection", "lost")
    assert page.locator("#calibrate").is_disabled()
    camera.show()
    text_is(page, "#connection", "live")
    sync_api.expect(page.locator("#cover")).to_be_hidden(timeout=PATIENCE_MS)


def test_a_program_that_ends_is_told(browser, camera, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    camera.show()
    with browser.new_context() as context:
        page = context.new_page()
        with served(camera) as (_, url):
            page.goto(url)
            page.wait_for_selector("#frame[data-drawn]")
        text_is(page, "#connection", "program ended")
        assert "emotion-camera watch" in page.inner_text("#cover-text")


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_fits_the_window(open_page, camera, viewport):
    camera.ready()
    camera.show()
    page = open_page(viewport)
    for _ in range(50):  # a page that draws slowly shows no face whose report is old by then
        camera.report((1, "happy"), (2, "surprise"), (3, None), (4, "neutral"))
        if page.locator(".face").count() == 4:
            break
        page.wait_for_timeout(100)
    assert page.locator(".face").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    cut = page.evaluate(
        "[...document.querySelectorAll('.face h3, .face .number, .facts dd, button')]"
        ".filter((it) => it.getBoundingClientRect().right > it.parentElement.getBoundingClientRect().right + 1).length"
    )
    assert cut == 0


def test_the_timeline_shows_each_face(page, camera):
    camera.report((1, "happy"), (2, "sad"))
    page.wait_for_selector("#timeline canvas")
    before = coloured(page)
    for _ in range(20):
        camera.report((1, "happy"), (2, "sad"))
        page.wait_for_timeout(50)
    wait_until(lambda: coloured(page) > before)


def coloured(page) -> int:
    """How many pixels of the timeline are of happy's yellow."""
    page.wait_for_timeout(100)  # also lets the page's messages through
    return page.evaluate("""() => {
      const canvas = document.querySelector("#timeline canvas"), context = canvas.getContext("2d");
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) count += data[at] === 240 && data[at + 1] === 228 && data[at + 2] === 66;
      return count;
    }""")

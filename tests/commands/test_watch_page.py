"""The live page in a browser: what it shows, and what clicks and keys do."""

import dataclasses

import numpy as np
import pytest
from browser import CHROMIUM, MISSING, QUIET
from emotion_camera.camera.recorded import RecordedStream
from emotion_camera.recordings import Recorder, read_recording
from watched import FakeStream, served, wait_until

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

PATIENCE_MS = 15_000
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


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


def test_with_slow_reports_faces_stay_until_the_next_is_due(page, camera):
    """Boxes and cards blinked away between two reports."""
    camera.print(event="status", settings={"report_ms": 3000})
    camera.report((1, "happy"), (2, "sad"))
    drawn = "document.getElementById('marks').getContext('2d').getImageData(0, 0, 400, 300).data.some((byte) => byte)"
    for _ in range(20):
        camera.show()
        page.wait_for_timeout(100)
    assert page.locator(".face:not(.away)").count() == 2
    assert page.evaluate(drawn)
    camera.report((2, "sad"))
    page.wait_for_selector(".face.away")
    assert page.locator(".face:not(.away)").get_attribute("aria-label") == "Face 2"
    for _ in range(60):
        camera.show()
        page.wait_for_timeout(100)
    assert page.locator(".face:not(.away)").count() == 0
    assert not page.evaluate(drawn), "nobody is reported any more"


def test_what_is_wrong_stays_on_the_page(page, camera):
    camera.print(event="error", message="<b>It is dark.</b>")
    text_is(page, "#wrong", "The camera says: <b>It is dark.</b>")
    page.wait_for_timeout(500)
    assert page.locator("#wrong").is_visible()
    camera.print(event="recovered")
    sync_api.expect(page.locator("#wrong")).to_be_hidden(timeout=PATIENCE_MS)


def test_shows_the_frame_of_the_camera(page, camera):
    camera.show(np.full((120, 160), 200, np.uint8))
    page.wait_for_selector("#frame[width='160']")
    pixel = page.evaluate("[...document.getElementById('frame').getContext('2d').getImageData(80, 60, 1, 1).data]")
    assert pixel[:3] == pytest.approx([200] * 3, abs=3)
    assert page.locator("#cover").is_hidden()
    screen = page.locator(".screen").bounding_box()
    assert screen["width"] / screen["height"] == pytest.approx(4 / 3, rel=0.01)


MARKED = """colour => {
  const canvas = document.getElementById("marks"), { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) count += colour.every((part, place) => data[at + place] === part);
  return count;
}"""
YELLOW, BLUE = [240, 228, 66], [0, 114, 178]  # happy and sad


def test_draws_boxes_and_names_over_a_bare_frame_at_the_screens_resolution(open_page, camera):
    camera.ready()
    camera.show()
    page = open_page(device_scale_factor=2)
    wait_until(lambda: "draw off" in camera.said)

    def both_are_drawn() -> bool:
        camera.report((1, "happy"), (2, "sad"))
        camera.show()
        page.wait_for_timeout(100)
        return page.evaluate(MARKED, YELLOW) > 1000 and page.evaluate(MARKED, BLUE) > 1000

    wait_until(both_are_drawn)
    assert page.evaluate("(it => it.width / it.clientWidth)(document.getElementById('marks'))") == pytest.approx(
        2, rel=0.01
    )
    for _ in range(3):
        camera.show()  # nobody is there any more
    wait_until(lambda: page.wait_for_timeout(50) or page.evaluate(MARKED, YELLOW) == 0)


def test_a_camera_that_draws_by_itself_is_not_drawn_over(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    camera = FakeStream(mute="it is watched")
    camera.ready()
    with served(camera) as (_, url), browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        for _ in range(5):
            camera.report((1, "happy"))
            camera.show()
            page.wait_for_timeout(100)
        text_is(page, ".face .word", "happy")
        assert page.evaluate(MARKED, YELLOW) == 0


def test_names_each_face_and_shows_its_scores(page, camera):
    camera.report((1, "happy"), (2, "sad"), (3, None))
    sync_api.expect(page.locator(".face")).to_have_count(3)
    assert page.locator(".face .word").all_text_contents() == ["happy", "sad", "uncertain"]
    assert page.locator(".face h3 .badge").all_text_contents() == ["H", "S", "?"]
    bars = page.locator(".face").first.locator("li")
    assert bars.locator(".label").first.text_content() == "happy"
    assert bars.locator(".value").all_text_contents() == ["90 %", "1 %", "1 %"], "the leading three"
    widths = [bars.nth(place).locator(".fill").bounding_box()["width"] for place in range(3)]
    assert max(widths) == widths[0]


def test_shows_which_emotion_a_face_is_turning_to(page, camera):
    """A camera changes the name only when another emotion leads clearly for a moment."""
    camera.report((1, "happy"))
    text_is(page, ".face .turning", "")
    camera.report((1, "happy"), leader="sad")
    text_is(page, ".face .turning", "turning sad …")
    assert page.inner_text(".face .word") == "happy"


def test_a_face_that_can_not_be_told_has_the_reason_and_what_to_do(page, camera):
    camera.report((1, None), leader="happy", why="turned", valence=-0.51, arousal=0)
    text_is(page, ".face .word", "turned")
    text_is(page, ".face h3 .badge", "?")
    text_is(page, ".face .turning", "face the camera")
    assert page.get_attribute(".face", "title") == "the face is turned away: face the camera"
    text_is(page, ".face .valence", "valence \N{MINUS SIGN}0.51")
    text_is(page, ".face .arousal", "arousal 0.00")

    def is_spoken() -> bool:
        camera.report((1, None), leader="happy", why="turned")
        page.wait_for_timeout(100)
        return "face 1 turned" in page.text_content("#spoken")

    wait_until(is_spoken)
    camera.report((1, "happy"))
    text_is(page, ".face .word", "happy")
    text_is(page, ".face .turning", "")
    assert page.get_attribute(".face", "title") == ""
    assert page.inner_text(".face .valence") == "", "an older camera does not tell it"


WRITTEN = """() => { window.written = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    if (this.canvas.id === "marks") window.written.push(text);
    return write.call(this, text, ...place);
  }; }"""


def test_the_reason_stands_on_the_face(page, camera):
    wait_until(lambda: "draw off" in camera.said)
    page.evaluate(WRITTEN)

    def written(**told: str) -> list[str]:
        camera.report((1, None), **told)
        camera.show()
        page.wait_for_timeout(100)
        return page.evaluate("window.written")

    wait_until(lambda: "covered" in written(why="covered"))
    wait_until(lambda: "uncertain" in written())


@pytest.mark.parametrize("size", [(1366, 768), (1024, 768), (830, 800), (390, 844)])
def test_all_of_a_card_is_in_it(open_page, camera, size):
    camera.ready()
    camera.show()
    page = open_page({"width": size[0], "height": size[1]})

    def is_there() -> bool:
        camera.report((1, None), leader="surprise", why="unsure", valence=-0.64, arousal=-0.27)
        page.wait_for_timeout(100)
        return page.locator(".face .valence").count() > 0

    wait_until(is_there)
    outside = """[...document.querySelectorAll(".face h3, .face p, .face span")].filter((it) => {
      const card = it.closest(".face").getBoundingClientRect(), own = it.getBoundingClientRect();
      return own.height && (own.top < card.top || own.bottom > card.bottom || own.right > card.right);
    }).map((it) => it.textContent)"""
    assert page.evaluate(outside) == []


# Of a page that stood still for a second, a card may come and go between two looks at it; the observer misses none.
LEFT = """() => { window.left = [];
  new MutationObserver((records) => { for (const { target } of records)
    if (target.matches(".face.away")) window.left.push(["number", "turning"].map((part) => target.querySelector(`.${part}`).textContent));
  }).observe(document.body, { subtree: true, attributeFilter: ["class"] }); }"""


def test_a_face_that_leaves_is_taken_away(page, camera):
    page.evaluate(LEFT)

    def left() -> list[list[str]]:
        camera.report((2, "sad"))
        page.wait_for_timeout(100)
        return page.evaluate("window.left")

    wait_until(left)
    assert left()[0] == ["Face 1", "out of view"]
    sync_api.expect(page.locator("#no-faces span")).to_be_visible(timeout=PATIENCE_MS)


SHIFTS = """() => { window.shift = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value; }).observe({ type: "layout-shift" }); }"""


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_moves_when_faces_come_and_go(open_page, camera, viewport):
    camera.ready()
    camera.report((1, "happy"))
    camera.show()
    page = open_page(viewport)
    page.wait_for_selector(".face")
    page.evaluate(SHIFTS)
    places = "['.screen', '#timeline', '.face'].map((it) => JSON.stringify(document.querySelector(it).getBoundingClientRect()))"
    before = page.evaluate(places)
    for faces in ([1, 2], [1, 2, 3], [1, 2, 3, 4, 5], [1], [1, 7]):
        for _ in range(8):
            told = {"why": "unsure", "valence": -0.5, "arousal": 0.5} if len(faces) % 2 else {}
            camera.report(*((number, "sad" if number % 2 else None) for number in faces), **told)
            camera.show()
            page.wait_for_timeout(100)
        assert page.evaluate(places) == before
    assert page.evaluate("window.shift") == 0


def test_shows_what_camera_it_is(page, camera):
    camera.print(event="status", free=1_482_912, settings={}, rest={})
    text_is(page, "#memory", "1.5 MB")
    assert page.locator("#drawer").is_hidden()
    page.keyboard.press("d")
    assert page.locator("#details").get_attribute("aria-expanded") == "true"
    shown = [page.inner_text(f"#{place}") for place in ("name", "board", "firmware", "model")]
    assert shown == ["told camera", "told camera", "5.0.0", "emotion.tflite"]
    page.keyboard.press("Escape")
    assert page.locator("#drawer").is_hidden()
    assert page.evaluate("document.activeElement.id") == "details"


def test_a_model_with_other_classes_is_shown_with_their_names(open_page, camera):
    camera.ready(labels=["calm", "<b>odd</b>"])
    camera.show()
    page = open_page()
    page.wait_for_selector("#frame[data-drawn]")
    face = {"id": 1, "box": [0, 0, 9, 9], "emotion": "<b>odd</b>", "score": 0.7, "scores": [0.3, 0.7]}
    camera.print(t=0, fps=9.0, faces=[face])
    text_is(page, ".face .word", "<b>odd</b>")
    assert page.locator(".face .label").all_text_contents() == ["<b>odd</b>", "calm"]


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


def test_nothing_is_recorded_before_the_people_in_view_know(page, camera, tmp_path):
    page.keyboard.press("r")
    page.click("#told-dialog button:not(.main)")
    page.wait_for_selector("#told-dialog", state="hidden")
    page.keyboard.press("r")  # it asks again
    page.wait_for_selector("#told-dialog[open]")
    page.keyboard.press("p")  # and no key does anything meanwhile
    page.keyboard.press("Escape")
    page.wait_for_selector("#told-dialog", state="hidden")
    assert page.get_attribute("#record", "aria-pressed") == page.get_attribute("#pause", "aria-pressed") == "false"
    assert not (tmp_path / "recordings").exists()


def test_the_record_button_and_key_record(page, camera, tmp_path):
    page.click("#record")
    page.click("#told-dialog .main")
    page.wait_for_selector("#record[aria-pressed=true]")
    text_is(page, "#record-text", "Stop")
    text_is(page, "#timer", "0:01")
    camera.report((1, "happy"))
    camera.show()
    page.keyboard.press("r")
    page.wait_for_selector("#record[aria-pressed=false]")
    (folder,) = (tmp_path / "recordings").iterdir()
    assert page.inner_text("#done-text") == f"Recorded 0:01 in recordings/{folder.name}"
    assert read_recording(folder).frames == ()
    page.keyboard.press("r")  # they know
    page.wait_for_selector("#record[aria-pressed=true]")


def test_a_page_is_paused_while_the_camera_goes_on(page, camera):
    page.keyboard.press("p")
    text_is(page, "#connection", "paused")
    assert page.locator("#pause").get_attribute("aria-pressed") == "true"
    before = page.locator("#frame").get_attribute("data-drawn")
    for _ in range(5):
        camera.show()
        page.wait_for_timeout(50)
    assert page.locator("#frame").get_attribute("data-drawn") == before
    page.click("#pause")
    text_is(page, "#connection", "live")
    camera.show()
    wait_until(lambda: page.wait_for_timeout(50) or page.locator("#frame").get_attribute("data-drawn") != before)


@pytest.fixture
def recording(tmp_path):
    """A recording of three seconds with frames and a face."""
    recorder, camera = Recorder(tmp_path / "monday", "simulated h7plus", frames=True), FakeStream()
    camera.ready()
    camera.print(event="reply", message="draw is off.")
    for number in range(30):
        camera.report((1, "happy" if number < 15 else "sad"))
        camera.show()
    camera.close()
    for place, event in enumerate(camera.events()):
        recorder.add(dataclasses.replace(event, time_ms=50 * place))
    recorder.close()
    return tmp_path / "monday"


def test_a_recording_is_paused_moved_and_reported(browser, recording):
    with served(RecordedStream(recording)) as (_, url), browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        text_is(page, "#connection", "playback")
        assert page.inner_text("#name") == "recording monday"
        assert [page.locator(f"#{place}").is_visible() for place in ("record", "calibrate", "player")] == [
            False,
            False,
            True,
        ]
        page.keyboard.press("p")
        text_is(page, "#connection", "paused")
        page.locator("#position").fill("2500")
        text_is(page, ".face .word", "sad")
        wait_until(lambda: page.wait_for_timeout(50) or page.evaluate(MARKED, BLUE) > 500)
        page.locator("#position").press("Home")
        text_is(page, ".face .word", "happy")
        assert page.locator("#position").get_attribute("aria-valuetext").startswith("0:00 of 0:0")
        page.click("#play")
        text_is(page, "#connection", "end of the recording")
        text_is(page, "#play-text", "Play again")
        page.click("#play")
        text_is(page, "#connection", "playback")
        with context.expect_page() as opened:
            page.click("#played-report")
        wait_until(lambda: opened.value.wait_for_timeout(50) or "emotions" in opened.value.title())
        assert opened.value.evaluate("origin") == "null", "it can't reach the live page"


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
    for _ in range(7):
        page.keyboard.press("Tab")
        places.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert places == ["skip", "record", "pause", "calibrate", "details", "theme", "help"]
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
        "[...document.querySelectorAll('.face h3, .face .number, .face .value, .face .label, button')]"
        ".filter((it) => it.getBoundingClientRect().right > it.parentElement.getBoundingClientRect().right + 1).map((it) => it.textContent)"
    )
    assert cut == []


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast(open_page, camera, theme, viewport):
    """WCAG 2.2's 4.5:1 for what is not disabled."""
    camera.ready()
    camera.report((1, "happy"), (2, "sad"))
    camera.show()
    page = open_page(viewport, color_scheme=theme)
    page.wait_for_selector(".face")
    assert page.evaluate(LOW_CONTRAST) == []


LOW_CONTRAST = """() => {
  const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (colour) => { const [r, g, b] = parts(colour).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (it) => { for (; it; it = it.parentElement) { const back = getComputedStyle(it).backgroundColor, alpha = parts(back)[3] ?? 1; if (alpha === 1) return back; }
    return "rgb(255, 255, 255)"; };
  const low = [];
  for (const it of document.querySelectorAll("h1, h2, h3 .word, p, span, li, dt, dd, button, a.button")) {
    const own = [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !it.checkVisibility({ opacityProperty: true }) || it.closest(".cover, .unseen, .skip, :disabled")) continue;
    const [a, b] = [light(getComputedStyle(it).color), light(behind(it))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${it.className || it.id || it.tagName}: ${it.textContent}`);
  }
  return low;
}"""


def test_each_control_has_a_name_and_a_role(page):
    snapshot = page.locator("body").aria_snapshot()
    for part in (
        'toolbar "Actions"', 'button "Record R"', 'button "Pause P"', 'button "Details D"', 'region "Faces"', 'article "Face 1"',
        'img "Emotions of each face over the last minute"', 'status: live',
    ):  # fmt: skip
        assert part in snapshot, snapshot


def test_the_timeline_has_tooltips(page, camera):
    def shown() -> bool:
        camera.report((1, "happy"))
        box = page.locator("#timeline").bounding_box()
        page.mouse.move(box["x"] + box["width"] - 24, box["y"] + 30 + np.random.default_rng().integers(-8, 8))
        page.wait_for_timeout(150)
        words = page.evaluate("echarts.getInstanceByDom(document.getElementById('timeline')).getZr().storage.getDisplayList(true)"
            ".map((it) => it.style.text ?? '').join(' ')")  # fmt: skip
        return "Face 1: happy" in words

    wait_until(shown)


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

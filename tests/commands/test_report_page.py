"""`emotion-camera report`: one page that says what a recording shows, whatever is in the recording."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, MISSING, QUIET
from emotion_camera.commands.report.page import render
from emotion_camera.commands.report.timeline import read_timeline
from emotion_camera.events import Frame, Line
from emotion_camera.recordings import Recorder, read_recording
from PIL import Image
from recorded import READY, by_hand, faces, tools

EVIL = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '" onload="alert(3)',
    "{{ 7 * 7 }}",
    "=1+1",
    "__proto__",
    "日本",
]
INVISIBLE = "half \ud800 \x1b[2J \x9b31m \u202e"


class Page(HTMLParser):
    """What a browser would make of a page: its elements' tags and attributes, and the words in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.data = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = "data" if dict(attrs).get("id") == "data" else tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self.data += data
        elif self._inside not in ("script", "style"):
            self.words += data.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(folder: Path, pictures: bool = True) -> Page:
    recording = read_recording(folder)
    return Page(render(recording, read_timeline(recording), pictures))


def minute(*labels: str) -> list[tuple[int, dict]]:
    """A minute in which a face shows each label in turn, ten times a second."""
    return [(ms, faces((1, labels[ms // 1000 % len(labels)], 0.9), t=ms)) for ms in range(0, 60_000, 100)]


@pytest.fixture
def evil(tmp_path) -> Path:
    ready = READY | {"labels": EVIL, "model": EVIL[0], "board": EVIL[1], "firmware": EVIL[2], "sha256": EVIL[0]}
    errors = [(ms, {"event": "error", "message": words}) for ms, words in ((59_000, EVIL[1]), (60_000, INVISIBLE))]
    damaged = faces((1, "\x1b[2J", 0.9)), faces((1, "hap`y", 0.9))
    lines = [(0, ready), *minute(*EVIL), *((58_000, it) for it in damaged), *errors]
    return by_hand(tmp_path / "evil", lines, 60_000, source=EVIL[0] + INVISIBLE)


def test_it_says_in_numbers_and_tables_what_the_charts_show(tmp_path):
    page = page_of(by_hand(tmp_path / "a", [(0, READY), *minute("happy", "sad", "sad")], 60_000))
    assert "In 1 min the camera saw 1 face, all the time." in page.words
    assert "An expression is not a feeling" in page.words
    for words in ("happy", "20 s", "33 %", "emotion.tflite", "5.0.0", "H7", "Face 1"):
        assert words in page.words
    charts = [element for _, element in page.elements if element.get("class") == "chart"]
    assert len(charts) == 3
    assert all(chart["role"] == "img" and "table below" in (chart["aria-label"] or "") for chart in charts)
    assert len(page.all("table")) >= 6
    assert json.loads(page.data)["faces"] == ["1"]


def minute_told() -> list[tuple[int, dict]]:
    """A minute of a camera that tells why, valence and arousal."""
    return [
        (ms, faces((1, *shown), t=ms, **told, arousal=0.25))
        for ms in range(0, 60_000, 100)
        for shown, told in [
            (("happy", 0.9), {"valence": 0.5})
            if ms < 40_000
            else ((None, 0.3), {"valence": -0.5, "why": ("turned", "covered")[ms >= 55_000]})
        ]
    ]


def test_it_says_why_a_face_has_no_name_and_its_valence_and_arousal(tmp_path):
    page = page_of(by_hand(tmp_path / "a", [(0, READY), *minute_told()], 60_000))
    words = "".join(page.words.split())
    assert "WhyuncertainReasonBarTimeShareturned15.0s75%covered5.0s25%" in words
    assert "valence0.17·arousal0.25" in words
    assert "0:400:55turned15s" in words, "the timeline as a table"
    assert "0:38to0:400.500.25" in words, "valence and arousal as a table"
    assert "the face is turned away" in [row.get("title") for row in page.all("tr")]
    data = json.loads(page.data)
    assert {tuple(slice[3:4] + slice[5:]) for slice in data["slices"]} == {(3, None), (-1, "turned"), (-1, "covered")}
    assert {tuple(values) for _, *values in data["affect"]} == {(0.5, 0.25), (-0.5, 0.25)}


def test_an_older_camera_has_no_reasons_and_no_valence(tmp_path):
    unsure = [(ms, faces((1, None, 0.3), t=ms)) for ms in range(60_000, 62_000, 100)]
    page = page_of(by_hand(tmp_path / "a", [(0, READY), *minute("happy"), *unsure], 70_000))
    assert "uncertain" in page.words
    assert "Why uncertain" not in page.words
    assert "alence" not in page.words


def test_it_loads_nothing(evil):
    page = page_of(evil)
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
    (policy,) = (meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_words_from_outside_stay_words(evil):
    page = page_of(evil)
    assert len(page.all("script")) == 4  # data, looks, charts, page
    assert page.all("img") == []
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    for words in EVIL:
        assert words in page.words
    assert page.words.count(r"half \ud800 \x1b[2J \x9b31m \u202e") == 4  # title, head, source, and the error
    assert not any(letter in page.words for letter in "\x1b\x9b\u202e")
    assert json.loads(page.data)["labels"] == EVIL, "no name that the model has not"


def test_words_that_no_file_can_hold(evil, tmp_path):
    done = tools("report", "evil", "--no-browser", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout  # would be obeyed by the terminal
    assert "日本" in (evil / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("lines", "duration_ms", "words"),
    [
        ([], 0, "Nothing was recorded."),
        ([], None, "Nothing was recorded."),
        ([(0, READY)], 30_000, "In 30 s the camera saw no face."),
        ([(0, faces((1, "happy", 0.9), fps=0))], 50, "In 0.1 s the camera saw 1 face, all the time."),
        ([(0, faces((1, None, 0.1)))], None, "It was never sure of an emotion."),
        ([(0, faces((1, "happy", 0.9)))], 0, "Nothing was recorded."),
    ],
)
def test_next_to_nothing(tmp_path, lines, duration_ms, words):
    assert words in page_of(by_hand(tmp_path / "a", lines, duration_ms)).words


def test_thousands_of_faces(tmp_path):
    lines = [(500 * i, faces((i + 1, "happy", 0.9), t=500 * i)) for i in range(2000)]
    page = page_of(by_hand(tmp_path / "a", lines))
    assert "the camera saw 2,000 faces, never two at once" in page.words
    assert "1,676 faces more" in page.words  # 24 cards, 300 rows


def test_pictures_only_of_recorded_frames_and_only_if_wanted(tmp_path):
    scene = np.full((240, 320), 30, np.uint8)
    scene[59:159, 98:198] = 255  # the box of `faces`, drawn
    scene[61:157, 100:196] = 200  # the face in it
    recorder = Recorder(tmp_path / "a", "a camera", frames=True)
    for ms in range(0, 500, 100):
        recorder.add(Line(ms, json.dumps({"v": 1, **faces((1, "happy", 0.9), t=ms)})))
        recorder.add(Frame(ms + 20, scene))
    recorder.close()
    (image,) = page_of(tmp_path / "a").all("img")
    with Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))) as picture:
        shown = np.asarray(picture.convert("L"))
    assert shown.shape == (96, 96)
    assert abs(shown.astype(int) - 200).max() < 12  # the face without the box
    assert image["alt"] == "Face 1, happy"
    assert page_of(tmp_path / "a", pictures=False).all("img") == []
    (tmp_path / "a" / "frames.mjpeg").write_bytes(b"damaged" * 5000)
    assert page_of(tmp_path / "a").all("img") == []


def test_a_picture_is_of_the_moment_when_the_score_of_its_emotion_was_highest(tmp_path):
    recorder = Recorder(tmp_path / "a", "a camera", frames=True)
    lines = [("happy", 0.6), ("happy", 0.9), ("happy", 0.7), ("sad", 0.5), ("sad", 0.8)]
    for i, (emotion, score) in enumerate(lines):
        recorder.add(Line(100 * i, json.dumps({"v": 1, **faces((1, emotion, score), t=100 * i)})))
        recorder.add(Frame(100 * i + 20, np.full((240, 320), 40 * i + 40, np.uint8)))
    recorder.close()
    shown = {}
    for image in page_of(tmp_path / "a").all("img"):
        with Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))) as picture:
            shown[image["alt"]] = round(np.asarray(picture.convert("L")).mean())
    assert shown == {"Face 1, happy": pytest.approx(80, abs=3), "Face 1, sad": pytest.approx(200, abs=3)}


def test_the_summary_is_printed_and_the_page_written(tmp_path):
    by_hand(tmp_path / "a", [(0, READY), *minute("happy")], 60_000)
    done = tools("report", "a", "--no-browser", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "In 1 min the camera saw 1 face, all the time.\nIt read happy 1 min (100 %)." in done.stdout
    assert done.stdout.endswith(f"see {Path('a', 'report.html')}\n")
    assert tools("report", "a", "--no-browser", "--out", "b.html", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a" / "report.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_recording_that_was_cut_off(tmp_path):
    folder = by_hand(tmp_path / "a", minute("happy"))
    content = (folder / "reports.jsonl").read_bytes()
    (folder / "reports.jsonl").write_bytes(content[: len(content) // 2])
    done = tools("report", "a", "--no-browser", cwd=tmp_path)
    assert "is incomplete or still being recorded" in done.stdout
    assert "In 30 s the camera saw 1 face" in done.stdout
    assert "The recording is incomplete" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none"], "none: there is no such folder; give the folder that emotion-camera record has written"),
        (["."], "is no recording; give a folder that emotion-camera record has written"),
        (["a", "--out", "no/where.html"], "can't be written (No such file or directory); give another file with --out"),
        (["a", "--out", "a"], "; give another file with --out"),
    ],
)
def test_mistakes(tmp_path, words, sentence):
    by_hand(tmp_path / "a", [])
    done = tools("report", *words, "--no-browser", cwd=tmp_path)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip(MISSING)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def test_its_chart_of_valence_and_arousal(browser, tmp_path):
    by_hand(tmp_path / "a", [(0, READY), *minute_told()], 60_000)
    tools("report", "a", "--no-browser", cwd=tmp_path)
    for width, theme in ((1366, "light"), (390, "dark")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.goto((tmp_path / "a" / "report.html").as_uri())
        page.wait_for_selector("#affect svg path", state="attached")
        lines = "[...document.querySelectorAll('#affect svg path[stroke-width=\"2\"]')].map((it) => it.getAttribute('stroke-dasharray'))"
        solid, dashed = page.evaluate(lines)
        assert (solid, bool(dashed)) == (None, True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        page.close()


def test_in_a_browser(browser, evil, tmp_path):
    """It draws its charts on a phone and a laptop, asks for nothing, and the theme changes by a key."""
    tools("report", "evil", "--no-browser", cwd=tmp_path)
    for width, theme in ((1280, "light"), (390, "dark")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("dialog", lambda dialog, said=said: said.append(dialog.message) or dialog.dismiss())
        page.on("request", lambda request, said=said: said.append(request.url))
        address = (evil / "report.html").as_uri()
        page.goto(address)
        for chart in ("timeline", "scores", "bins"):
            page.wait_for_selector(f"#{chart} svg path", state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        paper = "getComputedStyle(document.body).backgroundColor"
        before = page.evaluate(paper)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate(paper) != before
        assert page.inner_text("#theme") == ("Light" if theme == "light" else "Dark")
        page.locator("summary").first.press("Enter")
        assert page.locator("details[open] table").first.is_visible()
        assert [words for words in said if not words.startswith(("data:", address))] == []
        page.close()


@pytest.mark.parametrize("lines", [minute("happy", "sad"), minute_told()], ids=["older", "told"])
def test_on_paper_it_is_two_pages_with_the_charts_as_wide_as_the_paper(browser, tmp_path, lines):
    by_hand(tmp_path / "a", [(0, READY), *lines], 60_000)
    tools("report", "a", "--no-browser", cwd=tmp_path)
    page = browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme="dark")
    page.goto((tmp_path / "a" / "report.html").as_uri())
    page.wait_for_selector("#timeline svg path", state="attached")
    width = "document.querySelector('#timeline svg').getBoundingClientRect().width"
    wide = page.evaluate(width)
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) == 2
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(width) < 700 < wide
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function(f"{width} == {wide}")
    assert page.evaluate("document.documentElement.dataset.theme") is None

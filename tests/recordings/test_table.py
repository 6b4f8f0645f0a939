"""The table of a recording: for pandas, for an Excel of any country, and never a formula."""

import csv
import json
import re
from pathlib import Path

import pytest
from emotion_camera.errors import UserError
from emotion_camera.events import Line
from emotion_camera.recordings import Recorder, read_recording
from emotion_camera.recordings.table import CsvFormat, write_table
from emotion_camera.terminal import csv_cell
from hypothesis import given
from hypothesis import strategies as st
from recorded import LABELS, READY, by_hand, faces, tools

EUROPEAN = ("--csv-delimiter", ";", "--csv-decimal", ",", "--csv-bom")
HAPPY = faces((1, "happy", 0.25), (2, None, 0.125), t=2300)


def rows_of(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.fixture
def monday(tmp_path) -> Path:
    return by_hand(tmp_path / "monday", [(1500, HAPPY), (1700, READY), (2000, faces((1, "sad", 0.5)))], 60_000)


@pytest.mark.parametrize(
    ("words", "begins", "row"),
    [
        ((), b"at,seconds,t,", "1.500,2300,1,98,59,100,100,happy,0.25,,,,0.25,0,0,0,0,0,0"),
        (EUROPEAN, b"\xef\xbb\xbfat;seconds;t;", "1,500;2300;1;98;59;100;100;happy;0,25;;;;0,25;0;0;0;0;0;0"),
        (
            ("--csv-delimiter", "tab"),
            b"at\tseconds\tt\t",
            "1.500\t2300\t1\t98\t59\t100\t100\thappy\t0.25\t\t\t\t0.25\t0\t0\t0\t0\t0\t0",
        ),
        (("--csv-bom",), b"\xef\xbb\xbfat,seconds,", "1.500,2300,1,98,59,100,100,happy,0.25,,,,0.25,0,0,0,0,0,0"),
    ],
)
def test_report_writes_the_table_for_any_spreadsheet(tmp_path, monday, words, begins, row):
    done = tools("report", "monday", "--csv", "out.csv", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "out.csv has 3 rows, one for each face in each report\n",
        "",
    )
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(begins)
    assert content.count(b"\xef\xbb\xbf") <= 1
    assert content.decode("utf-8-sig").splitlines()[1][30:] == row
    assert not (monday / "report.html").exists()


@pytest.mark.parametrize("words", [(), EUROPEAN])
def test_record_writes_the_same_table(tmp_path, monday, words):
    """The labels come late there: the rows before are written anew, and the byte-order mark once."""
    done = tools("record", "--port", "monday", "--out", "out", *words, cwd=tmp_path)
    assert done.returncode == 0
    tools("report", "out", "--csv", "again.csv", *words, cwd=tmp_path)
    assert (tmp_path / "out" / "reports.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--csv-decimal", ","), 1, "columns are separated by commas, too; add --csv-delimiter ';'"),
        (("--csv-delimiter", "x"), 2, "'x': give , or ; or tab"),
        (("--csv-delimiter", ""), 2, "'': give , or ; or tab"),
        (("--csv-decimal", "x"), 2, "invalid choice: 'x'"),
    ],
)
@pytest.mark.parametrize(
    "verb", [("report", "monday", "--csv", "out.csv"), ("record", "--port", "monday", "--out", "out")]
)
def test_what_can_not_be(tmp_path, monday, words, status, said, verb):
    done = tools(*verb, *words, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (status, True)
    assert [path.name for path in tmp_path.iterdir()] == ["monday"]


def test_a_format_without_a_table(tmp_path, monday):
    done = tools("report", "monday", "--csv-bom", cwd=tmp_path)
    assert (done.returncode, done.stderr.endswith("give its name with --csv FILE\n")) == (1, True)


def test_an_empty_recording_has_a_header(tmp_path):
    recording = read_recording(by_hand(tmp_path / "a", [(0, READY)], 1000))
    assert write_table(recording, tmp_path / "a.csv", CsvFormat()) == 0
    columns = "at,seconds,t,face,x,y,width,height,emotion,score,why,valence,arousal"
    assert (tmp_path / "a.csv").read_text().split() == [columns]


TOLD = HAPPY | {"faces": [HAPPY["faces"][1] | {"why": "turned", "valence": -0.25, "arousal": 0}]}


@pytest.mark.parametrize(
    ("style", "told"),
    [
        (CsvFormat(), ("", "0.125", "turned", "-0.25", "0")),
        (CsvFormat(";", ","), ("", "0,125", "turned", "-0,25", "0")),
    ],
)
def test_why_valence_and_arousal_are_in_the_table_and_empty_where_the_camera_was_older(tmp_path, style, told):
    recording = read_recording(by_hand(tmp_path / "a", [(0, READY), (10, TOLD), (20, faces((1, "sad", 0.5)))], 100))
    write_table(recording, tmp_path / "a.csv", style)
    names = ("emotion", "score", "why", "valence", "arousal")
    rows = [tuple(row[name] for name in names) for row in rows_of(tmp_path / "a.csv", style.delimiter)]
    assert rows == [told, ("sad", told[1][:2] + "5", "", "", "")]


def test_a_table_that_can_not_be_written(tmp_path, monday):
    with pytest.raises(UserError, match=r"no/such/a\.csv: can't be written \(.+\); give another file with --csv"):
        write_table(read_recording(monday), tmp_path / "no/such/a.csv", CsvFormat())


FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "x;=1+1", "x, =1+1", ' "=1+1"', "a|@b", "\t=1", "\r=1"]


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("style", [CsvFormat(), CsvFormat(";", ",", True), CsvFormat("\t")])
def test_no_name_becomes_a_formula_in_any_spreadsheet(tmp_path, name, style):
    """A model's labels are text from a camera, and a recording is sent by others. A comma in a name would be a column's end
    to one program, a semicolon to the other."""
    labels = [name, *LABELS[1:]]
    recorder = Recorder(tmp_path / "a", "a camera", table=style)
    for fields in (READY | {"labels": labels}, faces((1, name, 0.9))):
        recorder.add(Line(0, json.dumps({"v": 1, **fields})))
    recorder.close()
    text = (tmp_path / "a" / "reports.csv").read_text(encoding="utf-8-sig")
    assert not re.search(r"(^|[,;\t|])[\"\s]*[=+@-]", text, re.MULTILINE)


@given(st.text(alphabet="=+-@;,|\t '\"\r\nax", max_size=12))
def test_no_cell_is_a_formula_however_it_is_split(text):
    cell = csv_cell(text)
    assert all(part.lstrip(' "')[:1] not in tuple("=+-@") for part in re.split(r"[,;\t|]", cell) if part.strip(' "'))
    assert cell.isprintable()


@given(st.text(st.characters(categories=["L", "N"]), max_size=20))
def test_an_ordinary_name_stays_as_it_is(text):
    assert csv_cell(text) == text


def test_faces_with_different_counts_of_scores_end_no_recording(tmp_path):
    """Found by the fuzz test: the header had the columns of the first face."""
    recorder = Recorder(tmp_path / "a", "a camera")
    two = faces((1, "happy", 0.9), (2, "sad", 0.9))
    two["faces"][1]["scores"].append(0.1)
    recorder.add(Line(0, json.dumps({"v": 1, **two})))
    recorder.close()
    assert [row["score_8"] for row in rows_of(tmp_path / "a" / "reports.csv")] == ["", "0.1"]


def test_rows_of_a_recording_with_a_damaged_name_are_left_out(tmp_path):
    folder = by_hand(tmp_path / "a", [(0, READY), (10, faces((1, "hap`y", 0.9))), (20, faces((1, "happy", 0.9)))], 100)
    write_table(read_recording(folder), tmp_path / "a.csv", CsvFormat())
    assert [row["emotion"] for row in rows_of(tmp_path / "a.csv")] == ["happy"]

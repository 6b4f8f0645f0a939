"""Data as people bring it: each form is read, or named for what it is with what to do; nothing is left out in silence."""

import csv
import gzip
import io
import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_training.data.fer2013 import PRIVATE_TEST, PUBLIC_TEST, SEVEN, VOTES, load
from emotion_training.fit.training_data import training_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

RNG = np.random.default_rng(5)
USAGES = ("Training", "Training", "PublicTest", "PrivateTest")
ROWS = [(label, usage) for usage in USAGES for label in range(7)]
LABELS = np.array([label for label, _ in ROWS])
PICTURES = RNG.integers(0, 256, (len(ROWS), 48, 48), np.uint8)
NOUNS = ("Anger", "Disgusted", "fearful", "Happiness", "sadness", "surprised", "Neutral")


def cells(columns: tuple[str, ...] = ("emotion", "pixels", "Usage")) -> list[list[str]]:
    """FER2013's table of these pictures, its line of names first."""
    made = [list(columns)]
    for (label, usage), picture in zip(ROWS, PICTURES, strict=True):
        row = {"emotion": str(label), "Usage": usage, "pixels": " ".join(map(str, picture.ravel()))}
        made.append([row[name.strip()] for name in columns])
    return made


def text(rows: list[list[str]], separator: str = ",", end: str = "\n") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator=end).writerows(rows)
    return file.getvalue()


PLAIN = text(cells())


def table(content: str | bytes, name: str = "fer2013.csv", encoding: str = "utf-8") -> Callable[[Path], Path]:
    """Writes a file of that content."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return folder / name

    return write


def tar() -> bytes:
    """As Kaggle gives it: fer2013.tar.gz, with the table in a folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("fer2013/fer2013.csv")
        entry.size = len(PLAIN)
        archive.addfile(entry, io.BytesIO(PLAIN.encode()))
    return packed.getvalue()


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("fer2013.csv", PLAIN)
    return packed.getvalue()


READ = len(ROWS)
# What is brought, how it is made, and the answer: it is read whole, or a sentence with these words.
TABLES: list[tuple[str, Callable[[Path], Path], int | str]] = [
    ("as published", table(PLAIN), READ),
    ("icml_face_data.csv, with blanks in its names", table(text(cells(("emotion", " Usage", " pixels")))), READ),
    ("names in capitals", table(PLAIN.replace("emotion,pixels,Usage", "Emotion,Pixels,USAGE")), READ),
    ("emotions by name", table("".join(PLAIN.replace(f"\n{n},", f"\n{name},") for n, name in [(3, "Happiness")])), READ),
    ("a blank line at its end", table(PLAIN + "\n"), READ),
    ("blank lines within", table(PLAIN.replace("\n4,", "\n\n4,")), READ),
    ("blank rows as Excel writes them", table(PLAIN + ",,\n,,\n"), READ),
    ("Windows' line ends", table(text(cells(), end="\r\n")), READ),
    ("old Macs' line ends", table(text(cells(), end="\r")), READ),
    ("no line end at its end", table(PLAIN.rstrip("\n")), READ),
    ("semicolons, as Excel writes them", table(text(cells(), ";")), READ),
    ("Excel's hint of its separator", table("sep=;\n" + text(cells(), ";")), READ),
    ("tabs", table(text(cells(), "\t")), READ),
    ("a byte-order mark", table(PLAIN, encoding="utf-8-sig"), READ),
    ("UTF-16, as Excel's Unicode text", table(text(cells(), "\t"), encoding="utf-16"), READ),
    ("UTF-16 without its mark", table(PLAIN, encoding="utf-16-le"), READ),
    ("a column more, in Latin-1", table(PLAIN.replace("\n", ",Ä\n"), encoding="latin-1"), READ),
    ("another name", table(PLAIN, "my faces.txt"), READ),
    ("Kaggle's tar", table(tar(), "fer2013.tar.gz"), "fer2013.tar.gz: is a tar archive; unpack it"),
    ("a zip", table(zipped(), "fer2013.zip"), "is a zip archive, or an Excel workbook; unpack it"),
    ("a zip by the table's name", table(zipped()), "is a zip archive"),
    ("gzip", table(gzip.compress(PLAIN.encode()), "fer2013.csv.gz"), "is packed by gzip; unpack it"),
    ("a cut gzip", table(gzip.compress(PLAIN.encode())[:50], "fer2013.csv.gz"), "is packed by gzip"),
    ("a Git LFS pointer", table("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"), "is a Git LFS pointer"),
    ("a web page", table("\n<!DOCTYPE html>\n<html>Sign in"), "is a web page"),
    ("an old Excel workbook", table(b"\xd0\xcf\x11\xe0" + bytes(600)), "is an Excel workbook; save it as CSV"),
    ("a picture", table(b"\x89PNG\r\n\x1a\n" + bytes(60)), "is a picture"),
    ("an array by another name", table(b"\x93NUMPY" + bytes(60)), "is a NumPy array"),
    ("nothing", table(b""), "names no column 'emotion'"),
    ("Kaggle's train.csv, without parts", table(text(cells(("emotion", "pixels")))), "names no column 'Usage'"),
    ("a line of names alone", table("emotion,pixels,Usage\n"), "no rows after it"),
    ("cut short", table(PLAIN[: len(PLAIN) // 2].rpartition(" ")[0]), "is cut short|pixels; there must be 2304"),
    ("eight emotions", table(PLAIN + PLAIN.splitlines()[-1].replace("6,", "7,", 1)), "line 30 has the emotion '7'"),
    ("contempt", table(PLAIN.replace("\n6,", "\ncontempt,", 1)), "line 8 has the emotion 'contempt'; it must be 0 to 6, or"),
    ("no whole number", table(PLAIN.replace("\n6,", "\n6.0,", 1)), "line 8 has the emotion '6.0'"),
    ("rows for another use", table(PLAIN.replace("PrivateTest", "Test", 1)), "line 23 has the Usage 'Test'"),
    ("zeros", table(bytes(5000)), "names no column"),
    ("one endless line", table(b"1 " * 300_000), "names no column"),
    ("npz that is a Git LFS pointer", table("version https://git-lfs.github.com/spec/v1\n", "fer2013.npz"), "run git lfs pull"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "answer"), [it[1:] for it in TABLES], ids=[it[0] for it in TABLES])
def test_a_table(tmp_path, make, answer):
    path = make(tmp_path)
    if isinstance(answer, str):
        with pytest.raises(UserError, match=answer) as told:
            load(path)
        assert str(told.value).startswith(f"{path}: ")
        return
    faces = load(path)
    assert len(faces) == answer
    np.testing.assert_array_equal(faces.images, PICTURES)
    np.testing.assert_array_equal(faces.labels, LABELS)


def votes_text(order: np.ndarray, end: str = "\n") -> str:
    """FER+'s table of many pictures whose votes are all for their label, in that order."""
    made = [["Usage", "Image name", *VOTES]]
    for row in order:
        counts = [0] * len(VOTES)
        counts[SEVEN[row % 7]] = 10
        made.append(["Training", f"fer{row:07}.png", *map(str, counts)])
    return text(made, end=end)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FER2013 with so many pictures that an order shows."""
    path = tmp_path_factory.mktemp("many") / "fer2013.npz"
    count = 700
    np.savez(path, images=np.zeros((count, 48, 48), np.uint8), label=np.arange(count) % 7, usage=np.zeros(count, int))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_votes_in_their_order(tmp_path, many, end):
    votes = load(many, table(votes_text(np.arange(700), end), "fer2013new.csv")(tmp_path)).votes
    assert votes is not None
    assert (votes[:, SEVEN].argmax(axis=1) == np.arange(700) % 7).all()


def test_votes_in_another_order_are_no_votes_of_these_pictures(tmp_path, many):
    path = table(votes_text(np.random.default_rng(1).permutation(700)), "fer2013new.csv")(tmp_path)
    with pytest.raises(UserError, match=r"fer2013new\.csv: its votes agree with the labels of 1\d% of the pictures"):
        load(many, path)


def folders(
    parts: tuple[str, ...] = ("train", "train", "test", "test"),
    names: tuple[str, ...] = EMOTIONS,
    save: Callable[[np.ndarray, Path], None] | None = None,
    official: bool = True,
) -> Callable[[Path], Path]:
    """Writes the pictures into a folder for each part and emotion, by Kaggle's names or by numbers."""

    def write(folder: Path) -> Path:
        for n, (label, usage) in enumerate(ROWS):
            place = folder / "data" / parts[USAGES.index(usage) if n >= 7 else 0] / names[label]
            place.mkdir(parents=True, exist_ok=True)
            name = f"{usage}_{n:08}.png" if official else f"{n}.png"
            if save:
                save(PICTURES[n], place / name)
            else:
                Image.fromarray(PICTURES[n]).save(place / name)
        return folder / "data"

    return write


def large_in_colour(picture: np.ndarray, path: Path) -> None:
    Image.fromarray(picture).resize((224, 224), Image.Resampling.NEAREST).convert("RGB").save(path.with_suffix(".jpg"))


def with_files(write: Callable[[Path], Path], **files: bytes | None) -> Callable[[Path], Path]:
    """Adds files below the folder, by their paths with __ for /; of None takes the folder away."""

    def add(folder: Path) -> Path:
        top = write(folder)
        for name, data in files.items():
            path = top / name.replace("__", "/")
            if data is None:
                shutil.rmtree(path)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return top

    return add


def png(picture: np.ndarray = PICTURES[0]) -> bytes:
    made = io.BytesIO()
    Image.fromarray(picture).save(made, "PNG")
    return made.getvalue()


def moved(write: Callable[[Path], Path], name: str) -> Callable[[Path], Path]:
    """As a zip unpacks it, one folder deeper."""

    def move(folder: Path) -> Path:
        (folder / name).mkdir()
        write(folder).rename(folder / name / "inner")
        return folder / name

    return move


VAL = ("train", "train", "val", "test")
# What is brought, how it is made, how many pictures are for PublicTest and PrivateTest, and words that are said or the sentence.
FOLDERS: list[tuple[str, Callable[[Path], Path], tuple[int, int] | None, list[str]]] = [
    ("as on Kaggle", folders(), (7, 7), []),
    ("names of other data sets", folders(names=NOUNS), (7, 7), []),
    ("names with numbers", folders(names=tuple(f"{n}_{name}" for n, name in enumerate(NOUNS))), (7, 7), []),
    ("parts in capitals", folders(("Training", "Training", "PublicTest", "PrivateTest")), (7, 7), []),
    ("val beside train and test", folders(VAL, official=False), (7, 7), []),
    ("validation", folders(("train", "train", "validation", "validation")), (14, 0), []),
    ("large and in colour", folders(save=large_in_colour), (7, 7), []),
    ("eight emotions", with_files(folders(), train__contempt__a=png(), test__contempt__b=png()), (7, 7),
     ["left out, for they are none of angry", r"test/contempt \(1\), train/contempt \(1\)"]),
    ("what systems leave", with_files(folders(), train__happy___DS_Store=b"", train__happy__Thumbs_db=b""), (7, 7), ["Thumbs_db: is"]),
    ("what macOS packs", with_files(folders(), __MACOSX__train__happy__x=b""), (7, 7), []),
    ("a table beside the folders", with_files(folders(), labels_txt=b"x"), (7, 7), ["labels_txt: lies in no label's folder"]),
    ("broken pictures", with_files(folders(), **{f"train__happy__{n}.jpg": b"\xff\xd8\xff" for n in range(9)}), (7, 7),
     ["0.jpg: is not a picture that can be read", "and 6 more like these"]),
    ("a Git LFS pointer as a picture", with_files(folders(), train__sad__a=b"version https://git-lfs.github.com/spec/v1\n"), (7, 7),
     ["is a Git LFS pointer"]),
    ("an oblong picture", with_files(folders(), train__fear__a=png(PICTURES[0][:24])), (7, 7), ["no cropped face"]),
    ("an empty folder in test", with_files(folders(), test__fear=None, test__fear__x_txt=b"x"), (6, 6),
     ["has no pictures of fear for testing"]),
    ("an emotion missing", with_files(folders(), train__fear=None), None, ["no pictures of fear for training; put some into train/fear"]),
    ("only one emotion", with_files(folders(), **{f"train__{it}": None for it in EMOTIONS if it != "sad"}), None,
     ["no pictures of angry, disgust, fear, happy, surprise, neutral for training"]),
    ("numbers", folders(names=tuple("0123456")), None, [r"its folders are numbered \(0, 1, 2 ...\)", "name them by what they show"]),
    ("one folder deeper", moved(folders(), "archive"), None, ["holds neither", "; give .*archive/inner"]),
    ("a part alone", lambda folder: folders()(folder) / "train", None, ["holds neither", "; give .*data$"]),
    ("a table by another name", lambda folder: table(PLAIN, "faces.csv")(folder).parent, None, ["; give .*faces.csv"]),
    ("packed still", lambda folder: table(zipped(), "archive.zip")(folder).parent, None, ["; unpack archive.zip"]),
    ("emotions without parts", with_files(lambda folder: folder, happy__a=png(), sad__b=png()), None, ["put the folders of emotions below train and test"]),
    ("something else between", with_files(folders(), other__a=b""), None, ["other stands beside .*test"]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "tests", "said"), [it[1:] for it in FOLDERS], ids=[it[0] for it in FOLDERS])
def test_a_folder(tmp_path, capsys, make, tests, said):
    path = make(tmp_path)
    if tests is None:
        with pytest.raises(UserError) as refused:
            load(path)
        told = str(refused.value)
    else:
        faces = load(path)
        assert tests == tuple((faces.usage == part).sum() for part in (PUBLIC_TEST, PRIVATE_TEST))
        assert (faces.usage == 0).sum() == 14
        told = capsys.readouterr().err
        if not said:
            assert told == ""
    for words in said:
        assert re.search(words, told), told


def test_training_pictures_that_are_left_out_are_counted(tmp_path, capsys):
    """A model that has seen a test picture looks better than it is."""
    faces = load(TABLES[0][1](tmp_path))
    seen = faces.images.copy()
    seen[0] = seen[faces.usage == PRIVATE_TEST][0]
    assert len(training_data(replace(faces, images=seen)).train_rows) == 13
    assert (
        "1 of 14 training pictures are left out: they show nearly the same as a test picture" in capsys.readouterr().err
    )
    with pytest.raises(UserError, match="of the 14 training pictures none is left to train on"):
        training_data(replace(faces, images=np.repeat(seen[:1], len(seen), axis=0)))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path):
    (tmp_path / "shut").mkdir(mode=0)
    with pytest.raises(UserError, match="shut: can't be read"):
        load(tmp_path / "shut")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(str.encode),
        st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.binary(max_size=3)), min_size=1, max_size=4).map(
            lambda cuts: _spoiled(PLAIN.encode(), cuts)
        ),
    ),
    st.sampled_from(["fer2013.csv", "fer2013.npz"]),
)
def test_whatever_the_file_it_is_read_or_refused_in_a_sentence(tmp_path, data, name):
    path = table(data, name)(tmp_path)
    try:
        faces = load(path)
    except UserError:
        return
    assert faces.images.shape == (len(faces), 48, 48)


def _spoiled(data: bytes, cuts: list[tuple[int, bytes]]) -> bytes:
    for at, new in cuts:
        data = data[:at] + new + data[at + 1 :]
    return data

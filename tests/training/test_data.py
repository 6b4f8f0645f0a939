"""FER2013 loads in each form in which people have it, and a damaged one is refused with a sentence."""

from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_training.data.fer2013 import VOTES, Faces, load
from PIL import Image

RNG = np.random.default_rng(1)
USAGES = ["Training"] * 7 + ["PublicTest", "PrivateTest"]
FACES = Faces(
    RNG.integers(0, 256, (9, 48, 48), np.uint8),
    np.array([0, 1, 2, 3, 4, 5, 6, 3, 6], np.uint8),
    np.array([0] * 7 + [1, 2], np.uint8),
    RNG.multinomial(10, [0.1] * 10, 9).astype(np.uint8),
)

FIELDS = {"images": "images", "label": "labels", "usage": "usage"}


def write_csv(folder: Path, header: str = "emotion,Usage,pixels", change: dict[int, str] | None = None) -> Path:
    """Kaggle's form of FACES, with the data rows in `change` (counted from 0) replaced."""
    rows = []
    for label, usage, image in zip(FACES.labels, USAGES, FACES.images, strict=True):
        cells = {"emotion": str(label), "Usage": usage, "pixels": " ".join(map(str, image.ravel()))}
        rows.append(",".join(cells.get(name.strip(), "") for name in header.split(",")))
    for number, row in (change or {}).items():
        rows[number] = row
    path = folder / "fer2013.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def write_votes(folder: Path, change: dict[int, str] | None = None, rows: int = 9) -> Path:
    """FER+'s fer2013new.csv for FACES."""
    lines = [f"{usage},fer{n:07}.png," + ",".join(map(str, FACES.votes[n])) for n, usage in enumerate(USAGES)]
    for number, line in (change or {}).items():
        lines[number] = line
    path = folder / "fer2013new.csv"
    path.write_text("\n".join(["Usage,Image name," + ",".join(VOTES), *lines[:rows]]) + "\n")
    return path


def same(a: Faces, b: Faces) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("images", "labels", "usage"))


@pytest.mark.parametrize("header", ["emotion,Usage,pixels", "emotion, Usage, pixels", "emotion,pixels,Usage"])
def test_csv_in_kaggles_forms(tmp_path, header):
    assert same(load(write_csv(tmp_path, header)), FACES)


def test_csv_with_the_votes_beside_it(tmp_path):
    path = write_csv(tmp_path)
    votes = write_votes(tmp_path)
    assert np.array_equal(load(path).votes, FACES.votes)
    assert np.array_equal(load(tmp_path, votes).votes, FACES.votes)


def test_npz(tmp_path):
    np.savez(tmp_path / "fer2013.npz", images=FACES.images, label=FACES.labels, usage=FACES.usage, votes=FACES.votes)
    faces = load(tmp_path)
    assert same(faces, FACES)
    assert np.array_equal(faces.votes, FACES.votes)


def write_folders(folder: Path) -> Path:
    for part in ("train", "test"):
        for emotion in EMOTIONS:
            (folder / part / emotion).mkdir(parents=True)
    for n, (label, usage) in enumerate(zip(FACES.labels, USAGES, strict=True)):
        part = "train" if usage == "Training" else "test"
        Image.fromarray(FACES.images[n]).save(folder / part / EMOTIONS[label] / f"{usage}_{n}.png")
    return folder


def test_folders_of_pictures(tmp_path):
    faces = load(write_folders(tmp_path))
    assert sorted(faces.usage) == sorted(FACES.usage)
    row = np.flatnonzero(faces.usage == 2)[0]
    assert np.array_equal(faces.images[row], FACES.images[8])
    assert EMOTIONS[faces.labels[row]] == "neutral"


PIXELS = " ".join(["7"] * 2304)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"7,Training,{PIXELS}", "line 4 has the emotion '7'"),
        (f"-1,Training,{PIXELS}", "line 4 has the emotion '-1'"),
        (f"x,Training,{PIXELS}", "line 4 has the emotion 'x'"),
        (f"3,Test,{PIXELS}", "line 4 has the Usage 'Test'"),
        (f"3,Training,{PIXELS} 7", "line 4 has 2305 pixels"),
        ("3,Training,7 7", "line 4 has 2 pixels"),
        (f"3,Training,{PIXELS.replace('7', '256', 1)}", "outside 0 to 255"),
        (f"3,Training,{PIXELS.replace('7', '9' * 23, 1)}", "line 4 has a pixel outside 0 to 255"),
        (f"3,Training,{PIXELS.replace('7', 'seven', 1)}", "not a whole number"),
        ("3,Train", "line 4 is cut short"),
    ],
)
def test_bad_row_is_named(tmp_path, row, said):
    with pytest.raises(UserError, match=said):
        load(write_csv(tmp_path, change={2: row}))


def test_missing_column_is_named(tmp_path):
    with pytest.raises(UserError, match="its first line names no column 'pixels'"):
        load(write_csv(tmp_path, header="emotion,Usage,bytes"))


@pytest.mark.parametrize("content", [b"", b"emotion,Usage,pixels\n", b"\xff\xfe\x00\x80", b"PK\x03\x04rubbish"])
@pytest.mark.parametrize("name", ["fer2013.csv", "fer2013.npz"])
def test_file_without_faces(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        load(tmp_path / name)


def test_npz_cut_anywhere(tmp_path):
    whole = tmp_path / "fer2013.npz"
    np.savez_compressed(whole, images=FACES.images, label=FACES.labels, usage=FACES.usage)
    data = whole.read_bytes()
    for length in range(0, len(data), 997):
        whole.write_bytes(data[:length])
        with pytest.raises(UserError, match=r"fer2013\.npz"):
            load(whole)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": FACES.images.astype(float)}, "images are float64"),
        ({"images": FACES.images[:, :40]}, "must be uint8"),
        ({"label": FACES.labels + 1}, "row 6 has the label 7"),
        ({"label": FACES.labels[:-1]}, "label has shape"),
        ({"usage": FACES.usage + 1}, "row 8 has the usage 3"),
        ({"votes": FACES.votes[:, :9]}, "votes have shape"),
        ({"images": np.uint8(7)}, "images are uint8"),
        ({"label": FACES.labels.astype(str)}, "label is of the type <U"),
        ({"label": FACES.labels.astype(float)}, "label is of the type float64; it must be of whole numbers"),
        ({"label": np.full(9, np.nan)}, "label is of the type float64"),
        ({"usage": FACES.usage.astype(float)}, "usage is of the type float64"),
        ({"votes": FACES.votes / 10}, "votes is of the type float64"),
        ({"votes": FACES.votes.astype(int) - 11}, "row 0 has votes outside 0 to 10"),
        ({"votes": FACES.votes + 11}, "row 0 has votes outside 0 to 10"),
        ({name: getattr(FACES, field)[:0] for name, field in FIELDS.items()}, "holds no rows"),
    ],
)
def test_npz_with_wrong_arrays(tmp_path, arrays, said):
    good = {"images": FACES.images, "label": FACES.labels, "usage": FACES.usage}
    np.savez(tmp_path / "fer2013.npz", **{**good, **arrays})
    with pytest.raises(UserError, match=said):
        load(tmp_path)


def test_npz_of_wider_whole_numbers(tmp_path):
    wide = {name: getattr(FACES, field).astype(np.int64) for name, field in FIELDS.items() if name != "images"}
    np.savez(tmp_path / "fer2013.npz", images=FACES.images, votes=FACES.votes.astype(np.int16), **wide)
    faces = load(tmp_path)
    assert same(faces, FACES)
    assert faces.labels.dtype == faces.usage.dtype == faces.votes.dtype == np.uint8


def test_npz_that_is_text_gets_no_advice_to_load_it_unsafely(tmp_path):
    (tmp_path / "fer2013.npz").write_text("emotion,Usage,pixels")
    with pytest.raises(UserError, match=r"fer2013\.npz: can't be read as an npz file; fetch it again$"):
        load(tmp_path)


def test_csv_of_a_header_only(tmp_path):
    (tmp_path / "fer2013.csv").write_text("emotion,Usage,pixels\n")
    with pytest.raises(UserError, match="no rows after it"):
        load(tmp_path)
    path = write_csv(tmp_path)
    with pytest.raises(UserError, match=r"fer2013new\.csv: .* no rows after it"):
        load(path, write_votes(tmp_path, rows=0))


def test_votes_that_are_a_folder(tmp_path):
    path = write_csv(tmp_path)
    with pytest.raises(UserError, match="is a folder; give the file"):
        load(path, tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load(tmp_path / "fer2013.csv")
    with pytest.raises(UserError, match="holds neither"):
        load(tmp_path)


def test_votes_that_do_not_match(tmp_path):
    path = write_csv(tmp_path)
    with pytest.raises(UserError, match="votes for 8 pictures, but there are 9"):
        load(path, write_votes(tmp_path, rows=8))
    with pytest.raises(UserError, match="line 2 is of another part"):
        load(path, write_votes(tmp_path, {0: "PublicTest,x," + ",".join("1" * 10)}))
    with pytest.raises(UserError, match="line 3 has votes"):
        load(path, write_votes(tmp_path, {1: "Training,x,11," + ",".join("1" * 9)}))
    with pytest.raises(UserError, match="no such file"):
        load(path, tmp_path / "votes.csv")


def test_votes_do_not_go_with_folders(tmp_path):
    write_folders(tmp_path)
    with pytest.raises(UserError, match="row order"):
        load(tmp_path, write_votes(tmp_path))


def test_missing_class_folder(tmp_path):
    write_folders(tmp_path)
    for file in (tmp_path / "train" / "disgust").iterdir():
        file.unlink()
    (tmp_path / "train" / "disgust").rmdir()
    with pytest.raises(UserError, match="disgust"):
        load(tmp_path)

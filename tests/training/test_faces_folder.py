"""What a person's folder of faces may hold, what is said of what it should not, and how faces are held back."""

import json
from collections import Counter

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_training.finetune.faces_folder import LEAST, Collected, read, read_face
from emotion_training.finetune.split import divide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_faces import faces, write
from PIL import Image

RNG = np.random.default_rng(11)


def noise(count: int) -> np.ndarray:
    """Pictures that are not alike."""
    return RNG.integers(0, 256, (count, 48, 48), np.uint8)


def collected(classes: list[int], told: list[dict] | None = None, images: np.ndarray | None = None) -> Collected:
    n = len(classes)
    labels = tuple("abcdefgh"[: max(classes) + 1])
    files = tuple(f"{number}.png" for number in range(n))
    given = noise(n) if images is None else images
    return Collected(given, np.array(classes), labels, files, tuple(told or [{}] * n))


def test_known_labels_keep_their_places_and_new_ones_follow(tmp_path):
    for name in ("Happy", "sad", "tired", "bored"):
        write(tmp_path / name, noise(12))
    found = read(tmp_path, EMOTIONS)
    assert found.labels == (*EMOTIONS, "bored", "tired")
    assert Counter(found.labels[it] for it in found.classes) == {"happy": 12, "sad": 12, "tired": 12, "bored": 12}
    assert found.images.shape == (48, 48, 48)
    assert found.files[0] in {"Happy/0000.png", "bored/0000.png"}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "CMYK"])
def test_a_picture_of_any_colour_and_size_becomes_a_grey_face(tmp_path, mode):
    file = tmp_path / ("face.tiff" if mode == "CMYK" else "face.png")
    Image.fromarray(faces("happy", 1)[0]).resize((200, 180)).convert(mode).save(file)
    face = read_face(file)
    assert face.shape == (48, 48)
    assert face.dtype == np.uint8
    assert np.corrcoef(face.ravel(), faces("happy", 1)[0].ravel())[0, 1] > 0.6


def test_a_face_of_the_cameras_own_size_is_taken_to_the_pixel(tmp_path):
    image = noise(1)
    write(tmp_path, image)
    assert np.array_equal(read_face(tmp_path / "0000.png"), image[0])


def test_a_phones_picture_is_stood_upright(tmp_path):
    image = faces("surprise", 1, strength=0)[0]
    turned = Image.fromarray(np.rot90(image).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    turned.save(tmp_path / "phone.png", exif=exif)
    assert np.array_equal(read_face(tmp_path / "phone.png"), image)


@pytest.mark.parametrize(
    ("size", "said"),
    [((640, 480), "is 640 x 480, which is no cut face"), ((20, 20), "is 20 x 20, too small")],
)
def test_a_picture_that_cannot_be_a_cut_face_is_refused(tmp_path, size, said):
    Image.fromarray(noise(1)[0]).resize(size).save(tmp_path / "it.png")
    with pytest.raises(UserError, match=said):
        read_face(tmp_path / "it.png")


def test_what_is_no_face_is_named_and_the_rest_goes_on(tmp_path):
    for name in ("happy", "sad"):
        write(tmp_path / name, noise(12))
    (tmp_path / "readme.txt").write_text("mine")
    (tmp_path / "happy" / "notes.txt").write_text("mine")
    (tmp_path / "happy" / ".DS_Store").write_text("of the system")
    (tmp_path / "happy" / "cut.png").write_bytes((tmp_path / "happy" / "0000.png").read_bytes()[:900])
    (tmp_path / "sad" / "old").mkdir()
    Image.new("L", (48, 48), 7).save(tmp_path / "sad" / "black.png")
    said: list[str] = []
    assert len(read(tmp_path, EMOTIONS, said.append).classes) == 24
    assert len(said) == 5
    for what in (
        "readme.txt: lies in no",
        "notes.txt: can't be read",
        "cut.png: can't be read",
        "old: is a folder",
        "one even grey",
    ):
        assert any(what in sentence for sentence in said), what


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        ({}, "has no folders in it"),
        ({"happy": 0, "sad": 0}, "holds no usable pictures"),
        ({"happy": 20}, "has faces of happy alone; collect at least one more"),
        ({"happy": 20, "sad": LEAST - 1}, f"sad: has {LEAST - 1} usable pictures; at least {LEAST} are needed"),
        ({"happy": 20, "glücklich": 20}, "can't be a label on the camera"),
        ({"happy": 20, "a" * 21: 20}, "can't be a label on the camera"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_learnt_from_gets_a_sentence(tmp_path, folders, said):
    for name, count in folders.items():
        write(tmp_path / name, noise(count))
    with pytest.raises(UserError, match=said):
        read(tmp_path, EMOTIONS)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_gets_a_sentence(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"{name}: can't be read"):
        read(tmp_path / name, EMOTIONS)


def test_the_manifest_tells_of_pictures_and_its_bad_lines_are_passed_over(tmp_path):
    for name in ("happy", "sad"):
        write(tmp_path / name, noise(12))
    lines = [
        json.dumps({"file": "happy/0001.png", "person": "a", "session": None, "time": "2026-01-02T03:04:05.500+00:00"}),
        json.dumps({"file": "happy/0002.png", "time": 12}),
        '{"file": "happy/00',
        "[1]",
    ]
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines))
    said: list[str] = []
    found = read(tmp_path, EMOTIONS, said.append)
    told = dict(zip(found.files, found.told, strict=True))
    assert told["happy/0001.png"]["time"] == pytest.approx(1767323045.5)
    assert told["happy/0001.png"]["person"] == "a"
    assert told["happy/0002.png"]["time"] == 12
    assert told["sad/0001.png"] == {}
    assert said == [f"{tmp_path / 'manifest.jsonl'}: 2 of its lines are cut short or name no file; passed over"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["happy", "sad", "new"]), st.binary(max_size=60)), max_size=6))
def test_whatever_lies_in_a_folder_it_is_read_or_refused_in_a_sentence(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("faces")
    write(folder / "happy", noise(LEAST))
    write(folder / "sad", noise(LEAST))
    for number, (name, data) in enumerate(junk):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / f"junk{number}.png").write_bytes(data)
    said: list[str] = []
    found = read(folder, EMOTIONS, said.append)
    assert len(found.classes) == 2 * LEAST
    assert len(said) == len(junk)


@given(st.lists(st.integers(10, 40), min_size=2, max_size=4), st.integers(0, 99))
@settings(max_examples=25)
def test_a_quarter_of_each_class_is_held_back_the_same_for_a_seed(counts, seed):
    classes = [it for it, count in enumerate(counts) for _ in range(count)]
    given = collected(classes)
    parts = divide(given, seed)
    assert sorted([*parts.learn, *parts.held]) == list(range(len(classes)))
    held = np.bincount(given.classes[parts.held], minlength=len(counts))
    assert np.abs(held - np.array(counts) / 4).max() <= 1
    assert np.array_equal(divide(given, seed).held, parts.held)
    assert parts.apart == "moment"


def test_nearly_identical_frames_do_not_straddle_the_split():
    moments = np.repeat(noise(20), 5, axis=0)  # ten moments of each of two classes, five frames each
    frames = np.clip(moments + RNG.normal(0, 8, moments.shape), 0, 255).astype(np.uint8)
    parts = divide(collected([0] * 50 + [1] * 50, images=frames), 1)
    assert not {row // 5 for row in parts.learn} & {row // 5 for row in parts.held}
    assert len(parts.held) == 20 or len(parts.held) == 30


def test_frames_within_a_second_do_not_straddle_the_split():
    told = [{"time": 100.0 * (row // 4) + 0.3 * (row % 4)} for row in range(80)]
    parts = divide(collected([0] * 40 + [1] * 40, told), 1)
    assert not {row // 4 for row in parts.learn} & {row // 4 for row in parts.held}


@pytest.mark.parametrize("field", ["person", "session"])
def test_whole_people_or_sessions_are_held_back_where_there_are_enough(field):
    told = [{field: f"no. {row % 8}"} for row in range(80)]
    parts = divide(collected([row // 40 for row in range(80)], told), 1)
    assert parts.apart == field
    assert not {row % 8 for row in parts.learn} & {row % 8 for row in parts.held}


def test_one_person_alone_is_divided_by_moments():
    parts = divide(collected([0] * 20 + [1] * 20, [{"person": "anna"}] * 40), 1)
    assert parts.apart == "moment"


def test_a_class_of_a_single_moment_gets_a_sentence():
    frames = np.concatenate([noise(20), np.repeat(noise(1), 20, axis=0)])
    with pytest.raises(UserError, match="b: its 20 pictures are so alike that they show one moment"):
        divide(collected([0] * 20 + [1] * 20, images=frames), 1)

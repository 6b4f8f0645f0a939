"""Which folders of faces can be trained on, and how they are split."""

import json
from collections import Counter

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_training.finetune.collected import MIN_FACES, CollectedFaces, read
from emotion_training.finetune.split import _join, split
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_faces import write
from PIL import Image

RNG = np.random.default_rng(11)


def noise(count: int) -> np.ndarray:
    """Pictures that are not alike."""
    return RNG.integers(0, 256, (count, 48, 48), np.uint8)


def collected(
    classes: list[int], entries: list[dict] | None = None, images: np.ndarray | None = None
) -> CollectedFaces:
    n = len(classes)
    labels = tuple("abcdefgh"[: max(classes) + 1])
    files = tuple(f"{number}.png" for number in range(n))
    given = noise(n) if images is None else images
    return CollectedFaces(given, np.array(classes), labels, files, tuple(entries or [{}] * n))


def test_known_labels_keep_their_places_and_new_ones_follow(tmp_path):
    for name in ("Happy", "sad", "tired", "bored"):
        write(tmp_path / name, noise(12))
    found = read(tmp_path, EMOTIONS)
    assert found.labels == (*EMOTIONS, "bored", "tired")
    assert Counter(found.labels[it] for it in found.classes) == {"happy": 12, "sad": 12, "tired": 12, "bored": 12}
    assert found.images.shape == (48, 48, 48)
    assert found.files[0] in {"Happy/0000.png", "bored/0000.png"}


def test_the_parts_of_a_data_set_are_taken_together_with_a_word(tmp_path):
    for part in ("train", "Val", "TEST"):
        for name in ("fearful", "Surprised"):
            write(tmp_path / part / name, noise(4))
    said: list[str] = []
    found = read(tmp_path, EMOTIONS, said.append)
    assert found.labels == EMOTIONS
    assert len(found.classes) == 24
    assert said == [
        f"{tmp_path}: testing, training, validation are taken together; the faces to validate on are chosen among all"
    ]


@pytest.mark.parametrize("names", ["01234567", "1234567"])
def test_numbers_are_no_names_of_emotions(tmp_path, names):
    """AffectNet's 0 is neutral, RAF-DB's 1 surprise, FER2013's 0 angry."""
    for name in names:
        write(tmp_path / name, noise(2))
    with pytest.raises(
        UserError, match=r"its folders are numbered \(.*\), .*name them by what they show, such as angry"
    ):
        read(tmp_path, EMOTIONS)


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
        "notes.txt: is not a picture",
        "cut.png: is not a picture",
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
        ({"happy": 20, "sad": MIN_FACES - 1}, f"sad: has {MIN_FACES - 1} usable pictures; at least {MIN_FACES} are needed"),
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


def test_the_manifest_s_lines_go_with_their_pictures(tmp_path):
    for name in ("happy", "sad"):
        write(tmp_path / name, noise(12))
    (tmp_path / "manifest.jsonl").write_text(json.dumps({"file": "happy/0001.png", "person": "a"}))
    found = read(tmp_path, EMOTIONS)
    entries = dict(zip(found.files, found.entries, strict=True))
    assert entries["happy/0001.png"]["person"] == "a"
    assert entries["sad/0001.png"] == {}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["happy", "sad", "new"]), st.binary(max_size=60)), max_size=6))
def test_whatever_lies_in_a_folder_it_is_read_or_refused_in_a_sentence(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("faces")
    write(folder / "happy", noise(MIN_FACES))
    write(folder / "sad", noise(MIN_FACES))
    for number, (name, data) in enumerate(junk):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / f"junk{number}.png").write_bytes(data)
    said: list[str] = []
    found = read(folder, EMOTIONS, said.append)
    assert len(found.classes) == 2 * MIN_FACES
    assert len(said) == min(len(junk), 4)  # of many, how many more


@given(st.lists(st.integers(10, 40), min_size=2, max_size=4), st.integers(0, 99))
@settings(max_examples=25)
def test_a_quarter_of_each_class_is_for_validation_the_same_for_a_seed(counts, seed):
    classes = [it for it, count in enumerate(counts) for _ in range(count)]
    given = collected(classes)
    parts = split(given, seed)
    assert sorted([*parts.train, *parts.val]) == list(range(len(classes)))
    val = np.bincount(given.classes[parts.val], minlength=len(counts))
    assert np.abs(val - np.array(counts) / 4).max() <= 1
    assert np.array_equal(split(given, seed).val, parts.val)
    assert parts.group_key == "moment"


def test_nearly_identical_frames_do_not_straddle_the_split():
    moments = np.repeat(noise(20), 5, axis=0)  # ten moments of each of two classes, five frames each
    frames = np.clip(moments + RNG.normal(0, 8, moments.shape), 0, 255).astype(np.uint8)
    parts = split(collected([0] * 50 + [1] * 50, images=frames), 1)
    assert not {row // 5 for row in parts.train} & {row // 5 for row in parts.val}
    assert len(parts.val) == 20 or len(parts.val) == 30


def test_frames_of_a_slow_movement_are_one_moment():
    """Each is like the next, the first is not like the last."""
    ends = noise(2).astype(float)
    shares = np.linspace(0, 1, 20)[:, np.newaxis, np.newaxis]
    moving = ((1 - shares) * ends[0] + shares * ends[1]).astype(np.uint8)
    parts = split(collected([0] * 60 + [1] * 20, images=np.concatenate([noise(20), moving, noise(40)])), 1)
    assert len({*range(20, 40)} & {*parts.val}) in (0, 20)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=14), st.permutations(range(12)))
def test_what_is_joined_is_one_group_in_whatever_order(pairs, order):
    near = np.eye(12, dtype=bool)
    for a, b in pairs:
        near[a, b] = near[b, a] = True
    groups = np.arange(12)
    for row in order:
        _join(groups, near[row])
    reached = np.linalg.matrix_power(near.astype(int), 12) > 0
    np.testing.assert_array_equal(groups[:, np.newaxis] == groups, reached)


def test_frames_within_a_second_do_not_straddle_the_split():
    entries = [{"time": 100.0 * (row // 4) + 0.3 * (row % 4)} for row in range(80)]
    parts = split(collected([0] * 40 + [1] * 40, entries), 1)
    assert not {row // 4 for row in parts.train} & {row // 4 for row in parts.val}


@pytest.mark.parametrize("field", ["person", "session"])
def test_whole_people_or_sessions_are_for_validation_where_there_are_enough(field):
    entries = [{field: f"no. {row % 8}"} for row in range(80)]
    parts = split(collected([row // 40 for row in range(80)], entries), 1)
    assert parts.group_key == field
    assert not {row % 8 for row in parts.train} & {row % 8 for row in parts.val}


def test_one_person_alone_is_divided_by_moments():
    parts = split(collected([0] * 20 + [1] * 20, [{"person": "anna"}] * 40), 1)
    assert parts.group_key == "moment"


def test_a_class_of_a_single_moment_gets_a_sentence():
    frames = np.concatenate([noise(20), np.repeat(noise(1), 20, axis=0)])
    with pytest.raises(UserError, match="b: its 20 pictures are so alike that they show one moment"):
        split(collected([0] * 20 + [1] * 20, images=frames), 1)

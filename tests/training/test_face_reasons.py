"""Why a face has no name: the camera program's classifier, the training that fits it, and the trust in a name."""

import re
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.files import ASSETS
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_training.assets.clip import load_average_faces
from emotion_training.evaluate.trust import AFFECT, accuracy_at, auroc, natural
from emotion_training.fit.reasons import REASONS, SPOILT, constant, features, fit, spoil, told

MAIN = Path(__file__).parents[2] / "device" / "main.py"


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """The seven average faces and their mirror images, uint8 [14, 48, 48], as sharp as photographs."""
    import cv2

    small = [
        cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
        for face in load_average_faces(ASSETS / "average_faces").values()
    ]
    sharp = [face + 1.5 * (face - cv2.GaussianBlur(face, (0, 0), 1.5)) for face in small]
    found = np.clip(np.rint(np.stack(sharp)), 0, 255).astype(np.uint8)
    return np.concatenate([found, found[:, :, ::-1]])


@pytest.fixture(scope="module")
def device() -> dict:
    """`reason` of the camera program and what it needs."""
    text = MAIN.read_text(encoding="utf-8")
    start, end = text.index("REASONS = ("), text.index("class Tracker:")
    names: dict = {}
    exec("import math\n" + text[start:end], names)
    return names


@pytest.fixture(scope="module")
def program_emotions() -> dict:
    """The camera program's table of colours, valence and arousal."""
    text = MAIN.read_text(encoding="utf-8")
    names: dict = {}
    exec(text[text.index("ANGER, FEAR") : text.index("MISSING = ")], names)
    return names["EMOTIONS"]


def test_the_camera_tells_the_reason_as_the_training_does(device, faces):
    weights = np.array([list(row) for row in device["REASON_WEIGHTS"]]) - 128
    for hows in SPOILT.values():
        for how in hows:
            spoilt = spoil(faces, how)
            there = [device["reason"](bytearray(face.tobytes()), 48) for face in spoilt]
            assert there == [REASONS[it] for it in told(weights, spoilt)]


def test_the_shipped_weights_know_what_is_wrong_with_a_face(device, faces):
    weights = np.array([list(row) for row in device["REASON_WEIGHTS"]]) - 128
    out_of_focus, mouth, side = SPOILT["blurred"][:2], SPOILT["covered"][0], SPOILT["covered"][2]
    plain = {
        "dark": SPOILT["dark"][1:],
        "blurred": out_of_focus,
        "turned": SPOILT["turned"][3:],
        "covered": (mouth, side),
    }
    for reason, hows in {**plain, "unsure": SPOILT["unsure"]}.items():
        found = np.concatenate([told(weights, spoil(faces, how)) for how in hows])
        assert (found == REASONS.index(reason)).mean() > 0.9, reason


def test_a_face_and_its_mirror_image_look_alike(faces):
    """But for what a grid of every fourth pixel does not see alike."""
    assert features(faces[:7]) == pytest.approx(features(faces[7:]), abs=0.7)


def test_fitted_weights_tell_the_reasons_apart_and_fit_the_program(faces):
    noisy = np.random.default_rng(1).normal(0, 4, (8, *faces.shape)) + faces
    many = np.clip(noisy, 0, 255).reshape(-1, 48, 48).astype(np.uint8)
    weights = fit(many)
    right = [
        np.mean(told(weights, spoil(many, how, seed=9)) == place)
        for place, name in enumerate(REASONS)
        for how in SPOILT[name]
    ]
    assert np.mean(right) > 0.7
    rows = re.findall(r'b"((?:\\x[0-9a-f]{2})+)",  # (\w+)', constant(weights))
    assert [name for _, name in rows] == list(REASONS[1:])
    assert [len(row) // 4 for row, _ in rows] == [19] * 4


def test_a_name_is_trusted_less_where_the_face_is_spoilt_and_not_at_all_in_the_dark(faces):
    _, clean = natural(DEFAULT_MODEL, faces)
    _, blurred = natural(DEFAULT_MODEL, spoil(faces, SPOILT["blurred"][1]))
    _, dark = natural(DEFAULT_MODEL, spoil(faces, SPOILT["dark"][2]))
    assert clean.mean() > blurred.mean() > 0
    assert dark.tolist() == [0] * len(faces)


def test_valence_and_arousal_are_measured_by_the_cameras_values(program_emotions):
    stems = ("angr", "disg", "fear", "happ", "sad", "surp", "neut")
    for place, name in enumerate(("valence", "arousal"), 1):
        assert [program_emotions[stem][place] / 100 for stem in stems] == AFFECT[name].tolist()


def test_auroc_and_accuracy_by_coverage():
    trust, right = np.array([0.9, 0.8, 0.7, 0.2]), np.array([True, True, False, False])
    assert auroc(trust, right) == 1
    assert auroc(1 - trust, right) == 0
    assert auroc(np.array([0.5, 0.9, 0.7, 0.6]), right) == 0.5
    assert accuracy_at(0.75, trust, right) == (pytest.approx(2 / 3), pytest.approx(0.7))

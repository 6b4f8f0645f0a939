"""The camera's interpreter (TFLM) predicts the same classes on PrivateTest as LiteRT, whose kernels gave the card its numbers.

Every ninth face, in about six seconds for each 10 M multiply-accumulates; ALL_ROWS=1 takes all 3,589, in 45.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL
from emotion_camera.model.interpreter import input_tensor, scores
from emotion_camera.model.tflm import Tflm, arena_bytes
from emotion_training.data.fer2013 import PRIVATE_TEST, load
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
FER2013 = ROOT.parent / "shared" / "datasets" / "fer2013"
MODELS = [path for path in (DEFAULT_MODEL, LARGE_MODEL) if path.is_file()]
STEP = 1 if os.environ.get("ALL_ROWS") else 9


@pytest.fixture(scope="module")
def faces() -> NDArray[np.uint8]:
    if not FER2013.is_dir():
        pytest.skip("FER2013 is not in ../shared/datasets")
    return load(FER2013).part(PRIVATE_TEST).images[::STEP]


def by_tflm(model: Path, faces: NDArray[np.uint8]) -> NDArray[np.int8]:
    data = model.read_bytes()
    arena = arena_bytes(data)
    if arena is None:
        pytest.skip("tflite-micro has no wheel for this machine")
    interpreter = Tflm(data, arena)
    return np.array([interpreter.run(input_tensor(face))[0][0] for face in faces])


def by_reference_kernels(model: Path, faces: NDArray[np.uint8]) -> NDArray[np.int8]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_path=str(model), num_threads=1, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    answers = []
    for face in faces:
        interpreter.set_tensor(given, input_tensor(face))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(result)[0].copy())
    return np.array(answers)


def test_there_are_models():
    assert MODELS


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.stem)
def test_tflm_answers_as_litert(model, faces):
    """Top answers as by the reference kernels, on each face, and as by the quick ones, which round as the processor likes,
    on all but a face or two. Scores may be off by a few 256ths: the softmax is computed otherwise."""
    tflm, reference = by_tflm(model, faces), by_reference_kernels(model, faces)
    assert len(tflm) == len(faces) > 300
    assert np.flatnonzero(tflm.argmax(axis=1) != reference.argmax(axis=1)).tolist() == []
    assert np.abs(tflm.astype(int) - reference).max() <= 10
    assert (tflm.argmax(axis=1) != scores(model, faces).argmax(axis=1)).sum() <= 2

"""Run an int8 model file on faces, as the camera does."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def scores(model: Path | bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores float32 [n, classes] that an int8 file, or its bytes, gives for faces uint8 [n, size, size], fed as the camera feeds them: pixel - 128.

    By LiteRT's own int8 kernels, one face at a time; the test suite holds TFLM's answers against these.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=None if isinstance(model, bytes) else str(model),
        model_content=model if isinstance(model, bytes) else None,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = result["quantization"]
    answers = np.empty((len(images), result["shape"][1]), np.float32)
    for row, image in enumerate(images):
        tensor = (image.astype(np.int16) - 128).astype(np.int8)
        interpreter.set_tensor(given["index"], tensor[np.newaxis, ..., np.newaxis])
        interpreter.invoke()
        answers[row] = (interpreter.get_tensor(result["index"])[0].astype(np.float32) - zero_point) * scale
    return answers

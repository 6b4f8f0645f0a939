"""What people give in place of a TensorFlow Lite model, named for what it is, and what to do with it."""

from __future__ import annotations

import io
import re
import zipfile

from emotion_camera.files import foreign_kind

TFLITE = b"TFL3"  # at bytes 4 to 8; where the firmware lands in a file without it is anybody's guess
CONVERT = "convert it to an int8 .tflite"
KERAS = f"{CONVERT} with tf.lite.TFLiteConverter.from_keras_model"

# The place of its mark in the file, the mark, what it is and what to do.
_KINDS = (
    (0, b"\x89HDF\r\n", f"is a Keras model (HDF5), not a .tflite; {KERAS}"),
    (0, b"\x80\x02\x8a\x0al\xfc\x9cF", f"is a PyTorch file, not a .tflite; {CONVERT}, by litert-torch for example"),
    (0, b"\x7fELF", "is a program, such as an .eim, not a .tflite; in Edge Impulse Studio choose Deployment, OpenMV library"),
    (0, b"MZ", "is a program for Windows, not a .tflite; give the model itself"),
    (0, b"GGUF", "is a language model (GGUF); give an int8 .tflite"),
    (0, b"\x89PNG", "is a picture; give an int8 .tflite"),
    (0, b"\xff\xd8\xff", "is a picture; give an int8 .tflite"),
    (0, b"%PDF", "is a PDF; give an int8 .tflite"),
    (0, b"\x93NUMPY", "is a NumPy array; give an int8 .tflite"),
)  # fmt: skip
# Parts of a zip by which one knows it.
_ZIPS = (
    (r"(^|/)model\.weights\.h5$", f"is a Keras model (.keras), not a .tflite; {KERAS}"),
    (r"(^|/)data\.pkl$", f"is a PyTorch file, not a .tflite; {CONVERT}, by litert-torch for example"),
    (r"(^|/)trained\.tflite$", "is Edge Impulse Studio's download; give it to emotion-camera edge-impulse import"),
    (r"\.tflite$", "is a zip with a .tflite in it; unpack it, and give that"),
    (r"(^|/)saved_model\.pb$", f"is a zipped TensorFlow SavedModel; {CONVERT} with tf.lite.TFLiteConverter.from_saved_model"),
    (r"\.mlmodel$", f"is a Core ML model, not a .tflite; {CONVERT} from what it was made of"),
)  # fmt: skip


def model_kind(data: bytes) -> str | None:
    """What the bytes of a file are in place of a TensorFlow Lite model, and what to do; None for such a model."""
    if data[4:8] == TFLITE:
        return None
    if not data:
        return "is empty; copy it again"
    known = next((said for at, mark, said in _KINDS if data[at : at + len(mark)] == mark), None)
    return known or _zip(data) or _protocol_buffer(data) or _text(data) or foreign_kind(data) or _unknown(data)


def _zip(data: bytes) -> str | None:
    if data[:4] != b"PK\x03\x04":
        return None
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except Exception:  # a damaged one fails anywhere in zipfile, with several kinds of exception
        return "is a zip that is cut short or damaged; download it again"
    for pattern, said in _ZIPS:
        if any(re.search(pattern, name) for name in names):
            return said
    return "is a zip; unpack it, and give the .tflite that is in it"


def _protocol_buffer(data: bytes) -> str | None:
    """ONNX and TensorFlow's graphs: their first field is a small number, or the first node."""
    start = data[:400]
    if data[:1] == b"\x08" and re.search(rb"onnx|pytorch|tf2onnx|keras2onnx|skl2onnx|ai\.onnx", start, re.IGNORECASE):
        return f"is an ONNX model, not a .tflite; {CONVERT}, by onnx2tf for example"
    if (
        re.search(rb"saved_model_schema|Placeholder|NoOp|serve\b|VariableOp|VarHandleOp|BiasAdd|MatMul", start)
        and data[:1] in b"\x08\x0a\x12"
    ):
        return f"is a TensorFlow graph (.pb), not a .tflite; {CONVERT} with tf.lite.TFLiteConverter.from_saved_model"
    return None


def _text(data: bytes) -> str | None:
    start = data[:4000]
    if re.search(rb"unsigned char|uint8_t", start) and b"0x" in start:
        return "is a C array for Arduino and the like; give the .tflite that it was made from"
    if data[:1] == b"{" and re.search(rb"modelTopology|weightsManifest|tfjs", start):
        return f"is a TensorFlow.js model, not a .tflite; {CONVERT} from the Keras model"
    if data[8:9] == b"{" and b'"dtype"' in start:
        return f"is a safetensors file, not a .tflite; {CONVERT}, by litert-torch for example"
    return None


def _unknown(data: bytes) -> str:
    if TFLITE in data[:64]:
        return "was changed on its way here, as by sending it as text; copy it again as it is"
    return "is not a TensorFlow Lite model; give an int8 .tflite"

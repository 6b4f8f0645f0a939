"""Networks on the simulator: the firmware's numbers, its refusals, and the memory they take."""

import base64
import json
from functools import partial
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from camera_programs import ROOT, START
from emotion_camera.boards import find_board
from emotion_camera.errors import ModelError
from emotion_camera.model.interpreter import LiteRT
from emotion_camera.model.metadata import tail
from emotion_camera.model.tflite import unpack
from emotion_camera.model.tflm import arena_bytes
from emotion_camera.simulator.host import networks
from emotion_camera.simulator.host.firmware import CameraError
from emotion_camera.simulator.host.pictures import Picture
from emotion_camera.simulator.host.tensor import face_tensor

MODEL = ROOT / "models" / "emotion.tflite"
LABELS = MODEL.with_suffix(".txt")
GOLDEN = ROOT.parent / "shared" / "golden"
FILES = {"emotion.tflite": MODEL, "emotion.txt": LABELS}
H7 = find_board("h7")
ML = ["v4.7", "v4.8", "v5.0"]
LOAD = (
    START
    + "import ml\nfrom ml.preprocessing import Normalization\nnet = ml.Model('emotion.tflite')\nROI = (100, 50, 120, 120)\n"
)


@pytest.fixture(scope="module")
def network() -> networks.Network:
    return networks.load(MODEL, H7)


@pytest.fixture(scope="module")
def scores(network, scene) -> list[float]:
    """What the network says of the face in `scene`, worked out here."""
    raw = network.run(face_tensor(scene, (100, 50, 120, 120)).reshape(1, 48, 48, 1))[0]
    output = network.description.outputs[0]
    return ((raw.astype(np.float32) - output.zero_point) * np.float32(output.scale)).ravel().tolist()


# What goes in and comes out


def test_input_is_the_firmwares_bytes(network):
    """The recordings of real firmware: the same 2,304 bytes for the same region."""
    if not GOLDEN.exists():
        pytest.skip("the recordings are not beside the repository")
    from PIL import Image

    entry = json.loads((GOLDEN / "golden.json").read_text())[0]
    frame = Picture(np.asarray(Image.open(GOLDEN / "frames" / entry["frame"])))
    for roi, recorded in entry["tensor_48x48_int8_base64"].items():
        box = tuple(map(int, roi.split(",")))
        for generation in ((4, 8), (5, 0)):
            tensor = networks.input_tensor(network, frame, box, generation)
            assert tensor.tobytes() == base64.b64decode(recorded)


@pytest.mark.parametrize("firmware", ML)
def test_predict_gives_dequantised_arrays(play, scores, firmware):
    program = (
        LOAD
        + """
out = net.predict([Normalization(roi=ROI)(img)])
print(len(out), out[0].shape, len(out[0]), out[0][0][0] == out[0][0, 0] == out[0].flatten()[0])
print(out[0].flatten().tolist())
print(out[0].tolist()[0] == [x for x in out[0][0]] == out[0].flatten().tolist())
"""
    )
    played = play(program, firmware=firmware, flash=FILES)
    assert played.lines[0] == "1 (1, 7) 1 True"
    assert json.loads(played.lines[1]) == pytest.approx(scores, abs=1e-7)
    assert played.lines[2] == "True"


def test_tf_of_v455_gives_the_same_scores(play, scores):
    program = (
        START
        + """
import tf
net = tf.load("emotion.tflite")
first = tf.classify(net, img, roi=(100, 50, 120, 120))
second = net.classify(img, (100, 50, 120, 120))
print(len(first), first[0].rect(), first[0].x(), first[0].w())
print(first[0].output())
print(second[0].output() == first[0].output())
print(net.len(), net.input_height(), net.input_width(), net.input_channels(), net.input_zero_point(), net.output_channels())
"""
    )
    played = play(program, firmware="v4.5.5", flash=FILES)
    assert played.lines[0] == "1 (100, 50, 120, 120) 100 120"
    assert json.loads(played.lines[1]) == pytest.approx(scores, abs=1e-7)
    assert played.lines[2] == "True"
    assert played.lines[3] == f"{MODEL.stat().st_size} 48 48 1 -128 7"


@pytest.mark.parametrize("firmware", ML)
def test_model_attributes(play, network, firmware):
    program = (
        LOAD
        + """
print(net.len, net.ram, net.input_shape, net.input_dtype, net.input_zero_point, round(net.input_scale[0] * 255, 4))
print(net.output_shape, net.output_dtype, net.output_zero_point, net.labels)
"""
    )
    played = play(program, firmware=firmware, flash=FILES)
    assert played.lines[0] == f"{MODEL.stat().st_size} {network.arena} ((1, 48, 48, 1),) ('b',) (-128,) 1.0"
    labels = LABELS.read_text().split()
    assert played.lines[1] == f"((1, 7),) ('b',) (-128,) {labels}"


def test_arena_is_the_contracts(network):
    assert network.arena == (arena_bytes(MODEL.read_bytes()) or 0)


@pytest.mark.parametrize("firmware", ML)
def test_an_image_itself_is_taken_whole(play, firmware):
    program = (
        LOAD
        + "print(net.predict([img])[0].tolist() == net.predict([Normalization(roi=(0, 0, 320, 240))(img)])[0].tolist())"
    )
    assert play(program, firmware=firmware, flash=FILES).lines == ["True"]


@pytest.mark.parametrize("firmware", ML)
def test_a_normalization_keeps_the_first_region_it_sees(play, firmware):
    program = (
        LOAD
        + """
keeper = Normalization()
whole = net.predict([keeper(img)])[0].tolist()
small = img.crop(roi=ROI, copy=True)
print(keeper.roi)
try:
    print(net.predict([keeper(small)])[0].tolist() == net.predict([Normalization()(small)])[0].tolist())
except ValueError:
    print("ValueError")
"""
    )
    lines = play(program, firmware=firmware, flash=FILES).lines
    assert lines[0] == "(0, 0, 320, 240)"
    assert lines[1] in ("True", "ValueError")


@pytest.mark.parametrize("firmware", ML)
def test_predict_takes_a_list(play, firmware):
    program = LOAD + "try:\n    net.predict(img)\nexcept ValueError as error:\n    print(error)\nnet.predict([7])"
    played = play(program, firmware=firmware, flash=FILES)
    assert played.lines[0] == "Unsupported input type" + ". Expected a list" * (firmware == "v4.7")
    assert played.ended.message == "ValueError: Unsupported input type"


@pytest.mark.parametrize("firmware", ML)
def test_labels_are_cut_at_the_first_dot(play, firmware):
    program = "import ml\nprint(ml.Model('/flash/face.v2.tflite').labels)\nimport gc\ngc.collect()\nprint(ml.Model('other.tflite').labels)"
    flash = {"face.v2.tflite": MODEL, "face.v2.txt": LABELS, "face.txt": b"one\ntwo\n"}
    played = play(program, firmware=firmware, board="h7plus", flash={**flash, "other.tflite": MODEL})
    assert played.lines == ["['one', 'two']", "None"]


def test_callback_gets_model_inputs_and_outputs(play):
    program = LOAD + "print(net.predict([img], callback=lambda m, i, o: (m is net, len(i), len(o))))"
    assert play(program, flash=FILES).lines == ["(True, 1, 1)"]


def test_networks_run_on_copies(play):
    program = LOAD + "small = img.crop(roi=ROI, copy=True)\nprint(net.predict([small])[0].shape)"
    assert play(program, flash=FILES).lines == ["(1, 7)"]


# Refusals


def changed(path: Path, change) -> Path:
    """A copy of the shipped network with `change` made to its description."""
    model = schema.ModelT.InitFromPackedBuf(MODEL.read_bytes())
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def give_input_type(kind: int, model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].type = kind


def make_dense_per_channel(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    dense = [s for s in graph.operators if codes[s.opcodeIndex] == schema.BuiltinOperator.FULLY_CONNECTED]
    if not dense:
        pytest.skip("the shipped network has no dense layer")
    weights = graph.tensors[dense[0].inputs[1]]
    weights.quantization.scale = np.linspace(0.001, 0.002, weights.shape[0], dtype=np.float32)
    weights.quantization.zeroPoint = np.zeros(weights.shape[0], np.int64)


def test_float_activations_with_int8_weights_are_refused(tmp_path):
    path = changed(tmp_path / "hybrid.tflite", partial(give_input_type, schema.TensorType.FLOAT32))
    with pytest.raises(CameraError, match="Hybrid models are not supported"):
        networks.load(path, H7)


def test_input_of_another_type_is_refused(tmp_path):
    path = changed(tmp_path / "int32.tflite", partial(give_input_type, schema.TensorType.INT32))
    with pytest.raises(CameraError, match="Unsupported input data type"):
        networks.load(path, H7)


def test_dense_weights_per_channel_are_refused(tmp_path):
    """TFLM on the PC takes them; the firmware's does not."""
    path = changed(tmp_path / "dense.tflite", make_dense_per_channel)
    with pytest.raises(CameraError, match="Failed to allocate tensors") as raised:
        networks.load(path, H7)
    assert raised.value.kind == "RuntimeError"


def load_x(firmware: str) -> str:
    """A program that loads x.tflite, whatever comes of it."""
    call = "import tf\ntf.load('x.tflite')" if firmware == "v4.5.5" else "import ml\nml.Model('x.tflite')"
    return "try:\n    " + call.replace("\n", "\n    ") + "\nexcept Exception as error:\n    print('alive', error)"


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, this is a text and no network", b"\x1c\0\0\0TFL3" + bytes(100), MODEL.read_bytes()[:50_000]],
    ids=["empty", "text", "header only", "half"],
)
def test_what_is_no_whole_network_resets_the_board(play, firmware, content):
    """Nothing in the firmware looks at the file: it runs into a HardFault, which no program can catch."""
    played = play(load_x(firmware), firmware=firmware, flash={"x.tflite": content})
    assert (played.ended.reason, played.lines) == ("reset", [])
    assert played.ended.message.startswith("HardFault: x.tflite is no whole network")


def is_whole(data: bytes) -> bool:
    try:
        return bool(unpack(data))
    except ModelError:
        return False


def test_a_network_cut_anywhere_is_not_whole():
    data = MODEL.read_bytes()
    assert is_whole(data)
    assert not [size for size in range(0, len(data), 1000) if is_whole(data[:size])]
    assert is_whole(data[: -len(tail(data))])  # that follows the network
    assert not is_whole(data[:4] + b"TFL2" + data[8:])


def test_another_schema_is_refused_politely(play, firmware, tmp_path):
    def give_version(model: schema.ModelT) -> None:
        model.version = 2

    old = changed(tmp_path / "old.tflite", give_version).read_bytes()
    assert play(load_x(firmware), firmware=firmware, flash={"x.tflite": old}).lines == [
        "alive Unsupported model schema"
    ]


def test_a_missing_network_is_enoent(play, firmware):
    load = "import tf\ntf.load('x.tflite')" if firmware == "v4.5.5" else "import ml\nml.Model('x.tflite')"
    assert play(load, firmware=firmware).ended.message == "OSError: [Errno 2] ENOENT"


def test_the_n6_takes_only_compiled_networks(play):
    assert play(LOAD, board="n6", flash=FILES).ended.message == "RuntimeError: Failed to load network"


# Memory


def size_of(part: str, network: networks.Network) -> int:
    return MODEL.stat().st_size if part == "file" else network.arena


@pytest.mark.parametrize("firmware", ["v4.7", "v4.8"])
def test_file_and_arena_take_heap(play, network, firmware):
    program = "import gc, ml\ngc.collect()\na = gc.mem_free()\nnet = ml.Model('emotion.tflite')\ngc.collect()\nprint(a - gc.mem_free())"
    taken = int(play(program, firmware=firmware, flash=FILES).lines[0])
    assert 0 <= taken - MODEL.stat().st_size - network.arena < 8000


@pytest.mark.parametrize("firmware", ["v4.7", "v4.8"])
def test_no_room_for_the_file(play, firmware):
    played = play("import ml\nml.Model('emotion.tflite')", firmware=firmware, heap=80_000, flash=FILES)
    assert played.ended.message.startswith("MemoryError: memory allocation failed")


@pytest.mark.parametrize("firmware", ML)
def test_no_room_for_the_arena(play, network, firmware):
    if not network.arena:
        pytest.skip("the arena's size is not known without tflite-micro")
    heap = 30_000 + (MODEL.stat().st_size if firmware < "v5" else 0)
    played = play("import ml\nml.Model('emotion.tflite')", firmware=firmware, heap=heap, flash=FILES)
    assert played.ended.message == "RuntimeError: Failed to allocate tensors"


@pytest.mark.parametrize("firmware", ML)
def test_a_network_in_rom_is_used_in_place(play, network, firmware):
    rom = {"emotion.tflite": MODEL, "emotion.txt": LABELS}
    program = "import ml\nnet = ml.Model('/rom/emotion.tflite')\nprint(net.labels[0])"
    played = play(program, firmware=firmware, heap=network.arena + 30_000, rom=rom)
    assert played.lines == ["angry"], played.ended


def test_v5_puts_the_file_into_scratch_memory_when_the_heap_is_full(play, network):
    program = "import ml\nnet = ml.Model('emotion.tflite')\nprint(1)"
    assert play(program, heap=network.arena + 30_000, flash=FILES).lines == ["1"]


def test_a_network_loaded_again_takes_the_scratch_memory_of_before(play, network):
    """A program that recovers from an error loads it many times; an H7's scratch memory holds it once or twice."""
    program = (
        START
        + "import csi, ml\ncsi.CSI().framebuffers(1)\nfor i in range(9):\n    net = None\n    gc.collect()\n    net = ml.Model('emotion.tflite')\nprint(i)"
    )
    assert play(program, heap=network.arena + 30_000, flash=FILES).lines == ["8"]


def test_frame_buffers_leave_an_h7_no_scratch_memory_for_the_file(play, network):
    program = (
        START.replace("camera.framebuffers(2)", "camera.framebuffers(3)") + "import ml\nml.Model('emotion.tflite')"
    )
    played = play(program, heap=network.arena + 30_000, flash=FILES)
    assert played.ended.message.startswith("MemoryError: memory allocation failed")


def test_load_to_fb_takes_no_heap_for_the_file(play, network):
    program = "import ml\nnet = ml.Model('emotion.tflite', load_to_fb=True)\nprint(1)"
    assert play(program, firmware="v4.8", heap=network.arena + 30_000, flash=FILES).lines == ["1"]


def test_the_shipped_network_fits_an_h7_with_room_to_spare(play, firmware):
    """Cascade, network and the program's own objects, on the smallest board it is for."""
    load = (
        "import tf\nnet = tf.load('emotion.tflite')"
        if firmware == "v4.5.5"
        else "import ml\nnet = ml.Model('emotion.tflite')"
    )
    program = START + "cascade = load_cascade()\n" + load + "\ngc.collect()\nprint(gc.mem_free() > 40_000)"
    assert play(program, firmware=firmware, flash=FILES).lines == ["True"]


def test_litert_gives_what_tflm_gives(network, scene):
    """Where tflite-micro has no wheel, the same scores to the last step; LiteRT's default kernels are up to 7 steps off."""
    litert = LiteRT(MODEL.read_bytes()).run
    noise = np.random.default_rng(0)
    for _ in range(20):
        frame = np.clip(scene + noise.normal(0, 30, scene.shape), 0, 255).astype(np.uint8)
        tensor = face_tensor(frame, (100, 50, 120, 120)).reshape(1, 48, 48, 1)
        assert (litert(tensor)[0] == network.run(tensor)[0]).all()

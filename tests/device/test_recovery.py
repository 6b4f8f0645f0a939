"""Whatever fails, the camera program says so in a sentence, keeps running, and recovers when the cause is gone."""

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import Model
from camera_runs import GENERATIONS, LABELS, MODEL, Played, every_generation, micropython, scene, still
from emotion_camera.model.metadata import Metadata, encode, tail
from emotion_camera.simulator import Faults
from small_models import model

pytestmark = micropython

GOOD = MODEL.read_bytes()
MENDED_MS = 6000  # when the cause is gone, by the camera's clock
FRAMES = 100  # the camera's clock is then at 12 s

NO_MODEL = "emotion.tflite is not a complete model: copy it again"

# The files on the camera that are wrong, and what the message says.
WRONG_FILES = {
    "a model that lost its end": ({"emotion.tflite": GOOD[:-20]}, "damaged at its end: copy it again"),
    "a model with another's metadata": (
        {"emotion.tflite": GOOD[: -len(tail(GOOD))] + encode(Metadata(prior=(0.5, 0.5)))},
        "damaged at its end: copy it again",
    ),
    "model missing": ({"emotion.tflite": None}, "emotion.tflite is not on the camera"),
    "labels missing": ({"emotion.txt": None}, "emotion.txt is not on the camera"),
    "nothing copied": ({"emotion.tflite": None, "emotion.txt": None}, "is not on the camera"),
    "model truncated at its head": ({"emotion.tflite": GOOD[:100]}, NO_MODEL),
    "model truncated in the middle": ({"emotion.tflite": GOOD[:50_000]}, NO_MODEL),
    "model truncated at its end": ({"emotion.tflite": GOOD[: -200 - len(tail(GOOD))]}, NO_MODEL),
    "text in place of a model": ({"emotion.tflite": b"hello"}, NO_MODEL),
    "zeros in place of a model": ({"emotion.tflite": bytes(len(GOOD))}, NO_MODEL),
    "another FlatBuffer": ({"emotion.tflite": GOOD[:4] + b"ABCD" + GOOD[8:]}, NO_MODEL),
    "labels too few": ({"emotion.txt": b"angry\nhappy\n"}, "labels file has 2 lines"),
    "labels too many": ({"emotion.txt": b"\n".join(b"%d" % n for n in range(9))}, "has 9 lines"),
    "blank label": ({"emotion.txt": LABELS.read_bytes().replace(b"fear", b"")}, "blank line"),
    "labels empty": ({"emotion.txt": b""}, "emotion.txt is empty"),
    "labels no text": ({"emotion.txt": b"\xff\xfe\x00angry\n"}, "emotion.txt"),
}


def damaged() -> bytes:
    """The shipped model with the weights of its largest layers overwritten: a whole file, which loads and answers nonsense.

    What lies between the buffers is left alone: it says where everything is.
    """
    data = bytearray(GOOD)
    model = Model.GetRootAs(data, 0)
    buffers = [model.Buffers(number) for number in range(model.BuffersLength())]
    for buffer in sorted(buffers, key=lambda buffer: -buffer.DataLength())[:4]:
        weights = buffer.DataAsNumpy()  # a view into `data`
        weights[:] = 0
    return bytes(data)


def assert_told_on_the_frame(played: Played, said: str) -> None:
    assert said in played.said("error")[0]
    assert played.ended.reason == "stopped", played.ended
    drawn = [shown.picture for shown in played.shown if (shown.picture[:12, :100] == 0).mean() > 0.3]
    assert drawn, "no sentence on any frame"


@every_generation
@pytest.mark.parametrize("case", WRONG_FILES)
def test_wrong_files_are_named_and_right_ones_taken_up(firmware, case):
    files, said = WRONG_FILES[case]
    right = {"emotion.tflite": GOOD, "emotion.txt": LABELS.read_bytes()}
    faults = Faults(file_changes=[(MENDED_MS, name, right[name]) for name in files])
    played = Played(scene(frames=FRAMES), firmware=firmware, files=files, faults=faults)
    assert_told_on_the_frame(played, said)
    assert len(played.said("error")) == 1, "said once, not every frame"
    assert played.events[-2:] == ["ready", "recovered"]
    assert played.faces[-1][0]["emotion"] == "happy"


@every_generation
def test_status_tells_what_is_wrong_at_the_moment(firmware):
    """The error itself is told once, perhaps before anybody listened."""
    faults = Faults(file_changes=[(MENDED_MS, "emotion.txt", LABELS.read_bytes())])
    typed = [(MENDED_MS - 1000, b"status\n"), (MENDED_MS + 5500, b"status\n")]
    files = {"emotion.txt": None}
    played = Played(scene(frames=FRAMES), board="h7plus", firmware=firmware, files=files, faults=faults, typed=typed)
    wrong, well = (report["problem"] for report in played.named if report["event"] == "status")
    assert wrong == played.said("error")[0]
    assert well is None


@every_generation
def test_a_damaged_model_fails_its_self_test(firmware):
    faults = Faults(file_changes=[(MENDED_MS, "emotion.tflite", GOOD)])
    played = Played(scene(frames=FRAMES), firmware=firmware, files={"emotion.tflite": damaged()}, faults=faults)
    assert_told_on_the_frame(played, "self-test")
    assert played.events[-2:] == ["ready", "recovered"]


def test_a_model_without_a_self_test_runs_and_says_so():
    played = Played(scene(), files={"emotion.tflite": GOOD[: -len(tail(GOOD))]})
    assert played.named[0]["selftest"] == "none"
    assert played.faces[-1][0]["emotion"] == "happy"


@pytest.fixture(scope="module")
def unfit() -> dict[str, bytes]:
    """Models that the camera can't run, as people make them."""
    tf = pytest.importorskip("tensorflow", reason="making wrong models needs TensorFlow (the extra training)")
    import keras
    from keras import Input, layers

    def convert(shape: tuple[int, int, int], int8: bool) -> bytes:
        given = Input(shape)
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, strides=4, activation="relu")(given))
        converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(given, layers.Softmax()(layers.Dense(7)(x))))
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            pictures = np.random.default_rng(1).random((4, 1, *shape), np.float32)
            converter.representative_dataset = lambda: ([picture] for picture in pictures)
            converter.inference_input_type = converter.inference_output_type = tf.int8
            converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        return converter.convert()

    return {"float": convert((48, 48, 1), False), "two channels": convert((48, 48, 2), True)}


@every_generation
@pytest.mark.parametrize("kind", ["float", "two channels"])
def test_a_model_of_another_kind_is_named(firmware, kind, unfit):
    faults = Faults(file_changes=[(MENDED_MS, "emotion.tflite", GOOD)])
    played = Played(
        scene(frames=FRAMES), firmware=firmware, board="h7plus", files={"emotion.tflite": unfit[kind]}, faults=faults
    )
    if kind == "float" and not played.said("error"):
        assert played.named[0]["selftest"] == "none", "a float model that runs is no model of ours"
        return
    assert_told_on_the_frame(played, "emotion.tflite")
    assert played.events[-2:] == ["ready", "recovered"]


@every_generation
def test_too_little_memory_is_named(firmware):
    """Room for the program, not for the model beside it."""
    played = Played(scene(), firmware=firmware, heap=90_000)
    assert "memory" in played.said("error")[0]
    assert played.ended.reason == "stopped"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (GOOD, "emotion.tflite is a plain .tflite: an N6 takes only networks made by ST Edge AI."),
        (b"a network of ST's form", "firmware before September 2026 takes none under 1 MB from a file; update it."),
    ],
    ids=["plain", "by ST Edge AI"],
)
def test_the_n6_is_told_why(data, why):
    """Both are "Failed to load network" there."""
    assert Played(scene(), board="n6", files={"emotion.tflite": data}).said("error")[0].endswith(why)


@every_generation
def test_of_a_model_that_gives_logits_scores_are_shown(firmware):
    files = {"emotion.tflite": model(last=None), "emotion.txt": b"smile\nfrown\nother\n"}
    played = Played(scene(), firmware=firmware, board="h7plus", files=files)
    assert played.events == ["ready"]
    for face in (face for faces in played.faces for face in faces):
        assert sum(face["scores"]) == pytest.approx(1, abs=0.02)
        assert max(face["scores"]) < 0.999, "logits of up to 6.4 are no scores of 1"


@pytest.mark.parametrize("firmware", [name for name in GENERATIONS if name != "v4.5.5"])  # built in there
@pytest.mark.parametrize("cascade", [b"rubbish", None], ids=["old", "missing"])
def test_the_cascade_is_named(firmware, cascade):
    played = Played(scene(), firmware=firmware, rom={"haarcascade_frontalface.cascade": cascade})
    assert_told_on_the_frame(played, "face cascade")


@every_generation
def test_a_camera_time_out_is_survived(firmware):
    played = Played(scene(frames=60), firmware=firmware, faults=Faults(timeouts=range(3, 5)))
    assert "gives no picture" in played.said("error")[0]
    assert played.events == ["ready", "error", "recovered"]
    assert "faces" in played.reports[-1], "faces are found again"


@every_generation
def test_a_camera_that_times_out_for_ever_is_tried_for_ever(firmware):
    played = Played(scene(frames=60), firmware=firmware, faults=Faults(timeouts=range(3, 10**9)), stop_after_ms=120_000)
    assert len(played.said("error")) == 1
    assert played.ended.reason == "stopped"


@every_generation
def test_no_sensor_is_tried_for_ever(firmware):
    played = Played(scene(), firmware=firmware, faults=Faults(no_sensor=True), stop_after_ms=60_000)
    assert "gives no picture" in played.said("error")[0]
    assert played.ended.reason == "stopped"


@every_generation
def test_memory_exhausted_at_the_start(firmware):
    """Something else has the heap until the sixth second."""
    faults = Faults(heap_hog=[(2300, MENDED_MS, 60_000)])
    played = Played(scene(frames=FRAMES), firmware=firmware, faults=faults)
    assert "memory" in played.said("error")[0]
    assert played.events[-2:] == ["ready", "recovered"]
    assert played.faces[-1][0]["emotion"] == "happy"


@every_generation
def test_memory_exhausted_in_the_loop(firmware):
    faults = Faults(heap_hog=[(4000, MENDED_MS, 500)])
    played = Played(scene(frames=150), firmware=firmware, faults=faults)
    assert played.ended.reason == "stopped"
    assert played.frames[-1]["t"] > MENDED_MS + 3000
    assert played.faces[-1][0]["emotion"] == "happy"
    assert played.events[-1] in ("ready", "recovered")


def test_a_heap_that_was_full_for_100_frames_makes_it_load_the_model_again():
    """It then frees all that it has: nothing else cures a fragmented heap."""
    played = Played(scene(frames=200), faults=Faults(heap_hog=[(4000, 16_000, 500)]))
    assert "memory" in played.said("error")[0]
    assert played.events == ["ready", "error", "ready", "recovered"]
    assert played.faces[-1][0]["emotion"] == "happy"


@every_generation
@pytest.mark.parametrize(
    "kept",
    [b"", b"{", b"\0" * 300, b"[1]", b'{"settings":{"sure":"x"},"rest":{}}', b'{"settings":{"sure":7},"rest":{}}'],
)
def test_a_corrupt_settings_file(firmware, kept):
    played = Played(scene(frames=50), firmware=firmware, files={"emotion.json": kept})
    assert_told_on_the_frame(played, "emotion.json is damaged")
    assert played.events == ["error", "ready", "recovered"]
    assert played.faces[-1][0]["emotion"] == "happy"


@every_generation
def test_a_full_disk(firmware):
    """What is set holds until the power goes, and the answer says so."""
    played = Played(
        scene(frames=40), firmware=firmware, faults=Faults(flash_full=True), typed=[(3000, b"set sure 0.3\nstatus\n")]
    )
    assert "can't be written" in played.said("reply")[0]
    assert next(report for report in played.named if report["event"] == "status")["settings"]["sure"] == 0.3
    assert len(played.faces) > 30


@every_generation
def test_a_serial_reader_that_never_reads(firmware):
    """Each line takes half a second to be given up; the frames go on."""
    played = Played(scene(frames=30), firmware=firmware, faults=Faults(print_ms=500, channel_unread=True))
    assert played.ended.reason == "stopped"
    assert len(played.faces) > 20


@every_generation
@pytest.mark.parametrize("seed", range(3))
def test_exceptions_at_random(firmware, seed):
    """One call of the firmware in a hundred fails; a frame makes about ten."""
    faults = Faults(random_errors=0.01, seed=seed)
    played = Played(scene(frames=300), firmware=firmware, faults=faults)
    assert played.ended.reason == "stopped"
    assert len(played.faces) > 150
    assert len(played.said("error")) < 30, "said once a time, not every frame"


@every_generation
def test_the_clock_wraps_around(firmware):
    """MicroPython's ticks_ms goes back to 0 after 2**30 ms, twelve days; a face keeps its number across that."""
    played = Played(scene(frames=100), firmware=firmware, boot_ms=2**30 - 5000)
    times = [report["t"] for report in played.frames]
    assert max(times) > 2**30 - 3000
    assert min(times) < 3000
    assert {face["id"] for faces in played.faces for face in faces} == {1}
    assert played.events == ["ready"]


def test_two_troubles_at_once_are_both_told():
    played = Played(scene(frames=80), files={"emotion.json": b"{", "emotion.tflite": None})
    assert len(played.said("error")) == 2
    assert "emotion.tflite is not on the camera" in played.said("error")[1]


def test_a_week_without_a_face_or_a_frame():
    """After 2**29 ms, six days, differences of the clock are negative."""
    week = Faults(timeouts=[20], timeout_ms=600_000_000, heap_hog=[(600_010_000, 600_012_000, 500)])
    played = Played(scene(frames=200), faults=week, stop_after_ms=700_000_000)
    after = [report for report in played.frames if report["t"] > 600_000_000]
    assert len(after) > 100
    assert after[-1]["t"] > 600_015_000, "and it recovers from a memory that was full"


def test_a_missing_model_is_loaded_at_once_after_a_week_without_a_frame():
    week = Faults(timeouts=[20], timeout_ms=600_000_000, file_changes=[(300_000_000, "emotion.tflite", GOOD)])
    played = Played(scene(frames=60), files={"emotion.tflite": None}, faults=week, stop_after_ms=700_000_000)
    assert played.events[-1] in ("ready", "recovered")
    assert played.faces


def test_commands_are_answered_without_a_picture():
    played = Played(scene(), faults=Faults(no_sensor=True), typed=[(3000, b"help\n")], stop_after_ms=20_000)
    assert played.said("reply")[0].startswith("status |")


def test_blank_frames_of_another_size():
    """A source that the sensor crops to a wide strip still gives frames."""
    played = Played(still(np.full((30, 320), 128, np.uint8), 5))
    assert played.ended.reason == "stopped"

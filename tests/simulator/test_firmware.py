"""Each firmware generation has what it has and refuses what it refuses: the facts' table, row by row, seen by a program."""

import pytest
from camera_programs import GENERATIONS, ROOT, START
from emotion_camera.errors import UserError
from emotion_camera.simulator.host.firmware import API, VERSIONS, bind, find_firmware
from emotion_camera.simulator.host.pictures import METHODS

OK = "ok"
NO_MODULE, NO_NAME, WRONG_CALL, NO_FILE = "ImportError", "AttributeError", "TypeError", "OSError"

# What a program does, and what comes of it on v4.5.5, v4.7, v4.8 and v5.0: an exception, "ok", or the value.
TABLE = {
    # Camera
    "import_module('sensor')": (OK, OK, OK, OK),
    "import_module('csi')": (NO_MODULE, OK, OK, OK),
    "import_module('csi').CSI": (NO_MODULE, NO_NAME, OK, OK),
    "import_module('csi').snapshot": (NO_MODULE, OK, NO_NAME, NO_NAME),  # v4.6 and v4.7: another name for sensor
    "import_module('sensor').CSI": (NO_NAME, NO_NAME, NO_NAME, NO_NAME),
    "sensor().set_contrast(3)": (OK, OK, OK, OK),
    "sensor().set_gainceiling(16)": (OK, OK, OK, OK),
    "sensor().skip_frames(time=2000)": ("None",) * 4,
    "sensor().snapshot().width()": ("320",) * 4,
    "csi().contrast(3)": (NO_MODULE, NO_NAME, OK, OK),
    "csi().gainceiling(16)": (NO_MODULE, NO_NAME, OK, OK),
    "csi().snapshot(time=2000)": (NO_MODULE, NO_NAME, "None", "None"),
    "csi().snapshot(2000)": (NO_MODULE, NO_NAME, WRONG_CALL, WRONG_CALL),
    "csi().set_contrast(3)": (NO_MODULE, NO_NAME, NO_NAME, NO_NAME),
    # Networks
    "import_module('ml')": (NO_MODULE, OK, OK, OK),
    "import_module('ml').Model": (NO_MODULE, OK, OK, OK),
    "import_module('ml.preprocessing')": (NO_MODULE, OK, OK, OK),
    "import_module('ml').Model(MODEL)": (NO_MODULE, OK, OK, OK),
    "import_module('ml').Model(MODEL, load_to_fb=True)": (NO_MODULE, OK, OK, OK),  # swallowed by v5
    "import_module('ml').Model(MODEL, postprocess=None)": (NO_MODULE, OK, OK, OK),  # ignored by v4.7
    "import_module('ml').Model(MODEL, nonsense=1)": (NO_MODULE, OK, OK, OK),
    "import_module('tf')": (OK, OK, OK, OK),
    "import_module('tf').load": (OK, NO_NAME, NO_NAME, NO_NAME),
    "import_module('tf').classify": (OK, NO_NAME, NO_NAME, NO_NAME),
    "import_module('tf').Model": (NO_NAME, OK, OK, OK),
    "import_module('tf') is import_module('ml')": (NO_MODULE, "True", "True", "True"),
    # Protocol channels
    "import_module('protocol')": (NO_MODULE, NO_MODULE, NO_MODULE, OK),
    # find_features
    "img.find_features(cascade)": (OK, OK, OK, OK),
    "img.find_features(cascade, threshold=0.75, scale_factor=1.25)": (OK, OK, OK, WRONG_CALL),
    "img.find_features(cascade, threshold=0.75, scale=1.25)": (OK, OK, OK, OK),
    "img.find_features(cascade, 0.75, 1.25)": (OK, OK, OK, WRONG_CALL),
    "img.find_features(cascade, scale=1.1) == img.find_features(cascade)": ("True", "True", "True", "False"),
    "img.find_features(cascade, scale_factor=1.1) == img.find_features(cascade)": ("False",) * 3 + (WRONG_CALL,),
    "img.find_features(cascade, nonsense=1)": (OK, OK, OK, WRONG_CALL),
    "img.find_features(cascade, roi=(0, 0, 24, 24))": ("OSError",) * 4,
    "img.find_features(cascade, roi=(0, 0, 25, 25))": ("[]",) * 4,
    "type(img.find_features(cascade)[0]).__name__": ("tuple",) * 4,
    "len(img.find_features(cascade)[0])": ("4",) * 4,
    # Cascade
    "image.HaarCascade('frontalface', stages=25)": (OK, NO_FILE, NO_FILE, NO_FILE),
    "image.HaarCascade('/rom/haarcascade_frontalface.cascade')": (NO_FILE, OK, OK, OK),
    "image.HaarCascade(CASCADE, 25)": (OK, OK, OK, WRONG_CALL),
    "image.HaarCascade(CASCADE, stages=25)": (OK, OK, OK, OK),
    "image.HaarCascade('/rom/eye.cascade')": (NO_FILE,) * 4,
    "image.HaarCascade('rubbish.cascade')": (NO_FILE,) * 4,
    # Image methods: loose numbers, both, tuples
    "img.draw_rectangle(9, 9, 30, 30, color=255)": (OK, OK, OK, WRONG_CALL),
    "img.draw_rectangle((9, 9, 30, 30), color=255)": (WRONG_CALL, WRONG_CALL, OK, OK),
    "img.draw_circle(50, 50, 9)": (OK, OK, OK, WRONG_CALL),
    "img.draw_circle((50, 50, 9))": (WRONG_CALL, WRONG_CALL, OK, OK),
    "img.draw_line(1, 1, 30, 30)": (OK, OK, OK, WRONG_CALL),
    "img.draw_line((1, 1, 30, 30))": (WRONG_CALL, WRONG_CALL, OK, OK),
    "img.draw_cross(50, 50)": (OK, OK, OK, WRONG_CALL),
    "img.draw_cross((50, 50))": (WRONG_CALL, WRONG_CALL, OK, OK),
    "img.get_pixel(5, 5)": (OK, OK, OK, WRONG_CALL),
    "img.get_pixel((5, 5))": (WRONG_CALL, WRONG_CALL, OK, OK),
    "img.draw_string(5, 5, 'x')": (OK, OK, OK, WRONG_CALL),
    "img.draw_string((5, 5), 'x')": (WRONG_CALL, WRONG_CALL, "ValueError", OK),
    "img.draw_string((5, 5, 'x'))": (WRONG_CALL, WRONG_CALL, OK, WRONG_CALL),
    "img.draw_rectangle(*RECT, nonsense=1)": (OK, OK, OK, WRONG_CALL),
    "img.draw_rectangle(*FLOATS)": (WRONG_CALL,) * 4,
    "img.draw_rectangle(*RECT) is img": ("True",) * 4,
    "img.crop((0, 0, 9, 9))": (WRONG_CALL,) * 4,
    "img.scale(0.5)": (WRONG_CALL,) * 4,
    "img.copy(nonsense=1)": (WRONG_CALL,) * 4,
    "img.resize(9, 9)": (NO_NAME,) * 4,
    "img.find_blobs([(0, 9)])": ("NotImplementedError",) * 4,
    # Results: methods, then attributes; width and height stay methods
    "img.width()": ("320",) * 4,
    "img.height()": ("240",) * 4,
    "img.get_statistics().mean() > 0": ("True", "True", "True", WRONG_CALL),
    "img.get_statistics().mean > 0": (WRONG_CALL, WRONG_CALL, WRONG_CALL, "True"),
    # omv
    "type(omv.version_major).__name__": ("int",) * 4,
    "(omv.version_major, omv.version_minor)": ("(4, 5)", "(4, 7)", "(4, 8)", "(5, 0)"),
    "omv.version_string()": ("4.5.5", "4.7.0", "4.8.1", "5.0.0"),
    "omv.board_type()": ("H7",) * 4,
    "type(omv.arch()).__name__": ("str",) * 4,
    # time
    "type(time.clock().fps()).__name__": ("float",) * 4,
    "time.clock().tick()": ("None",) * 4,
    "time.sleep_ms(5)": ("None",) * 4,
    # Files
    "os.getcwd()": ("/flash",) * 4,
    "'/flash' in sys.path and '/flash/lib' in sys.path": ("True",) * 4,
    "os.listdir('/rom')": (NO_FILE, OK, OK, OK),
    "open('/rom/new', 'w')": (NO_FILE,) * 4,
    "open('/etc/hostname')": (NO_FILE,) * 4,
    "open('missing')": (NO_FILE,) * 4,
    "open('new.txt', 'w').write('x')": ("1",) * 4,
}  # fmt: skip

CHECKS = f"""
def import_module(name):
    module = __import__(name)
    return getattr(module, name.split(".")[1]) if "." in name else module
def sensor():
    return __import__("sensor")
def csi():
    camera = __import__("csi").CSI()
    camera.reset()
    camera.pixformat(image.GRAYSCALE)
    camera.framesize(__import__("csi").QVGA)
    return camera
MODEL = "emotion.tflite"
CASCADE = "/rom/haarcascade_frontalface.cascade" if omv.version_minor >= 7 or V5 else "frontalface"
RECT = ((9, 9, 30, 30),) if V5 else (9, 9, 30, 30)
FLOATS = ((9.5, 9.0, 30, 30),) if V5 else (9.5, 9.0, 30, 30)
cascade = load_cascade()
for line in {list(TABLE)!r}:
    value = None  # two networks at once do not fit
    gc.collect()
    try:
        value = eval(line)
    except Exception as error:
        value = type(error).__name__
    print(str(value).replace("\\n", " "))
"""


@pytest.fixture(scope="module")
def outcomes(play) -> dict[str, dict[str, str]]:
    """What each line of the table came to on each generation."""
    model = ROOT / "models" / "emotion.tflite"
    flash = {"emotion.tflite": model, "rubbish.cascade": b"\x18\0\0\0\x18\0\0\0rubbish"}
    found = {}
    for name in GENERATIONS:
        played = play(
            START + CHECKS, firmware=name, board="h7plus", frames=100, flash=flash
        )  # an H7 lacks scratch memory
        assert played.ended.reason == "finished", played.lines
        found[name] = dict(zip(TABLE, played.lines, strict=True))
    return found


ERRORS = {NO_MODULE, NO_NAME, WRONG_CALL, NO_FILE, "ValueError", "NotImplementedError", "RuntimeError", "MemoryError"}


@pytest.mark.parametrize("name", GENERATIONS)
@pytest.mark.parametrize("line", TABLE)
def test_table(outcomes, line, name):
    expected, found = TABLE[line][GENERATIONS.index(name)], outcomes[name][line]
    if expected == OK:
        assert found not in ERRORS
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("v4.5.5", (4, 5, 5)), ("4.5", (4, 5, 5)), ("v4.7", (4, 7, 0)), ("4.7.0", (4, 7, 0)), ("v4.8.1", (4, 8, 1)),
        ("V4.8", (4, 8, 1)), ("5", (5, 0, 0)), ("5.0.0", (5, 0, 0)), ("v5.1", (5, 0, 0)),
        ("v5.0.1", (5, 0, 1)),
    ],
)  # fmt: skip
def test_names_of_firmware(name, version):
    assert find_firmware(name).version == version


@pytest.mark.parametrize("name", ["", "v", "4.6", "4.5.9", "3.9", "6.0", "latest", "4.8.1.2", "v4.x"])
def test_unknown_firmware_is_a_sentence(name):
    with pytest.raises(UserError, match=r"choose one of v4\.5\.5, v4\.7\.0, v4\.8\.1, v5\.0\.0, v5\.0\.1"):
        find_firmware(name)


def test_every_image_method_is_played():
    """The table names no method of a picture that nobody plays."""
    local = {"width", "height", "format", "size", "bytearray", "save"}
    for version in VERSIONS:
        names = set(find_firmware(".".join(map(str, version))).names("Image"))
        assert names - local == set(METHODS)


def test_table_is_complete_for_each_generation():
    """Where a stub stands twice, each generation has exactly one of the two."""
    for name in ("Image.find_features", "Image.draw_string", "image.HaarCascade"):
        assert API.count(f"def {name.split('.')[1]}(") == 2
        signatures = {str(find_firmware(v).functions[name]) for v in GENERATIONS}
        assert len(signatures) == 2


def test_defaults_of_find_features():
    old = bind(find_firmware("4.8"), "Image.find_features", [{"cascade": 25}], {})
    new = bind(find_firmware("5.0"), "Image.find_features", [{"cascade": 25}], {})
    assert (old["threshold"], old["scale_factor"], old["roi"]) == (0.5, 1.5, None)
    assert (new["threshold"], new["scale"], new["roi"]) == (0.5, 1.5, None)

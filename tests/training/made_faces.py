"""Made-up collected faces for the tests: the bundled average faces, augmented, as PNG files in folders by label."""

from pathlib import Path

import numpy as np
from emotion_training.data.augment import augment
from PIL import Image

ROOT = Path(__file__).parents[2]
AVERAGE_FACES = ROOT / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces"
DEFAULT_MODEL = ROOT / "models" / "emotion.tflite"


def average_face(emotion: str) -> np.ndarray:
    with Image.open(AVERAGE_FACES / f"{emotion}.png") as picture:
        return np.asarray(picture.convert("L").resize((48, 48), Image.Resampling.BOX))


def faces(emotion: str, count: int, seed: int = 3, strength: float = 0.5) -> np.ndarray:
    return augment(np.repeat(average_face(emotion)[np.newaxis], count, axis=0), np.random.default_rng(seed), strength)


def write(folder: Path, images: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04}.png")

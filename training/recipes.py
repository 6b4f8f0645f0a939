"""How each network is trained: in legs, each with its own targets and a learning rate that falls to 0 at its end."""

from dataclasses import dataclass, replace

from models.contract import ROOMY_BOARD, SMALL_BOARD
from training.network import SHAPES, Shape


@dataclass(frozen=True)
class Leg:
    """A part of the training.

    epochs: share of all epochs; rate: the highest learning rate, of SGD with Nesterov momentum; label_share, least_count:
    see `targets`; strength: of the augmentation; taught: share of the teachers' answers in the targets.
    """

    name: str
    epochs: float
    rate: float
    label_share: float
    least_count: int
    strength: float
    taught: float = 0


@dataclass(frozen=True)
class Recipe:
    """A network's shape, its epochs in all, its legs, and the names of the recipes whose networks teach it."""

    shape: Shape
    epochs: int
    legs: tuple[Leg, ...]
    teachers: tuple[str, ...] = ()


CAMERA_LEGS = (
    # FER+'s voters call mild fear, disgust and sadness neutral; a share of FER2013's label keeps those alive.
    Leg("broad", epochs=0.6, rate=0.15, label_share=0.2, least_count=1, strength=1, taught=0.6),
    # Then what is asked for, from clearer votes and faces nearer to a detector's: the network is too small for all of it.
    Leg("fine", epochs=0.4, rate=0.08, label_share=0, least_count=2, strength=0.6, taught=0.6),
)

# The smallest network learns longest. The last leg, of the teacher's answers above all, gave it 0.6 points more on PublicTest.
SMALL_LEGS = (
    *(replace(leg, epochs=epochs / 244) for leg, epochs in zip(CAMERA_LEGS, (110, 74), strict=True)),
    Leg("last", epochs=60 / 244, rate=0.06, label_share=0, least_count=2, strength=0.45, taught=0.8),
)

RECIPES = {
    "emotion": Recipe(SHAPES["emotion"], 244, SMALL_LEGS, ("teacher",)),
    "emotion_plus": Recipe(SHAPES["emotion_plus"], 120, CAMERA_LEGS, ("teacher",)),
    # Large enough to learn both label sets at once.
    "teacher": Recipe(
        SHAPES["teacher"],
        46,
        (
            Leg("whole", epochs=36 / 46, rate=0.1, label_share=0.1, least_count=2, strength=1),
            Leg("fine", epochs=10 / 46, rate=0.03, label_share=0.1, least_count=2, strength=0.5),
        ),
    ),
}

# What the boards that a network is made for have room for; all others are held to the roomier boards' limits.
LIMITS = {name: SMALL_BOARD if name == "emotion" else ROOMY_BOARD for name in RECIPES}


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the shipped model's."""

    network: str = "emotion"  # of RECIPES
    epochs: int = 244  # in all
    warmup: int = 3  # epochs of rising rate in each leg, or the first steps can diverge
    batch: int = 128
    seed: int = 1

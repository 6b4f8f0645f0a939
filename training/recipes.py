"""How each network is trained: in legs, each with its own targets and a learning rate that falls to 0 at its end."""

from dataclasses import dataclass, replace

from models.contract import ROOMY_BOARD, SMALL_BOARD
from training.network import SHAPES, Shape


@dataclass(frozen=True)
class Leg:
    """A part of the training.

    rate: the highest learning rate, of SGD with Nesterov momentum; label_share, least_count: see `targets`; strength: of
    the augmentation; taught: share of the teachers' answers in the targets; teachers: the names of the recipes whose
    networks give those answers, of which the mean is taken; epochs: share of the recipe's epochs.
    """

    name: str
    rate: float
    label_share: float
    least_count: int
    strength: float
    taught: float = 0
    teachers: tuple[str, ...] = ()
    epochs: float = 0


@dataclass(frozen=True)
class Recipe:
    """A network's shape, its epochs in all, and its legs."""

    shape: Shape
    epochs: int
    legs: tuple[Leg, ...]

    @property
    def teachers(self) -> tuple[str, ...]:
        """The names of the recipes whose networks teach in any of the legs."""
        return tuple(dict.fromkeys(name for leg in self.legs for name in leg.teachers))

    @property
    def by_labels(self) -> bool:
        """Whether the network is made for FER2013's own labels, and its choices are to be made by them."""
        return self.legs[-1].label_share == 1


# FER+'s voters call mild fear, disgust and sadness neutral; a share of FER2013's label keeps those alive.
BROAD = Leg("broad", 0.15, label_share=0.2, least_count=1, strength=1, taught=0.6, teachers=("teacher",))
# Then what is asked for, from clearer votes and faces nearer to a detector's: the network is too small for all of it.
FINE = Leg("fine", 0.08, label_share=0, least_count=2, strength=0.6, taught=0.6, teachers=("teacher",))
# The teacher's answers above all: 0.6 points more on PublicTest for the smallest network.
LAST = Leg("last", 0.06, label_share=0, least_count=2, strength=0.45, taught=0.8, teachers=("teacher",))
# For the scores that others publish: FER2013's labels, of which a teacher of the same labels smooths the mistakes.
LABELS = Leg("labels", 0.06, label_share=1, least_count=1, strength=0.6, taught=0.6, teachers=("teacher_fer2013",))

# Large enough to learn both label sets at once.
TEACHER = (
    (Leg("whole", 0.1, label_share=0.1, least_count=2, strength=1), 36),
    (Leg("fine", 0.03, label_share=0.1, least_count=2, strength=0.5), 10),
)


def _recipe(shape: str, *legs: tuple[Leg, int]) -> Recipe:
    """The recipe of these legs, each with its epochs."""
    epochs = sum(count for _, count in legs)
    return Recipe(SHAPES[shape], epochs, tuple(replace(leg, epochs=count / epochs) for leg, count in legs))


RECIPES = {
    # The smallest learns longest; a last leg gave the larger one nothing.
    "emotion": _recipe("emotion", (BROAD, 110), (FINE, 74), (LAST, 60)),
    "emotion_plus": _recipe("emotion_plus", (BROAD, 72), (FINE, 48)),
    "teacher": _recipe("teacher", *TEACHER),
    # Not shipped: the same networks for FER2013's own labels.
    "emotion_fer2013": _recipe("emotion", (BROAD, 110), (FINE, 74), (LABELS, 90)),
    "emotion_plus_fer2013": _recipe("emotion_plus", (BROAD, 72), (FINE, 48), (LABELS, 70)),
    "teacher_fer2013": _recipe("teacher", *TEACHER, (replace(LABELS, rate=0.02, taught=0, teachers=()), 10)),
}

# What the boards that a network is made for have room for; all others are held to the roomier boards' limits.
LIMITS = {name: SMALL_BOARD if it.shape == SHAPES["emotion"] else ROOMY_BOARD for name, it in RECIPES.items()}


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the shipped model's."""

    network: str = "emotion"  # of RECIPES
    epochs: int = 244  # in all
    warmup: int = 3  # epochs of rising rate in each leg, or the first steps can diverge
    batch: int = 128
    seed: int = 1

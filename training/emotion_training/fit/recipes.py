"""How each network is trained in Keras: in legs, each with its own targets and a learning rate that falls to 0 at its end."""

from dataclasses import dataclass, replace

from emotion_camera.model.contract import LARGE_HEAP, SMALL_HEAP

from emotion_training.fit.network import SHAPES, Shape


@dataclass(frozen=True)
class Leg:
    """A part of the training.

    rate: the highest learning rate, of SGD with Nesterov momentum; label_share, least_count: see `targets`; strength: of
    the augmentation; taught: share of the teachers' answers in the targets; epochs: share of the recipe's epochs.
    """

    name: str
    rate: float
    label_share: float
    least_count: int
    strength: float
    taught: float = 0
    epochs: float = 0


@dataclass(frozen=True)
class Recipe:
    """A network's shape, its epochs in all, and its legs."""

    shape: Shape
    epochs: int
    legs: tuple[Leg, ...]


# FER+'s voters call mild fear, disgust and sadness neutral; a share of FER2013's label keeps those alive.
BROAD = Leg("broad", 0.15, label_share=0.2, least_count=1, strength=1, taught=0.6)
# Then what is asked for, from clearer votes and faces nearer to a detector's: the network is too small for all of it.
FINE = Leg("fine", 0.08, label_share=0, least_count=2, strength=0.6, taught=0.6)
# The teachers' answers above all: 0.6 points more on PublicTest for the smallest network.
LAST = Leg("last", 0.06, label_share=0, least_count=2, strength=0.45, taught=0.8)


def _recipe(shape: str, *legs: tuple[Leg, int]) -> Recipe:
    """The recipe of these legs, each with its epochs."""
    epochs = sum(count for _, count in legs)
    return Recipe(SHAPES[shape], epochs, tuple(replace(leg, epochs=count / epochs) for leg, count in legs))


RECIPES = {
    # The smallest learns longest; a last leg gave the larger one nothing.
    "emotion": _recipe("emotion", (BROAD, 110), (FINE, 74), (LAST, 60)),
    "emotion_plus": _recipe("emotion_plus", (BROAD, 72), (FINE, 48)),
}

# What the boards that a network is made for have room for.
LIMITS = {"emotion": SMALL_HEAP, "emotion_plus": LARGE_HEAP}


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the shipped model's."""

    network: str = "emotion"  # of RECIPES
    epochs: int = 244  # in all
    warmup: int = 3  # epochs of rising rate in each leg, or the first steps can diverge
    batch: int = 128
    seed: int = 1

"""Choose on purpose how far the model leans towards the emotions that its training pictures show most."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.confidence import temperature
from training.data import PUBLIC_TEST, Faces
from training.protocols import Rows, main_protocol, measure, rows
from training.targets import prior

if TYPE_CHECKING:
    import keras

TAUS = [round(0.05 * step, 2) for step in range(21)]
GIVE = 0.005  # accuracy that may be given for balance: about one standard error of a test part (0.006)


def curve(logits: NDArray, wanted: Rows, shares: NDArray) -> list[dict[str, float]]:
    """Accuracy and balanced accuracy for each tau of TAUS, from logits [n, 7] of PublicTest; shares: the prior [7]."""
    points = []
    for tau in TAUS:
        figures = measure(logits - tau * np.log(shares), wanted)
        points.append({"tau": tau, "accuracy": figures.accuracy, "balanced": figures.balanced})
    return points


def choose(points: list[dict[str, float]]) -> float:
    """The tau with the best balanced accuracy among those within GIVE of the best accuracy.

    A camera meets other people than FER2013's: with another mix of emotions, a model that leans less is right more often.
    """
    best = max(point["accuracy"] for point in points)
    near = [point for point in points if point["accuracy"] >= best - GIVE]
    return max(near, key=lambda point: (point["balanced"], -point["tau"]))["tau"]


def settle(network: "keras.Model", faces: Faces, which: NDArray[np.int64]) -> dict[str, Any]:
    """Choose tau, then the temperature, on PublicTest and put both into the network; returns them, with the curve, for the card.

    `which`: the rows that the network was trained on, for the prior. Without PublicTest rows, tau is 0 and the temperature 1.
    """
    shares = prior(faces, which)
    watched = faces.part(PUBLIC_TEST)
    protocol = main_protocol(faces)
    points, tau, heat = [], 0.0, 1.0
    if len(watched):
        given, wanted = logits(network, watched.images), rows(protocol, watched)
        points = curve(given, wanted, shares)
        tau = choose(points)
        heat = temperature((given - tau * np.log(shares))[wanted.index], wanted.truth)
    shift_prior(network, shares, tau)
    cool(network, heat)
    return {
        "chosen by": protocol,
        "tau": tau,
        "temperature": round(heat, 4),
        "prior": [round(float(share), 4) for share in shares],
        "curve": points,
    }


def logits(network: "keras.Model", images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the last layer gives, before softmax, [n, 7]."""
    import keras

    body = keras.Model(network.input, network.get_layer("emotion").output)
    return np.asarray(
        body.predict(images[..., np.newaxis].astype(np.float32) / 255, batch_size=512, verbose=0), np.float32
    )


def shift_prior(network: "keras.Model", shares: NDArray, tau: float) -> None:
    """Subtract tau times the log of the class prior `shares` [7] from the logits, in the last layer's bias.

    Logit adjustment (Menon et al. 2021, "Long-tail learning via logit adjustment"): at 1 the network answers as if all
    emotions were equally frequent, at 0 as they are in the training data.
    """
    layer = network.get_layer("emotion")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias - tau * np.log(shares)])


def cool(network: "keras.Model", temperature: float) -> None:
    """Divide the logits by a temperature, in the last layer: no answer changes, only how sure it sounds."""
    layer = network.get_layer("emotion")
    layer.set_weights([weights / temperature for weights in layer.get_weights()])

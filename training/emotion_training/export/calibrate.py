"""Calibrate a trained network before quantization: logit adjustment for the class prior, then temperature scaling."""

from typing import TYPE_CHECKING, Any

import numpy as np
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.model.metadata import Metadata
from numpy.typing import NDArray

from emotion_training.data.class_prior import MAX_TAU, TIE, class_prior
from emotion_training.data.fer2013 import Faces
from emotion_training.data.protocols import EvalSet, eval_set, main_protocol, measure
from emotion_training.data.targets import validation_faces
from emotion_training.evaluate.confidence import fit_temperature, log_softmax
from emotion_training.evaluate.corruptions import CORRUPTIONS, corrupt
from emotion_training.export.convert import SOFTMAX_TEMPERATURE, scale_temperature

if TYPE_CHECKING:
    import keras

TAUS = [round(0.05 * step, 2) for step in range(21)]


def sweep_tau(logits: NDArray, subset: EvalSet, prior: NDArray) -> list[dict[str, float]]:
    """Accuracy and balanced accuracy for each of TAUS, from logits [n, 7] of PublicTest and the class prior [7]."""
    points = []
    for tau in TAUS:
        metrics = measure(logits - tau * np.log(prior), subset)
        points.append({"tau": tau, "accuracy": metrics.accuracy, "balanced": metrics.balanced})
    return points


def select_tau(points: list[dict[str, float]]) -> float:
    """The tau, at most MAX_TAU, with the largest sum of accuracy and balanced accuracy; of those within TIE of it the largest.

    A camera meets other people than FER2013's, with another class prior: a model that relies less on the prior does better there.
    """
    sums = {it["tau"]: it["accuracy"] + it["balanced"] for it in points if it["tau"] <= MAX_TAU}
    return max(tau for tau, found in sums.items() if found >= max(sums.values()) - TIE)


def calibrate(network: "keras.Model", faces: Faces, train_rows: NDArray[np.int64]) -> tuple[dict[str, Any], Metadata]:
    """Select tau, then the temperature, on PublicTest, and fold both into the last layer.

    train_rows: the rows that the network was trained on, for the class prior. Returns the provenance for the model card and the
    metadata for the camera. Without PublicTest rows, tau is 0 and the temperature 1.
    """
    prior = class_prior(faces, train_rows)
    public = validation_faces(faces)
    protocol = main_protocol(faces)
    points, tau, temperature, resting = [], 0.0, 1.0, None
    if len(public):
        raw, subset = logits(network, public.images), eval_set(protocol, public)
        points = sweep_tau(raw, subset, prior)
        tau = select_tau(points)
        adjustment = tau * np.log(prior)
        temperature = _temperature_under_shift(network, public, adjustment)
        resting = _neutral_log_scores((raw - adjustment) / temperature, subset)
    adjust_logits(network, prior, tau)
    scale_temperature(network, temperature)
    provenance = {
        "chosen_by": protocol,
        "tau": tau,
        "temperature": round(temperature, 4),
        "prior": [round(float(share), 4) for share in prior],
        "tau_sweep": points,
    }
    remaining = _remaining_prior(prior, tau, temperature)
    return provenance, Metadata(temperature=SOFTMAX_TEMPERATURE, prior=remaining, resting=resting)


def _temperature_under_shift(network: "keras.Model", public: Faces, adjustment: NDArray) -> float:
    """The temperature for faces from another distribution, fitted on clean and corrupted ones by FER+ and by FER2013's labels.

    The two disagree on a third of the faces, about as other annotators would disagree with either.
    """
    protocols = [name for name in ("FER+ 7", "FER2013") if name == "FER2013" or public.votes is not None]
    images = np.stack([public.images, *(corrupt(public.images, corruption, 1) for corruption in CORRUPTIONS)])
    versions = len(images)
    adjusted = logits(network, images.reshape(-1, *images.shape[2:])).reshape(versions, len(public), -1) - adjustment
    subsets = [eval_set(protocol, public) for protocol in protocols]
    selected = [adjusted[:, subset.index].reshape(-1, adjusted.shape[-1]) for subset in subsets]
    targets = [np.tile(subset.targets, versions) for subset in subsets]
    return fit_temperature(np.concatenate(selected), np.concatenate(targets))


def _neutral_log_scores(logits: NDArray, subset: EvalSet) -> tuple[float, ...] | None:
    """The mean log scores of the neutral faces; None if there are none."""
    neutral = logits[subset.index[subset.targets == EMOTIONS.index("neutral")]].astype(np.float64)
    return tuple(round(float(log), 2) for log in log_softmax(neutral).mean(axis=0)) if len(neutral) else None


def _remaining_prior(prior: NDArray, tau: float, temperature: float) -> tuple[float, ...]:
    """The prior that remains in the scores, normalized to 1; the camera removes it by its setting `lean`."""
    remaining = prior ** ((1 - tau) / temperature)
    return tuple(round(float(share), 4) for share in remaining / remaining.sum())


def logits(network: "keras.Model", images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The logits [n, 7] of images uint8 [n, size, size]."""
    import keras

    body = keras.Model(network.input, network.get_layer("emotion").output)
    return np.asarray(
        body.predict(images[..., np.newaxis].astype(np.float32) / 255, batch_size=512, verbose=0), np.float32
    )


def adjust_logits(network: "keras.Model", prior: NDArray, tau: float) -> None:
    """Subtract tau times the log of the class prior [7] from the logits, in the last layer's bias.

    Logit adjustment (Menon et al. 2021, "Long-tail learning via logit adjustment"): with tau = 1 the network treats all emotions
    as equally frequent, with tau = 0 it keeps the prior of the training data.
    """
    layer = network.get_layer("emotion")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias - tau * np.log(prior)])

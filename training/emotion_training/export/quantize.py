"""From a finished run to the int8 file that is shipped, and its provenance for the card."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_camera.errors import UserError
from emotion_camera.files import read_json, write_json
from emotion_camera.model.contract import Model

from emotion_training.data.fer2013 import Faces
from emotion_training.data.targets import training_rows
from emotion_training.evaluate.evaluate import PARTS, by_protocol
from emotion_training.fit.recipes import LIMITS

if TYPE_CHECKING:
    import keras

PROVENANCE = "provenance.json"


def quantize(run: Path, faces: Faces, out: Path) -> Model:
    """Calibrate the network of a finished run on PublicTest, write it to `out` in int8, and `provenance.json` into the run."""
    from emotion_training.export import calibrate, convert
    from emotion_training.fit.train import load_network

    settings = run_settings(run)
    rows = training_rows(faces)  # once: finding near-duplicates takes ten seconds
    pictures = convert.choose_calibration(faces, rows)
    network = load_network(run)
    chosen, notes = calibrate.calibrate(network, faces, rows)
    provenance = {**settings, **chosen, "float": _float_accuracy(network, faces)}
    data = convert.convert(network, faces.images[pictures], notes)
    model = convert.write_model(data, out, pictures, LIMITS[settings.get("network", "emotion")])
    write_json(run / PROVENANCE, provenance)
    return model


def run_settings(run: Path) -> dict[str, Any]:
    """What a finished run was trained with; UserError where the run is not finished or has lost its settings."""
    again = f"run emotion-camera train train --run {run}"
    if not (run / "network.keras").is_file():
        again = f"run emotion-camera train train, or students, with --run {run}"
        if not (run / "weights.npz").is_file():
            raise UserError(f"{run / 'network.keras'}: no trained network there, and no weights.npz; {again} first")
    return read_json(run / "settings.json", f"{again} again with the data and settings that it was trained with")


def _float_accuracy(network: "keras.Model", faces: Faces) -> dict[str, dict[str, float]]:
    """Accuracy by part and protocol of the network before it is made int8, for the card to compare."""
    from emotion_training.fit.train import pixels

    found = {}
    for name, usage in PARTS.items():
        part = faces.part(usage)
        if len(part):
            scores = network.predict(pixels(part.images), batch_size=512, verbose=0)
            found[name] = {protocol: round(it.accuracy, 4) for protocol, it in by_protocol(scores, part).items()}
    return found

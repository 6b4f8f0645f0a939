"""Adapt a model to collected faces: train, compare with what it was on a validation split, and write it if it is better."""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from emotion_camera.boards import LARGE_HEAP, SMALL_HEAP, Limits
from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.model import metadata
from emotion_camera.model.contract import Model, check
from emotion_camera.model.metadata import Metadata
from numpy.typing import NDArray

from emotion_training.data.fer2013 import SIZE
from emotion_training.finetune import collected
from emotion_training.finetune.collected import CollectedFaces
from emotion_training.finetune.paired_test import Comparison
from emotion_training.finetune.split import GROUP_KEYS, Split, split

SAME_CLASS = 0.7  # of a new class's faces that get one known label: it may be that label by another name
CALIBRATION_REPLAY = 200  # beside the collected faces, or other people's could exceed the ranges of int8


@dataclass(frozen=True)
class FinetuneConfig:
    """How to adapt: the random seed, and whether a model that is not better is written, too."""

    seed: int = 1
    anyway: bool = False


def finetune(data: Path, start: Path, out: Path, average_faces: Path, config: FinetuneConfig | None = None) -> Path:
    """Adapt the int8 file `start` to the faces in the folder `data` and write it to `out`, labels and card beside it.

    Prints what it does and the comparison. `average_faces`: the folder of the bundled ones. Returns the card. Raises UserError,
    with nothing written, where the faces are not fit to learn from or the result is not better.
    """
    config = config or FinetuneConfig()
    model = _check_places(start, out)
    faces = collected.read(data, model.labels)
    parts = split(faces, config.seed)
    print(_summary(data, faces, parts))
    for sentence in _renamed(model, faces):
        print(sentence, flush=True)
    file = _train(model, faces, parts, average_faces, config.seed)
    compared = compare(model, file, faces, parts)
    print("", compared.table(), "", compared.sentence(), sep="\n")
    worse = compared.worse()
    if worse and not config.anyway:
        raise UserError(
            f"{out}: not written, for the adapted model is not better: {worse}; collect more faces, check that each lies in "
            "the right folder, or give --anyway"
        )
    return _write(file, out, model, faces, parts, compared)


def _check_places(start: Path, out: Path) -> Model:
    """The model to start from, checked, as is the place to write to."""
    from emotion_training.export.convert import check_place

    model = check(start)
    if model.input_size != SIZE:
        raise UserError(
            f"{start}: takes pictures of {model.input_size} pixels; only one that takes {SIZE} can be adapted"
        )
    check_place(out)
    for card in (out.with_suffix(".json"), out.with_suffix(".md")):
        if card.is_dir():
            raise UserError(f"{card}: is a folder, but a file is to be written there; choose another --out")
    if out.resolve() == start.resolve():
        raise UserError(f"{out}: is the model to start from; choose another --out, so that both can be compared")
    return model


def _summary(data: Path, faces: CollectedFaces, parts: Split) -> str:
    counts = ", ".join(f"{(faces.classes == it).sum()} {faces.labels[it]}" for it in faces.present())
    return (
        f"{data}: {len(faces.classes)} faces ({counts}); {len(parts.train)} for training, "
        f"{len(parts.val)} for validation, {GROUP_KEYS[parts.group_key]}"
    )


def _renamed(model: Model, faces: CollectedFaces) -> list[str]:
    """Words on new classes that may be old ones by another name: the model would gain a word for what it knows, and forget its own."""
    from emotion_camera.model.interpreter import scores

    said, present = [], faces.present()
    for it in present[np.searchsorted(present, len(model.labels)) :]:
        predicted = scores(model.path, faces.images[faces.classes == it]).argmax(axis=1)
        label, share = int(np.bincount(predicted).argmax()), float(np.bincount(predicted).max() / len(predicted))
        if share >= SAME_CLASS and label not in present:
            said.append(
                f"{faces.labels[it]} is a new class, and the model says {model.labels[label]} of {share:.0%} of its faces: if it is that, "
                f"name the folder {model.labels[label]}"
            )
    return said


def _train(model: Model, faces: CollectedFaces, parts: Split, average_faces: Path, seed: int) -> bytes:
    """The int8 file of the adapted network."""
    from emotion_training.export.convert import convert
    from emotion_training.export.tflite_to_keras import tflite_to_keras
    from emotion_training.finetune.adapt import adapt, collected_samples, replay_samples

    network, images = tflite_to_keras(model.path), faces.images[parts.train]
    replay = replay_samples(network, average_faces, seed)
    adapted = adapt(network, collected_samples(images, faces.classes[parts.train], len(faces.labels)), replay, seed)
    print("making it int8 ...", flush=True)
    return convert(adapted, _calibration(images, replay.images), _metadata(model, faces.labels))


def _metadata(model: Model, labels: tuple[str, ...]) -> Metadata:
    """The camera's metadata for an adapted model. In its training each class counted alike, so no prior is left."""
    from emotion_training.export.convert import SOFTMAX_TEMPERATURE

    known = metadata.read(model.path.read_bytes(), len(model.labels))
    resting = known.resting if known and labels == model.labels else None
    return Metadata(temperature=SOFTMAX_TEMPERATURE, resting=resting)


def _calibration(images: NDArray[np.uint8], replay: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures to calibrate the conversion on; the first collected face, stretched, brings the extreme pixels 0 and 255."""
    first = images[:1].astype(np.float32)
    stretched = np.rint((first - first.min()) * 255 / (first.max() - first.min())).astype(np.uint8)
    return np.concatenate([images, replay[:CALIBRATION_REPLAY], stretched])


def compare(model: Model, file: bytes, faces: CollectedFaces, parts: Split) -> Comparison:
    """The predictions of the model `model` and of the int8 `file` for the validation faces."""
    from emotion_camera.model.interpreter import scores

    images = faces.images[parts.val]
    before, after = (scores(it, images).argmax(axis=1) for it in (model.path, file))
    return Comparison(faces.labels, len(model.labels), faces.classes[parts.val], before, after)


def _write(file: bytes, out: Path, start: Model, faces: CollectedFaces, parts: Split, compared: Comparison) -> Path:
    from emotion_training.export.convert import write_model

    calibration = [faces.files[row] for row in parts.train]
    card = _card(file, out, start, faces, parts, compared)
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        data, text = (stack.enter_context(whole_file(out.with_suffix(suffix))) for suffix in (".json", ".md"))
        data.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        text.write_text(_markdown(card, compared), encoding="utf-8")
        made = write_model(file, out, calibration, _limits(file), faces.labels)
    print(f"\n{made.path}: {made.file_bytes:,} bytes, arena {made.arena_bytes}, for {card['boards']}")
    return out.with_suffix(".md")


def _limits(file: bytes) -> Limits:
    """New classes make the file larger: it may leave the small boards behind."""
    return SMALL_HEAP if len(file) <= SMALL_HEAP.file else LARGE_HEAP


def _card(
    file: bytes, out: Path, start: Model, faces: CollectedFaces, parts: Split, compared: Comparison
) -> dict[str, Any]:
    """All that is known of the adapted model."""
    present = faces.present()
    gained, lost = compared.changes()
    counts = {
        name: {faces.labels[it]: int((faces.classes[rows] == it).sum()) for it in present}
        for name, rows in (("training", parts.train), ("validation", parts.val))
    }
    return {
        "model": out.name,
        "sha256": sha256(file).hexdigest(),
        "labels": list(faces.labels),
        "boards": SMALL_HEAP.boards + " and all larger" if _limits(file) is SMALL_HEAP else LARGE_HEAP.boards,
        "started from": {"model": start.path.name, "sha256": sha256(start.path.read_bytes()).hexdigest()},
        "faces": counts,
        "split by": parts.group_key,
        "validation": {
            "faces": len(parts.val),
            "accuracy before": round(compared.accuracy(compared.before), 4),
            "accuracy after": round(compared.accuracy(compared.after), 4),
            "gained": gained,
            "lost": lost,
        },
        "not measured": [label for it, label in enumerate(faces.labels) if it not in present],
        "better": compared.worse() is None,
    }


def _markdown(card: dict[str, Any], compared: Comparison) -> str:
    """The card for people."""
    head = f"# {card['model']}\n\nAdapted from `{card['started from']['model']}` to collected faces by `emotion-camera train finetune`."
    facts = [
        f"labels, in output order: {', '.join(card['labels'])}",
        f"trained on {_counts(card, 'training')}",
        f"for {card['boards']}",
        f"SHA-256 `{card['sha256']}`",
    ]
    if card["not measured"]:
        facts.append(
            f"no faces were collected of {', '.join(card['not measured'])}: how well it knows them now was not measured"
        )
    if not card["better"]:
        facts.append("**it was written although it is not better than before**")
    lines = "\n".join(f"- {it}" for it in facts)
    apart = f"The validation faces are {GROUP_KEYS[card['split by']]}."
    return (
        f"{head}\n\n{lines}\n\n## Before and after\n\n{compared.table()}\n\n{compared.sentence()} {apart}\n\n{FAIR_USE}"
    )


def _counts(card: dict[str, Any], part: str) -> str:
    counts = card["faces"][part]
    return f"{sum(counts.values())} faces ({', '.join(f'{count} {label}' for label, count in counts.items())})"


FAIR_USE = """\
## Limits and fair use

- It was fitted to the people, the camera and the light of the collected faces. On others it may be worse than the model that it was
  made from; the figures above don't tell.
- An expression is not a feeling: the model says which of its words was most often given to faces that look like this one.
- Use it only with people who agreed to it, and not to judge, rank or watch anyone.
"""

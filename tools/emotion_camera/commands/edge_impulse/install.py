"""Installs a model from Studio as three files for main.py: the model, its labels and a short model card; all or none."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path

from emotion_camera.commands.edge_impulse.archive import Export
from emotion_camera.commands.edge_impulse.compatibility import boards, check_in_studios_words
from emotion_camera.errors import ModelError, UserError
from emotion_camera.files import whole_files
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL, Model
from emotion_camera.model.labels import parse

OWN = (DEFAULT_MODEL.stem, LARGE_MODEL.stem)  # which `deploy` takes by itself
MARK = "Taken from Edge Impulse Studio"  # a card with this line was written here, and may be written anew

CARD = """# {name}.tflite

{mark} with `emotion-camera edge-impulse`.

| | |
| --- | --- |
| from | {source}, SHA-256 `{source_sha256}` |
| labels, in output order | {labels} |
| input | {size} x {size} grey pixels, int8 |
| file | {file:,} bytes |
| TFLM arena (tflite-micro) | {arena} |
| multiply-accumulates | {macs:.2f} M |
| SHA-256 | `{sha256}` |
| fits | {boards} |

Accuracy: **not measured here**. Studio's own figures are about its test pictures; what counts is pictures that this camera took,
of people whom it did not train on.

## Limits and fair use

- An expression is not a feeling. The model says which of its labels a face most resembles, by the pictures that it was trained on.
- Expect it to be worse on people unlike those in its pictures: other ages, skin colours, glasses, beards, light, distance.
- Do not use it to judge, rank or watch people: not for hiring, schooling, policing, insurance, diagnosis or any decision about a
  person. Tell the people in view that a camera reads expressions, and ask before you collect their faces.
"""


def name_for(source: str) -> str:
    """A name for a model from the name of its download: `ei-faces-openmv-v3.zip` gives `faces_v3`."""
    plain = unicodedata.normalize("NFKD", Path(source).stem.lower()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain)
    return "_".join(word for word in words if word not in ("ei", "openmv", "zip"))[:40].strip("_") or "model"


def check_name(name: str) -> str:
    """The name, if it can be a model's; UserError where the camera could not find its labels, or it is a shipped model's."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise UserError(f"--name {name}: a model's name has 1 to 40 plain letters, digits, - or _; choose another")
    if name.lower() in OWN:
        raise UserError(f"{name}: is the name of a model that comes with this project; give another with --name")
    return name


def label_lines(data: bytes, source: str) -> tuple[str, ...]:
    """The labels of Studio's labels.txt, as the camera will read them."""
    try:
        return parse(data)
    except ModelError as error:
        wrong = str(error).partition(";")[0]
        raise UserError(
            f"{source}: its labels.txt can't be used: {wrong}; rename the labels in Studio, and Build again"
        ) from None


def install(export: Export, name: str, folder: Path, *, source: str, source_sha256: str, force: bool) -> Model:
    """Write NAME.tflite, NAME.txt and NAME.md into `folder`, checked before any is in place.

    Raises ModelError for a model that does not fit, and UserError where files are in the way or can't be written.
    """
    check_name(name)
    _check_place(folder, name, force)
    labels = label_lines(export.labels, source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_files(folder, [path.name for path in files(folder, name)]) as beside:
            model = beside / f"{name}.tflite"
            model.write_bytes(export.model)
            text = "".join(label + "\n" for label in labels)
            model.with_suffix(".txt").write_bytes(text.encode("utf-8"))
            checked = check_in_studios_words(model, source)
            card = _card(checked, name, source, source_sha256)
            model.with_suffix(".md").write_bytes(card.encode("utf-8"))
    except OSError as error:
        raise UserError(
            f"{folder}: can't be written ({error.strerror}); choose another folder with --out, or make room"
        ) from None
    return checked


def files(folder: Path, name: str) -> list[Path]:
    """The three files of a model, the model last: whoever looks for it finds the others there."""
    return [folder / f"{name}{ending}" for ending in (".md", ".txt", ".tflite")]


def _check_place(folder: Path, name: str, force: bool) -> None:
    there = [path for path in files(folder, name) if path.exists()]
    if not there:
        return
    card = folder / f"{name}.md"
    if not card.is_file() or MARK not in card.read_text(encoding="utf-8", errors="replace"):
        raise UserError(f"{there[0]}: is there already, and did not come from Studio; give another name with --name")
    if not force:
        raise UserError(f"{there[0]}: is there already; give another name with --name, or replace it with --force")


def _card(model: Model, name: str, source: str, source_sha256: str) -> str:
    return CARD.format(
        mark=MARK,
        name=name,
        source=source.replace("|", "/").replace("\n", " "),
        source_sha256=source_sha256,
        labels=", ".join(label.replace("|", "/") for label in model.labels),
        size=model.input_size,
        file=model.file_bytes,
        arena="not known on this computer" if model.arena_bytes is None else f"{model.arena_bytes:,} bytes",
        macs=model.macs / 1e6,
        sha256=hashlib.sha256(model.path.read_bytes()).hexdigest(),
        boards=boards(model),
    )

"""Downloads as Studio makes them, of small models."""

import io
import zipfile

LABELS = ("smile", "frown", "other")


def download(
    data: bytes,
    labels: str = "".join(f"{it}\n" for it in LABELS),
    folder: str = "",
    script: str = "ei_image_classification.py",
) -> bytes:
    """Studio's OpenMV library of a model."""
    return zipped({f"{folder}trained.tflite": data, f"{folder}labels.txt": labels, f"{folder}{script}": "# old"})


def zipped(files: dict[str, bytes | str]) -> bytes:
    """A zip of files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()

"""`edge-impulse upload`: sends a folder of labelled faces to a project, each once, and goes on where it was stopped."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from emotion_camera.commands.edge_impulse.credentials import INGESTION, INSTALL, KEY, add_key, address, api_key
from emotion_camera.commands.edge_impulse.ingestion import Ingestion
from emotion_camera.commands.edge_impulse.samples import Sample, read_samples
from emotion_camera.commands.edge_impulse.upload_log import LEDGER, Known, Ledger, project_id, read_ledger
from emotion_camera.errors import UserError

FOLDER = Path("faces")
MOST_FILES = 100  # a request; the service takes 1,000, but what is cut off has to be sent again
MOST_BYTES = 20_000_000

EXAMPLES = f"""
examples:
  emotion-camera edge-impulse upload                        what emotion-camera collect has stored in faces
  emotion-camera edge-impulse upload mine --dry-run         what would be sent; needs no key, sends nothing
  emotion-camera edge-impulse upload mine --category testing

The folder has a folder of PNGs or JPEGs for each label, or such folders below training and testing. Without these two the
service splits the pictures. Of a manifest go along: a code for the person, the session, the camera, and what it read.

What the service has acknowledged is noted in {LEDGER} in the folder and not sent again. To send all again, after
you have deleted them in Studio, delete that file.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's arguments and help."""
    parser.description = "Send labelled faces to an Edge Impulse project, each once."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("faces", nargs="?", type=Path, default=FOLDER, metavar="FOLDER", help="default: faces")
    add(
        "--category", choices=("training", "testing", "split"), help="for all pictures (default: by folder, else split)"
    )
    add("--no-metadata", action="store_true", help="pictures and labels alone")
    add("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    add_key(parser)


def run(arguments: argparse.Namespace) -> int:
    """Uploads; 0, or 1 when the service has refused a picture. UserError when it can't."""
    faces = [_as_asked(face, arguments) for face in read_samples(arguments.faces)]
    host = address(INGESTION)
    if arguments.dry_run:
        key = arguments.api_key or os.environ.get(KEY, "")
        print(_plan(faces, read_ledger(arguments.faces, project_id(host, key)), host))
        return 0
    return send(arguments.faces, faces, host, api_key(arguments))


def _as_asked(face: Sample, arguments: argparse.Namespace) -> Sample:
    metadata = {} if arguments.no_metadata else face.metadata
    return replace(face, category=arguments.category or face.category, metadata=metadata)


def _plan(faces: list[Sample], known: dict[str, Known], host: str) -> str:
    """What would be sent where, as lines."""
    new, sent = [[face for face in faces if (face.sha256 in known) is there] for there in (False, True)]
    words = [f"{count:6,} {label} ({category})" for (category, label), count in sorted(_counts(new).items())]
    told = sorted({name for face in new for name in face.metadata})
    words.append(f"to {host}: {_count(new)}; sent before: {len(sent):,}; nothing is sent now")
    return "\n".join([*words, f"with each goes what the manifest says: {', '.join(told)}"] if told else words)


def _counts(faces: list[Sample]) -> Counter[tuple[str, str]]:
    return Counter((face.category, face.label) for face in faces)


def send(folder: Path, faces: list[Sample], host: str, key: str) -> int:
    """Sends what the project is not known to have, batch by batch; 0, 1 when some were refused, 130 at Ctrl-C.

    UserError when the service can't be used.
    """
    _need_packages()
    project = project_id(host, key)
    known = read_ledger(folder, project)
    _tell_changed(faces, known)
    new = [face for face in faces if face.sha256 not in known]
    if not new:
        print(f"nothing to send: the project has all {len(faces):,} pictures, says {folder / LEDGER}")
        return 0
    print(f"{_count(new)} leave this computer for {host}; sent before: {len(faces) - len(new):,}", flush=True)
    done: Counter[str] = Counter()
    try:
        _send_all(new, Ingestion(host, key, _say), Ledger(folder, project), done)
    except KeyboardInterrupt:
        print(f"\nstopped: {_done(done, new)}; the same command goes on", file=sys.stderr)
        return 130
    except UserError as error:
        raise UserError(f"{error} ({_done(done, new)}; the same command goes on)") from None
    print(_done(done, new))
    return 1 if done["refused"] else 0


def _send_all(faces: list[Sample], service: Ingestion, ledger: Ledger, done: Counter[str]) -> None:
    """Counts in `done` what became of them: sent, known or refused."""
    from tqdm import tqdm

    with tqdm(total=len(faces), unit=" faces", disable=None) as bar:  # None: not where there is no terminal
        for batch in batches(faces):
            pictures = [(face, data) for face in batch if (data := _read(face)) is not None]
            answers = service.send(pictures) if pictures else []
            there = []
            for (face, _), answer in zip(pictures, answers, strict=True):
                if answer.error is None or answer.known:
                    there.append((face, answer.sample_id))
                    done["known" if answer.known else "sent"] += 1
                else:
                    _say(f"{face.path} is refused: {answer.error}")
            ledger.add(there)
            done["refused"] += len(batch) - len(there)
            bar.update(len(batch))


def batches(faces: list[Sample]) -> Iterator[list[Sample]]:
    """Faces that can go in one request: of one label, category and metadata, which stand in its head."""

    def head(face: Sample) -> tuple[str, str, str]:
        return face.category, face.label, json.dumps(face.metadata, sort_keys=True)

    for _, alike in groupby(sorted(faces, key=head), key=head):
        batch: list[Sample] = []
        for face in alike:
            if batch and (len(batch) == MOST_FILES or sum(one.size for one in batch) + face.size > MOST_BYTES):
                yield batch
                batch = []
            batch.append(face)
        yield batch


def _read(face: Sample) -> bytes | None:
    """A picture's bytes; None, and a word, when they are no more what they were."""
    try:
        data = face.path.read_bytes()
    except OSError as error:
        _say(f"{face.path} is not sent: {error.strerror}")
        return None
    if hashlib.sha256(data).hexdigest() != face.sha256:
        _say(f"{face.path} is not sent: it was changed meanwhile")
        return None
    return data


def _tell_changed(faces: list[Sample], known: dict[str, Known]) -> None:
    for face in faces:
        before = known.get(face.sha256)
        if before and before.label != face.label:
            _say(
                f"{face.path} was sent as {before.label}, which the project keeps: change it there, in Data acquisition"
            )


def _done(done: Counter[str], faces: list[Sample]) -> str:
    parts = [f"{done['sent']:,} of {_count(faces)} sent"]
    parts += [f"{done['known']:,} were there already"] * bool(done["known"])
    parts += [f"{done['refused']:,} not taken"] * bool(done["refused"])
    return ", ".join(parts)


def _count(faces: list[Sample]) -> str:
    return f"{len(faces):,} picture{'' if len(faces) == 1 else 's'}"


def _say(text: str) -> None:
    """A line on stderr, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


def _need_packages() -> None:
    for name in ("requests", "tqdm"):
        if importlib.util.find_spec(name) is None:
            raise UserError(f"{name} is missing: {INSTALL}")

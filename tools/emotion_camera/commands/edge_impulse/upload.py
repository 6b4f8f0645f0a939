"""`edge-impulse upload`: sends labelled faces to a project, each once; an interrupted upload is resumed."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.commands.edge_impulse.credentials import INGESTION, INSTALL, KEY, add_key, address, api_key
from emotion_camera.commands.edge_impulse.samples import Sample, read_samples
from emotion_camera.commands.edge_impulse.upload_log import LOG, Uploaded, UploadLog, project_id, read_log
from emotion_camera.errors import UserError
from emotion_camera.progress import bar, say

if TYPE_CHECKING:
    from emotion_camera.commands.edge_impulse.ingestion import Ingestion

FOLDER = Path("faces")
MAX_FILES = 100  # of a request; the service takes 1,000, but an interrupted request is sent again as a whole
MAX_BYTES = 20_000_000

EXAMPLES = f"""
examples:
  emotion-camera edge-impulse upload                        the faces that emotion-camera collect has stored
  emotion-camera edge-impulse upload mine --dry-run         print what would be sent; needs no key
  emotion-camera edge-impulse upload mine --category testing

FOLDER has a folder of PNGs or JPEGs for each label, or such folders below training and testing (validation counts as
testing); without these, the service splits the pictures. Metadata from manifest.jsonl: a code for the person, the session, the camera, its result.

Uploaded pictures are listed in {LOG} in the folder and not sent again. To send all again, after you have
deleted them in Studio, delete that file.
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
    add("--no-metadata", action="store_true", help="send pictures and labels only")
    add("--dry-run", action="store_true", help="print what would be sent, and send nothing")
    add_key(parser)


def run(arguments: argparse.Namespace) -> int:
    """Upload; 0, or 1 when the service has refused a picture. UserError when it can't."""
    samples = [_as_asked(sample, arguments) for sample in read_samples(arguments.faces)]
    host = address(INGESTION)
    if arguments.dry_run:
        key = arguments.api_key or os.environ.get(KEY, "")
        print(_plan(samples, read_log(arguments.faces, project_id(host, key)), host))
        return 0
    return send(arguments.faces, samples, host, api_key(arguments))


def _as_asked(sample: Sample, arguments: argparse.Namespace) -> Sample:
    metadata = {} if arguments.no_metadata else sample.metadata
    return replace(sample, category=arguments.category or sample.category, metadata=metadata)


def _plan(samples: list[Sample], known: dict[str, Uploaded], host: str) -> str:
    """What would be sent where, as lines."""
    new, sent = [[sample for sample in samples if (sample.sha256 in known) is there] for there in (False, True)]
    words = [f"{count:6,} {label} ({category})" for (category, label), count in sorted(_counts(new).items())]
    fields = sorted({name for sample in new for name in sample.metadata})
    words.append(f"to {host}: {_count(new)}; sent before: {len(sent):,}; nothing is sent now")
    return "\n".join([*words, f"metadata from the manifest: {', '.join(fields)}"] if fields else words)


def _counts(samples: list[Sample]) -> Counter[tuple[str, str]]:
    return Counter((sample.category, sample.label) for sample in samples)


def send(folder: Path, samples: list[Sample], host: str, key: str) -> int:
    """Send what was not uploaded before, in batches; 0, 1 when some were refused, 130 after Ctrl-C.

    UserError when the service can't be used.
    """
    try:
        from emotion_camera.commands.edge_impulse.ingestion import Ingestion
    except ImportError as error:
        raise UserError(f"{error.name} is missing: {INSTALL}") from None
    project = project_id(host, key)
    known = read_log(folder, project)
    _warn_changed(samples, known)
    new = [sample for sample in samples if sample.sha256 not in known]
    if not new:
        print(f"nothing to send: the project has all {len(samples):,} pictures, says {folder / LOG}")
        return 0
    print(f"{_count(new)} leave this computer for {host}; sent before: {len(samples) - len(new):,}", flush=True)
    done: Counter[str] = Counter()
    try:
        _send_all(new, Ingestion(host, key), UploadLog(folder, project), done)
    except KeyboardInterrupt:
        print(f"\nstopped: {_done(done, new)}; the same command goes on", file=sys.stderr)
        return 130
    except UserError as error:
        raise UserError(f"{error} ({_done(done, new)}; the same command goes on)") from None
    print(_done(done, new))
    return 1 if done["refused"] else 0


def _send_all(samples: list[Sample], service: Ingestion, log: UploadLog, done: Counter[str]) -> None:
    """Count the results in `done`: sent, known or refused."""
    with bar(len(samples), unit=" pictures") as progress:
        for batch in batches(samples):
            pictures = [(sample, data) for sample in batch if (data := _read(sample)) is not None]
            answers = service.send(pictures) if pictures else []
            there = []
            for (sample, _), answer in zip(pictures, answers, strict=True):
                if answer.error is None or answer.known:
                    there.append((sample, answer.sample_id))
                    done["known" if answer.known else "sent"] += 1
                else:
                    say(f"{sample.path} is refused: {answer.error}")
            log.add(there)
            done["refused"] += len(batch) - len(there)
            progress.update(len(batch))


def batches(samples: list[Sample]) -> Iterator[list[Sample]]:
    """Samples that can go in one request: of one label, category and metadata, which are in its header."""

    def header(sample: Sample) -> tuple[str, str, str]:
        return sample.category, sample.label, json.dumps(sample.metadata, sort_keys=True)

    for _, alike in groupby(sorted(samples, key=header), key=header):
        batch: list[Sample] = []
        for sample in alike:
            if batch and (len(batch) == MAX_FILES or sum(one.size for one in batch) + sample.size > MAX_BYTES):
                yield batch
                batch = []
            batch.append(sample)
        yield batch


def _read(sample: Sample) -> bytes | None:
    """A picture's bytes; None, with a warning, when the file has changed or gone."""
    try:
        data = sample.path.read_bytes()
    except OSError as error:
        say(f"{sample.path} is not sent: {error.strerror}")
        return None
    if hashlib.sha256(data).hexdigest() != sample.sha256:
        say(f"{sample.path} is not sent: it was changed meanwhile")
        return None
    return data


def _warn_changed(samples: list[Sample], known: dict[str, Uploaded]) -> None:
    for sample in samples:
        before = known.get(sample.sha256)
        if before and before.label != sample.label:
            say(
                f"{sample.path} was sent as {before.label}, which the project keeps: change it there, in Data acquisition"
            )


def _done(done: Counter[str], samples: list[Sample]) -> str:
    parts = [f"{done['sent']:,} of {_count(samples)} sent"]
    parts += [f"{done['known']:,} were there already"] * bool(done["known"])
    parts += [f"{done['refused']:,} not taken"] * bool(done["refused"])
    return ", ".join(parts)


def _count(samples: list[Sample]) -> str:
    return f"{len(samples):,} picture{'' if len(samples) == 1 else 's'}"

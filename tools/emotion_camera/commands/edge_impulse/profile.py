"""`edge-impulse profile`: Studio's estimate of a model's memory and time on its classes of boards."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emotion_camera.commands.edge_impulse import studio
from emotion_camera.commands.edge_impulse.credentials import add_key, api_key
from emotion_camera.model.contract import DEFAULT_MODEL, check

CLASSES = ("low_end_mcu", "high_end_mcu", "high_end_mcu_plus_accelerator", "mpu", "gpu_or_mpu_accelerator")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's arguments and help."""
    parser.description = "Have Studio estimate a model's memory and time. It replaces the project's uploaded model."
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="FILE", help="a .tflite (default: emotion.tflite)"
    )
    parser.add_argument("--device", metavar="NAME", help="one of Studio's devices, too; a wrong name lists them")
    add_key(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints a table; UserError with a sentence for what can't be had."""
    key = api_key(arguments)
    check(arguments.model)
    print(
        f"{arguments.model.name} becomes the uploaded model of the key's project, in place of one that is there",
        flush=True,
    )
    answer = studio.profile(arguments.model, key, arguments.device)
    print(f"Studio's estimate for {arguments.model.name}, not a measurement:")
    for row in _rows(answer, arguments.device):
        print(f"  {row[0]:<58} {row[1]:>9} {row[2]:>9} {row[3]:>9}  {row[4]}".rstrip())
    return 0


def _rows(answer: Any, device: str | None) -> Iterator[tuple[str, str, str, str, str]]:
    yield ("", "RAM", "ROM", "time", "")
    info = answer.model.profile_info
    table = info.table
    for name in CLASSES:
        row = getattr(table, name)
        memory = getattr(row, "memory", None)
        memory = memory.tflite if memory else None
        rom = memory.rom if memory else getattr(row, "rom", None)
        error = "" if row.supported else getattr(row, "mcu_support_error", None) or "not supported"
        yield (row.description, _kb(memory.ram if memory else None), _kb(rom), _ms(row.time_per_inference_ms), error)
    own = info.int8 or info.float32
    if device and own:
        memory = own.memory.tflite if own.memory else None
        error = own.profiling_error or own.mcu_support_error or ""
        yield (device, _kb(memory and memory.ram), _kb(memory and memory.rom), _ms(own.time_per_inference_ms), error)


def _kb(size: float | None) -> str:
    return "-" if size is None else f"{size / 1000:,.1f} KB"


def _ms(time_ms: int | None) -> str:
    return "-" if time_ms is None else f"{time_ms:,} ms"

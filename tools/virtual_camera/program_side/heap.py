# mypy: ignore-errors
"""Leaves the program the heap of the board, though the stand-ins, which a camera has in flash, are in the heap here."""

import gc
import sys

FENCE = 64  # bytes
PROBE = 32 * 1024  # more than any gap among the stand-ins


def limit_heap(areas: list) -> list:
    """Fill the heap until only `areas` (bytes each) are free; returns what must be kept for that.

    MicroPython takes the first free block that is large enough, so: the gaps among the stand-ins are filled, then the
    space that is too much, and a fence is put between two areas.
    """
    if sys.implementation.name != "micropython":
        return []
    gc.collect()
    kept = [bytearray(PROBE)]
    kept += fill_to(address(kept[0]))
    kept.append(bytearray(max(gc.mem_free() - sum(areas), 0)))
    for area in areas[:-1]:
        kept += fence_off(area)
        gc.collect()  # only now: within the function its frame still holds the space
    return kept


def fence_off(size: int) -> list:
    """A fence behind `size` bytes of free space."""
    return fill_to(address(bytearray(size - FENCE)))


def fill_to(limit: int) -> list:
    """Small blocks in all gaps below the address `limit`, and one behind it."""
    small = [bytearray(FENCE)]
    while address(small[-1]) < limit:
        small.append(bytearray(FENCE))
    return small


def address(block: bytearray) -> int:
    import uctypes

    return uctypes.addressof(block)

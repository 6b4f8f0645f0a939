# mypy: ignore-errors
"""Leaves the program the heap of the board, though the stand-ins, which a camera has in flash, are in the heap here.

And less than that for a time, when something else is to have taken it."""

import gc
import sys

FENCE = 64  # bytes
LARGEST = 1024 * 1024  # bytes of the blocks in which a hog starts to take the heap
SMALLEST = 32
PROBE = 32 * 1024  # more than any gap among the stand-ins


def limit_heap(areas: list) -> object:
    """Fill the heap until only `areas` (bytes each) are free; returns what must be kept for that.

    MicroPython takes the first free block that is large enough, so: the gaps among the stand-ins are filled, then the
    space that is too much, and a fence is put between two areas. What is kept is a chain of pairs: a list that grows would
    leave garbage, which is free heap later.
    """
    if sys.implementation.name != "micropython":
        return None
    gc.collect()
    probe = bytearray(PROBE)
    kept = fill_to(address(probe), (probe, None))
    kept = (bytearray(max(gc.mem_free() - sum(areas), 0)), kept)
    kept = fence_off(areas[:-1], kept)
    gc.collect()  # only now: within the function its frame still holds the areas
    return kept


def fence_off(areas: list, kept: tuple) -> tuple:
    """`kept` and a fence behind each of `areas`, which lie one behind the other."""
    held = None
    for area in areas:
        held = (bytearray(area - FENCE), held)
        kept = fill_to(address(held[0]), kept)
    return kept


def fill_to(limit: int, kept: tuple) -> tuple:
    """`kept` and small blocks in all gaps below the address `limit`, and one behind it."""
    while True:
        small = bytearray(FENCE)
        kept = (small, kept)
        if address(small) >= limit:
            return kept


def address(block: bytearray) -> int:
    import uctypes

    return uctypes.addressof(block)


class Hog:
    """Takes all of the heap but so many bytes between two times, and gives it back: (from_ms, to_ms, bytes left)."""

    def __init__(self, times: list) -> None:
        self._times = times
        self._now = None  # the one of them that holds
        self._kept = []
        self._looks = 0

    def check(self, now_us: int) -> None:
        due = None
        for each in self._times:
            if each[0] * 1000 <= now_us < each[1] * 1000:
                due = each
        if due is not self._now:
            self._now = due
            self._kept.clear()
            self._looks = 2 if due else 0  # the first may find garbage that the stack still shows to the collector
        if self._looks:
            self._looks -= 1
            take_all_but(due[2], self._kept)


def take_all_but(left: int, kept: list) -> None:
    """Put blocks into `kept` that leave about `left` bytes of the heap, wherever those are; nothing under CPython."""
    if sys.implementation.name != "micropython":
        return
    gc.collect()
    size = LARGEST
    while size >= SMALLEST:
        try:
            for _ in range((gc.mem_free() - left) // size):
                kept.append(bytearray(size))
        except MemoryError:
            pass  # in blocks of this size there is nothing left
        size //= 2

"""What is known of each board: memory, names, USB ids, and the models that it has room for.

Sizes, USB ids and generations are those of firmware v5.0.0 and its board configurations; `board_type` and `arch` are what
`omv.board_type()` and `omv.arch()` return there.
"""

from dataclasses import dataclass
from typing import NamedTuple

from emotion_camera.errors import UserError

K = 1024
M = 1024 * K

FAT = 17_408  # bytes that FAT itself takes of a disk of 96 or 128 KB: boot sector, table, and 32 sectors of root directory
CLUSTER = 512  # bytes; a file takes whole ones
# Bytes of heap in which device/compact gets ready and runs 300 frames, on v4.8.1 and the head after v5.0.0. An M7 has 51,200.
LEAST_HEAP = 208 * K
SMALL = 500_000  # bytes of heap: an H7 has 335,872, a Nicla Vision 377,856, all others that run a model millions


@dataclass(frozen=True)
class Limits:
    """The most that a model may take: bytes of its file and arena, Cortex-M7 instructions an inference; and on which boards."""

    file: int
    arena: int
    instructions: int
    boards: str


# An H7's /flash of 128 KB holds 222 blocks of 512 bytes once FAT has taken its part; the compact program, labels and settings
# may take 44 of them. File, arena and the running program share its 264 KB heap, and a Nicla Vision's of 276 KB. 45 ms a face.
SMALL_HEAP = Limits(178 * 512, 80_000, 25_200_000, "an OpenMV Cam H7 or a Nicla Vision")
# These have megabytes of heap, so time is their limit: 140 ms a face.
LARGE_HEAP = Limits(300_000, 120_000, 78_400_000, "an H7 Plus, Pure Thermal, RT1062, Portenta H7, Giga or AE3")


class Board(NamedTuple):
    """One board. Sizes in bytes; `heap` lists the garbage-collected areas in the order they are filled."""

    name: str
    board_type: str  # omv.board_type()
    arch: str  # omv.arch()
    usb: tuple[int, int]  # vendor and product id while the firmware runs
    heap: tuple[int, ...]
    scratch: int  # frame buffer and scratch memory
    flash: int
    stdio: int = K  # the buffer of standard output on v5's protocol
    bootloader: tuple[int, int] | None = None  # USB ids while it waits for firmware, where they are its own
    compiled_networks_only: bool = False  # the N6 takes only what ST Edge AI compiled
    first_cascade: tuple[int, int] = (4, 5)  # the first generation with a face cascade
    wide: bool = False  # a sensor of 16:10

    def frame_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """What a frame size of 4:3 comes to on this board: on an AE3 QVGA is 320x200 and VGA 640x400."""
        width = size[0]
        return (width, width * 10 // 16) if self.wide and size in ((320, 240), (640, 480)) else size

    @property
    def flash_room(self) -> int:
        """Bytes that files can take on /flash: 113,664 of an H7's 128 KB, as MicroPython formats it and its users see it."""
        return self.flash - FAT

    @property
    def small_heap(self) -> bool:
        """Whether it gets the compact program: the source of main.py would not leave a model room."""
        return is_small_heap(sum(self.heap))

    @property
    def runs_plain_models(self) -> bool:
        """Whether it runs a plain .tflite at all: an N6 takes only compiled ones, and an M7 has no room for one."""
        return not self.compiled_networks_only and sum(self.heap) >= LEAST_HEAP

    @property
    def limits(self) -> Limits:
        """The most that a model for it may take, where it runs plain models."""
        return SMALL_HEAP if self.small_heap else LARGE_HEAP


BOARDS = {
    "h7": Board(
        "OpenMV Cam H7", "H7", "OMV4 H7 1024", (0x37C5, 0x1204), (64 * K, 264 * K), 480 * K, 128 * K, stdio=512
    ),
    "h7plus": Board(
        "OpenMV Cam H7 Plus", "H7", "OMV4P H7 32768 SDRAM", (0x37C5, 0x124A), (232 * K, 4 * M), 27 * M, 24 * M
    ),
    "purethermal": Board(
        "OpenMV Pure Thermal", "H7", "OPENMVPT 65536 SDRAM", (0x37C5, 0x1205), (240 * K, 8 * M), 55 * M, 24 * M
    ),
    "rt1062": Board(
        "OpenMV Cam RT1062", "IMXRT1060", "OMVRT1060 32768 SDRAM", (0x37C5, 0x1060), (64 * K, 204 * K, 8 * M), 23 * M, 4 * M
    ),
    "nicla": Board(
        "Nicla Vision", "NICLAV", "NICLAV H7 1024", (0x2341, 0x045F), (30 * K, 63 * K, 276 * K), 476 * K, 11 * M,
        stdio=512, bootloader=(0x2341, 0x035F),
    ),
    "portenta": Board(
        "Portenta H7", "H7", "PORTENTA H7 8192 SDRAM", (0x2341, 0x045B), (5 * M // 2,), 4 * M, 11 * M,
        bootloader=(0x2341, 0x035B),
    ),
    "giga": Board(
        "Giga R1", "H7", "GIGA H7 8192 SDRAM", (0x2341, 0x0466), (5 * M // 2,), 4 * M, 11 * M, bootloader=(0x2341, 0x0366)
    ),
    "ae3": Board("OpenMV AE3", "AE3", "OPENMV AE3", (0x37C5, 0x16E3), (4 * M,), 3 * M, 8 * M, stdio=2 * K, wide=True),
    "n6": Board(
        "OpenMV N6", "N6", "OpenMV N6", (0x37C5, 0x1206), (25 * M,), 33 * M, 4 * M,
        stdio=2 * K, compiled_networks_only=True, first_cascade=(5, 0),
    ),
    "m7": Board("OpenMV Cam M7", "M7", "OMV3 F7 512", (0x37C5, 0x1203), (50 * K,), 383 * K, 96 * K, stdio=512),
}  # fmt: skip

# Names by USB ids. OpenMV's udev rules give 1209:abd1 for all OpenMV Cams with older firmware.
USB = {board.usb: board.name for board in BOARDS.values()} | {(0x1209, 0xABD1): "OpenMV Cam"}
# The same while the bootloader waits for firmware; STM32's own (DFU) tells no board.
BOOTLOADERS = {board.bootloader: board.name for board in BOARDS.values() if board.bootloader} | {
    (0x0483, 0xDF11): "STM32 board"
}


def is_small_heap(heap: int) -> bool:
    """`Board.small_heap` of a board of which only the heap is known, in bytes."""
    return heap < SMALL


def board_by_arch(arch: str) -> Board | None:
    """The board with this `omv.arch()`; None for one that is not known."""
    return next((board for board in BOARDS.values() if board.arch == arch), None)


def full_name(camera: str) -> str:
    """ "simulated OpenMV Cam H7 Plus" for "simulated h7plus", all else as it is: a camera's name for people."""
    board = BOARDS.get(camera.removeprefix("simulated "))
    return f"simulated {board.name}" if board else camera


def find_board(name: str) -> Board:
    """The board called `name`, in any case and with or without hyphens; UserError for one that is not known."""
    board = BOARDS.get(name.lower().replace("-", "").replace(" ", ""))
    if board is None:
        raise UserError(f"board {name!r} is not known: choose one of {', '.join(BOARDS)}")
    return board

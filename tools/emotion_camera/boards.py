"""What is known of each board: memory, names, USB ids, and the models that it has room for.

Sizes, USB ids and generations are those of firmware v5.0.0 and its board configurations; `board_type` and `arch` are what
`omv.board_type()` and `omv.arch()` return there.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from emotion_camera.errors import UserError

K = 1024
M = 1024 * K

FAT = 17_408  # bytes that FAT itself takes of a disk of 96 or 128 KB: boot sector, table, and 32 sectors of root directory
CLUSTER = 512  # bytes; a file takes whole ones
SMALL = 500_000  # bytes of heap: an H7 has 335,872, a Nicla Vision 377,856, all others that run a model millions
# Bytes of the heap that are not for a model: device/compact, the cascade and copies of the frame, or main.py while it is
# compiled. On the simulated H7, 170,000 of 335,872 bytes of file and arena ran and 172,000 did not (firmware v4.8 and v5.0;
# v4.5.5 takes 40,000 more); its objects are twice as large as a camera's.
COMPACT_NEEDS, SOURCE_NEEDS = 172_000, 1_000_000
# An AE3's instructions for a plain model by an H7's, on the reference kernels of its firmware: 82.7 M and 23.1 M of one network.
AE3_SLOWER = 3.6


@dataclass(frozen=True)
class Limits:
    """What a model may take on `boards`: bytes of heap for file and arena together, which is hard; bytes of the file on the
    board's own flash, beyond which it needs an SD card; Cortex-M7 instructions an inference, beyond which it is slow."""

    memory: int
    file: int
    instructions: int
    boards: str
    neural_processor: bool = False  # whether what Vela compiled for an AE3 runs


# Blocks of 512 bytes of an H7's /flash that the compact program, labels and settings may take: it has 222 once FAT has its part.
BESIDE_MODEL = 44 * CLUSTER
SMALL_TIME, LARGE_TIME = 25_200_000, 78_400_000  # 45 and 140 ms a face on an H7


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
    neural_processor: bool = (
        False  # the AE3 runs what Vela compiled on its Ethos-U55, anything else without fast kernels
    )
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
        return why_not(self, sum(self.heap)) is None

    @property
    def limits(self) -> Limits:
        """What a model for it may take, where it runs plain models."""
        limits = limits_of(self.name, sum(self.heap))
        file = min(limits.memory, self.flash_room - BESIDE_MODEL)
        return replace(limits, file=file, neural_processor=self.neural_processor)


def model_memory(heap: int) -> int:
    """Bytes of a heap of so many that a model's file and arena may take together; none of a heap that is too small."""
    return max(0, heap - (COMPACT_NEEDS if is_small_heap(heap) else SOURCE_NEEDS))


def limits_of(boards: str, heap: int) -> Limits:
    """What a model may take on boards, so called, with so many bytes of heap, and room for it on their disks."""
    memory = model_memory(heap)
    return Limits(memory, memory, SMALL_TIME if is_small_heap(heap) else LARGE_TIME, boards)


def is_small_heap(heap: int) -> bool:
    """Whether a board with so many bytes of heap gets the compact program: the source of main.py would not leave a model room."""
    return heap < SMALL


def why_not(board: Board | None, heap: int) -> str | None:
    """Why a board, or an unknown one with so many bytes of heap, can't run the program and what to do; None where it can."""
    name = board.name if board else "camera"
    if board and board.compiled_networks_only:
        return (
            f"an {name} runs only networks that ST Edge AI made, and this project has none: take another camera "
            "(the reasons are in docs/boards.md, N6)"
        )
    if not model_memory(heap):
        return f"the {heap // 1000:,} KB of memory of this {name} are too few for the program and a model: take another camera"
    return None


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
    "ae3": Board("OpenMV AE3", "AE3", "OPENMV AE3", (0x37C5, 0x16E3), (4 * M,), 3 * M, 8 * M, stdio=2 * K, wide=True, neural_processor=True),
    "n6": Board(
        "OpenMV N6", "N6", "OpenMV N6", (0x37C5, 0x1206), (25 * M,), 33 * M, 4 * M,
        stdio=2 * K, compiled_networks_only=True, first_cascade=(5, 0),
    ),
    "m7": Board("OpenMV Cam M7", "M7", "OMV3 F7 512", (0x37C5, 0x1203), (50 * K,), 383 * K, 96 * K, stdio=512),
}  # fmt: skip

# What the boards with little heap take, and the others: what models are made for, and what is said of where one fits.
SMALL_HEAP = replace(BOARDS["h7"].limits, boards="an OpenMV Cam H7 or a Nicla Vision")
LARGE_HEAP = replace(BOARDS["portenta"].limits, boards="an H7 Plus, Pure Thermal, RT1062, Portenta H7, Giga or AE3")

# Names by USB ids. OpenMV's udev rules give 1209:abd1 for all OpenMV Cams with older firmware.
USB = {board.usb: board.name for board in BOARDS.values()} | {(0x1209, 0xABD1): "OpenMV Cam"}
# The same while the bootloader waits for firmware; STM32's own (DFU) tells no board.
BOOTLOADERS = {board.bootloader: board.name for board in BOARDS.values() if board.bootloader} | {
    (0x0483, 0xDF11): "STM32 board"
}


def board_by_arch(arch: str) -> Board | None:
    """The board with this `omv.arch()`; None for one that is not known."""
    return next((board for board in BOARDS.values() if board.arch == arch), None)


def full_name(camera: str) -> str:
    """ "simulated OpenMV Cam H7 Plus" for "simulated h7plus", all else as it is: a camera's name for people."""
    board = BOARDS.get(camera.removeprefix("simulated "))
    return f"simulated {board.name}" if board else camera


def find_board(name: str) -> Board:
    """The board of a name in BOARDS, or of its full name, in any case, with or without blanks and hyphens; UserError for one
    that is not known."""
    wanted = _plain(name)
    for key, board in BOARDS.items():
        full = _plain(board.name)
        if wanted in (key, full, full.removeprefix("openmv"), full.removeprefix("openmvcam")):
            return board
    raise UserError(f"board {name!r} is not known: choose one of {', '.join(BOARDS)}")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())

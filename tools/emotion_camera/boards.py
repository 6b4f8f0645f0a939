"""The boards a virtual camera can be: their memory, their flash disk and what they call themselves."""

from typing import NamedTuple

from emotion_camera.errors import UserError

K = 1024
M = 1024 * K


FAT = 17_408  # bytes that FAT itself takes of a disk of 96 or 128 KB: boot sector, table, and 32 sectors of root directory
CLUSTER = 512  # bytes; a file takes whole ones


class Board(NamedTuple):
    """One board's limits. Sizes in bytes; `heap` lists the garbage-collected areas in the order they are filled."""

    name: str
    board_type: str  # omv.board_type()
    arch: str  # omv.arch()
    heap: tuple[int, ...]
    scratch: int  # frame buffer and scratch memory
    flash: int
    compiled_networks_only: bool = False  # the N6 takes only what ST Edge AI compiled
    first_cascade: tuple[int, int] = (4, 5)  # the first generation with a face cascade
    stdio: int = K  # the buffer of standard output on v5's protocol
    wide: bool = False  # a sensor of 16:10

    def frame_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """What a frame size of 4:3 comes to on this board: on an AE3 QVGA is 320x200 and VGA 640x400."""
        width = size[0]
        return (width, width * 10 // 16) if self.wide and size in ((320, 240), (640, 480)) else size

    @property
    def flash_room(self) -> int:
        """Bytes that files can take on /flash: 113,664 of an H7's 128 KB, as MicroPython formats it and its users see it."""
        return self.flash - FAT


BOARDS = {
    "h7": Board("OpenMV Cam H7", "H7", "OMV4 H7 1024", (64 * K, 264 * K), 480 * K, 128 * K, stdio=512),
    "h7plus": Board("OpenMV Cam H7 Plus", "H7", "OMV4P H7 32768 SDRAM", (232 * K, 4 * M), 27 * M, 24 * M),
    "rt1062": Board("OpenMV RT1062", "IMXRT1060", "OMVRT1 32768 SDRAM", (64 * K, 204 * K, 8 * M), 23 * M, 4 * M),
    "nicla": Board("Nicla Vision", "NICLAV", "NICLAV H7 1024", (30 * K, 63 * K, 276 * K), 476 * K, 11 * M, stdio=512),
    "ae3": Board("OpenMV AE3", "AE3", "OpenMV AE3", (4 * M,), 3 * M, 8 * M, stdio=2 * K, wide=True),
    "n6": Board("OpenMV N6", "N6", "OpenMV N6", (25 * M,), 33 * M, 4 * M, True, (5, 0), stdio=2 * K),
    "m7": Board("OpenMV Cam M7", "M7", "OMV3 F7 512", (50 * K,), 383 * K, 96 * K, stdio=512),
}


def find_board(name: str) -> Board:
    """The board called `name`, in any case and with or without hyphens; UserError for one that is not known."""
    board = BOARDS.get(name.lower().replace("-", "").replace(" ", ""))
    if board is None:
        raise UserError(f"board {name!r} is not known: choose one of {', '.join(BOARDS)}")
    return board

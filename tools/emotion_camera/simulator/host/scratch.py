"""The camera's frame and scratch memory: frame buffers take most of it, and what is left is where the firmware works.

On an H7 with v5 three frame buffers leave 27 KB at QVGA: no picture wider than 133 pixels can be searched there, though the
heap is free. Sizes and limits are those recorded on firmware v4.8.1 and the head after v5.0.0 with an H7's memory; other
boards follow the same rules with their own sizes (from their board files).
"""

from typing import Any

from emotion_camera.boards import Board, K
from emotion_camera.simulator.host.firmware import CameraError, Generation

TABLES = 488_324 / 491_520  # of the v5 pool that its allocator leaves
ONCE, HEADER = 32, 40  # bytes on v5, once and for each frame buffer
BYTES_A_PIXEL = 2  # of a frame buffer: RGB565, grey or not
ALWAYS_FREE = 80 * K  # v4 keeps so much from the frame buffers
BUFFERS = 3  # as many as fit, at most three, unless the program says otherwise
BLOCKS = 54 * 4 + 64  # find_features: a word for each of its blocks, and the end of the pool, which can't be used
HISTEQ = 1024  # 256 counts
ROW = 32  # a line of pixels takes a multiple


class Scratch:
    """What is taken of a board's scratch memory, bytes. `buffers` is the number of frame buffers."""

    def __init__(self, board: Board, generation: Generation) -> None:
        self.board = board
        self._one_pool = generation >= (5, 0)  # v4 has frame buffers and scratch apart
        self._size = int(board.scratch * TABLES) if self._one_pool else board.scratch
        self._full = "Out of memory" if self._one_pool else "Out of fast frame buffer stack memory"
        self._frame = 0
        self._buffers = 0
        self._files: dict[str, int] = {}

    @property
    def buffers(self) -> int:
        """Frame buffers that there are; before the frame's size is set, those that there would be of QVGA on an H7."""
        return self._buffers or (BUFFERS if self._one_pool else BUFFERS - 1)

    @property
    def free(self) -> int:
        """Bytes that are left."""
        return self._size - self._frames(self._buffers) - sum(self._files.values())

    def set_frame(self, width: int, height: int) -> None:
        """The frame's size is set: as many buffers as fit are taken, at most three, whatever the program had asked for.

        A large frame has one, with what there is of room for it; RuntimeError where that is not even a byte a pixel.
        """
        self._frame = width * height * BYTES_A_PIXEL
        self._buffers = self._fitting(BUFFERS)
        if not self._buffers:
            self._frame, self._buffers = self._room - self._frames(1) + self._frame, 1
        if self._frame < width * height:
            raise CameraError("RuntimeError", "Frame buffer error.")

    def set_buffers(self, count: int) -> None:
        """So many frame buffers from now on; RuntimeError where they do not fit, and they stay what they were."""
        if count < 1 or self._fitting(count) != count:
            raise CameraError("RuntimeError", "Sensor control failed.")
        self._buffers = count

    def need(self, size: int) -> None:
        """Work that takes `size` bytes for a moment; MemoryError where they are not there."""
        if size > self.free:
            raise CameraError("MemoryError", self._full)

    def keep(self, path: str, size: int) -> bool:
        """Whether the file of the network at `path` has room; it is taken. What it took before is given back."""
        self._files.pop(path, None)
        fits = size <= self.free
        if fits:
            self._files[path] = size
        return fits

    @property
    def _room(self) -> int:
        """Bytes that frame buffers can have."""
        return self._size - sum(self._files.values()) - (0 if self._one_pool else ALWAYS_FREE)

    def _frames(self, count: int) -> int:
        header, once = (HEADER, ONCE) if self._one_pool else (0, 0)
        return count * (self._frame + header) + once * bool(count)

    def _fitting(self, most: int) -> int:
        """The largest number of frame buffers, at most `most`, that there is room for."""
        return next((count for count in range(most, 0, -1) if self._frames(count) <= self._room), 0)


def bytes_of_call(what: str, arguments: dict[str, Any], width: int, height: int) -> int:
    """The scratch memory that the method `what` takes; `width` and `height` are those of the part that it works on."""
    if what == "Image.find_features":  # two integral images of 25 rows, and their lists of rows
        return 200 * width + 400 + BLOCKS
    if (
        what == "Image.histeq"
    ):  # the adaptive one, of a whole QVGA frame, does not fit in 27,372 bytes and does in 181,012
        return width * height if arguments["adaptive"] else HISTEQ
    return 0

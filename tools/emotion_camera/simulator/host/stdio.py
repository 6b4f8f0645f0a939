"""Standard output on v5's protocol: what a computer reads there of what the program prints.

The channel's buffer holds one byte less than its size. A write that fits into what is free is kept whole; for one that does
not, all that nobody has read is thrown away, and the write's end is kept. print writes its text and then CR LF, as two: so
of a text that fills the buffer by itself the computer reads CR LF alone, and of several lines that nobody reads in between
the last ones. (From the firmware's source, and seen with a report of 565 bytes on an H7.)
"""

from collections.abc import Sequence

END = b"\r\n"


def read_lines(lines: Sequence[str], size: int) -> list[str | None]:
    """What a computer reads of `lines`, printed one after the other before it reads: each whole, "" for its end alone, or None.

    `size` is the buffer's, bytes.
    """
    room = size - 1
    kept: list[tuple[int, bytes]] = []  # what nobody has read: the line's number, and what of it

    for number, line in enumerate(lines):
        for data in (line.encode(), END):
            if sum(len(part) for _, part in kept) + len(data) > room:
                kept = []
            kept.append((number, data[-room:]))
    read: list[str | None] = [None] * len(lines)
    for number, data in kept:
        text = "" if data == END else data.decode("utf-8", "replace")
        read[number] = (read[number] or "") + text
    return read

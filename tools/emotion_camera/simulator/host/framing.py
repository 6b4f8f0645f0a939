"""Where a camera would be pointed to see the faces of a photograph: crops of 4:3 in which the camera program finds them.

The program finds faces of about 50 pixels and more in a frame of 320 x 240. Scaled down as a whole, a photograph of 12
megapixels with a group of people has none.
"""

from functools import cache
from typing import Any

from emotion_camera.pictures import Pixels
from emotion_camera.simulator.host.haar import cascade_path
from emotion_camera.simulator.host.tensor import Box

ASPECT = 4 / 3  # of the frame
ROWS = 240  # of the frame
SEARCHED = 1600  # pixels of the longer side that are searched first; a face of 24 pixels is found there
WINDOW = 24  # the cascade's, pixels
NEIGHBOURS = 5  # windows that must agree on a face; with 3 every second wallpaper has one
ROOM = 2.4  # height of a crop, in heights of its largest face: the face takes 100 of the frame's rows
LEAST_ROOM = 1.35  # the same where the picture has no more; what is missing repeats the picture's edge
SMALLEST = (
    72  # rows of the frame that the smallest face of a crop takes: it is found at a third of the frame's size, too
)
MARGIN = 0.4  # beside the outermost faces of a crop, in widths of the largest
TOGETHER = 3  # most faces in a crop; the program reports four, and classifies two a frame
ENLARGED = 1.5  # most times: a smaller face has too few pixels of its own


def find_faces(pixels: Pixels) -> list[Box]:
    """Faces in a picture, gray or RGB, of any size: square boxes, the largest first, by OpenCV's cascade at full effort."""
    import cv2

    gray = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    for scale in sorted({min(1.0, SEARCHED / max(gray.shape)), 1.0}):
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
        found = _cascade().detectMultiScale(small, 1.1, NEIGHBOURS, minSize=(WINDOW, WINDOW))
        if len(found):  # else the face may be too small at this scale
            break
    boxes = [(round(x / scale), round(y / scale), round(w / scale), round(h / scale)) for x, y, w, h in found]
    return sorted(boxes, key=lambda box: -box[3])


@cache
def _cascade() -> Any:
    import cv2

    return cv2.CascadeClassifier(str(cascade_path()))


def crops_for(faces: list[Box], shape: tuple[int, ...]) -> list[Box]:
    """Crops of 4:3 of a picture of `shape` (rows, columns) that hold all `faces`, several where they are large enough
    together; the picture's middle where there is no face. A crop reaches beyond the picture where a face fills that."""
    if not faces:
        return [_placed((shape[1] / 2, shape[0] / 2), min(shape[0], shape[1] / ASPECT), shape)]
    crops, left = [], sorted(faces, key=lambda box: -box[3])
    while left:
        group = [left.pop(0)]
        for face in sorted(left, key=lambda box: _distance(box, group[0])):
            together = [*group, face]
            if len(together) <= TOGETHER and _height(together, ROOM) <= ROWS / SMALLEST * min(
                box[3] for box in together
            ):
                group, left = together, [box for box in left if box is not face]
        crops.append(_crop(group, shape))
    return crops


def cut(pixels: Pixels, crop: Box) -> Pixels:
    """The part of the picture in `crop`; beyond its edge the edge is repeated."""
    import cv2

    x, y, w, h = crop
    rows, columns = pixels.shape[:2]
    inside = pixels[max(y, 0) : y + h, max(x, 0) : x + w]
    around = max(-y, 0), max(y + h - rows, 0), max(-x, 0), max(x + w - columns, 0)
    return cv2.copyMakeBorder(inside, *around, cv2.BORDER_REPLICATE) if any(around) else inside  # type: ignore[return-value]


def _distance(a: Box, b: Box) -> float:
    return abs(a[0] + a[2] / 2 - b[0] - b[2] / 2) + abs(a[1] + a[3] / 2 - b[1] - b[3] / 2)


def _bounds(group: list[Box]) -> tuple[int, int, int, int]:
    return (
        min(x for x, _, _, _ in group),
        min(y for _, y, _, _ in group),
        max(x + w for x, _, w, _ in group),
        max(y + h for _, y, _, h in group),
    )


def _height(group: list[Box], room: float) -> float:
    """Rows of a crop that holds the faces, with `room` for the largest."""
    left, top, right, bottom = _bounds(group)
    largest = max(box[3] for box in group)
    margins = (room - 1) / (ROOM - 1) * 2 * MARGIN * largest
    return max(room * largest, bottom - top + margins, (right - left + margins) / ASPECT)


def _crop(group: list[Box], shape: tuple[int, ...]) -> Box:
    left, top, right, bottom = _bounds(group)
    height = max(_height(group, ROOM), ROWS / ENLARGED)
    height = max(min(height, shape[0], shape[1] / ASPECT), _height(group, LEAST_ROOM))
    return _placed(((left + right) / 2, (top + bottom) / 2), height, shape)


def _placed(centre: tuple[float, float], height: float, shape: tuple[int, ...]) -> Box:
    """A crop about `centre`, moved inside the picture where it fits."""
    w, h = round(height * ASPECT), round(height)
    x, y = (
        round(min(max(middle - size / 2, 0), whole - size) if size <= whole else (whole - size) / 2)
        for middle, size, whole in zip(centre, (w, h), (shape[1], shape[0]), strict=True)
    )
    return x, y, w, h

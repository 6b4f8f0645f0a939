"""Why a face can't be told, in words for a person: what is in the way, and what to do about it. The camera reports one of
`emotion_camera.reports.parse.WHY`.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """What is in the way; what to do in front of a camera, and with a picture file."""

    what: str
    live: str
    still: str


REASONS = {
    "far": Reason("the face has too few pixels", "come closer", "crop closer, or give a larger picture"),
    "dark": Reason("the face is too dark", "light it from the front", "give a picture with light on the face"),
    "blurred": Reason("the face is blurred", "hold still, or focus the lens", "give a sharper picture"),
    "turned": Reason("the face is turned away", "face the camera", "give a picture from the front"),
    "covered": Reason("part of the face is covered", "uncover it", "give a picture of the whole face"),
    "unsure": Reason("no emotion stands out", "a clearer expression can be told", "a clearer expression can be told"),
}

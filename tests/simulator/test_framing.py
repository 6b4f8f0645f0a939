"""Where the simulated camera is pointed to see a photograph's faces."""

import numpy as np
import pytest
from emotion_camera.simulator.host.framing import ROWS, crops_for, cut, find_faces
from photographs import group, photograph, portrait


def holds(crop, face) -> bool:
    return (
        crop[0] <= face[0]
        and face[0] + face[2] <= crop[0] + crop[2]
        and (crop[1] <= face[1] and face[1] + face[3] <= crop[1] + crop[3])
    )


def test_without_a_face_it_is_the_middle():
    assert crops_for([], (1000, 1000)) == [(0, 125, 1000, 750)]
    assert crops_for([], (240, 320)) == [(0, 0, 320, 240)]


@pytest.mark.parametrize("make", [group, portrait])
def test_each_face_of_a_photograph_is_in_a_crop_and_large_enough(make):
    pixels = np.asarray(make())
    faces = find_faces(pixels)
    assert len(faces) == (6 if make is group else 1)
    crops = crops_for(faces, pixels.shape)
    for face in faces:
        assert any(holds(crop, face) and face[3] * ROWS / crop[3] >= 70 for crop in crops)
    for x, y, w, h in crops:
        assert w / h == pytest.approx(4 / 3, abs=0.01)
        assert x >= 0
        assert y >= 0
        assert x + w <= pixels.shape[1]
        assert y + h <= pixels.shape[0]


def test_a_tiny_face_is_found_in_the_full_picture():
    (face,) = find_faces(np.asarray(photograph((4000, 3000), ("happy", 40, 2000, 1400))))
    assert 25 < face[3] < 45
    assert abs(face[0] + face[2] / 2 - 2000) < 15


def test_neighbours_share_a_crop_and_others_have_their_own():
    faces = [(100, 100, 100, 100), (250, 110, 100, 100), (3000, 2000, 100, 100), (2000, 300, 400, 400)]
    crops = crops_for(faces, (3000, 4000))
    assert len(crops) == 3
    assert all(any(holds(crop, face) for crop in crops) for face in faces)


def test_a_face_that_fills_its_picture_gets_room_from_the_repeated_edge():
    pixels = np.full((100, 100), 200, np.uint8)
    (crop,) = crops_for([(2, 2, 96, 96)], pixels.shape)
    view = cut(pixels, crop)
    assert crop[0] < 0
    assert view.shape == (crop[3], crop[2])
    assert view.min() == 200

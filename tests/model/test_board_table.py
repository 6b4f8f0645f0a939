"""What each board gets: the program that fits it, and a model that does."""

import pytest
from emotion_camera.boards import CLUSTER, LARGE_HEAP, SMALL_HEAP, find_board
from emotion_camera.errors import UserError
from emotion_camera.model.bundle import COMPACT

LABELS, SETTINGS = 1, 1  # clusters


@pytest.mark.parametrize("board", ["h7", "nicla"])
def test_boards_with_little_memory_take_a_small_model(board):
    assert find_board(board).limits is SMALL_HEAP


@pytest.mark.parametrize("board", ["h7plus", "rt1062", "ae3"])
def test_roomy_boards_take_a_larger_one(board):
    assert find_board(board).limits is LARGE_HEAP


def test_a_board_that_is_not_known_is_named():
    with pytest.raises(UserError, match="'uno' is not known"):
        find_board("uno")


def test_the_largest_small_model_fits_an_h7s_disk_beside_the_program():
    sizes = [SMALL_HEAP.file, COMPACT.stat().st_size, COMPACT.with_name("emotion_camera.mpy").stat().st_size]
    clusters = sum(-(-size // CLUSTER) for size in sizes) + LABELS + SETTINGS
    assert clusters * CLUSTER <= find_board("h7").flash_room


def test_the_larger_model_fits_every_roomy_boards_disk_and_heap():
    for name in ("h7plus", "rt1062", "ae3"):
        board = find_board(name)
        assert LARGE_HEAP.file + 200_000 < board.flash_room  # main.py, labels, settings
        assert LARGE_HEAP.file + LARGE_HEAP.arena + 1_000_000 < max(board.heap)

"""What each board gets: the program that fits it, and a model that does."""

import pytest
from emotion_camera.boards import BOARDS, CLUSTER, LARGE_HEAP, SMALL_HEAP, find_board, why_not
from emotion_camera.errors import UserError
from emotion_camera.model.bundle import COMPACT

LABELS, SETTINGS = 1, 1  # clusters


@pytest.mark.parametrize("board", ["h7", "nicla"])
def test_boards_with_little_memory_take_a_small_model(board):
    assert SMALL_HEAP.memory <= find_board(board).limits.memory < 250_000


@pytest.mark.parametrize("board", ["h7plus", "purethermal", "rt1062", "portenta", "giga", "ae3"])
def test_roomy_boards_take_a_larger_one(board):
    """Edge Impulse Studio's exports for an H7 Plus: files of up to 0.6 MB, and arenas of 162 to 187 KB."""
    assert find_board(board).limits.memory >= LARGE_HEAP.memory > 600_000 + 187_000


@pytest.mark.parametrize(("board", "why"), [("n6", "ST Edge AI"), ("m7", "51 KB of memory")])
def test_a_board_that_runs_nothing_says_why(board, why):
    found = find_board(board)
    assert why in why_not(found, sum(found.heap))
    assert not found.runs_plain_models


def test_a_board_is_known_by_its_full_name_too():
    for key, board in BOARDS.items():
        for name in (key, key.upper(), board.name, board.name.replace(" ", "-"), board.name.removeprefix("OpenMV ")):
            assert find_board(name) is board, name


def test_a_board_that_is_not_known_is_named():
    with pytest.raises(UserError, match="'uno' is not known"):
        find_board("uno")


def test_the_largest_small_model_fits_an_h7s_disk_beside_the_program():
    sizes = [SMALL_HEAP.file, COMPACT.stat().st_size, COMPACT.with_name("emotion_camera.mpy").stat().st_size]
    clusters = sum(-(-size // CLUSTER) for size in sizes) + LABELS + SETTINGS
    assert clusters * CLUSTER <= find_board("h7").flash_room


def test_a_model_leaves_every_roomy_board_the_memory_that_main_py_needs():
    for board in BOARDS.values():
        if not board.small_heap and board.runs_plain_models:
            assert board.limits.memory + 900_000 < sum(board.heap)
            assert board.limits.file + 20_000 < board.flash_room

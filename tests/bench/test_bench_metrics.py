"""The benchmark's arithmetic, on sequences short enough to count by hand."""

import math

from bench.metrics import ABSENT, accuracy, latencies_ms, null_changes, quantile, segments, spurious_changes, switches
from bench.resting_face import settled_accuracy
from bench.table import table

SAD, JOY, CALM = "sad", "happy", "neutral"


def test_a_hold_lasts_until_the_truth_changes():
    assert segments([SAD, SAD, JOY, SAD]) == [range(0, 2), range(2, 3), range(3, 4)]
    assert segments([]) == []


def test_changes_that_follow_the_truth_are_not_flicker():
    assert spurious_changes([SAD, SAD, JOY, JOY], [SAD, SAD, JOY, JOY]) == 0
    assert spurious_changes([SAD, SAD, SAD, JOY], [SAD, SAD, JOY, JOY]) == 0  # late, and once


def test_there_and_back_is_two_changes_too_many():
    assert spurious_changes([SAD, JOY, SAD, SAD], [SAD] * 4) == 2


def test_the_first_hold_allows_no_change():
    assert spurious_changes([SAD, JOY, JOY], [JOY] * 3) == 1


def test_a_name_on_the_way_to_the_right_one_is_one_too_many():
    assert spurious_changes([SAD, SAD, CALM, JOY], [SAD, SAD, JOY, JOY]) == 1


def test_one_hold_without_a_change_does_not_pay_for_another():
    truth = [SAD] * 2 + [JOY] * 2 + [SAD] * 3
    assert spurious_changes([SAD, SAD, SAD, SAD, SAD, JOY, SAD], truth) == 1


def test_null_and_absence_are_no_changes_of_name():
    assert spurious_changes([SAD, None, SAD, ABSENT, SAD], [SAD] * 5) == 0
    assert spurious_changes([SAD, None, JOY], [SAD] * 3) == 1


def test_null_is_counted_on_the_way_in_and_on_the_way_out():
    assert null_changes([SAD, None, None, JOY, ABSENT, JOY]) == 2
    assert null_changes([None, ABSENT, SAD]) == 1
    assert null_changes([SAD, ABSENT, SAD]) == 0


def test_a_delay_runs_to_the_first_right_name_that_stays_half_a_second():
    truth = [SAD] * 5 + [JOY] * 10
    at_once = [SAD] * 5 + [JOY] * 10
    after_a_blink = [SAD] * 6 + [JOY] * 2 + [SAD] + [JOY] * 6
    assert latencies_ms(at_once, truth, fps=10) == [0]
    assert latencies_ms(after_a_blink, truth, fps=10) == [400]


def test_a_name_that_does_not_stay_was_never_told():
    truth = [SAD] * 5 + [JOY] * 7
    assert latencies_ms([SAD] * 8 + [JOY] * 4, truth, fps=10) == [math.inf]
    assert latencies_ms([SAD] * 5 + [JOY, None] * 3 + [JOY], truth, fps=10) == [math.inf]


def test_a_frame_without_the_face_does_not_end_the_stay_and_does_not_begin_it():
    truth = [SAD] * 2 + [JOY] * 7
    assert latencies_ms([SAD, SAD, ABSENT, JOY, JOY, ABSENT, JOY, JOY, JOY], truth, fps=10) == [100]


def test_a_quantile_is_one_of_the_values():
    assert quantile([300, 100, 200], 0.5) == 200
    assert quantile([1, 2, 3, 4], 0.5) == 2
    assert quantile(list(range(1, 11)), 0.9) == 9
    assert quantile([100, math.inf], 0.9) == math.inf
    assert math.isnan(quantile([], 0.5))


def test_null_and_absence_are_wrong_and_unknown_truth_is_passed_over():
    assert accuracy([SAD, None, ABSENT, JOY, SAD], [SAD, SAD, SAD, SAD, None]) == 1 / 4
    assert math.isnan(accuracy([SAD], [None]))


def test_a_number_that_comes_back_after_a_gap_is_no_switch():
    assert switches([1, 1, None, 1]) == 0
    assert switches([1, None, 2, 2, 1]) == 2
    assert switches([None, None]) == 0


def test_rest_is_judged_after_the_calibration_and_when_changes_have_settled():
    true = [CALM] * 50 + [SAD] * 10 + [CALM] * 10
    told = [SAD] * 50 + [CALM] * 5 + [SAD] * 4 + [JOY] + [SAD] * 5 + [CALM] * 5
    assert settled_accuracy(told, true) == (1.0, 4 / 5)


def test_a_table_is_aligned():
    assert table(("who", "n"), [("a", "10"), ("bcde", "7")]) == "who    n\na     10\nbcde   7"

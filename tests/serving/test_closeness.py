"""What counts as the same answer."""

import numpy as np

from tfmtl.serving.closeness import Rounding, deviation


def floats(*values):
    return np.array(values, np.float32)


def test_a_difference_is_relative_to_large_numbers_and_plain_for_small_ones():
    found = deviation("y", floats(0.5, 200, -200), floats(0.75, 201, -200))
    np.testing.assert_allclose(found, [0.25, 1 / 200, 0])


def test_numbers_that_are_none_are_equal_to_one_another_alone():
    nan, inf = np.nan, np.inf
    found = deviation("y", floats(nan, nan, 1, inf, inf), floats(nan, 1, nan, inf, -inf))
    np.testing.assert_array_equal(found, [0, inf, inf, 0, inf])


def test_logits_count_as_probabilities_where_rounding_differs():
    expected, received = floats(0, 30), floats(0.1, 40)
    np.testing.assert_allclose(deviation("logits_ctr", expected, received), [0.1, 10 / 30], 1e-6)
    rounded = deviation("logits_ctr", expected, received, Rounding.ORDER)
    np.testing.assert_allclose(rounded, [1 / (1 + np.exp(-0.1)) - 0.5, 0], atol=1e-7)


def test_classes_and_texts_are_the_same_or_not():
    np.testing.assert_array_equal(deviation("y", np.array([1, 2]), np.array([1, 3])), [0, np.inf])
    texts = np.array([b"a", b"b"], object)
    np.testing.assert_array_equal(deviation("y", texts, texts[::-1]), [np.inf, np.inf])


def test_classes_may_differ_only_where_numbers_are_stored_in_fewer_bytes():
    classes, others = np.array([1, 2]), np.array([1, 3])
    np.testing.assert_array_equal(deviation("y", classes, others, Rounding.ORDER), [0, np.inf])
    np.testing.assert_array_equal(deviation("y", classes, others, Rounding.STORAGE), [0, 0])
    texts = np.array([b"a", b"b"], object)
    found = deviation("y", texts, texts[::-1], Rounding.STORAGE)
    np.testing.assert_array_equal(found, [np.inf, np.inf])

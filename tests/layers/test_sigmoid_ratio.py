"""The quotient of two probabilities, against float64."""

import numpy as np
import tensorflow as tf

from tfmtl.layers import IsRatioClipped, SigmoidRatio


def log_sigmoid(c):
    return -np.logaddexp(0.0, -np.float64(c))


def tensors(*logits):
    return [tf.constant(each, tf.float32)[:, tf.newaxis] for each in logits]


def test_is_the_quotient_of_the_probabilities():
    a, b = np.array([-3.0, -60.0, 0.5]), np.array([-1.0, -58.5, 4.0])
    log_p = log_sigmoid(a) - log_sigmoid(b)
    expected = log_p - np.log(-np.expm1(log_p))
    result = SigmoidRatio()(tensors(a, b))[:, 0]
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    assert not np.any(IsRatioClipped()(tensors(a, b)))


def test_is_one_at_most_and_tells_where_that_took_effect():
    a, b = np.array([2.0, -1.0, 1.0]), np.array([-2.0, -1.0, 3.0])
    clipped = IsRatioClipped()(tensors(a, b))[:, 0]
    np.testing.assert_array_equal(clipped, [1.0, 0.0, 0.0])  # Equal ones are not above.
    p = tf.sigmoid(SigmoidRatio()(tensors(a, b)))[:, 0]
    np.testing.assert_allclose(p[:2], [1.0, 1.0], rtol=1e-6)
    assert np.isfinite(SigmoidRatio()(tensors(a, b))).all()

"""The logit of a product of sigmoids, against float64 and at both ends."""

import numpy as np
import tensorflow as tf

from tfmtl.layers import SigmoidProduct


def logit_of_product(*logits):
    """In log space and float64: log p = −Σ log(1 + e^−c), logit = log p − log(1 − e^log p)."""
    log_p = -sum(np.logaddexp(0.0, -np.float64(c)) for c in logits)
    return log_p - np.log(-np.expm1(log_p))


def test_equals_the_product_of_probabilities():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.0, 5.0, size=(2, 50, 1)).astype(np.float32)
    result = SigmoidProduct()([first, second])
    np.testing.assert_allclose(result, logit_of_product(first, second), rtol=2e-5, atol=1e-5)


def test_one_step_is_the_logit_itself():
    logits = np.linspace(-60.0, 60.0, 25, dtype=np.float32)[:, None]
    np.testing.assert_allclose(
        SigmoidProduct()([tf.constant(logits)]), logits, rtol=1e-5, atol=1e-5
    )


def test_stays_finite_with_a_finite_gradient_at_both_ends():
    first = tf.constant([[-200.0], [-50.0], [0.0], [50.0], [200.0]])
    with tf.GradientTape() as tape:
        tape.watch(first)
        result = SigmoidProduct()([first, tf.constant([[200.0], [50.0], [-50.0], [50.0], [200.0]])])
    assert np.isfinite(result).all()
    assert np.isfinite(tape.gradient(result, first)).all()


def test_gradient_is_that_of_the_formula():
    first, second, step = np.float64(0.7), np.float64(-1.3), 1e-6
    slope = (logit_of_product(first + step, second) - logit_of_product(first - step, second)) / (
        2 * step
    )
    variable = tf.Variable([[first]], dtype=tf.float32)
    with tf.GradientTape() as tape:
        result = SigmoidProduct()([variable, tf.constant([[second]], tf.float32)])
    np.testing.assert_allclose(tape.gradient(result, variable), [[slope]], rtol=1e-4)

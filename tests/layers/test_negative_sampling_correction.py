"""The correction for negatives that the training data has lost, against its formula."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers import NegativeSamplingCorrection

LOGITS = np.array([[-50.0], [-1.5], [0.0], [2.0], [50.0]], np.float32)


def sigmoid(c):
    return 1 / (1 + np.exp(-np.float64(c)))


@pytest.mark.parametrize("rate", [1.0, 0.5, 0.01])
def test_inference_counts_every_negative_for_those_that_were_dropped(rate):
    p = sigmoid(LOGITS)
    expected = p / (p + (1 - p) / rate)
    corrected = NegativeSamplingCorrection(rate)(tf.constant(LOGITS))
    np.testing.assert_allclose(sigmoid(corrected), expected, rtol=1e-5)
    assert np.isfinite(corrected).all()


def test_training_sees_the_logit_as_it_is():
    layer = NegativeSamplingCorrection(0.1)
    np.testing.assert_array_equal(layer(tf.constant(LOGITS), training=True), LOGITS)


def test_it_undoes_sampling_of_counts():
    """30 positives and 1,000 negatives, of which 50 are kept."""
    kept = np.log(30 / 50).astype("float32")
    corrected = NegativeSamplingCorrection(0.05)(tf.constant([[kept]]))
    assert sigmoid(corrected)[0, 0] == pytest.approx(30 / 1030, rel=1e-6)


@pytest.mark.parametrize("rate", [0.0, -0.5, 1.5, float("nan")])
def test_a_rate_that_is_no_share_is_told(rate):
    with pytest.raises(ValueError, match="`rate` should be above 0 and at most 1. Received: "):
        NegativeSamplingCorrection(rate)


def test_config_makes_the_same_layer():
    layer = NegativeSamplingCorrection(0.25, name="ctr_correction")
    copy = NegativeSamplingCorrection.from_config(layer.get_config())
    assert (copy.name, copy.rate) == ("ctr_correction", 0.25)

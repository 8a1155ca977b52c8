"""What heads serve, which labels they accept, and what their metrics read."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.heads import BinaryHead, MultiClassHead, RegressionHead

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], np.float32)
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def test_a_binary_head_serves_probability_and_logit_of_each_row():
    served = BinaryHead().predictions("ctr", LOGITS[:, :1])
    assert list(served) == ["probs_ctr", "logits_ctr"]
    np.testing.assert_allclose(served["probs_ctr"], 1 / (1 + np.exp(-LOGITS[:, 0])), rtol=1e-6)
    np.testing.assert_array_equal(served["logits_ctr"], LOGITS[:, 0])


def test_a_multi_class_head_serves_all_classes_the_likeliest_and_class_1():
    served = MultiClassHead(3).predictions("level", tf.constant(LOGITS))
    expected = {
        "probs_level": SOFTMAX,
        "logits_level": LOGITS,
        "y_level": [0, 1],
        "probs_level_1": SOFTMAX[:, 1],
        "logits_level_1": LOGITS[:, 1],
        "probs_level_y": SOFTMAX.max(axis=1),
        "logits_level_y": LOGITS.max(axis=1),
    }
    assert list(served) == list(expected)
    assert served["y_level"].dtype == tf.int64
    for name, values in expected.items():
        np.testing.assert_allclose(served[name], values, rtol=1e-6, err_msg=name)


def test_a_regression_head_serves_its_logit():
    served = RegressionHead().predictions("price", LOGITS[:, 1:2])
    assert list(served) == ["y_price"]
    np.testing.assert_array_equal(served["y_price"], LOGITS[:, 1])


@pytest.mark.parametrize(
    ("head", "accepted", "refused"),
    [
        (BinaryHead(), [0.0, 0.3, 1.0], [-0.1, 1.1, np.inf]),
        (MultiClassHead(3), [0.0, 1.0, 2.0], [-1.0, 0.5, 3.0, np.inf]),
        (RegressionHead(), [-7.5, 0.0, 1e9], [np.inf, -np.inf]),
    ],
)
def test_a_head_accepts_the_labels_it_can_learn(head, accepted, refused):
    assert np.all(head.accepts(tf.constant(accepted)))
    assert not np.any(head.accepts(tf.constant(refused)))


@pytest.mark.parametrize("head", [BinaryHead(), MultiClassHead(3), RegressionHead()])
def test_default_metrics_are_among_those_offered(head):
    assert set(head.default_metrics) <= set(head.metrics)


def test_auc_of_two_classes_reads_the_log_odds():
    reads = MultiClassHead(2).metrics["auc"].reads
    np.testing.assert_array_equal(reads(tf.constant(LOGITS[:, :2])), [-3.0, 3.0])
    assert "auc" not in MultiClassHead(3).metrics

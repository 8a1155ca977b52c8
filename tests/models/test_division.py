"""Division: conversion as the quotient of two models that share nothing."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfmtl.models import build_tasks
from tfmtl.protos import pipeline_pb2

GROUPS = """
groups { input: "user" dnn { hidden_units: [6, 3] } }
groups { input: "item" dnn { hidden_units: 8 } }
"""
TOWERS = """
ctr_tower { tower_name: "ctr" dnn { hidden_units: 7 } }
ctcvr_tower { tower_name: "ctcvr" }
"""
TASKS = """
data_config { label_fields: "click" label_fields: "buy" }
model_config {
  division {
    ctr_tower { tower_name: "ctr" metrics_set { mean_label {} } }
    ctcvr_tower { tower_name: "ctcvr" weight: 0.5 metrics_set { mean_label {} } }
  }
}
"""
CLICK = np.array([0.0, 0.0, 1.0, 1.0, 1.0], np.float32)
BUY = np.array([0.0, 1.0, 1.0, 0.0, 1.0], np.float32)
TARGETS = {"click": tf.constant(CLICK), "buy": tf.constant(BUY)}


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("division", GROUPS + TOWERS)


@pytest.fixture(scope="module")
def tasks():
    return build_tasks(text_format.Parse(TASKS, pipeline_pb2.Pipeline()))


def test_logits_are_those_of_two_towers_on_tables_of_their_own_and_of_their_quotient(nets, network):
    batch = nets.rows(network)
    probabilities = {}
    for task in ("ctr", "ctcvr"):
        parts = [
            nets.perceptron(network.get_layer(f"{task}_{name}_dnn"), batch[f"{name}_{task}"])
            for name in ("user", "item")
        ]
        logits = nets.tower(network, task, np.concatenate(parts, axis=1))
        np.testing.assert_allclose(network(batch)[task], logits, rtol=1e-5, atol=1e-5)
        probabilities[task] = nets.sigmoid(logits)
    quotient = probabilities["ctcvr"] / probabilities["ctr"]
    actual = network(batch)
    np.testing.assert_allclose(
        nets.sigmoid(actual["cvr"].numpy()), np.minimum(quotient, 1.0), rtol=1e-5
    )
    np.testing.assert_array_equal(actual["cvr_clipped"], quotient > 1.0)
    assert "user" not in batch


def test_size_is_that_of_two_models(nets, network):
    groups = nets.perceptron_size(2, [6, 3]) + nets.perceptron_size(4, [8])
    heads = nets.perceptron_size(11, [7]) + (7 + 1) + (11 + 1)
    assert nets.trainable_size(network) == 2 * groups + heads


def test_a_label_teaches_its_own_model_alone(nets, network):
    weights = network.trainable_weights
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(nets.rows(network))["ctcvr"])
    taught = [
        weight.name
        for weight, slope in zip(weights, tape.gradient(loss, weights), strict=True)
        if slope is not None
    ]
    assert taught and all(name.startswith("ctcvr_") for name in taught)


def test_losses_are_of_click_and_of_both(tasks):
    ctr, ctcvr, cvr, clipped = tasks
    logit = np.array([0.3, -2.0, 1.5, 0.0, 9.0], np.float32)
    for task, label in ((ctr, CLICK), (ctcvr, CLICK * BUY)):
        expected = np.mean(np.logaddexp(0, logit) - label * logit)
        loss = task.loss(tf.constant(logit[:, None]), TARGETS)
        assert float(loss) == pytest.approx(expected, rel=1e-6)
    assert (ctcvr.weight, cvr.trained, clipped.trained) == (0.5, False, False)


def test_metrics_of_the_quotient_are_of_clicked_rows_and_those_of_clipping_of_all(tasks):
    results = {}
    for task in tasks:
        metrics = task.new_metrics()
        task.update_metrics(metrics, tf.constant([[1.0], [1.0], [0.0], [0.0], [0.0]]), TARGETS)
        results.update({metric.name: float(metric.result()) for metric in metrics})
    assert results == {
        "mean_label_ctr": pytest.approx(3 / 5),
        "mean_label_ctcvr": pytest.approx(2 / 5),
        "mean_label_cvr_masked": pytest.approx(2 / 3),
        "mean_prediction_cvr_clipped": pytest.approx(2 / 5),
    }


def test_quotient_is_served_as_a_probability(tasks):
    served = [name for task in tasks for name in task.predictions(tf.zeros((5, 1)))]
    assert "probs_cvr" in served and "y_cvr_clipped" in served

"""ESMM: conversion over the entire space, by way of the click."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfmtl.models import build_tasks
from tfmtl.protos import pipeline_pb2

NAN = float("nan")
GROUPS = """
groups { input: "user" dnn { hidden_units: [6, 3] } }
groups { input: "item" dnn { hidden_units: 8 } }
"""
TOWERS = """
ctr_tower { tower_name: "ctr" dnn { hidden_units: 7 } }
cvr_tower { tower_name: "cvr" }
"""
TASKS = """
data_config {
  label_fields: "buy" label_fields: "click" sample_weight: "w"
  input_fields { input_name: "buy" input_type: FLOAT }
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "w" input_type: FLOAT }
}
model_config {
  esmm {
    ctr_tower { tower_name: "ctr" metrics_set { auc {} } }
    cvr_tower { tower_name: "cvr" weight: 0.5 metrics_set { mean_label {} } %s }
  }
}
"""
CLICK = np.array([0.0, 0.0, 1.0, 1.0, 1.0], np.float32)
BUY = np.array([0.0, NAN, 1.0, 0.0, NAN], np.float32)
WEIGHT = np.array([1.0, 2.0, 0.5, 3.0, 1.0], np.float32)
TARGETS = {"click": tf.constant(CLICK), "buy": tf.constant(BUY), "w": tf.constant(WEIGHT)}


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("esmm", GROUPS + TOWERS)


def bottom(nets, network, batch, prefix="", suffix=""):
    parts = [
        nets.perceptron(network.get_layer(f"{prefix}{name}_dnn"), batch[name + suffix])
        for name in ("user", "item")
    ]
    return np.concatenate(parts, axis=1)


def test_logits_are_those_of_two_towers_on_the_groups_and_of_their_product(nets, network):
    batch = nets.rows(network)
    x = bottom(nets, network, batch)
    c_ctr, c_cvr = nets.tower(network, "ctr", x), nets.tower(network, "cvr", x)
    p = nets.sigmoid(c_ctr) * nets.sigmoid(c_cvr)
    expected = {"ctr": c_ctr, "cvr": c_cvr, "ctcvr": np.log(p / (1 - p))}
    actual = network(batch)
    assert list(actual) == list(expected)
    for task, logits in expected.items():
        np.testing.assert_allclose(actual[task], logits, atol=1e-5, rtol=1e-5, err_msg=task)


def test_without_groups_the_towers_read_the_group_all(nets):
    network = nets.build("esmm", TOWERS)
    batch = nets.rows(network)
    expected = nets.tower(network, "ctr", batch["all"])
    np.testing.assert_allclose(network(batch)["ctr"], expected, atol=1e-5, rtol=1e-5)


def test_a_value_is_multiplied_by_the_probability_of_a_click(nets):
    value = TOWERS.replace('tower_name: "cvr"', 'tower_name: "price" loss_type: L2_LOSS')
    network = nets.build("esmm", value)
    actual = network(nets.rows(network))
    expected = nets.sigmoid(actual["ctr"].numpy()) * actual["price"].numpy()
    np.testing.assert_allclose(actual["ctcvr"], expected, rtol=1e-5)


def test_without_sharing_each_tower_has_groups_and_layers_of_its_own(nets):
    network = nets.build("esmm", GROUPS + TOWERS + "share_embedding: false")
    batch = nets.rows(network)
    actual = network(batch)
    for task in ("ctr", "cvr"):
        x = bottom(nets, network, batch, prefix=f"{task}_", suffix=f"_{task}")
        expected = nets.tower(network, task, x)
        np.testing.assert_allclose(actual[task], expected, atol=1e-5, rtol=1e-5)
    assert "user" not in batch


def test_size_is_that_of_groups_towers_and_heads(nets, network):
    groups = nets.perceptron_size(2, [6, 3]) + nets.perceptron_size(4, [8])
    towers_and_heads = nets.perceptron_size(11, [7]) + (7 + 1) + (11 + 1)
    assert nets.trainable_size(network) == groups + towers_and_heads
    apart = nets.build("esmm", GROUPS + TOWERS + "share_embedding: false")
    assert nets.trainable_size(apart) == 2 * groups + towers_and_heads


def tasks(cvr=""):
    return build_tasks(text_format.Parse(TASKS % cvr, pipeline_pb2.Pipeline()))


def test_tasks_are_click_conversion_and_both():
    ctr, cvr, ctcvr = tasks()
    assert [ctr.name, cvr.name, ctcvr.name] == ["ctr", "cvr", "ctcvr"]
    assert (ctr.weight, ctcvr.weight) == (1.0, 0.5)
    assert ctcvr.target_columns == ["click", "buy", "w"]


def test_labels_come_from_label_fields_in_easyrecs_order():
    ctr, cvr, _ = tasks()
    assert (ctr.target_columns, cvr.target_columns) == (["click", "w"], ["buy", "w", "click"])


def test_conversion_has_no_loss_of_its_own():
    assert tasks()[1].loss(tf.zeros((5, 1)), TARGETS) is None


def test_loss_of_the_product_is_the_mean_over_the_entire_space():
    _, _, ctcvr = tasks()
    logit = np.array([0.3, -2.0, 1.5, 0.0, 9.0], np.float32)
    label, known = CLICK * np.nan_to_num(BUY), slice(0, 4)
    rows = WEIGHT * (np.logaddexp(0, logit) - label * logit)
    loss = ctcvr.loss(tf.constant(logit[:, None]), TARGETS)
    assert float(loss) == pytest.approx(rows[known].sum() / 4, rel=1e-6)


def test_loss_of_a_value_is_of_value_times_click():
    _, _, ctcvr = tasks("loss_type: L2_LOSS")
    prediction = np.array([0.3, -2.0, 1.5, 0.0, 9.0], np.float32)
    price = np.array([7.0, NAN, 3.5, 0.0, NAN], np.float32)
    label = np.array([0.0, 0.0, 3.5, 0.0], np.float32)
    rows = WEIGHT[:4] * (prediction[:4] - label) ** 2
    loss = ctcvr.loss(tf.constant(prediction[:, None]), {**TARGETS, "buy": tf.constant(price)})
    assert float(loss) == pytest.approx(rows.sum() / 4, rel=1e-6)


def test_metrics_of_conversion_are_of_clicked_rows_and_of_all():
    _, cvr, ctcvr = tasks()
    results = {}
    for task in (cvr, ctcvr):
        metrics = task.new_metrics()
        task.update_metrics(metrics, tf.zeros((5, 1)), TARGETS)
        results.update({metric.name: float(metric.result()) for metric in metrics})
    assert results == {
        "mean_label_cvr_masked": pytest.approx(0.5 / 3.5),
        "mean_label_ctcvr": pytest.approx(0.5 / 6.5),
    }


@pytest.mark.parametrize(
    ("cvr", "names"),
    [
        ("", ["probs_ctr", "logits_ctr", "probs_cvr", "logits_cvr", "probs_ctcvr", "logits_ctcvr"]),
        ("loss_type: L2_LOSS", ["probs_ctr", "logits_ctr", "y_cvr", "y_ctcvr"]),
    ],
)
def test_served_names_are_easyrecs(cvr, names):
    served = [name for task in tasks(cvr) for name in task.predictions(tf.zeros((5, 1)))]
    assert served == names

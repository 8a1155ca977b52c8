"""ESM2: click, then an action or none, then the purchase, over the entire space."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.config.funnels import funnel_of
from tfmtl.models import build_tasks
from tfmtl.models._funnel import funnel_logits
from tfmtl.protos import pipeline_pb2

BOTTOM = "bottom_dnn { hidden_units: [9, 8] }"
TOWERS = """
click_tower { tower_name: "ctr" label_name: "click" dnn { hidden_units: 7 } }
action_tower { tower_name: "y2" label_name: "cart" weight: 0.5 }
buy_after_action_tower { tower_name: "y3" label_name: "buy" weight: 2 }
buy_after_other_tower { tower_name: "y4" label_name: "buy" weight: 2 dnn { hidden_units: 6 } }
"""
# In and out of every set: no click, other, cart, bought from either.
CLICK = np.array([0, 1, 1, 1, 1], np.float32)
CART = np.array([0, 0, 1, 1, 0], np.float32)
BUY = np.array([0, 1, 1, 0, 0], np.float32)
TARGETS = {"click": tf.constant(CLICK), "cart": tf.constant(CART), "buy": tf.constant(BUY)}


@pytest.fixture(scope="module")
def towers(nets):
    return nets.build("esm2", BOTTOM + TOWERS)


@pytest.fixture(scope="module")
def pipeline():
    return text_format.Parse(f"model_config {{ esm2 {{ {TOWERS} }} }}", pipeline_pb2.Pipeline())


@pytest.fixture(scope="module")
def network(towers, pipeline):
    return keras.Model(towers.input, funnel_logits(funnel_of(pipeline), towers.output))


def test_logits_are_those_of_towers_on_the_bottom_and_of_the_papers_products(nets, network):
    batch = nets.rows(network)
    x = nets.perceptron(network.get_layer("bottom"), batch["all"])
    c = {task: nets.tower(network, task, x) for task in ("ctr", "y2", "y3", "y4")}
    y1, y2, y3, y4 = map(nets.sigmoid, c.values())
    action, buy = y1 * y2, y1 * ((1 - y2) * y4 + y2 * y3)
    expected = {**c, "ctavr": np.log(action / (1 - action)), "ctcvr": np.log(buy / (1 - buy))}
    nets.assert_same(network(batch), expected)


def test_size_is_that_of_bottom_towers_and_heads(nets, network):
    bottom = nets.perceptron_size(5, [9, 8])
    towers = nets.perceptron_size(8, [7]) + nets.perceptron_size(8, [6])
    assert nets.trainable_size(network) == bottom + towers + (7 + 1) + (8 + 1) * 2 + (6 + 1)


def test_without_a_bottom_the_towers_read_the_group_all(nets):
    network = nets.build("esm2", TOWERS)
    batch = nets.rows(network)
    expected = nets.tower(network, "y3", batch["all"])
    np.testing.assert_allclose(network(batch)["y3"], expected, rtol=1e-5, atol=1e-5)


def test_losses_are_of_click_action_and_purchase_over_all_rows(pipeline):
    tasks = {task.name: task for task in build_tasks(pipeline)}
    logit = np.array([0.3, -2.0, 1.5, 0.0, 9.0], np.float32)
    labels = {"ctr": CLICK, "ctavr": CLICK * CART, "ctcvr": CLICK * BUY}
    for task, label in labels.items():
        expected = np.mean(np.logaddexp(0, logit) - label * logit)
        loss = tasks[task].loss(tf.constant(logit[:, None]), TARGETS)
        assert float(loss) == pytest.approx(expected, rel=1e-6), task
    assert {name: task.weight for name, task in tasks.items() if task.trained} == {
        "ctr": 1.0,
        "ctavr": 0.5,
        "ctcvr": 2.0,
    }


def test_steps_are_measured_on_the_rows_that_came_to_them(pipeline):
    rows = {
        task.name: np.flatnonzero(task.space.rows(TARGETS)[1]).tolist()
        for task in build_tasks(pipeline)
    }
    assert (rows["y2"], rows["y3"], rows["y4"]) == ([1, 2, 3, 4], [2, 3], [1, 4])
    assert rows["ctr"] == rows["ctavr"] == rows["ctcvr"] == [0, 1, 2, 3, 4]

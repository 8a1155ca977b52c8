"""Customized sharing: a bottom of each task's own beside a shared one."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""
BOTTOMS = "bottom_dnn { hidden_units: [8, 6] } task_bottom_dnn { hidden_units: 4 }"


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("customized_sharing", BOTTOMS + TOWERS)


def test_logits_are_those_of_towers_on_own_and_shared_bottom(nets, network):
    batch = nets.rows(network)
    shared = nets.perceptron(network.get_layer("bottom"), batch["all"])
    expected = {}
    for task in ("ctr", "cvr"):
        own = nets.perceptron(network.get_layer(f"{task}_bottom"), batch["all"])
        expected[task] = nets.tower(network, task, np.concatenate([own, shared], axis=1))
    nets.assert_same(network(batch), expected)


def test_a_task_teaches_its_own_bottom_and_the_shared_one(nets, network):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(nets.rows(network))["cvr"])
    slopes = tape.gradient(loss, network.trainable_weights)
    taught = {
        weight.name.split("/")[0]
        for weight, slope in zip(network.trainable_weights, slopes, strict=True)
        if slope is not None
    }
    assert taught == {"bottom", "cvr_bottom", "cvr_logits"}


def test_size_is_that_of_bottoms_towers_and_heads(nets, network):
    bottoms = nets.perceptron_size(5, [8, 6]) + 2 * nets.perceptron_size(5, [4])
    towers_and_heads = nets.perceptron_size(10, [7]) + (7 + 1) + (10 + 1)
    assert nets.trainable_size(network) == bottoms + towers_and_heads


def test_it_is_asymmetric_sharing_of_own_and_shared_bottoms(nets, network):
    bottoms = """
    bottoms { bottom_name: "shared" dnn { hidden_units: [8, 6] } }
    bottoms { bottom_name: "ctr" dnn { hidden_units: 4 } }
    bottoms { bottom_name: "cvr" dnn { hidden_units: 4 } }
    task_bottoms { tower_name: "ctr" bottom_names: ["ctr", "shared"] }
    task_bottoms { tower_name: "cvr" bottom_names: ["cvr", "shared"] }
    """
    asymmetric = nets.build("asymmetric_sharing", bottoms + TOWERS)
    nets.copy_weights(network, asymmetric, {"shared_bottom": "bottom"})
    batch = nets.rows(network)
    nets.assert_same(asymmetric(batch), network(batch))


def test_without_a_word_of_the_own_bottoms_it_is_a_shared_bottom(nets):
    """Towers that give the weight 0 to their own bottoms hear the shared one alone."""
    heads = 'task_towers { tower_name: "ctr" } task_towers { tower_name: "cvr" }'
    network = nets.build("customized_sharing", BOTTOMS + heads)
    shared = nets.build("shared_bottom", "bottom_dnn { hidden_units: [8, 6] }" + heads)
    values = {}
    for task in ("ctr_logits", "cvr_logits"):
        kernel, bias = network.get_layer(task).get_weights()
        kernel[:4] = 0.0
        network.get_layer(task).set_weights([kernel, bias])
        values[task] = [kernel[4:], bias]
    nets.copy_weights(network, shared, values)
    batch = nets.rows(network)
    nets.assert_same(shared(batch), network(batch))

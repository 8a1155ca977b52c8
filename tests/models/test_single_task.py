"""Single tasks: nothing is shared."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("single_task", "bottom_dnn { hidden_units: [8, 6] }" + TOWERS)


def test_logits_are_those_of_towers_on_bottoms_of_their_own(nets, network):
    batch = nets.rows(network)
    assert {"all_ctr", "all_cvr"} < set(batch) and "all" not in batch
    for task, logits in network(batch).items():
        h = nets.perceptron(network.get_layer(f"{task}_bottom"), batch[f"all_{task}"])
        np.testing.assert_allclose(logits, nets.tower(network, task, h), atol=1e-5, rtol=1e-5)


def test_size_is_that_of_bottoms_towers_and_heads(nets, network):
    expected = 2 * nets.perceptron_size(5, [8, 6]) + nets.perceptron_size(6, [7]) + 8 + 7
    assert nets.trainable_size(network) == expected


def test_a_task_teaches_nothing_of_another(nets, network):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(nets.rows(network))["ctr"])
    weights = network.trainable_weights
    slopes = zip(weights, tape.gradient(loss, weights), strict=True)
    taught = {weight.name.split("/")[0] for weight, slope in slopes if slope is not None}
    assert taught == {"ctr_bottom", "ctr_tower", "ctr_logits"}


def test_on_the_same_features_without_bottoms_it_is_a_simple_multi_task(nets):
    single, simple = nets.build("single_task", TOWERS), nets.build("simple_multi_task", TOWERS)
    for layer in simple.layers:
        if layer.weights:
            layer.set_weights(single.get_layer(layer.name).get_weights())
    batch = nets.rows(simple)
    same = {name: batch[name.split("_")[0]] for name in single.input}
    for task, logits in simple(batch).items():
        np.testing.assert_array_equal(single(same)[task], logits)

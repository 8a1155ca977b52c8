"""SimpleMultiTask: towers on shared embeddings."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: [7, 6] } }
task_towers { tower_name: "level" num_class: 4 dnn { hidden_units: 3 use_bn: false } }
task_towers { tower_name: "price" loss_type: L2_LOSS }
"""


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("simple_multi_task", TOWERS + "l2_regularization: 0.01")


def test_logits_are_those_of_towers_on_the_group(nets, network):
    batch = nets.rows(network)
    actual = network(batch)
    assert set(actual) == {"ctr", "level", "price"}
    for task, logits in actual.items():
        np.testing.assert_allclose(
            logits, nets.tower(network, task, batch["all"]), atol=1e-5, rtol=1e-5
        )


def test_there_is_a_logit_for_each_class(network):
    shapes = {task: logits.shape[1] for task, logits in network.output.items()}
    assert shapes == {"ctr": 1, "level": 4, "price": 1}


def test_a_task_does_not_teach_the_tower_of_another(nets, network):
    batch = nets.rows(network)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(batch)["ctr"])
    gradients = tape.gradient(loss, network.trainable_weights)
    taught = {
        weight.name.split("/")[0]
        for weight, slope in zip(network.trainable_weights, gradients, strict=True)
        if slope is not None
    }
    assert taught == {"ctr_tower", "ctr_logits"}


def test_size_is_that_of_the_towers_and_heads(nets, network):
    towers = nets.perceptron_size(5, [7, 6]) + nets.perceptron_size(5, [3], use_bn=False)
    heads = (6 + 1) * 1 + (3 + 1) * 4 + (5 + 1) * 1
    assert nets.trainable_size(network) == towers + heads


def test_regularization_is_half_the_squares_of_all_kernels(network):
    kernels = [weight.numpy() for weight in network.weights if "kernel" in weight.name]
    expected = 0.01 * sum((kernel**2).sum() for kernel in kernels) / 2
    assert float(tf.add_n(network.losses)) == pytest.approx(expected, rel=1e-5)


def test_without_regularization_there_is_no_penalty(nets):
    assert nets.build("simple_multi_task", TOWERS + "l2_regularization: 0").losses == []

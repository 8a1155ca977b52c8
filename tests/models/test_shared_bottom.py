"""Shared bottom: one network, then a tower for each task."""

import numpy as np
import pytest

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("shared_bottom", "bottom_dnn { hidden_units: [8, 6] }" + TOWERS)


def test_logits_are_those_of_towers_on_the_bottom(nets, network):
    batch = nets.rows(network)
    h = nets.perceptron(network.get_layer("bottom"), batch["all"])
    for task, logits in network(batch).items():
        np.testing.assert_allclose(logits, nets.tower(network, task, h), atol=1e-5, rtol=1e-5)


def test_size_is_that_of_bottom_towers_and_heads(nets, network):
    expected = nets.perceptron_size(5, [8, 6]) + nets.perceptron_size(6, [7]) + (7 + 1) + (6 + 1)
    assert nets.trainable_size(network) == expected


def test_a_bottom_without_layers_is_a_simple_multi_task(nets):
    shared = nets.build("shared_bottom", TOWERS)
    simple = nets.build("simple_multi_task", TOWERS)
    simple.set_weights(shared.get_weights())
    batch = nets.rows(shared)
    for task, logits in shared(batch).items():
        np.testing.assert_array_equal(logits, simple(batch)[task])

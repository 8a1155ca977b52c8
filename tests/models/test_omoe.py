"""OMoE: all tasks read the same experts through one gate."""

import numpy as np
import pytest

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""
EXPERTS = "expert_dnn { hidden_units: [8, 6] } num_expert: 4"


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("omoe", EXPERTS + TOWERS)


def test_logits_are_those_of_towers_on_one_mixture_of_experts(nets, network):
    batch = nets.rows(network)
    experts = nets.perceptron(network.get_layer("experts"), batch["all"])
    h = nets.mix(network.get_layer("gate"), batch["all"], experts)
    expected = {task: nets.tower(network, task, h) for task in ("ctr", "cvr")}
    nets.assert_same(network(batch), expected)


def test_weights_of_the_gate_sum_to_one(nets, network):
    gates = nets.gate_weights(network, nets.rows(network))
    assert list(gates) == ["gate"]
    np.testing.assert_allclose(gates["gate"].sum(axis=1), np.ones(3), rtol=1e-6)


def test_size_is_that_of_experts_one_gate_towers_and_heads(nets, network):
    experts, gate = 4 * nets.perceptron_size(5, [8, 6]), (5 + 1) * 4
    towers_and_heads = nets.perceptron_size(6, [7]) + (7 + 1) + (6 + 1)
    assert nets.trainable_size(network) == experts + gate + towers_and_heads


def test_one_expert_is_a_shared_bottom(nets):
    omoe = nets.build("omoe", "expert_dnn { hidden_units: [8, 6] } num_expert: 1" + TOWERS)
    shared = nets.build("shared_bottom", "bottom_dnn { hidden_units: [8, 6] }" + TOWERS)
    nets.copy_weights(omoe, shared, {"bottom": "experts"})
    batch = nets.rows(omoe)
    nets.assert_same(shared(batch), omoe(batch))


def test_with_one_task_it_is_mmoe(nets):
    tower = ' task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }'
    omoe, mmoe = nets.build("omoe", EXPERTS + tower), nets.build("mmoe", EXPERTS + tower)
    nets.copy_weights(omoe, mmoe, {"ctr_gate": "gate", "ctr_mixture": "mixture"})
    batch = nets.rows(omoe)
    nets.assert_same(mmoe(batch), omoe(batch))

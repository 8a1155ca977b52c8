"""MMoE: all tasks read the same experts, each through a gate of its own."""

import numpy as np
import pytest

from tfmtl.errors import ConfigError

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""
EXPERTS = "expert_dnn { hidden_units: [8, 6] } num_expert: 4"


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("mmoe", EXPERTS + TOWERS)


def test_logits_are_those_of_towers_on_mixtures_of_experts(nets, network):
    batch = nets.rows(network)
    experts = nets.perceptron(network.get_layer("experts"), batch["all"])
    assert experts.shape == (4, 3, 6)
    for task, logits in network(batch).items():
        h = nets.mix(network.get_layer(f"{task}_gate"), batch["all"], experts)
        np.testing.assert_allclose(logits, nets.tower(network, task, h), atol=1e-5, rtol=1e-5)


def test_gate_weights_of_a_task_sum_to_one(nets, network):
    gates = nets.gate_weights(network, nets.rows(network))
    assert list(gates) == ["ctr_gate", "cvr_gate"]
    for weights in gates.values():
        np.testing.assert_allclose(weights.sum(axis=1), np.ones(3), rtol=1e-6)


def test_size_is_that_of_experts_gates_towers_and_heads(nets, network):
    experts, gates = 4 * nets.perceptron_size(5, [8, 6]), 2 * (5 + 1) * 4
    towers_and_heads = nets.perceptron_size(6, [7]) + (7 + 1) + (6 + 1)
    assert nets.trainable_size(network) == experts + gates + towers_and_heads


def test_one_expert_is_a_shared_bottom(nets):
    mmoe = nets.build("mmoe", "expert_dnn { hidden_units: [8, 6] } num_expert: 1" + TOWERS)
    shared = nets.build("shared_bottom", "bottom_dnn { hidden_units: [8, 6] }" + TOWERS)
    nets.copy_weights(mmoe, shared, {"bottom": "experts"})
    batch = nets.rows(mmoe)
    nets.assert_same(shared(batch), mmoe(batch))


def test_equal_gates_take_the_mean_of_the_experts(nets):
    network = nets.build("mmoe", EXPERTS + TOWERS)
    for task in ("ctr", "cvr"):
        gate = network.get_layer(f"{task}_gate")
        gate.set_weights([np.zeros(weight.shape) for weight in gate.weights])
    batch = nets.rows(network)
    mean = nets.perceptron(network.get_layer("experts"), batch["all"]).mean(axis=0)
    for task, logits in network(batch).items():
        np.testing.assert_allclose(logits, nets.tower(network, task, mean), atol=1e-5, rtol=1e-5)


def assert_mixed(nets, listed, names):
    """The towers read mixtures of the experts, which are the layers of these names."""
    network = nets.build("mmoe", listed + TOWERS)
    batch = nets.rows(network)
    experts = np.stack([nets.perceptron(network.get_layer(name), batch["all"]) for name in names])
    for task, logits in network(batch).items():
        h = nets.mix(network.get_layer(f"{task}_gate"), batch["all"], experts)
        np.testing.assert_allclose(logits, nets.tower(network, task, h), atol=1e-5, rtol=1e-5)


def test_listed_experts_may_differ_in_depth(nets):
    listed = """
    experts { expert_name: "deep" dnn { hidden_units: [8, 6] } }
    experts { expert_name: "flat" dnn { hidden_units: 6 use_bn: false } }
    """
    assert_mixed(nets, listed, ("expert_deep", "expert_flat"))


def test_experts_of_one_name_have_layers_of_their_own(nets):
    expert = 'experts { expert_name: "deep" dnn { hidden_units: 6 } }'
    assert_mixed(nets, f"{expert} {expert}", ("expert_deep", "expert_deep_1"))


def test_listed_experts_of_unequal_width_are_refused(nets):
    listed = """
    experts { expert_name: "wide" dnn { hidden_units: 8 } }
    experts { expert_name: "narrow" dnn { hidden_units: [8, 6] } }
    """
    with pytest.raises(ConfigError) as error:
        nets.build("mmoe", listed + TOWERS)
    assert str(error.value) == (
        "`model_config.mmoe.experts` should all end in the same width. Received: [8, 6]."
    )

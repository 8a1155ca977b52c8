"""CGC: each task mixes experts of its own and shared ones."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""
EXPERTS = "expert_dnn { hidden_units: [8, 6] } expert_num_per_task: 2 share_num: 3"
# Where the experts of each task are in the bank of their own.
OWN = {"ctr": slice(0, 2), "cvr": slice(2, 4)}


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("cgc", EXPERTS + TOWERS)


def test_logits_are_those_of_towers_on_own_and_shared_experts(nets, network):
    batch = nets.rows(network)
    own = nets.perceptron(network.get_layer("own_experts"), batch["all"])
    shared = nets.perceptron(network.get_layer("experts"), batch["all"])
    expected = {}
    for task, place in OWN.items():
        read = np.concatenate([own[place], shared])
        h = nets.mix(network.get_layer(f"{task}_gate"), batch["all"], read)
        expected[task] = nets.tower(network, task, h)
    nets.assert_same(network(batch), expected)


def test_gate_weights_of_a_task_sum_to_one(nets, network):
    gates = nets.gate_weights(network, nets.rows(network))
    assert list(gates) == ["ctr_gate", "cvr_gate"]
    for weights in gates.values():
        assert weights.shape == (3, 5)
        np.testing.assert_allclose(weights.sum(axis=1), np.ones(3), rtol=1e-6)


def test_size_is_that_of_experts_gates_towers_and_heads(nets, network):
    experts, gates = (2 * 2 + 3) * nets.perceptron_size(5, [8, 6]), 2 * (5 + 1) * (2 + 3)
    towers_and_heads = nets.perceptron_size(6, [7]) + (7 + 1) + (6 + 1)
    assert nets.trainable_size(network) == experts + gates + towers_and_heads


def test_a_task_teaches_its_own_experts_and_the_shared_ones(nets, network):
    kernels = [network.get_layer(name).weights[0] for name in ("own_experts", "experts")]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(nets.rows(network))["cvr"])
    slopes = [np.abs(slope).sum(axis=(1, 2)) for slope in tape.gradient(loss, kernels)]
    assert [(slope > 0).tolist() for slope in slopes] == [
        [False, False, True, True],
        [True, True, True],
    ]


def test_it_is_ple_with_one_network(nets, network):
    experts = "task_expert_net { hidden_units: [8, 6] } share_expert_net { hidden_units: [8, 6] }"
    ple = nets.build(
        "ple",
        f"extraction_networks {{ expert_num_per_task: 2 share_num: 3 {experts} }} {TOWERS}",
    )
    prefix = "network_0_"
    names = {
        layer.name: layer.name.removeprefix(prefix)
        for layer in ple.layers
        if layer.name.startswith(prefix)
    }
    nets.copy_weights(network, ple, names)
    batch = nets.rows(network)
    nets.assert_same(ple(batch), network(batch))


def test_without_own_experts_it_is_mmoe(nets):
    expert = "expert_dnn { hidden_units: [8, 6] }"
    cgc = nets.build("cgc", f"{expert} share_num: 4 {TOWERS}")
    mmoe = nets.build("mmoe", f"{expert} num_expert: 4 {TOWERS}")
    nets.copy_weights(cgc, mmoe)
    batch = nets.rows(mmoe)
    nets.assert_same(mmoe(batch), cgc(batch))


def test_without_shared_experts_tasks_have_nothing_in_common(nets):
    cgc = nets.build("cgc", f"expert_dnn {{ hidden_units: 6 }} expert_num_per_task: 1 {TOWERS}")
    batch = nets.rows(cgc)
    experts = nets.perceptron(cgc.get_layer("own_experts"), batch["all"])
    expected = {
        task: nets.tower(cgc, task, expert)
        for task, expert in zip(("ctr", "cvr"), experts, strict=True)
    }
    nets.assert_same(cgc(batch), expected)


def test_a_single_task_may_have_own_experts_alone(nets):
    tower = 'task_towers { tower_name: "ctr" }'
    cgc = nets.build("cgc", f"expert_dnn {{ hidden_units: 6 }} expert_num_per_task: 3 {tower}")
    omoe = nets.build("omoe", f"expert_dnn {{ hidden_units: 6 }} num_expert: 3 {tower}")
    names = {"experts": "own_experts", "gate": "ctr_gate", "mixture": "ctr_mixture"}
    nets.copy_weights(cgc, omoe, names)
    batch = nets.rows(omoe)
    nets.assert_same(omoe(batch), cgc(batch))

"""PLE: networks of own and shared experts, one on top of the other."""

import numpy as np
import pytest

TASKS = ("ctr", "cvr")
TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""
# The network in the middle has no shared experts, and still hands x_s on.
NETWORKS = """
extraction_networks {
  network_name: "low" expert_num_per_task: 2 share_num: 3
  task_expert_net { hidden_units: [8, 6] } share_expert_net { hidden_units: [9, 6] }
}
extraction_networks {
  network_name: "middle" expert_num_per_task: 2
  task_expert_net { hidden_units: 7 use_bn: false }
}
extraction_networks {
  expert_num_per_task: 1 share_num: 2
  task_expert_net { hidden_units: [8, 4] } share_expert_net { hidden_units: 4 }
}
"""


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("ple", NETWORKS + TOWERS)


def test_logits_are_those_of_the_formula(nets, network):
    batch = nets.rows(network)

    def f(name, x):
        return nets.perceptron(network.get_layer(name), x)

    def mix(name, x, *experts):
        return nets.mix(network.get_layer(name), x, np.concatenate(experts))

    x = batch["all"]
    own, shared = f("low_own_experts", x), f("low_experts", x)
    x_ctr = mix("low_ctr_gate", x, own[:2], shared)
    x_cvr = mix("low_cvr_gate", x, own[2:], shared)
    x_s = mix("low_gate", x, own, shared)

    own_ctr, own_cvr = f("middle_ctr_experts", x_ctr), f("middle_cvr_experts", x_cvr)
    x_ctr = mix("middle_ctr_gate", x_ctr, own_ctr)
    x_cvr = mix("middle_cvr_gate", x_cvr, own_cvr)
    x_s = mix("middle_gate", x_s, own_ctr, own_cvr)

    shared = f("network_2_experts", x_s)
    x_ctr = mix("network_2_ctr_gate", x_ctr, f("network_2_ctr_experts", x_ctr), shared)
    x_cvr = mix("network_2_cvr_gate", x_cvr, f("network_2_cvr_experts", x_cvr), shared)

    expected = {
        "ctr": nets.tower(network, "ctr", x_ctr),
        "cvr": nets.tower(network, "cvr", x_cvr),
    }
    nets.assert_same(network(batch), expected)


def test_weights_of_every_gate_sum_to_one(nets, network):
    gates = nets.gate_weights(network, nets.rows(network))
    assert {name: weights.shape[1] for name, weights in gates.items()} == {
        "low_ctr_gate": 2 + 3,
        "low_cvr_gate": 2 + 3,
        "low_gate": 2 * 2 + 3,
        "middle_ctr_gate": 2,
        "middle_cvr_gate": 2,
        "middle_gate": 2 * 2,
        "network_2_ctr_gate": 1 + 2,
        "network_2_cvr_gate": 1 + 2,
    }
    for weights in gates.values():
        np.testing.assert_allclose(weights.sum(axis=1), np.ones(3), rtol=1e-6)


def test_size_is_that_of_networks_towers_and_heads(nets, network):
    low = 2 * 2 * nets.perceptron_size(5, [8, 6]) + 3 * nets.perceptron_size(5, [9, 6])
    low_gates = (5 + 1) * (2 * (2 + 3) + (2 * 2 + 3))
    middle = 2 * 2 * nets.perceptron_size(6, [7], use_bn=False)
    middle_gates = (6 + 1) * (2 * 2 + 2 * 2)
    last = 2 * nets.perceptron_size(7, [8, 4]) + 2 * nets.perceptron_size(7, [4])
    last_gates = (7 + 1) * 2 * (1 + 2)
    towers_and_heads = nets.perceptron_size(4, [7]) + (7 + 1) + (4 + 1)
    networks = low + low_gates + middle + middle_gates + last + last_gates
    assert nets.trainable_size(network) == networks + towers_and_heads


def test_nothing_is_mixed_for_shared_experts_that_never_come(nets):
    apart = NETWORKS.replace("expert_num_per_task: 1 share_num: 2", "expert_num_per_task: 1")
    network = nets.build("ple", apart + TOWERS)
    assert not {"low_gate", "middle_gate"} & {layer.name for layer in network.layers}


def test_one_network_without_own_experts_is_mmoe(nets):
    experts = "share_num: 4 share_expert_net { hidden_units: [8, 6] }"
    ple = nets.build("ple", f"extraction_networks {{ {experts} }} {TOWERS}")
    mmoe = nets.build("mmoe", "expert_dnn { hidden_units: [8, 6] } num_expert: 4" + TOWERS)
    names = {"experts": "network_0_experts"}
    for task in TASKS:
        names |= {f"{task}_{part}": f"network_0_{task}_{part}" for part in ("gate", "mixture")}
    nets.copy_weights(ple, mmoe, names)
    batch = nets.rows(mmoe)
    nets.assert_same(mmoe(batch), ple(batch))


def test_with_one_task_and_own_experts_alone_it_is_a_chain_of_omoe(nets):
    tower = 'task_towers { tower_name: "ctr" }'
    experts = "expert_num_per_task: 3 task_expert_net { hidden_units: 6 }"
    ple = nets.build("ple", f"extraction_networks {{ {experts} }}" * 2 + tower)
    batch = nets.rows(ple)
    x = batch["all"]
    for name in ("network_0", "network_1"):
        experts = nets.perceptron(ple.get_layer(f"{name}_own_experts"), x)
        x = nets.mix(ple.get_layer(f"{name}_ctr_gate"), x, experts)
    nets.assert_same(ple(batch), {"ctr": nets.tower(ple, "ctr", x)})

"""Gates with hidden layers: g = softmax(W·f(x) + b), f of each gate's own."""

import numpy as np
import pytest

TOWERS = (
    'task_towers { tower_name: "ctr" } task_towers { tower_name: "cvr" dnn { hidden_units: 3 } }'
)
GATE = "gate_dnn { hidden_units: [6, 4] }"
EXPERTS = "expert_dnn { hidden_units: 8 }"
# Architectures with one bank of experts on x, whose tasks mix all of it.
ONE_BANK = {
    "mmoe": f"{EXPERTS} num_expert: 3 {GATE}",
    "dbmtl": f"{EXPERTS} num_expert: 3 {GATE}",
    "cgc": f"{EXPERTS} share_num: 3 {GATE}",
}


def gate_of(nets, network, name, x):
    return nets.gate(network.get_layer(name), nets.perceptron(network.get_layer(f"{name}_dnn"), x))


@pytest.mark.parametrize("architecture", ONE_BANK)
def test_a_gate_reads_hidden_layers_of_its_own(nets, architecture):
    network = nets.build(architecture, ONE_BANK[architecture] + TOWERS)
    batch = nets.rows(network)
    experts = nets.perceptron(network.get_layer("experts"), batch["all"])
    expected = {}
    for task in ("ctr", "cvr"):
        gate = gate_of(nets, network, f"{task}_gate", batch["all"])
        expected[task] = nets.tower(network, task, np.einsum("be,ebu->bu", gate, experts))
    nets.assert_same(network(batch), expected)


def test_the_one_gate_of_omoe_does(nets):
    network = nets.build("omoe", f"{EXPERTS} num_expert: 3 {GATE} {TOWERS}")
    batch = nets.rows(network)
    experts = nets.perceptron(network.get_layer("experts"), batch["all"])
    h = np.einsum("be,ebu->bu", gate_of(nets, network, "gate", batch["all"]), experts)
    nets.assert_same(
        network(batch), {task: nets.tower(network, task, h) for task in ("ctr", "cvr")}
    )


def test_gates_of_a_network_of_ple_do(nets):
    own = f"network_name: 'n' share_num: 2 share_expert_net {{ hidden_units: 8 }} {GATE}"
    network = nets.build("ple", f"extraction_networks {{ {own} }} {TOWERS}")
    batch = nets.rows(network)
    experts = nets.perceptron(network.get_layer("n_experts"), batch["all"])
    gate = gate_of(nets, network, "n_ctr_gate", batch["all"])
    expected = nets.tower(network, "ctr", np.einsum("be,ebu->bu", gate, experts))
    np.testing.assert_allclose(network(batch)["ctr"], expected, rtol=1e-5, atol=1e-5)


def test_gates_between_levels_do(nets):
    levels = f"levels {{ {EXPERTS} num_expert: 3 }} levels {{ {EXPERTS} num_expert: 2 }}"
    network = nets.build("ml_mmoe", levels + GATE + TOWERS)
    batch = nets.rows(network)
    x = batch["all"]
    below = nets.perceptron(network.get_layer("level_1_experts"), x)
    hidden = nets.perceptron(network.get_layer("level_2_gate_dnn"), x)  # (gates, batch, 4)
    values = nets.weights(network.get_layer("level_2_gates"))
    gates = nets.softmax(hidden @ values["dense/kernel"] + values["dense/bias"])
    assert gates.shape == (2, len(x), 3)
    inputs = np.einsum("gbe,ebu->gbu", gates, below)
    above = nets.perceptron(network.get_layer("level_2_experts"), inputs)
    h = np.einsum("be,ebu->bu", gate_of(nets, network, "cvr_gate", x), above)
    expected = nets.tower(network, "cvr", h)
    np.testing.assert_allclose(network(batch)["cvr"], expected, rtol=1e-5, atol=1e-5)


def test_gates_between_levels_without_hidden_layers_are_linear(nets):
    levels = f"levels {{ {EXPERTS} num_expert: 3 }} levels {{ {EXPERTS} num_expert: 2 }}"
    linear, empty = (nets.build("ml_mmoe", levels + gate + TOWERS) for gate in ("", "gate_dnn {}"))
    assert nets.trainable_size(empty) == nets.trainable_size(linear)


def test_size_is_that_of_hidden_layers_and_gates(nets):
    linear = nets.build("mmoe", f"{EXPERTS} num_expert: 3 {TOWERS}")
    hidden = nets.build("mmoe", ONE_BANK["mmoe"] + TOWERS)
    more = 2 * (nets.perceptron_size(5, [6, 4]) + (4 + 1) * 3 - (5 + 1) * 3)
    assert nets.trainable_size(hidden) == nets.trainable_size(linear) + more

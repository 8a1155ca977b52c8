"""ML-MMoE: experts over mixtures of experts."""

import numpy as np
import pytest

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
"""
LEVELS = """
levels { expert_dnn { hidden_units: [8, 6] } num_expert: 4 }
levels { expert_dnn { hidden_units: 9 use_bn: false } num_expert: 2 }
levels { expert_dnn { hidden_units: [7, 5] } num_expert: 3 }
"""


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("ml_mmoe", LEVELS + TOWERS)


def gates_of_level(nets, network, level, experts, x):
    """softmax(W_{l,j}·x + b_{l,j}), one (batch, experts) for each j."""
    values = nets.weights(network.get_layer(f"level_{level}_gates"))
    gates = values["dense/bias"].size // experts
    kernels = np.split(values["dense/kernel"], gates, axis=1)
    biases = np.split(values["dense/bias"], gates)
    return [nets.softmax(x @ w + b) for w, b in zip(kernels, biases, strict=True)]


def test_logits_are_those_of_the_formula(nets, network):
    batch = nets.rows(network)
    x = batch["all"]
    f = nets.perceptron(network.get_layer("level_1_experts"), x)
    for level in (2, 3):
        gates = gates_of_level(nets, network, level, len(f), x)
        inputs = np.stack([sum(g[:, i, None] * f[i] for i in range(len(f))) for g in gates])
        f = nets.perceptron(network.get_layer(f"level_{level}_experts"), inputs)
    assert f.shape == (3, 3, 5)
    expected = {
        task: nets.tower(network, task, nets.mix(network.get_layer(f"{task}_gate"), x, f))
        for task in ("ctr", "cvr")
    }
    nets.assert_same(network(batch), expected)


def test_weights_of_every_gate_sum_to_one(nets, network):
    gates = nets.gate_weights(network, nets.rows(network))
    shapes = {name: weights.shape for name, weights in gates.items()}
    assert shapes == {
        "level_2_gates": (3, 2, 4),
        "level_3_gates": (3, 3, 2),
        "ctr_gate": (3, 3),
        "cvr_gate": (3, 3),
    }
    for weights in gates.values():
        np.testing.assert_allclose(weights.sum(axis=-1), np.ones(weights.shape[:-1]), rtol=1e-6)


def test_size_is_that_of_levels_gates_towers_and_heads(nets, network):
    first = 4 * nets.perceptron_size(5, [8, 6])
    second = 2 * nets.perceptron_size(6, [9], use_bn=False)
    third = 3 * nets.perceptron_size(9, [7, 5])
    gates = (5 + 1) * (2 * 4 + 3 * 2 + 2 * 3)
    towers_and_heads = nets.perceptron_size(5, [7]) + (7 + 1) + (5 + 1)
    assert nets.trainable_size(network) == first + second + third + gates + towers_and_heads


def test_one_level_is_mmoe(nets):
    level = "expert_dnn { hidden_units: [8, 6] } num_expert: 4"
    ml_mmoe = nets.build("ml_mmoe", f"levels {{ {level} }} {TOWERS}")
    mmoe = nets.build("mmoe", level + TOWERS)
    nets.copy_weights(ml_mmoe, mmoe, {"experts": "level_1_experts"})
    batch = nets.rows(mmoe)
    nets.assert_same(mmoe(batch), ml_mmoe(batch))


def test_levels_of_one_expert_are_a_deeper_shared_bottom(nets):
    levels = "".join(
        f"levels {{ expert_dnn {{ hidden_units: {units} }} num_expert: 1 }}" for units in (8, 6)
    )
    ml_mmoe = nets.build("ml_mmoe", levels + TOWERS)
    shared = nets.build("shared_bottom", "bottom_dnn { hidden_units: [8, 6] }" + TOWERS)
    parts = [ml_mmoe.get_layer(f"level_{level}_experts").weights for level in (1, 2)]
    # A layer's weights are those that are trained, then the moving averages.
    trained = [weight.numpy() for part in parts for weight in part if weight.trainable]
    moving = [weight.numpy() for part in parts for weight in part if not weight.trainable]
    nets.copy_weights(ml_mmoe, shared, {"bottom": trained + moving})
    batch = nets.rows(shared)
    nets.assert_same(shared(batch), ml_mmoe(batch))

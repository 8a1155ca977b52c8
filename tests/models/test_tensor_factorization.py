"""Tensor factorization: a bottom for each task, whose kernels are together of low rank."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
task_towers { tower_name: "click" dnn { hidden_units: 7 } }
task_towers { tower_name: "cart" }
task_towers { tower_name: "buy" }
"""
TASKS = ["click", "cart", "buy"]
RANKS = " input_rank: 4 output_rank: 3 task_rank: 2"
FACTORS = ("input_factor", "output_factor", "task_factor", "core")


@pytest.fixture(scope="module")
def network(nets):
    text = "bottom_dnn { hidden_units: [8, 6] use_bn: false } l2_regularization: 0.01"
    return nets.build("tensor_factorization", text + RANKS + TOWERS)


def kernel(values, index, task):
    """W_k = U₁·(Σ_c U₃[k,c]·S[:,:,c])·U₂ᵀ."""
    u1, u2, u3, core = (values[f"dense_{index}/{name}"] for name in FACTORS)
    return u1 @ sum(u3[task, c] * core[:, :, c] for c in range(2)) @ u2.T


def test_logits_are_those_of_towers_on_bottoms_of_factorized_kernels(nets, network):
    batch, values = nets.rows(network), nets.weights(network.get_layer("bottoms"))
    for place, task in enumerate(TASKS):
        h = batch["all"]
        for index in range(2):
            bias = values[f"dense_{index}/bias"][place]
            h = nets.relu(h @ kernel(values, index, place) + bias)
        expected = nets.tower(network, task, h)
        np.testing.assert_allclose(network(batch)[task], expected, atol=1e-5, rtol=1e-5)


def test_size_is_that_of_factors_cores_towers_and_heads(nets, network):
    first = 5 * 4 + 8 * 3 + 3 * 2 + 4 * 3 * 2 + 3 * 8
    second = 8 * 4 + 6 * 3 + 3 * 2 + 4 * 3 * 2 + 3 * 6
    towers_and_heads = nets.perceptron_size(6, [7]) + (7 + 1) + 2 * (6 + 1)
    assert nets.trainable_size(network) == first + second + towers_and_heads


def test_regularization_is_half_the_squares_of_kernels_factors_and_cores(network):
    names = ("kernel", *FACTORS)
    squares = [
        (weight.numpy() ** 2).sum()
        for weight in network.trainable_weights
        if any(name in weight.name for name in names)
    ]
    assert len(squares) == 2 * 4 + 1 + 3
    assert float(tf.add_n(network.losses)) == pytest.approx(0.01 * sum(squares) / 2, rel=1e-5)


def test_with_task_rank_one_kernels_are_multiples_of_each_other(nets):
    text = "bottom_dnn { hidden_units: 6 use_bn: false } input_rank: 4 output_rank: 3 task_rank: 1"
    bottoms = nets.build("tensor_factorization", text + TOWERS).get_layer("bottoms")
    x = np.random.default_rng(3).normal(size=(4, 5)).astype(np.float32)
    task_factor = nets.weights(bottoms)["dense_0/task_factor"][:, 0]
    bottoms.set_weights(
        [np.zeros(each.shape) if "bias" in each.name else each.numpy() for each in bottoms.weights]
    )
    h = np.array(bottoms(x)) / task_factor[:, None, None]
    np.testing.assert_allclose(h[1:], h[[0, 0]], rtol=1e-4, atol=1e-6)


def test_with_full_ranks_and_plain_factors_the_core_has_the_kernels(nets):
    text = "bottom_dnn { hidden_units: 6 }" + TOWERS
    ranks = "input_rank: 5 output_rank: 6 task_rank: 3"
    network = nets.build("tensor_factorization", text + ranks)
    free = nets.build("l2_constrained", text)
    for layer in free.layers:
        if layer.name != "bottoms":
            layer.set_weights(network.get_layer(layer.name).get_weights())
    plain = {"input_factor": np.eye(5), "output_factor": np.eye(6), "task_factor": np.eye(3)}
    bottoms, values = network.get_layer("bottoms"), nets.weights(free.get_layer("bottoms"))
    values["dense_0/core"] = values.pop("dense_0/kernel").transpose(1, 2, 0)
    values.update({f"dense_0/{name}": factor for name, factor in plain.items()})
    bottoms.set_weights([values[each] for each in nets.weights(bottoms)])
    batch = nets.rows(network)
    for task, logits in free(batch).items():
        np.testing.assert_allclose(network(batch)[task], logits, rtol=1e-4, atol=1e-5)

"""DNN and ExpertBank against their formula, and against each other."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers import DNN, ExpertBank, Gate, GateBank, MixExperts, MixForEach

BATCH, INPUTS, UNITS, EXPERTS = 6, 5, [7, 4], 3


@pytest.fixture(scope="module")
def x():
    return tf.constant(np.random.default_rng(0).normal(size=(BATCH, INPUTS)), tf.float32)


def relu(value):
    return np.maximum(value, 0.0)


def test_dnn_without_normalization_is_two_dense_layers(x):
    dnn = DNN(UNITS, use_bn=False)
    result = dnn(x)
    w1, b1, w2, b2 = (weight.numpy() for weight in dnn.weights)
    np.testing.assert_allclose(result, relu(relu(x.numpy() @ w1 + b1) @ w2 + b2), atol=1e-5)


def test_dnn_with_normalization_has_no_bias_before_it(x):
    dnn = DNN(UNITS)
    dnn(x)
    names = [weight.name.split("/", 1)[1] for weight in dnn.trainable_weights]
    layers = [[f"dense_{i}/kernel:0", f"bn_{i}/gamma:0", f"bn_{i}/beta:0"] for i in range(2)]
    assert names == layers[0] + layers[1]


@pytest.mark.parametrize("units", [[], [0]])
def test_dnn_without_layers_passes_its_input_through(x, units):
    np.testing.assert_array_equal(DNN(units)(x), x)


@pytest.mark.parametrize("use_bn", [False, True])
@pytest.mark.parametrize("activation", ["relu", "prelu", "dice", "softmax"])
def test_each_expert_is_a_dnn_with_its_slice_of_the_weights(x, use_bn, activation):
    bank = ExpertBank(EXPERTS, UNITS, use_bn=use_bn, activation=activation)
    bank(x, training=True)
    rng = np.random.default_rng(1)
    for weight in bank.weights:
        weight.assign(rng.uniform(0.5, 1.5, size=weight.shape))
    outputs = bank(x)
    assert [output.shape for output in outputs] == [(BATCH, UNITS[-1])] * EXPERTS
    for expert in range(EXPERTS):
        dnn = DNN(UNITS, use_bn=use_bn, activation=activation)
        dnn(x)
        for weight, bank_weight in zip(dnn.weights, bank.weights, strict=True):
            weight.assign(tf.reshape(bank_weight[expert], weight.shape))
        np.testing.assert_allclose(outputs[expert], dnn(x), rtol=1e-5, atol=1e-5)


def test_l2_is_half_the_sum_of_squared_kernels(x):
    for layer in (DNN(UNITS, l2=0.1), ExpertBank(EXPERTS, UNITS, l2=0.1)):
        layer(x)
        kernels = [weight.numpy() for weight in layer.weights if "kernel" in weight.name]
        expected = 0.1 * sum((kernel**2).sum() for kernel in kernels) / 2
        np.testing.assert_allclose(tf.add_n(layer.losses), expected, rtol=1e-5)


def test_experts_start_within_glorots_bound_of_one_expert(x):
    bank = ExpertBank(200, [7])
    bank(x)
    kernel = bank.weights[0].numpy()
    bound = np.sqrt(6 / (INPUTS + 7))
    assert np.abs(kernel).max() <= bound
    np.testing.assert_allclose(kernel.std(), bound / np.sqrt(3), rtol=0.05)


def test_dropout_works_in_training_alone(x):
    dnn = DNN([50], use_bn=False, dropout_ratio=[0.5])
    assert np.count_nonzero(dnn(x, training=True)) < np.count_nonzero(dnn(x))


def test_a_wrong_number_of_dropout_rates_is_refused():
    with pytest.raises(ValueError, match=r"one for each of 3 layers. Received: \[0.1, 0.2\]"):
        DNN([4, 4, 4], dropout_ratio=[0.1, 0.2])


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="`activation` should be one of dice, .* Received: 'rely'"):
        DNN([4], activation="rely")


def test_a_bank_needs_experts_and_layers():
    with pytest.raises(ValueError, match="`num_experts` should be at least 1. Received: 0"):
        ExpertBank(0, [4])
    with pytest.raises(ValueError, match="should have at least one layer"):
        ExpertBank(2, [])


def test_gate_weights_sum_to_one_and_mix_the_experts(x):
    weights = Gate(EXPERTS)(x)
    np.testing.assert_allclose(tf.reduce_sum(weights, axis=1), np.ones(BATCH), atol=1e-6)
    experts = np.random.default_rng(2).normal(size=(EXPERTS, BATCH, 2)).astype(np.float32)
    expected = sum(weights.numpy()[:, e, None] * experts[e] for e in range(EXPERTS))
    np.testing.assert_allclose(MixExperts()([*experts, weights]), expected, atol=1e-6)
    more = tf.concat([weights, tf.ones([BATCH, 2])], axis=1)
    np.testing.assert_allclose(MixExperts()([*experts, more]), expected, atol=1e-6)


def test_a_list_of_inputs_has_one_for_each_expert(x):
    bank = ExpertBank(EXPERTS, UNITS)
    inputs = [x, 2 * x, -x]
    for expert, output in enumerate(bank(inputs)):
        np.testing.assert_allclose(output, bank(inputs[expert])[expert], atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "dice"])
def test_an_expert_learns_as_a_dnn_by_itself(x, activation):
    bank, dnn = ExpertBank(EXPERTS, UNITS, activation=activation), DNN(UNITS, activation=activation)
    bank(x), dnn(x)
    for weight, bank_weight in zip(dnn.weights, bank.weights, strict=True):
        weight.assign(tf.reshape(bank_weight[1], weight.shape))
    gradients, expected = gradients_of_a_step(bank, x, 1), gradients_of_a_step(dnn, x)
    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient[1], tf.reshape(wanted, gradient[1].shape), atol=1e-5)
        np.testing.assert_array_equal(gradient[0], np.zeros_like(gradient[0]))
    for weight, bank_weight in zip(dnn.weights, bank.weights, strict=True):  # Moving averages, too.
        np.testing.assert_allclose(tf.reshape(bank_weight[1], weight.shape), weight, atol=1e-6)


def gradients_of_a_step(layer, x, expert=None):
    with tf.GradientTape() as tape:
        outputs = layer(x, training=True)
        loss = tf.reduce_sum(tf.sin(outputs if expert is None else outputs[expert]))
    return tape.gradient(loss, layer.trainable_weights)


def test_each_gate_of_a_bank_is_a_gate_and_mixes_for_itself(x):
    bank = GateBank(4, EXPERTS)
    weights = bank(x)
    kernel, _ = (weight.numpy() for weight in bank.weights)
    experts = tf.unstack(tf.random.stateless_normal((EXPERTS, BATCH, 2), (5, 6)))
    mixed = MixForEach()([*experts, weights])
    assert len(mixed) == 4
    for index in range(4):
        scores = np.exp(x.numpy() @ kernel[:, EXPERTS * index : EXPERTS * (index + 1)])
        expected = scores / scores.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(weights[:, index], expected, atol=1e-6)
        np.testing.assert_allclose(
            mixed[index], MixExperts()([*experts, weights[:, index]]), atol=1e-6
        )


@pytest.mark.parametrize(
    "layer",
    [
        DNN([3, 2], "tanh", False, [0.1], 0.2, name="a"),
        ExpertBank(2, [3], activation="dice", name="b"),
        GateBank(4, 3, name="d"),
    ],
)
def test_config_round_trip(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()

"""The layers of blocks against their formulas in NumPy."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfmtl import layers

BATCH, WIDTHS = 3, (4, 2, 6)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def features():
    return [random(BATCH, width, seed=width) for width in WIDTHS]


def called(layer, inputs):
    """What a layer gives, of weights that betray a swapped axis, and those by name."""
    layer(inputs)
    draw = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(draw.uniform(0.1, 1.0, size=weight.shape) - 0.4 * ("kernel" in weight.name))
    names = [weight.name.split("/", 1)[1].split(":")[0] for weight in layer.weights]
    return layer(inputs).numpy(), dict(zip(names, (w.numpy() for w in layer.weights), strict=True))


def relu(x):
    return np.maximum(x, 0.0)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x, axis):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def dense(values, name, x):
    return x @ values[f"{name}/kernel"] + values.get(f"{name}/bias", 0.0)


def row_norm(values, name, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-3) * values[f"{name}/gamma"] + values[f"{name}/beta"]


def batch_norm(values, name, x):
    gamma, beta, mean, variance = (
        values[f"{name}/{each}"] for each in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_mlp_has_switches_of_its_own_for_the_last_layer(features):
    x = features[0]
    mlp = layers.MLP([5, 3], final_activation="tanh", use_final_bn=False, use_final_bias=True)
    actual, values = called(mlp, x)
    h = relu(batch_norm(values, "bn_0", x @ values["dense_0/kernel"]))
    assert "dense_0/bias" not in values
    assert_close(actual, np.tanh(dense(values, "dense_1", h)))


def test_mlp_normalizes_after_the_activation_if_asked(features):
    x = features[0]
    actual, values = called(layers.MLP([5], use_bn_after_activation=True), x)
    assert_close(actual, batch_norm(values, "bn_0", relu(x @ values["dense_0/kernel"])))


def test_mlp_drops_where_its_list_has_not_ended():
    mlp = layers.MLP([40, 30], use_bn=False, use_final_bn=False, dropout_ratio=[0.5])
    assert [step.rate for step in mlp._steps if hasattr(step, "rate")] == [0.5]


@pytest.mark.parametrize("skip", [False, True])
def test_senet_weighs_the_units_of_features_by_all_of_them(features, skip):
    layer = layers.SENet(3, 2, use_skip_connection=skip, use_output_layer_norm=skip)
    actual, values = called(layer, features)
    grouped = [x.reshape(BATCH, 2, -1) for x in features]
    z = np.concatenate([f(x, axis=-1) for x in grouped for f in (np.max, np.mean)], axis=-1)
    assert values["reduce/kernel"].shape == (12, 4)
    weights = dense(values, "excite", relu(dense(values, "reduce", z)))
    x = np.concatenate(features, axis=-1)
    assert_close(actual, row_norm(values, "norm", x * weights + x) if skip else x * weights)


@pytest.mark.parametrize("output", [None, 5])
def test_mask_block_multiplies_by_a_mask_of_the_row(features, output):
    x, v = features[0], features[2]
    layer = layers.MaskBlock(
        reduction_factor=0.5, output_size=output, projection_dim=2, input_layer_norm=True
    )
    actual, values = called(layer, [x, v])
    assert values["hidden/kernel"].shape == (6, 3)
    hidden = relu(dense(values, "hidden", v)) @ values["projection/kernel"]
    masked = row_norm(values, "input_norm", x) * dense(values, "mask", hidden)
    if output:
        masked = relu(row_norm(values, "output_norm", masked @ values["output/kernel"]))
    assert_close(actual, masked)


def test_mask_block_of_one_input_masks_it_by_itself(features):
    x = features[0]
    layer = layers.MaskBlock(aggregation_size=3)
    actual, _ = called(layer, x)
    assert_close(actual, layer([x, x]).numpy())


@pytest.mark.parametrize("use_plus", [False, True])
@pytest.mark.parametrize("matrices", ["all", "each", "interaction"])
def test_bilinear_multiplies_every_pair_through_a_matrix(features, matrices, use_plus):
    e = features if matrices == "interaction" else [random(BATCH, 4, seed=i) for i in range(3)]
    actual, values = called(layers.BiLinear(5, matrices, use_plus), e)
    name = {"all": "kernel", "each": "kernel_{}", "interaction": "kernel_{}_{}"}[matrices]
    products = [
        e[i] @ values[name.format(i, j)] * e[j] for i, j in itertools.combinations(range(3), 2)
    ]
    if use_plus:
        products = [each.sum(axis=-1, keepdims=True) for each in products]
    assert_close(actual, dense(values, "dense", np.concatenate(products, axis=-1)))


def test_highway_passes_on_what_it_does_not_change(features):
    x = features[0]
    actual, values = called(layers.Highway(3, num_layers=2, activation="tanh"), x)
    x = dense(values, "projection", x)
    for index in range(2):
        g = sigmoid(dense(values, f"gate_{index}", x))
        x = g * np.tanh(dense(values, f"dense_{index}", x)) + (1 - g) * x
    assert_close(actual, x)


def test_highway_lets_nearly_all_through_at_first(features):
    layer = layers.Highway(gate_bias=-30.0)
    assert_close(layer(features[0]).numpy(), features[0])


def test_own_attention_asks_with_the_first_and_has_maps_for_each(features):
    actual, values = called(layers.OwnAttention(5), features)
    query = dense(values, "query", features[0])
    keys = np.stack([dense(values, f"key_{i}", x) for i, x in enumerate(features)], axis=1)
    of = np.stack([dense(values, f"value_{i}", x) for i, x in enumerate(features)], axis=1)
    weights = softmax(np.einsum("bd,bid->bi", query, keys) / np.sqrt(5), axis=1)
    assert_close(actual, np.einsum("bi,bid->bd", weights, of))


@pytest.mark.parametrize("normalizer", ["softmax", "sigmoid"])
def test_step_attention_sums_the_steps_of_a_row(normalizer):
    lengths = [2, 0, 3]
    h, q = random(5, 4), random(BATCH, 3, seed=1)
    steps = tf.RaggedTensor.from_row_lengths(h, lengths)
    scorer = {"hidden_units": [1], "use_final_bn": False, "final_activation": "linear"}
    actual, values = called(layers.StepAttention(scorer, normalizer), [steps, q])
    expected, start = np.zeros((BATCH, 4)), 0
    for row, length in enumerate(lengths):
        part = h[start : start + length]
        target = np.tile(np.append(q[row], 0.0), (length, 1))
        x = np.concatenate([target, part, target - part, target * part], axis=-1)
        scores = (x @ values["mlp/dense_0/kernel"])[:, 0]
        weights = softmax(scores, 0) if normalizer == "softmax" else sigmoid(scores / 2)
        expected[row] = weights @ part
        start += length
    assert_close(actual, expected)


def test_features_are_split_stacked_and_cut(features):
    x = np.concatenate(features, axis=-1)
    for part, feature in zip(layers.SplitUnits(WIDTHS)(x), features, strict=True):
        np.testing.assert_array_equal(part, feature)
    stacked = layers.StackVectors()([x, 2 * x]).numpy()
    np.testing.assert_array_equal(stacked, np.stack([x, 2 * x], axis=1))
    part = layers.TakePart([[None, None], 1, [2, None]])(stacked)
    np.testing.assert_array_equal(part, 2 * x[:, 2:])


def test_features_are_dropped_as_a_whole_and_in_training_alone():
    tf.random.set_seed(3)
    layer, ones = layers.FeatureDropout(0.25), [np.ones((2, 3), np.float32)] * 400
    assert all((x == 1.0).numpy().all() for x in layer(ones))
    dropped = [x.numpy() for x in layer(ones, training=True)]
    assert {float(each) for x in dropped for each in np.unique(x)} == {0.0, np.float32(4 / 3)}
    assert all(len(np.unique(x)) == 1 for x in dropped)
    assert np.mean(dropped) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "layer",
    [
        layers.MLP([3, 2], final_activation="tanh", dropout_ratio=[0.1], use_bias=True, l2=0.1),
        layers.SENet(3, 1, False, False, 0.1),
        layers.MaskBlock(4, output_size=2, input_layer_norm=True, l2=0.1),
        layers.BiLinear(3, "each", False, 0.1),
        layers.Highway(3, 2, "tanh", -1.0, 0.1, 0.1),
        layers.OwnAttention(3, 0.1),
        layers.StepAttention({"hidden_units": [1]}, "sigmoid"),
        layers.SplitUnits([1, 2]),
        layers.TakePart([[None, None], 1]),
        layers.FeatureDropout(0.2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_copy_has_the_same_arguments(layer):
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config


def test_penalties_are_half_the_sum_of_squared_kernels(features):
    for layer, inputs in (
        (layers.MLP([3], l2=0.1), features[0]),
        (layers.SENet(l2=0.1), features),
        (layers.MaskBlock(4, output_size=2, projection_dim=3, l2=0.1), features[0]),
        (layers.BiLinear(3, l2=0.1), features),
        (layers.Highway(3, l2=0.1), features[0]),
        (layers.OwnAttention(3, l2=0.1), features),
    ):
        layer(inputs)
        kernels = [weight.numpy() for weight in layer.weights if "kernel" in weight.name]
        expected = 0.1 * sum((kernel**2).sum() for kernel in kernels) / 2
        np.testing.assert_allclose(tf.add_n(layer.losses), expected, rtol=1e-5)

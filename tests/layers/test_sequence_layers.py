"""What makes a sequence one vector: against NumPy, row by row, whatever else is in the batch."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers import PooledSteps, RecurrentSteps, SelfAttention, TextCNN, WeighedSteps
from tfmtl.layers.steps import filled_up

LENGTHS = [2, 0, 5, 1]
WIDTH = 3


def steps(lengths=LENGTHS, seed=0):
    values = np.random.default_rng(seed).normal(size=(sum(lengths), WIDTH)).astype("float32")
    return tf.RaggedTensor.from_row_lengths(values, lengths)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def norm(x, gamma, beta):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * gamma + beta


def weights(layer):
    return [weight.numpy() for weight in layer.weights]


def weighed(layer, h):
    kernel, bias = weights(layer)
    return softmax((h @ kernel + bias)[:, 0]) @ h


def recurrent(layer, h):
    w, u, (b, c) = weights(layer)
    state = np.zeros(layer.units)
    for x in h:
        (wz, wr, wn), (uz, ur, un) = np.split(x @ w + b, 3), np.split(state @ u + c, 3)
        z, r = sigmoid(wz + uz), sigmoid(wr + ur)
        state = z * state + (1 - z) * np.tanh(wn + r * un)
    return state


def attended(layer, h):
    *projections, w_o, b_o = (weight.numpy() for weight in layer.heads.weights)
    (w_q, b_q), (w_k, b_k), (w_v, b_v) = zip(projections[::2], projections[1::2], strict=True)
    x = h + layer.position.numpy()[: len(h)] if layer.positions else h
    seen = np.zeros_like(x)
    for head in range(layer.num_heads):
        q, k, v = (x @ w[:, head] + b[head] for w, b in ((w_q, b_q), (w_k, b_k), (w_v, b_v)))
        seen += softmax(q @ k.T / np.sqrt(q.shape[-1])) @ v @ w_o[head]
    y = norm(x + seen + b_o, *weights(layer.norms[0]))
    (w_1, b_1), (w_2, b_2) = weights(layer.hidden), weights(layer.output_layer)
    z = norm(y + np.maximum(y @ w_1 + b_1, 0) @ w_2 + b_2, *weights(layer.norms[1]))
    return z.mean(axis=0)


def convolved(layer, h):
    h, found = h[: layer.most or None], []
    for size, filters in zip(layer.filter_sizes, layer.filters, strict=True):
        kernel, bias = weights(filters)
        behind = np.vstack([h, np.zeros((size - 1, WIDTH))])
        windows = [behind[t : t + size].ravel() for t in range(len(h))]
        found.append(np.tanh(np.array(windows) @ kernel + bias).max(axis=0))
    found = np.concatenate(found)
    if layer.stack is None:
        return found
    kernel, bias = weights(layer.stack)
    return sigmoid(found @ kernel + bias)


MLP_ARGUMENTS = {
    "hidden_units": [4],
    "final_activation": "sigmoid",
    "use_final_bn": False,
    "use_final_bias": True,
}
# Each with its formula for the steps `(steps, width)` of a row, and its width.
LAYERS = {
    "mean": (lambda: PooledSteps("mean"), lambda _, h: h.mean(axis=0), 3),
    "max": (lambda: PooledSteps("max"), lambda _, h: h.max(axis=0), 3),
    "weighed": (lambda: WeighedSteps(), weighed, 3),
    "gru": (lambda: RecurrentSteps(4), recurrent, 4),
    "self-attention": (lambda: SelfAttention(2, 2, 5), attended, 3),
    "self-attention with places": (lambda: SelfAttention(positions=6), attended, 3),
    "cnn with an mlp": (
        lambda: TextCNN([2], [3], activation="tanh", mlp=MLP_ARGUMENTS),
        convolved,
        4,
    ),
    "cnn of the first steps": (
        lambda: TextCNN([1, 3], [2, 1], most=4, activation="tanh"),
        convolved,
        3,
    ),
}


@pytest.fixture(scope="module", params=LAYERS)
def built(request):
    """A layer whose weights are all random, with its formula and its width."""
    make, formula, width = LAYERS[request.param]
    layer = make()
    layer(steps())
    generator = np.random.default_rng(3)
    for weight in layer.weights:
        weight.assign(generator.normal(size=weight.shape))
    return layer, formula, width


def test_a_row_is_what_the_formula_says_and_zeros_without_steps(built):
    layer, formula, width = built
    output = layer(steps()).numpy()
    assert output.shape == (4, width)
    rows = [row.numpy() for row in steps()]
    expected = [formula(layer, row) if len(row) else np.zeros(width) for row in rows]
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(output[1], np.zeros(width))


def test_longer_rows_beside_it_never_change_a_row(built):
    layer, _, _ = built
    together, alone = layer(steps())[:1], layer(steps()[:1])
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("lengths", [[], [0, 0]])
def test_a_batch_without_steps_has_zeros_and_finite_gradients(built, lengths):
    layer, _, width = built
    with tf.GradientTape() as tape:
        output = layer(steps(lengths), training=True)
    np.testing.assert_array_equal(output, np.zeros((len(lengths), width)))
    gradients = tape.gradient(output, layer.trainable_weights)
    assert all(gradient is None or np.isfinite(gradient).all() for gradient in gradients)


def test_the_gradient_reaches_every_weight_and_no_step_of_another_row(built):
    layer, _, _ = built
    given = steps()
    flat = tf.constant(given.flat_values)
    with tf.GradientTape() as tape:
        tape.watch(flat)
        first = layer(given.with_flat_values(flat), training=True)[0]
    of_steps, *of_weights = tape.gradient(first, [flat, *layer.trainable_weights])
    of_steps = tf.convert_to_tensor(of_steps).numpy()
    assert np.any(of_steps[:2]) and not np.any(of_steps[2:])
    assert all(gradient is not None for gradient in of_weights)


def test_a_config_makes_an_equal_layer(built):
    layer, _, _ = built
    other = type(layer).from_config(layer.get_config())
    other(steps())
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(other(steps()), layer(steps()))


def test_the_order_of_steps_counts_for_attention_only_with_places():
    forwards = steps([4])
    backwards = forwards.with_flat_values(forwards.flat_values[::-1])
    for positions, is_equal in ((0, True), (4, False)):
        layer = SelfAttention(positions=positions)
        outputs = layer(forwards), layer(backwards)
        assert np.allclose(*outputs, atol=1e-5) == is_equal


def test_dropout_of_attention_works_in_training_alone():
    layer = SelfAttention(dropout_ratio=0.9)
    kept = layer(steps(), training=False)
    np.testing.assert_array_equal(layer(steps(), training=False), kept)
    assert np.abs(layer(steps(), training=True) - kept).max() > 0.01


def test_the_penalty_is_on_kernels():
    layer = RecurrentSteps(4, l2=0.1)
    layer(steps())
    kernel, recurrent_kernel, _ = weights(layer)
    expected = 0.1 * (np.sum(kernel**2) + np.sum(recurrent_kernel**2)) / 2
    np.testing.assert_allclose(sum(layer.losses), expected, rtol=1e-5)


def test_steps_are_filled_up_to_the_longest_row_and_to_one():
    values, is_step = filled_up(steps([1, 2]))
    assert values.shape == (2, 2, WIDTH)
    np.testing.assert_array_equal(is_step, [[True, False], [True, True]])
    np.testing.assert_array_equal(values[0, 1], np.zeros(WIDTH))
    values, is_step = filled_up(steps([0, 0]))
    assert values.shape == (2, 1, WIDTH) and not np.any(is_step)


def test_an_unknown_way_to_pool_is_an_error():
    with pytest.raises(ValueError) as error:
        PooledSteps("median")
    assert str(error.value) == "`way` should be one of sum, mean, max, min. Received: 'median'."

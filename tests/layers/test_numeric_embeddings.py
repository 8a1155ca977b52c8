"""Embeddings of numbers, against NumPy, one number at a time."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers import AutoDis, Periodic

DIM = 4
SIZES = {"price": 1, "vector": 3, "age": 1}
ROWS = {
    name: np.random.default_rng(index).normal(size=(2, size)).astype("float32")
    for index, (name, size) in enumerate(SIZES.items())
}


def auto_dis(layer, x, place):
    w, mixed, bins = (weight.numpy()[place] for weight in layer.weights)
    h = x * w[0]
    h = np.where(h > 0, h, 0.2 * h)
    raised = np.exp((h @ mixed + layer.skip * h) / layer.temperature)
    return raised / raised.sum() @ bins


def periodic(layer, x, place):
    c, kernel, bias = (weight.numpy()[place] for weight in layer.weights)
    v = 2 * np.pi * c[0] * x
    return np.maximum(np.concatenate([np.sin(v), np.cos(v)]) @ kernel + bias[0], 0)


LAYERS = {
    "auto_dis": (lambda **kwargs: AutoDis(SIZES, DIM, 5, 0.3, 0.7, **kwargs), auto_dis),
    "periodic": (lambda **kwargs: Periodic(SIZES, DIM, 6, 0.5, **kwargs), periodic),
}


@pytest.fixture(params=LAYERS)
def kind(request):
    return LAYERS[request.param]


@pytest.mark.parametrize(("combiner", "scale"), [("mean", 1 / 3), ("sqrtn", 1 / np.sqrt(3))])
def test_each_number_is_embedded_by_weights_of_its_own(kind, combiner, scale):
    make, formula = kind
    layer = make(combiner=combiner)
    embedded = layer(ROWS)
    for row in range(2):
        price, age = ROWS["price"][row, 0], ROWS["age"][row, 0]
        several = [formula(layer, ROWS["vector"][row, i], 1 + i) for i in range(3)]
        expected = {
            "price": formula(layer, price, 0),
            "vector": scale * np.sum(several, axis=0),
            "age": formula(layer, age, 4),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(embedded[name][row], value, rtol=1e-4, atol=1e-6)


def test_a_config_makes_an_equal_layer(kind):
    layer = kind[0](combiner="mean")
    layer(ROWS)
    other = type(layer).from_config(layer.get_config())
    other(ROWS)
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(other(ROWS)["vector"], layer(ROWS)["vector"])


def test_the_weights_of_each_number_have_their_place(kind):
    layer = kind[0]()
    layer(ROWS)
    ends = np.cumsum(list(SIZES.values()))
    of_last = [place for place in layer.placed if place.name.startswith(f"{list(SIZES)[-1]}/")]
    assert [place.variable.ref() for place in of_last] == [w.ref() for w in layer.weights]
    assert {(place.first, place.end) for place in of_last} == {(ends[-2], ends[-1])}


def test_no_rows_have_no_embeddings_and_the_gradient_reaches_every_weight(kind):
    layer = kind[0]()
    nothing = layer({name: tf.zeros([0, size]) for name, size in SIZES.items()})
    assert nothing["vector"].shape == (0, DIM)
    with tf.GradientTape() as tape:
        total = tf.add_n([tf.reduce_sum(value**2) for value in layer(ROWS).values()])
    gradients = tape.gradient(total, layer.trainable_weights)
    assert all(np.any(gradient) for gradient in gradients)


def test_large_numbers_stay_finite(kind):
    far = {name: np.full((1, size), 1e30, "float32") for name, size in SIZES.items()}
    layer = kind[0]()
    with tf.GradientTape() as tape:
        value = layer(far)["price"]
    assert np.isfinite(value).all()
    if isinstance(layer, AutoDis):
        assert all(np.isfinite(each).all() for each in tape.gradient(value, layer.weights))


def test_at_a_low_temperature_a_number_is_in_one_bin():
    layer = AutoDis({"x": 1}, DIM, num_bins=3, temperature=1e-4)
    embedded = layer({"x": np.array([[0.7]], "float32")})["x"]
    rows = layer.bins.numpy()[0]
    assert np.min(np.abs(rows - embedded).sum(axis=1)) < 1e-6

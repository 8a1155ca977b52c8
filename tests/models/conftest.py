"""Networks on plain inputs, and the same mathematics in NumPy.

Groups are inputs here, so that an architecture is tested by itself, without features.
"""

import importlib
import itertools
import types

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.models._groups import Groups
from tfmtl.protos import model_pb2

BATCH = 3
WIDTHS = {"all": 5, "user": 2, "item": 4}
SIZES = {"all": 5, "user": 1, "item": 2}  # Numbers of features.


@tf.autograph.experimental.do_not_convert  # As `build_network` is.
def build(architecture, text):
    """A network of an architecture's message in text form, with random weights."""
    message = getattr(
        text_format.Parse(f"{architecture} {{ {text} }}", model_pb2.Model()), architecture
    )
    inputs = {}

    def groups(suffix):
        made = {name: keras.Input((width,), name=name + suffix) for name, width in WIDTHS.items()}
        inputs.update({tensor.name: tensor for tensor in made.values()})
        return {name: types.SimpleNamespace(vector=vector) for name, vector in made.items()}

    def wide(group_name, width, l2, name):
        assert name.endswith(f"_wide/{group_name}")
        inputs[name] = keras.Input((width,), name=name)
        return inputs[name]

    module = importlib.import_module(f"tfmtl.models.{architecture}")
    network = keras.Model(inputs, module.logits(message, Groups(groups, wide, SIZES)))
    return randomize(network)


def randomize(network, seed=1):
    """Sets every weight, moving averages included, to a number that betrays a swapped axis."""
    random = np.random.default_rng(seed)
    network.set_weights(
        [
            random.uniform(0.1, 1.0, size=weight.shape) - 0.4 * ("kernel" in weight.name)
            for weight in network.weights
        ]
    )
    return network


def restart(layer):
    """Sets a layer's weights to those that its arguments make it start with."""
    fresh = type(layer).from_config(layer.get_config())
    fresh.build(layer.input_shape)
    layer.set_weights(fresh.get_weights())


def rows(network, seed=2):
    """A batch for all inputs of a network."""
    random = np.random.default_rng(seed)
    return {
        name: random.normal(size=(BATCH, tensor.shape[1])).astype(np.float32)
        for name, tensor in inputs_of(network)
    }


def inputs_of(network):
    return sorted(network.input.items())


def weights(layer):
    """Values by name within the layer, such as `dense_0/kernel`."""
    return {weight.name.split("/", 1)[1].split(":")[0]: weight.numpy() for weight in layer.weights}


def relu(x):
    return np.maximum(x, 0.0)


def sigmoid(c):
    return 1.0 / (1.0 + np.exp(-c))


def softmax(c):
    return np.exp(c) / np.exp(c).sum(axis=-1, keepdims=True)


def perceptron(layer, x):
    """A `DNN`, or all experts of an `ExpertBank` at once: dense, normalize, relu."""
    values = weights(layer)
    for index in itertools.count():
        if f"dense_{index}/kernel" not in values:
            return x
        x = x @ values[f"dense_{index}/kernel"] + values.get(f"dense_{index}/bias", 0.0)
        if f"bn_{index}/gamma" in values:
            x = normalize(x, *(values[f"bn_{index}/{name}"] for name in MOMENTS))
        x = relu(x)


MOMENTS = ("gamma", "beta", "moving_mean", "moving_variance")


def normalize(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def dense(layer, x):
    values = weights(layer)
    return x @ values["kernel"] + values["bias"]


def gate(layer, x):
    values = weights(layer)
    return softmax(x @ values["dense/kernel"] + values["dense/bias"])


def mix(layer, selector, experts):
    """`Σ_e softmax(W·selector + b)_e · f_e` of a gate on experts (experts, batch, units)."""
    return np.einsum("be,ebu->bu", gate(layer, selector), experts)


def gate_weights(network, batch):
    """The weights that every gate of a network gives to its experts, by the gate's name."""
    layers = [each for each in network.layers if "gate" in each.name]
    outputs = keras.Model(network.input, {each.name: each.output for each in layers})(batch)
    return {name: weights.numpy() for name, weights in outputs.items()}


def tower(network, task, h):
    """`head_k(tower_k(h_k))`."""
    if f"{task}_tower" in {layer.name for layer in network.layers}:
        h = perceptron(network.get_layer(f"{task}_tower"), h)
    return dense(network.get_layer(f"{task}_logits"), h)


def perceptron_size(inputs, units, use_bn=True):
    """Trainable numbers of a perceptron: a kernel, and γ and β or a bias, for each layer."""
    sizes = itertools.pairwise([inputs, *units])
    return sum((before + (2 if use_bn else 1)) * after for before, after in sizes)


def trainable_size(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def copy_weights(source, target, values=None):
    """Gives each layer of a network the weights of another's layer of that name.

    Where names differ, `values` says which layer it is, or has its weights.
    """
    for layer in target.layers:
        given = (values or {}).get(layer.name, layer.name)
        if isinstance(given, str):
            given = source.get_layer(given).get_weights()
        shapes = [weight.shape for weight in layer.weights]
        reshaped = [each.reshape(shape) for each, shape in zip(given, shapes, strict=True)]
        layer.set_weights(reshaped)


def assert_same(actual, expected):
    """Logits by task are those of another network."""
    assert list(actual) == list(expected)
    for task, logits in expected.items():
        np.testing.assert_allclose(actual[task], logits, rtol=1e-5, atol=1e-5, err_msg=task)


@pytest.fixture(scope="session")
def nets():
    """The functions of this file."""
    return types.SimpleNamespace(
        **{name: value for name, value in globals().items() if callable(value)}
    )

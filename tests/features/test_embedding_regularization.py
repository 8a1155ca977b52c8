"""The penalty on embeddings is their halved squares' sum."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfmtl.features.embedding_regularization import EmbeddingRegularization

FIRST = np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]], np.float32)
SECOND = np.array([[2.0], [0.0], [-1.0]], np.float32)


@pytest.fixture
def model():
    inputs = {"a": keras.Input([2]), "b": keras.Input([1])}
    return keras.Model(inputs, EmbeddingRegularization(0.1, name="penalty")(inputs))


def test_the_loss_is_the_halved_sum_of_squares_while_training(model):
    outputs = model({"a": FIRST, "b": SECOND}, training=True)
    expected = 0.1 * (np.sum(FIRST**2) + np.sum(SECOND**2)) / 2
    np.testing.assert_allclose(model.losses, [expected], rtol=1e-6)
    np.testing.assert_array_equal(outputs["a"], FIRST)
    np.testing.assert_array_equal(outputs["b"], SECOND)


def test_there_is_no_loss_otherwise(model):
    model({"a": FIRST, "b": SECOND}, training=False)
    assert model.losses == []


def test_its_gradient_pulls_embeddings_to_zero(model):
    embedding = tf.Variable(FIRST)
    with tf.GradientTape() as tape:
        model({"a": embedding, "b": SECOND}, training=True)
        (loss,) = model.losses
    np.testing.assert_allclose(tape.gradient(loss, embedding), 0.1 * FIRST, rtol=1e-6)


def test_it_survives_its_config():
    layer = EmbeddingRegularization(0.1, name="penalty")
    restored = keras.layers.deserialize(keras.layers.serialize(layer))
    assert restored.get_config() == layer.get_config()

"""Tables start as the config says."""

import numpy as np
import pytest
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.features.embedding import Embedding
from tfmtl.features.initializers import ConstantRow
from tfmtl.protos.feature_pb2 import FeatureConfig

SHAPE = (4000, 3)


def table(initializer):
    text = (
        f"embedding_dim: 3 initializer {{ {initializer} }}" if initializer else "embedding_dim: 3"
    )
    embedding = Embedding.from_config(text_format.Parse(text, FeatureConfig()))
    return embedding.fresh_initializer()(SHAPE).numpy()


@pytest.mark.parametrize(
    ("initializer", "mean", "deviation"),
    [
        ("", 0.0, 0.01 / 3**0.5 * 0.88),
        ("truncated_normal_initializer { mean: 2 stddev: 0.5 }", 2.0, 0.5 * 0.88),
        ("truncated_normal_initializer {}", 0.0, 0.88),
        ("random_normal_initializer { mean: -1 stddev: 0.1 }", -1.0, 0.1),
        ("glorot_normal_initializer {}", 0.0, (2 / 4003) ** 0.5),
    ],
)
def test_values_are_drawn_from_the_distribution(initializer, mean, deviation):
    """A normal distribution cut at two deviations has 0.88 of its deviation."""
    values = table(initializer)
    np.testing.assert_allclose(values.std(), deviation, rtol=0.03)
    np.testing.assert_allclose(values.mean(), mean, atol=0.03 * deviation)


def test_constants_are_the_same_in_every_row():
    np.testing.assert_array_equal(table("constant_initializer { consts: 7 }"), np.full(SHAPE, 7))
    rows = np.tile(np.array([1, 2, 3], np.float32), (4000, 1))
    np.testing.assert_array_equal(table("constant_initializer { consts: [1, 2, 3] }"), rows)


def test_a_constant_row_survives_its_config():
    restored = keras.initializers.deserialize(keras.initializers.serialize(ConstantRow([1, 2])))
    np.testing.assert_array_equal(restored((3, 2)), [[1, 2]] * 3)


def test_an_initializer_that_is_used_again_draws_again():
    embedding = Embedding(3, initializer=keras.initializers.RandomNormal())
    first, second = (embedding.fresh_initializer()(SHAPE).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 0.01

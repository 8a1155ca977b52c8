"""A column of one row does not do for all."""

import pytest
import tensorflow as tf

from tfmtl.serving.equal_rows import of_equal_shape

USERS, PRICES = tf.constant(["u1", "u2"]), tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def run(columns, shape=None):
    """As a server runs it: of any shape, and optimized."""
    specs = {
        name: tf.TensorSpec([None] * each.shape.rank, each.dtype) for name, each in columns.items()
    }
    return tf.function(lambda given: of_equal_shape(given, shape), input_signature=[specs])(columns)


def test_columns_of_as_many_rows_are_as_they_were():
    received = run({"price": tf.constant([0.5, 2.0]), "user": USERS})
    assert {name: each.numpy().tolist() for name, each in received.items()} == {
        "price": [0.5, 2.0],
        "user": [b"u1", b"u2"],
    }


@pytest.mark.parametrize(
    ("columns", "shape", "words"),
    [
        ({"price": PRICES[0, :1], "user": USERS}, None, r"price, user; .*\[1\] \[\[1\]\[2\]\]"),
        ({"user": USERS}, [3], r"columns user; wanted and received:\] \[3\] \[\[2\]\]"),
        ({"age": PRICES, "price": PRICES[:, :1]}, None, r"\[2 3\] \[\[2 3\]\[2 1\]\]"),
        ({"price": tf.transpose(PRICES)}, [2, 3], r"\[2 3\] \[\[3 2\]\]"),
    ],
    ids=["rows", "users", "candidates", "turned"],
)
def test_another_shape_is_refused_with_the_shapes_of_all(columns, shape, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        run(columns, shape)

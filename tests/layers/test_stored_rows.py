"""Rows in fewer bytes are the rows to within half a step of what the bytes can tell."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers import BFloat16Rows, Int8Rows, Lookup, PackedEmbedding, Table

IDS = [4, 0, 4, 2]


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(3)
    rows = random.normal(size=(5, 7)) * np.logspace(-3, 2, 5)[:, np.newaxis]
    rows[2] = 0.0
    return rows.astype(np.float32)


def test_bfloat16_keeps_eight_bits_of_every_number(rows):
    stored = BFloat16Rows(tf.constant(rows), "table")
    read = stored(tf.constant(IDS)).numpy()
    assert read.dtype == np.float32
    assert np.all(np.abs(read - rows[IDS]) <= np.abs(rows[IDS]) / 256)
    assert (stored.rows.dtype, stored.rows.name) == (tf.bfloat16, "table/bfloat16:0")


def test_int8_keeps_numbers_to_half_a_step_of_their_rows_scale(rows):
    stored = Int8Rows(tf.constant(rows), "table")
    read = stored(tf.constant(IDS)).numpy()
    scales = np.abs(rows).max(axis=1, keepdims=True) / 127
    expected = np.round(rows / np.where(scales, scales, 1)) * scales
    np.testing.assert_allclose(read, expected[IDS], rtol=1e-5)
    assert np.all(np.abs(read - rows[IDS]) <= 0.501 * scales[IDS])
    assert [each.dtype for each in stored.variables] == [tf.int8, tf.float32]


def test_a_rows_largest_number_and_a_row_of_zeros_stay_what_they_are_in_int8(rows):
    read = Int8Rows(tf.constant(rows), "table")(tf.range(5)).numpy()
    np.testing.assert_allclose(np.abs(read).max(axis=1), np.abs(rows).max(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(read[2], np.zeros(7))


def test_lookups_read_other_rows_only_while_they_are_told_to():
    layer = PackedEmbedding(
        [Table("a", 5, 3), Table("b", 4, 2)],
        [Lookup("id", "a"), Lookup("bag", "a", "sum"), Lookup("other", "b")],
    )
    inputs = {
        "id": tf.constant([1, -1], tf.int64),
        "bag": tf.ragged.constant([[0, 2], []], dtype=tf.int64),
        "other": tf.constant([3, 0], tf.int64),
    }
    trained = layer(inputs)

    def as_many(width):
        return lambda ids: tf.repeat(tf.cast(ids, tf.float32)[:, None], width, axis=1)

    with layer.reading([as_many(2), as_many(3)]):
        read = layer(inputs)
    np.testing.assert_array_equal(read["id"], [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(read["bag"], [[2, 2, 2], [0, 0, 0]])
    np.testing.assert_array_equal(read["other"], [[3, 3], [0, 0]])
    for name, value in layer(inputs).items():
        np.testing.assert_array_equal(value, trained[name])


def test_rows_of_the_trained_layer_are_read_again_after_a_failure():
    layer = PackedEmbedding([Table("a", 5, 3)], [Lookup("id", "a")])
    inputs = {"id": tf.constant([1, 4], tf.int64)}
    trained = layer(inputs)["id"]
    with pytest.raises(ZeroDivisionError), layer.reading([lambda ids: 1 / 0]):
        layer(inputs)
    np.testing.assert_array_equal(layer(inputs)["id"], trained)

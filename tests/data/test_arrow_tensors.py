"""Encoded tensors go into Arrow arrays and come back, all rows of them or some."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tfmtl.data.arrow_tensors import (
    Single,
    arrow_type,
    from_parts,
    parts_of,
    to_arrow,
    types_of_parts,
)
from tfmtl.data.packing import Packing

RAGGED = tf.ragged.constant
VALUES = {
    "ids": (tf.constant([5, -1, 7, 0], tf.int64), tf.TensorSpec([None], tf.int64)),
    "a number": (tf.constant([[1.5], [-2], [3], [0]]), tf.TensorSpec([None, 1], tf.float32)),
    "vectors": (tf.reshape(tf.range(12.0), [4, 3]), tf.TensorSpec([None, 3], tf.float32)),
    "bags": (
        RAGGED([[1, 2, 3], [], [-1], [4, 5]], tf.int64),
        tf.RaggedTensorSpec([None, None], tf.int64),
    ),
    "empty bags": (
        RAGGED([[], [], [], []], tf.int64, ragged_rank=1),
        tf.RaggedTensorSpec([None, None], tf.int64),
    ),
    "weights": (
        RAGGED([[0.5], [], [], [1.5, 2.5]], tf.float32),
        tf.RaggedTensorSpec([None, None], tf.float32),
    ),
    "steps of items": (
        RAGGED([[[1, 2], []], [], [[3]], [[4], [5, 6, 7]]], tf.int64, ragged_rank=2),
        tf.RaggedTensorSpec([None, None, None], tf.int64, ragged_rank=2),
    ),
    "steps of vectors": (
        RAGGED([[[1, 2]], [], [[3, 4], [5, 6]], [[7, 8]]], tf.float32, ragged_rank=1),
        tf.RaggedTensorSpec([None, None, 2], tf.float32, ragged_rank=1),
    ),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [1, 3], [1], [2, 2, 0]])
def test_rows_of_a_tensor_come_back_as_they_were(name, rows):
    value, spec = VALUES[name]
    parts = parts_of(to_arrow(value, arrow_type(spec)))
    taken = [tf.constant(part.take(tf.constant(rows).numpy())) for part in parts]
    assert [each.dtype for each in taken] == types_of_parts(arrow_type(spec))
    back = from_parts(taken, spec)
    assert spec.is_compatible_with(back)
    expected = tf.gather(value, rows)
    lists = [each.to_list() if isinstance(each, tf.RaggedTensor) else each.numpy().tolist()
             for each in (back, expected)]  # fmt: skip
    assert lists[0] == lists[1]


def test_a_slice_of_an_array_is_taken_from_its_own_rows():
    value, spec = VALUES["steps of items"]
    part = to_arrow(value, arrow_type(spec)).slice(2)
    taken = [tf.constant(each.take(tf.constant([1, 0]).numpy())) for each in parts_of(part)]
    assert from_parts(taken, spec).to_list() == [[[4], [5, 6, 7]], [[3]]]


def test_ids_are_as_wide_as_they_need():
    spec = tf.TensorSpec([None], tf.int64)
    assert arrow_type(spec, 2**31) == pa.int32()
    assert arrow_type(spec, 2**31 + 1) == arrow_type(spec) == pa.int64()


def test_numbers_of_a_type_are_taken_as_one_and_come_apart_again():
    whole, half = np.array([1, 2, 3], np.int32), np.array([0.5, 1.5, 2.5], np.float32)
    texts = np.array([b"a", b"b", b"c"], object)
    parts = [Single(each) for each in (whole, half, texts, whole * 10)]
    dtypes = [tf.int32, tf.float32, tf.string, tf.int32]
    packing = Packing(dtypes, [True, True, False, True])
    packed = packing.packed(parts)
    assert packing.dtypes == [tf.int32, tf.float32, tf.string]
    rows = np.array([2, 0])
    taken = [
        tf.constant(part.take(rows), its) for part, its in zip(packed, packing.dtypes, strict=True)
    ]
    read = [each.numpy().tolist() for each in packing.unpacked(taken)]
    assert read == [[3, 1], [2.5, 0.5], [b"c", b"a"], [30, 10]]

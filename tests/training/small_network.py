"""A model made by hand, smaller than a config would make it, with its batches."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import DataError
from tfmtl.layers import Lookup, PackedEmbedding, Table
from tfmtl.tasks import BinaryHead, SampleSpace, Task
from tfmtl.tasks.space import ColumnLabel
from tfmtl.training import MultiTaskModel


@tf.autograph.experimental.do_not_convert  # As `build_network` is.
def make_network(dropout=0.0, units=3):
    """Logits of two tasks: x and an embedding, through one dense layer of `units`; always equal."""
    keras.utils.set_random_seed(0)
    inputs = {
        "id": keras.Input([], dtype="int64", name="id"),
        "x": keras.Input([2], name="x"),
    }
    tables, lookups = [Table("id", rows=7, dim=4)], [Lookup("id", "id")]
    embedded = PackedEmbedding(tables, lookups, name="embeddings")({"id": inputs["id"]})["id"]
    hidden = keras.layers.Concatenate()([embedded, inputs["x"]])
    regularizer = keras.regularizers.L2(0.01)
    hidden = keras.layers.Dense(units, "tanh", kernel_regularizer=regularizer, name="bottom")(
        hidden
    )
    hidden = keras.layers.Dropout(dropout, name="dropout")(hidden)
    logits = {task: keras.layers.Dense(1, name=task)(hidden) for task in ("ctr", "cvr")}
    return keras.Model(inputs, logits)


def make_tasks():
    """`ctr` learns `click`; `cvr`, of weight 2, learns `buy`, which is not always known."""
    return [
        Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click"))),
        Task("cvr", BinaryHead(), SampleSpace(ColumnLabel("buy")), weight=2.0),
    ]


def make_model(**how):
    return MultiTaskModel(make_network(**how), make_tasks())


def make_batch(rows=5, seed=0):
    """Encoded features and targets; the purchase of the first row is not known."""
    generator = np.random.default_rng(seed)
    encoded = {
        "id": tf.constant(generator.integers(0, 7, rows)),
        "x": tf.constant(generator.normal(size=(rows, 2)).astype("float32")),
    }
    click, buy = generator.integers(0, 2, (2, rows)).astype("float32")
    buy[0] = np.nan
    return encoded, {"click": tf.constant(click), "buy": tf.constant(buy)}


class FakeBatches:
    """Batches that are there already; stands for `Batches` and its source."""

    def __init__(self, batches, batch_size=5):
        self.batches, self.batch_size, self.source = batches, batch_size, self

    def dataset(self, **how):
        spec = tf.nest.map_structure(
            lambda t: tf.TensorSpec([None, *t.shape[1:]], t.dtype), make_batch()
        )
        return tf.data.Dataset.from_generator(lambda: iter(self.batches), output_signature=spec)

    def read(self, dataset):
        return iter(dataset)

    def no_rows_error(self):
        return DataError("No rows.")

    def tell_skipped(self):
        pass  # There are none.

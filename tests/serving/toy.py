"""A model by hand with every kind of signature there may be, and versions of it and of others."""

import shutil

import numpy as np
import tensorflow as tf

from tfmtl.features import Columns
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.export import add_requests
from tfmtl.serving.manifest import manifest, write_manifest
from tfmtl.serving.signatures import Servable

ROWS = {
    "user": np.array([b"u1", b"u2", b"", b"u3", b"u4"], dtype=object),
    "price": np.array([1.0, 2.5, 10.0, 7.25, -3.0], dtype=np.float32),
}


def text(*shape, name):
    return tf.TensorSpec(shape, tf.string, name)


def number(*shape, name):
    return tf.TensorSpec(shape, tf.float32, name)


class Toy(tf.Module):
    """score = bias of the user's bucket + 0.1 * price."""

    def __init__(self):
        super().__init__()
        self.bias = tf.Variable(np.linspace(-1, 1, 7), dtype=tf.float32, name="bias")

    def score(self, user, price):
        bucket = tf.strings.to_hash_bucket_fast(user, 7)
        known = tf.where(tf.math.is_finite(price), price, 0.0)
        return tf.gather(self.bias, bucket) + 0.1 * known


def toy_servable(leak=False):
    """`serving_default` of rows, `rank` of a user and candidates, `examples`, and `classify`.

    Args:
        leak: Whether a candidate's score depends on the other candidates.
    """
    module = Toy()

    def serving_default(raw):
        return {"probs": tf.sigmoid(module.score(raw["user"], raw["price"]))}

    def rank(raw):
        scores = module.score(raw["user"][:, None], raw["price"])
        return {"probs": tf.nn.softmax(scores) if leak else tf.sigmoid(scores)}

    def parsed(serialized):
        features = {
            "user": tf.io.FixedLenFeature([], tf.string, ""),
            "price": tf.io.FixedLenFeature([], tf.float32, 0.0),
        }
        return tf.io.parse_example(serialized, features)

    def examples(raw):
        return serving_default(parsed(raw["examples"]))

    def classify(raw):
        scores = serving_default(parsed(raw["inputs"]))["probs"][:, None]
        classes = tf.broadcast_to(tf.constant([["probs"]]), tf.shape(scores))
        return {"scores": scores, "classes": classes}

    inputs = {
        "serving_default": {"user": text(None, name="user"), "price": number(None, name="price")},
        "rank": {"user": text(None, name="user"), "price": number(None, None, name="price")},
        "examples": {"examples": text(None, name="examples")},
        "classify": {"inputs": text(None, name="inputs")},
    }
    return servable(module, inputs, (serving_default, rank, examples, classify))


def servable(module, inputs, functions):
    """A servable of one function for each signature."""
    signatures = {
        name: tf.function(function, input_signature=[inputs[name]])
        for name, function in zip(inputs, functions, strict=True)
    }
    return Servable(module, inputs, signatures)


def write_version(model, folder, rows=None, unread=(), recorded_rows=0):
    """Writes what an export writes before it goes through the gate."""
    pipeline = Pipeline()
    tf.saved_model.save(model.module, str(folder), signatures=dict(model.signatures))
    add_requests(model, pipeline, "toy", ROWS if rows is None else rows, folder)
    told = manifest(folder, pipeline, Columns([], []), [], unread, recorded_rows=recorded_rows)
    write_manifest(folder, told)
    return folder


def copied(folder, target):
    """A copy that may be broken."""
    return shutil.copytree(folder, target)

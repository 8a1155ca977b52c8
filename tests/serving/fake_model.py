"""A model that is no SavedModel: its signatures are made by hand, and NumPy answers."""

import socket
import time

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfmtl.serving.server.metrics import Metrics
from tfmtl.serving.server.models import Models
from tfmtl.serving.server.service import Service
from tfmtl.serving.server.version import Retries

PATIENCE = 120.0  # Seconds for what others do: who waits so long waits for nothing.

TEXT, FLOAT, INT, BOOL = tf.string, tf.float32, tf.int32, tf.bool


def signature(inputs, outputs):
    """A SignatureDef of types and shapes by name, where -1 is any length."""
    made = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
    for side, tensors in ((made.inputs, inputs), (made.outputs, outputs)):
        for name, (dtype, *shape) in tensors.items():
            side[name].name = f"{name}:0"
            side[name].dtype = dtype.as_datatype_enum
            side[name].tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return made


ANY = None
ROWS = {"user": (TEXT, ANY), "price": (FLOAT, ANY), "level": (INT, ANY)}
SIGNATURES = {
    "serving_default": signature(ROWS, {"probs": (FLOAT, ANY), "name": (TEXT, ANY)}),
    "one": signature({"x": (FLOAT, ANY, ANY)}, {"sum": (FLOAT, ANY)}),
    "texts": signature({"text": (TEXT, ANY)}, {"copy": (TEXT, ANY), "copy_bytes": (TEXT, ANY)}),
    "kinds": signature({"flag": (BOOL, ANY), "half": (tf.float16, ANY)}, {"flag": (BOOL, ANY)}),
    "broken": signature({"x": (FLOAT, ANY, ANY)}, {"lost": (FLOAT, ANY)}),
    "classify": signature(
        {"inputs": (TEXT, ANY)}, {"classes": (TEXT, ANY, ANY), "scores": (FLOAT, ANY, ANY)}
    ),
    "scores": signature({"inputs": (TEXT, ANY)}, {"scores": (FLOAT, ANY, ANY)}),
    "regress": signature({"inputs": (TEXT, ANY)}, {"outputs": (FLOAT, ANY)}),
}


class FakeModel:
    """probs = price / 10 + level; sum = the sum of a row of x; classify tells prices of Examples.

    Args:
        shift: What is added to `probs`.
    """

    signatures = SIGNATURES

    def __init__(self, shift=0.0):
        self.shift = shift
        self.closed = False
        self.timeouts = []

    def run(self, feeds, fetches, timeout=None):
        assert not self.closed
        self.timeouts.append(timeout)
        answers = dict(self._answers({name.removesuffix(":0"): v for name, v in feeds.items()}))
        return [answers[name.removesuffix(":0")] for name in fetches]

    def close(self):
        self.closed = True

    def _answers(self, fed):
        if "user" in fed:
            yield "probs", (fed["price"] / 10 + fed["level"] + self.shift).astype(np.float32)
            yield "name", fed["user"]
        if "x" in fed:
            yield "sum", fed["x"].sum(axis=1)
            if len(fed["x"]) == 13:
                raise tf.errors.OutOfRangeError(None, None, "thirteen rows")
        if "text" in fed:
            yield "copy", fed["text"]
            yield "copy_bytes", fed["text"]
        if "inputs" in fed:
            prices = np.array([price_of(each) for each in fed["inputs"]], np.float32)
            yield "classes", np.array([[b"cheap", b"dear"]] * len(prices), object)
            yield "scores", np.stack([prices / 2, prices * 2], axis=1)
            yield "outputs", prices


def price_of(serialized):
    """The price in a serialized Example, as a graph would parse it."""
    feature = tf.train.Example.FromString(serialized).features.feature["price"]
    if feature.WhichOneof("kind") != "float_list":
        raise tf.errors.InvalidArgumentError(None, None, "Key: price. Data types don't match.")
    return feature.float_list.value[0]


def config_text(base, **more):
    """A ModelConfig of the model `m`, with further fields as text."""
    extra = " ".join(more.values())
    return f'config {{ name: "m" base_path: "{base}" model_platform: "tensorflow" {extra} }}'


def model_config(*models):
    """A ModelServerConfig of texts of ModelConfig."""
    return text_format.Parse(f"model_config_list {{ {' '.join(models)} }}", ModelServerConfig())


def served(base, load=lambda folder: FakeModel(), wait=0.0, count=5, labels_may_wait=False, **more):
    """Models of one model `m` in a folder."""
    models = Models(load, Retries(count, wait), labels_may_wait)
    models.configure(model_config(config_text(base, **more)))
    return models


def service_of(base, model=None, as_content=False):
    """A service of one model `m`, version 7, and what it counts."""
    (base / "7").mkdir(parents=True)
    metrics = Metrics()
    models = served(base, lambda folder: model or FakeModel())
    return Service(models, metrics, as_content), metrics


def spec(name="m", version=None, label="", signature_name=""):
    """Whom to ask."""
    made = ModelSpec(name=name, signature_name=signature_name)
    if version is not None:
        made.version.value = version
    if label:
        made.version_label = label
    return made


_kept = []  # Sockets, until the process ends.


def free_port():
    """A port that nobody listens on, or is given by the system, but who asks for this very one."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _kept.append(probe)
    return probe.getsockname()[1]


def wait_for(condition):
    """Waits for what another thread or process does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "It does not happen."
        time.sleep(0.01)

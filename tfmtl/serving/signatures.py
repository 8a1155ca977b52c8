"""What a server sees of a model: named raw columns in, named predictions out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.config.score import SCORE
from tfmtl.errors import ExportError
from tfmtl.features import Columns
from tfmtl.tasks import Score, Task, answers_of

SERVING_DEFAULT = "serving_default"
WITH_WEIGHTS = "with_weights"

# What TensorFlow accepts as the name of a signature's input; `self` is an argument of its own.
_NAME = re.compile(r"(?!self$)[A-Za-z0-9.][A-Za-z0-9_./-]*")


@dataclasses.dataclass(frozen=True)
class Servable:
    """What `tf.saved_model.save` takes.

    Args:
        module: Holds what the graph needs, the encoder's tables and the network's weights, and
            nothing of Keras: no layers, no optimizer slots, no metrics.
        inputs: What each signature takes, by its name.
        signatures: Functions of those inputs, by the signature's name.
    """

    module: tf.Module
    inputs: Mapping[str, Mapping[str, tf.TensorSpec]]
    signatures: Mapping[str, Callable[..., Any]]


def build_servable(
    columns: Columns,
    network: keras.Model,
    tasks: Sequence[Task],
    unread: Mapping[str, tf.TensorSpec] | None = None,
    score: Score | None = None,
) -> Servable:
    """Joins the very encoder, network and tasks that were trained to signatures.

    `serving_default` takes raw columns. If the score has weights, `with_weights` takes them as
    well; a server knows no input that may be left out.

    Args:
        columns: The encoder.
        network: Encoded features in, `{task: logits}` out.
        tasks: Make predictions of the logits.
        unread: Further inputs to declare, which the model does not read.
        score: Makes one number of the predictions, if there is one.
    """
    inputs = {**columns.raw_signature(), **_columns_of(score), **(unread or {})}
    check_input_names(inputs)
    _check_output_names(tasks)
    module = tf.Module(name="serving")
    module.columns = columns
    of_losses = {variable.ref() for task in tasks for variable in task.variables}
    module.weights = [weight for weight in network.weights if weight.ref() not in of_losses]

    # The network is in this closure alone: an attribute of the module would be saved with it.
    def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        logits = network(columns.encode(raw), training=False)
        predictions = [task.predictions(logits[task.name]) for task in tasks]
        if score is not None:
            predictions.append({SCORE: score(answers_of(tasks, logits), raw, raw)})
        return {name: _as_served(value) for each in predictions for name, value in each.items()}

    takes = {SERVING_DEFAULT: inputs}
    if score is not None and score.weights:
        takes[WITH_WEIGHTS] = {**inputs, **score.weight_signature()}
    functions = {
        name: tf.function(serving_default, input_signature=[specs]) for name, specs in takes.items()
    }
    return Servable(module, takes, functions)


def check_input_names(inputs: Iterable[str]) -> None:
    """Raises if a column cannot be an input of a SavedModel.

    Raises:
        ExportError: With the column's name.
    """
    for name in inputs:
        if not _NAME.fullmatch(name):
            raise ExportError(
                "An input of the exported model has the name of its column, which should "
                "be ASCII letters, digits and `_ . / -`, begin with a letter or digit, and not be "
                f"`self`. Received: {name!r}. Rename it in the data and in `data_config`."
            )


def _columns_of(score: Score | None) -> dict[str, tf.TensorSpec]:
    return {} if score is None else score.raw_signature()


def _check_output_names(tasks: Sequence[Task]) -> None:
    served: set[str] = set()
    for task in tasks:
        names = task.predictions(tf.zeros((1, task.units))).keys()
        if twice := sorted(names & served):
            raise ExportError(
                "Every output should have a name of its own. "
                f"Received: `{twice[0]}` a second time, from task `{task.name}`. Rename the task."
            )
        served |= names


def _as_served(value: tf.Tensor) -> tf.Tensor:
    """TensorFlow Serving's REST interface knows no half precision."""
    return tf.cast(value, tf.float32) if value.dtype.is_floating else value

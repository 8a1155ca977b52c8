"""What a server sees of a model: inputs by name in, named predictions out, in several forms.

serving_default     raw columns, a row each
with_weights        the same, and the weights of the score's expression
rank                users with many candidates each, see `ranking`
rank_with_weights   the same, and the weights, once a user
joined              rows as one text each, see `joined_inputs`
examples            rows as serialized `tf.train.Example`s, in one input `inputs`
classify            the same, answered as Classify requests want it: events and probabilities
regress             the same, answered as Regress requests want it: one number a row
embeddings          raw columns of which vectors are made, answered with these, see `vectors`
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import ExportError
from tfmtl.features import Columns
from tfmtl.features.column import Column
from tfmtl.serving.answers import Answers
from tfmtl.serving.embedding_storage import FLOAT32, EmbeddingStorage, StoredEmbeddings
from tfmtl.serving.equal_rows import of_equal_shape
from tfmtl.serving.example_inputs import EXAMPLE_SPECS, INPUT, parse_examples
from tfmtl.serving.joined_inputs import FEATURES, JOINED, JOINED_SPECS, JoinedCells
from tfmtl.serving.ranking import Ranker
from tfmtl.serving.vectors import Vectors
from tfmtl.tasks import Score, Task

SERVING_DEFAULT = "serving_default"
WITH_WEIGHTS = "with_weights"
RANK = "rank"
RANK_WITH_WEIGHTS = "rank_with_weights"
EXAMPLES = "examples"
CLASSIFY = "classify"
REGRESS = "regress"
EMBEDDINGS = "embeddings"

Tensors: TypeAlias = dict[str, tf.Tensor]
Function: TypeAlias = Callable[[Tensors], Tensors]
Specs: TypeAlias = Mapping[str, tf.TensorSpec]

_BYTES_OF_REST = "b64"
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
        joined: How rows are texts, if there is the signature `joined`.
    """

    module: tf.Module
    inputs: Mapping[str, Specs]
    signatures: Mapping[str, Function]
    joined: JoinedCells | None = None


def build_servable(
    columns: Columns,
    network: keras.Model,
    tasks: Sequence[Task],
    unread: Iterable[Column] = (),
    score: Score | None = None,
    user_columns: Collection[str] = (),
    storage: EmbeddingStorage = FLOAT32,
    vectors: Sequence[str] = (),
    joined: JoinedCells | None = None,
) -> Servable:
    """Joins the very encoder, network and tasks that were trained to signatures.

    Signatures with weights are there if the score has weights: a server knows no input that may be
    left out. `rank` is there if there are columns of the user.

    Args:
        columns: The encoder.
        network: Encoded features in, `{task: logits}` out.
        tasks: Make predictions of the logits.
        unread: Further columns to declare, which the model does not read.
        score: Makes one number of the predictions, if there is one.
        user_columns: Columns with one value for all of a user's candidates.
        storage: How the embedding tables are stored.
        vectors: Names of feature groups or layers whose vectors are served, too.
        joined: How rows are texts, if they are to be served as such, too.
    """
    stored = StoredEmbeddings(network, storage)
    model = _Model(columns, network, Answers(tasks, score), unread)
    check_input_names(model.inputs)
    module = tf.Module(name="serving")
    module.columns = columns
    module.embeddings = stored
    of_losses = [variable for task in tasks for variable in task.variables]
    not_served = {variable.ref() for variable in [*of_losses, *stored.trained]}
    module.weights = [weight for weight in network.weights if weight.ref() not in not_served]
    forms = {**model.of_rows(), **model.of_examples()}
    if user_columns:
        forms |= model.of_users(Ranker(columns, network, user_columns))
    if joined:
        forms |= model.of_texts(joined)
    if vectors:
        forms[EMBEDDINGS] = _embeddings(columns, Vectors(network, vectors))
    functions = {
        name: _graph(stored.read_by(form.function), form.inputs) for name, form in forms.items()
    }
    inputs = {name: form.inputs for name, form in forms.items()}
    return Servable(module, inputs, functions, joined)


def _graph(function: Function, inputs: Specs) -> Function:
    # Autograph would look for loops to convert, for seconds, and there are none.
    unconverted = tf.autograph.experimental.do_not_convert(function)
    return tf.function(unconverted, input_signature=[inputs])


class _Form(NamedTuple):
    """One way to ask a model: what it takes, and what answers."""

    inputs: Specs
    function: Function


class _Model:
    """Makes the signatures' functions.

    The network stays in their closures: an attribute of the module would be saved with it.
    """

    def __init__(
        self, columns: Columns, network: keras.Model, answers: Answers, unread: Iterable[Column]
    ) -> None:
        self._answers = answers
        read = {column.name: column for column in [*columns.read_columns, *answers.columns]}
        self._read = list(read.values())
        others = {column.name: column for column in unread}
        self.inputs = {name: column.spec for name, column in {**others, **read}.items()}

        def logits(raw: Tensors) -> Tensors:
            return network(columns.encode(raw), training=False)

        # A function of its own, so that it is one part of the graph, whoever calls it.
        self._logits = _graph(logits, columns.raw_signature())
        self._reads = columns.raw_columns

    def of_rows(self) -> dict[str, _Form]:
        """Raw columns, a row each."""
        return self._weighted(SERVING_DEFAULT, WITH_WEIGHTS, _Form(self.inputs, self._of_rows))

    def of_examples(self) -> dict[str, _Form]:
        """Rows as serialized Examples."""
        answers = self._answers
        forms = {EXAMPLES: lambda served: served}
        if answers.events:
            forms[CLASSIFY] = answers.classes
        if answers.number:
            forms[REGRESS] = lambda served: {"outputs": served[answers.number]}
        return {name: _Form(EXAMPLE_SPECS, self._parsing(form)) for name, form in forms.items()}

    def of_texts(self, joined: JoinedCells) -> dict[str, _Form]:
        """Rows as one text each."""

        def of_texts(inputs: Tensors) -> Tensors:
            return self._predictions(joined.split(inputs[FEATURES], self._read))

        return {JOINED: _Form(JOINED_SPECS, of_texts)}

    def of_users(self, ranker: Ranker) -> dict[str, _Form]:
        """Users with many candidates each."""
        inputs = ranker.inputs(self._read)

        def rank(raw: Tensors) -> Tensors:
            users, items, grid = ranker.rows(raw)
            served = self._answers.predictions(
                ranker.logits(users, items, grid), ranker.by_item(users, items, grid)
            )
            return {name: grid.by_user(value) for name, value in served.items()}

        return self._weighted(RANK, RANK_WITH_WEIGHTS, _Form(inputs, rank))

    def _weighted(self, name: str, with_weights: str, form: _Form) -> dict[str, _Form]:
        """A form, and the same by another name with the weights of the score, if it has any."""
        weights = self._answers.weights
        if not weights:
            return {name: form}
        return {name: form, with_weights: form._replace(inputs={**form.inputs, **weights})}

    def _of_rows(self, raw: Tensors) -> Tensors:
        # Not the weights of a score, of which one may be for all.
        columns = of_equal_shape({name: raw[name] for name in self.inputs})
        return self._predictions({**raw, **columns})

    def _predictions(self, raw: Tensors) -> Tensors:
        read = {name: raw[name] for name in self._reads}
        return self._answers.predictions(self._logits(read), raw)

    def _parsing(self, form: Function) -> Function:
        return lambda inputs: form(self._predictions(parse_examples(inputs[INPUT], self._read)))


def _embeddings(columns: Columns, vectors: Vectors) -> _Form:
    """Vectors by name, of the features that they are made of."""
    features = [
        each
        for each in columns.features.values()
        if not set(vectors.reads).isdisjoint(each.encoded_signature())
    ]
    names = [each.name for each in features]
    inputs = {column.name: column.spec for each in features for column in each.columns}

    def embeddings(raw: Tensors) -> Tensors:
        made = vectors(columns.encode_some(of_equal_shape(raw), names), training=False)
        return {f"embedding_{name}": tf.cast(value, tf.float32) for name, value in made.items()}

    return _Form(inputs, embeddings)


def check_input_names(inputs: Iterable[str]) -> None:
    """Raises if a column cannot be an input of a SavedModel.

    Raises:
        ExportError: With the column's name.
    """
    names = set(inputs)
    if names == {_BYTES_OF_REST}:
        raise ExportError(
            f"The one input of the exported model should not be called `{_BYTES_OF_REST}`, which "
            "means bytes over REST. Rename it in the data and in `data_config`."
        )
    for name in sorted(names):
        if not _NAME.fullmatch(name):
            raise ExportError(
                "An input of the exported model has the name of its column, which should "
                "be ASCII letters, digits and `_ . / -`, begin with a letter or digit, and not be "
                f"`self`. Received: {name!r}. Rename it in the data and in `data_config`."
            )

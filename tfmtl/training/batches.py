"""Batches of a source, as the model takes them: encoded features and targets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from tfmtl.data import Source, translate_errors
from tfmtl.errors import DataError
from tfmtl.features.feature import Encoded, Raw
from tfmtl.training.objective import Batch


class Encoder(Protocol):
    """What turns rows of a source into encoded features, as `Columns` does."""

    def encode(self, raw: Raw, strict: bool) -> Encoded:
        """The features of a batch; see `Columns.encode`."""

    def problems(self, raw: Raw) -> list[tuple[int, str]]:
        """What in a batch cannot be encoded; see `Columns.problems`."""


class Batches:
    """Reads a source in batches.

    Args:
        source: Where the rows come from.
        columns: Encode the features.
        targets: The raw columns that tasks read.
        batch_size: Rows in a batch.
        strict: Whether a cell that its feature cannot read is an error. Otherwise the feature
            makes of it what a served model would.
    """

    def __init__(
        self,
        source: Source,
        columns: Encoder,
        targets: Sequence[str],
        batch_size: int,
        strict: bool = True,
    ) -> None:
        self.source = source
        self.batch_size = batch_size
        self._columns = columns
        self._targets = list(targets)
        self._strict = strict

    def dataset(self, **how: Any) -> tf.data.Dataset:
        """A dataset of batches; its arguments are those of `Source.dataset`."""
        return self.source.dataset(self.batch_size, transform=self._encode, **how)

    def read(self, dataset: tf.data.Dataset) -> Iterator[Batch]:
        """Goes through a dataset once.

        Raises:
            DataError: At a row or a cell that cannot be read.
        """
        iterator = iter(dataset)
        while True:
            batch = self._next(iterator)
            if batch is None:
                return
            yield batch

    def _next(self, iterator: Iterator[Batch]) -> Batch | None:
        try:
            with translate_errors(self.source):
                return next(iterator, None)
        except tf.errors.InvalidArgumentError as riddle:
            error = self._malformed_cell()
            if error is None:
                raise
            raise error from riddle

    @tf.autograph.experimental.do_not_convert  # There is nothing to, and it takes a second.
    def _encode(self, raw: Mapping[str, tf.Tensor]) -> Batch:
        encoded = self._columns.encode(raw, strict=self._strict)
        return encoded, {name: raw[name] for name in self._targets}

    def _malformed_cell(self) -> DataError | None:
        """Looks through the data for the first cell that its feature cannot read."""
        for number, raw in enumerate(self.source.dataset(self.batch_size, sampled=False)):
            found = self._columns.problems(raw)
            if found:
                first = number * self.batch_size
                told = [f"{self.source.place(first + row)}: {text}" for row, text in found]
                return DataError("\n".join(told))
        return None


def first_rows(batches: Batches, num_examples: int) -> tf.data.Dataset:
    """The batches of so many first rows, rounded up to whole batches; of all rows for 0."""
    return batches.dataset().take(math.ceil(num_examples / batches.batch_size) or -1)


def step_function(step: Callable[[Batch], Any], spec: Any) -> Callable[[Batch], Any]:
    """A graph of a step, made once for batches of every size, to be run on each replica.

    Args:
        step: What to do with a batch.
        spec: The dataset's `element_spec`.
    """
    strategy = tf.distribute.get_strategy()

    # Autograph would look for loops to convert, for seconds, and there are none; Keras asks it to
    # for every layer of ours, unless it is forbidden.
    @tf.function(input_signature=[spec], autograph=False)
    @tf.autograph.experimental.do_not_convert
    def run(batch: Batch) -> Any:
        return strategy.run(step, args=(batch,))

    # TensorFlow would warn of the fifth training of a process, though each has one graph.
    run._omit_frequent_tracing_warning = True
    return run

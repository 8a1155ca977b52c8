"""What every source of rows has in common."""

from __future__ import annotations

import abc
import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tfmtl.data.columns import Column
from tfmtl.errors import DataError
from tfmtl.protos import dataset_pb2

Rows = dict[str, tf.Tensor]

_RIDDLES = (
    tf.errors.InvalidArgumentError,
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    # A message that quotes a cell which is no UTF-8 cannot become an exception in Python.
    UnicodeDecodeError,
)


class Source(abc.ABC):
    """A place that rows are read from.

    Args:
        data_config: How to read it.
        columns: The columns to read.
    """

    def __init__(self, data_config: dataset_pb2.DatasetConfig, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self._config = data_config

    def dataset(
        self,
        batch_size: int,
        *,
        shuffle: bool = False,
        epochs: int | None = 1,
        seed: int = 0,
        skip_rows: int = 0,
        transform: Callable[[Rows], Any] | None = None,
    ) -> tf.data.Dataset:
        """Reads the rows in batches; a new dataset starts again at the first.

        The same arguments give the same batches, as long as `tf.random.set_seed` was given the
        same too. Batches run across the ends of epochs, and only the last may be smaller. Make a
        new dataset for each pass: iterating over a shuffled one again goes on with other orders.

        Args:
            batch_size: Rows in a batch.
            shuffle: Whether to mix the rows, anew in every epoch. Otherwise they come in the order
                of the data.
            epochs: Times to read the data. None reads it again and again.
            seed: Decides the orders.
            skip_rows: Rows to leave out at the start; the later batches are those that come
                without it, if it is a multiple of `batch_size`.
            transform: Turns a batch into something else, at the same time as others are parsed.

        Returns:
            A dataset of `{column: (batch,)}`, or of what `transform` makes of it.
        """
        rows = self._read(shuffle, seed).repeat(epochs).skip(skip_rows).batch(batch_size)

        def parse(*batch: tf.Tensor) -> Any:
            decoded = self._decode(*batch)
            return decoded if transform is None else transform(decoded)

        batches = rows.map(parse, num_parallel_calls=self._parallel_calls, deterministic=True)
        return batches.prefetch(self._config.prefetch_size or tf.data.AUTOTUNE)

    @property
    @abc.abstractmethod
    def skipped_rows(self) -> int:
        """Bad rows left out so far, which `bad_rows: SKIP` allows; once for every time read."""

    @abc.abstractmethod
    def place(self, row: int) -> str:
        """Where a row stands, for messages: file and line.

        Args:
            row: Its number, from 0, in the order of the data. Bad rows count, too.
        """

    @abc.abstractmethod
    def bad_row_error(self) -> DataError | None:
        """Looks through the data for the first bad row, which takes a while, and tells of it."""

    def find_failure(self) -> DataError | None:
        """Looks for what in the data made reading fail. Rows that are left out cannot."""
        return self.bad_row_error()

    def no_rows_error(self) -> DataError:
        """Says why there was no row to read."""
        first = self.bad_row_error()
        if first is None:
            return DataError("The data has no rows any more.")
        return DataError(f"Every row was left out as bad. The first: {first}")

    @abc.abstractmethod
    def _read(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        """The rows of one epoch, one by one, mixed anew each time it is read again."""

    @abc.abstractmethod
    def _decode(self, *batch: tf.Tensor) -> Rows:
        """Turns a batch of what `_read` gives into columns, `(batch,)`."""

    @property
    def _parallel_calls(self) -> int:
        # More calls than cores only hold more batches in memory.
        return max(1, min(self._config.num_parallel_calls, os.cpu_count() or 1))


@contextlib.contextmanager
def translate_errors(source: Source) -> Iterator[None]:
    """Turns TensorFlow's riddle about a bad row into a `DataError` that names the row.

    Example:
        >>> with translate_errors(source):
        ...     for batch in source.dataset(batch_size=32):
        ...         train(batch)
    """
    try:
        yield
    except _RIDDLES as riddle:
        error = source.find_failure()
        if error is None:
            raise
        raise error from riddle

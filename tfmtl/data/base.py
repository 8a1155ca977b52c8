"""What every source of rows has in common."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import logging
import os
from collections.abc import Callable, Collection, Iterator
from typing import Any

import tensorflow as tf

from tfmtl.data import complaints
from tfmtl.data.columns import Column
from tfmtl.data.samplers import Sampler
from tfmtl.errors import DataError
from tfmtl.layers.column_functions import COLUMN_FUNCTIONS
from tfmtl.protos import dataset_pb2

Rows = dict[str, tf.Tensor]

_log = logging.getLogger(__name__)

# Rows that are looked at together where some are left out, copied or searched for.
CHUNK = 256

_RIDDLES = (
    tf.errors.InvalidArgumentError,
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    # What code in Python raises inside of a dataset, such as a `DataError` of a damaged file.
    tf.errors.UnknownError,
    # A message that quotes a cell which is no UTF-8 cannot become an exception in Python.
    UnicodeDecodeError,
)


@dataclasses.dataclass(frozen=True)
class Course:
    """How rows are gone through; `Source.dataset` tells of each."""

    batch_size: int
    shuffle: bool
    epochs: int | None
    seed: int
    skip_rows: int
    drop_remainder: bool


class Source(abc.ABC):
    """A place that rows are read from.

    Args:
        data_config: How to read it.
        columns: The columns to read.
        sampler: Decides how often a row appears. None lets each appear once.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        columns: tuple[Column, ...],
        sampler: Sampler | None = None,
    ) -> None:
        self.columns = columns
        self._config = data_config
        self._sampler = sampler
        self._skips_bad_rows = data_config.bad_rows == dataset_pb2.DatasetConfig.SKIP
        with tf.device("CPU:0"):  # Where tf.data runs.
            self._skipped = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._told_skipped = 0

    def dataset(
        self,
        batch_size: int,
        *,
        shuffle: bool = False,
        epochs: int | None = 1,
        seed: int = 0,
        skip_rows: int = 0,
        sampled: bool = True,
        drop_remainder: bool = False,
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
            skip_rows: Rows to leave out at the start. The later ones are those that come without
                it; so are the batches, if it is a multiple of `batch_size`.
            sampled: Whether rows appear as often as the sampler says. Otherwise each appears once.
            drop_remainder: Whether a last, smaller batch is left out.
            transform: Turns a batch into something else, at the same time as others are parsed.

        Returns:
            A dataset of `{column: (batch,)}`, or of what `transform` makes of it.
        """
        sampler = self._sampler if sampled else None
        course = Course(batch_size, shuffle, epochs, seed, skip_rows, drop_remainder)
        # Autograph would look for loops to convert, for a second, and there are none.
        unconverted = tf.autograph.experimental.do_not_convert
        rows = unconverted(self._batches)(sampler, course)

        @unconverted
        def parse(*batch: tf.Tensor) -> Any:
            decoded = self._finished(self._parse(*batch))
            return decoded if transform is None else transform(decoded)

        batches = rows.map(parse, num_parallel_calls=self._parallel_calls, deterministic=True)
        return batches.prefetch(self._config.prefetch_size or tf.data.AUTOTUNE)

    @property
    def skipped_rows(self) -> int:
        """Bad rows left out so far, which `bad_rows: SKIP` allows; once for every time read."""
        return int(self._skipped)

    def tell_skipped(self) -> None:
        """Warns of the bad rows that were left out since it last did, if there are any."""
        untold = self.skipped_rows - self._told_skipped
        self._told_skipped += untold
        if untold:
            _log.warning("%d bad rows were left out.", untold)

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
        if not self._skips_bad_rows:
            return self.bad_row_error()
        try:
            self._read_through()
        except DataError as damage:
            return damage
        return None

    def sampling_error(self) -> DataError | None:
        """Looks for the first row that the sampler could not judge, and tells of it."""
        if self._sampler is None or self._skips_bad_rows:
            return None
        for number, batch in enumerate(self._read(shuffle=False, seed=0).batch(CHUNK)):
            problem = self._sampler.first_problem(self._judged(self._sampler, batch))
            if problem:
                row, text = problem
                return DataError(f"{self.place(number * CHUNK + row)}: {text} {complaints.FIX}")
        return None

    def no_rows_error(self) -> DataError:
        """Says why there was no row to read."""
        first = self.bad_row_error()
        if self._sampler is not None:
            kind = self._config.WhichOneof("sampling")
            told = f"No row was left by `data_config.{kind}`, which takes {self._sampler}."
            return DataError(f"{told} Others were bad. The first: {first}" if first else told)
        if first is None and self._config.drop_remainder:
            rule = "should have the rows of a batch at least, where `data_config.drop_remainder` is"
            return DataError(
                f"The data {rule} true. Received: fewer than {self._config.batch_size:,}. Set it "
                "to false, or `data_config.batch_size` to less."
            )
        if first is None:
            return DataError("The data has no rows any more.")
        return DataError(f"Every row was left out as bad. The first: {first}")

    @abc.abstractmethod
    def _read(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        """The rows, one by one; if shuffled in an order of files that is new in every epoch."""

    @abc.abstractmethod
    def _read_through(self) -> None:
        """Reads all of the data, whatever its rows hold; raises a `DataError` if it is damaged."""

    @abc.abstractmethod
    def _buffer_size(self, sampler: Sampler | None) -> int:
        """Rows that a shuffle mixes at a time."""

    @abc.abstractmethod
    def _decode(self, names: Collection[str], *batch: tf.Tensor) -> Rows:
        """Turns a batch of what `_read` gives into some of the columns, `(batch,)`."""

    def _buffer_of(self, most_rows: int, sampler: Sampler | None) -> int:
        """The buffer that the config asks for, but no larger than the data, of so many rows."""
        # TensorFlow allocates all of it at once, and dies of one that is too large.
        copies = sampler.most_copies if sampler else 1
        return min(self._config.shuffle_buffer_size, most_rows * copies)

    def _parse(self, *batch: tf.Tensor) -> Rows:
        """Turns a batch of what `_read` gives into all of the columns."""
        return self._decode([column.name for column in self.columns], *batch)

    def _batches(self, sampler: Sampler | None, course: Course) -> tf.data.Dataset:
        """What `_read` gives, in batches."""
        rows = self._epoch(sampler, course.shuffle, course.seed).repeat(course.epochs)
        return rows.skip(course.skip_rows).batch(course.batch_size, course.drop_remainder)

    def _epoch(self, sampler: Sampler | None, shuffle: bool, seed: int) -> tf.data.Dataset:
        """The rows of one epoch, mixed anew each time it is read again."""
        rows = self._read(shuffle, seed)
        if sampler is not None:
            rows = self._sample(sampler, rows, seed)
        if shuffle:
            rows = rows.shuffle(max(1, self._buffer_size(sampler)), seed=seed)
        return rows

    def _sample(self, sampler: Sampler, rows: tf.data.Dataset, seed: int) -> tf.data.Dataset:
        """The rows as often as the sampler says; before the shuffle, which parts the copies."""
        seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)

        def copy(batch: Any, seed: tf.Tensor) -> Any:
            judged = self._judged(sampler, batch)
            draws = tf.random.stateless_uniform(tf.shape(judged[sampler.label]), [seed, 0])
            copies = sampler.copies(judged, draws) * self._take_good(sampler.is_good(judged))
            return tf.nest.map_structure(lambda cells: tf.repeat(cells, copies), batch)

        chunks = tf.data.Dataset.zip((rows.batch(CHUNK), seeds))
        copied = chunks.map(copy, num_parallel_calls=self._parallel_calls, deterministic=True)
        return copied.unbatch()

    def _judged(self, sampler: Sampler, batch: Any) -> Rows:
        """The columns of a batch that a sampler reads."""
        return self._finished(self._decode(sampler.columns, *tf.nest.flatten(batch)))

    def _finished(self, rows: Rows) -> Rows:
        """The columns with the functions of labels applied."""
        functions = {
            column.name: COLUMN_FUNCTIONS[column.function]
            for column in self.columns
            if column.function
        }
        return {
            name: functions[name](values) if name in functions else values
            for name, values in rows.items()
        }

    def _take_good(self, good: tf.Tensor) -> tf.Tensor:
        """1 for a good row. Others are left out and counted, or an error, as `bad_rows` says."""
        if self._skips_bad_rows:
            self._skipped.assign_add(tf.math.count_nonzero(~good))
        else:
            # tf.data raises it as an InvalidArgumentError, as the parser of a row does.
            tf.debugging.Assert(tf.reduce_all(good), ["A row is none that the sampler can judge."])
        return tf.cast(good, tf.int32)

    @property
    def _parallel_calls(self) -> int:
        # More calls than cores only hold more batches in memory.
        return max(1, min(self._config.num_parallel_calls, os.cpu_count() or 1))


def rebatched(pieces: tf.data.Dataset, course: Course) -> tf.data.Dataset:
    """The rows of an epoch, numbers in pieces of any size, as the batches of a course."""
    rows = pieces.repeat(course.epochs)
    if course.skip_rows:
        rows = rows.scan(tf.constant(course.skip_rows, tf.int64), _skip)
    return rows.rebatch(course.batch_size, drop_remainder=course.drop_remainder)


def _skip(left: tf.Tensor, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Skips as much of a piece as is left to be skipped."""
    size = tf.size(numbers, tf.int64)
    # No slice, which shares memory: `rebatch` would log a complaint about it.
    return tf.maximum(left - size, 0), tf.boolean_mask(numbers, tf.range(size) >= left)


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
        error = source.find_failure() or source.sampling_error()
        if error is None:
            raise
        raise error from riddle

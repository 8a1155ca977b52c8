"""One number or a vector of numbers a row, plain, projected or binned."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.config import column_function, feature_name
from tfmtl.errors import ConfigError
from tfmtl.features.bins import Bins, edges_of, no_number
from tfmtl.features.column import Column
from tfmtl.features.conversion import as_numbers
from tfmtl.features.embedding import Embedding
from tfmtl.features.feature import BAGS, IDS, Encoded, Feature, Raw
from tfmtl.features.parts import Parts
from tfmtl.features.scaling import Scaling
from tfmtl.features.splitting import split_places
from tfmtl.layers.column_functions import COLUMN_FUNCTIONS
from tfmtl.layers.pooled_steps import pooled
from tfmtl.protos.feature_pb2 import FeatureConfig


class RawFeature(Feature):
    """Numbers, float32 `(batch, size)`, or the ids of their bins, int64 `(batch,)`.

        x' = (t(x) - center) / scale            if they are scaled
        id = how many edges are ≤ x'            with edges; n edges make n + 1 bins

    A value is missing if it is an empty text, text that is no number, NaN, or without edges an
    infinity. It then is the column's default or 0, within a vector always 0.

    A vector is text with separators; a short one is filled up with 0, a long one is cut. Binned, it
    is a bag of ids, ragged `(batch, size)`, with bins of its own for each place. A list of vectors
    becomes one, place by place; empty ones do not count.

    Args:
        name: Its name.
        column: The column it reads.
        embedding: How its bins are embedded, or without bins how wide its projection is. Width 0
            means plain numbers.
        size: How many numbers a row has.
        separator: What stands between the numbers of a vector.
        scaling: How numbers are scaled; by default they stay as they are.
        edges: Ascending edges of bins. A value on an edge belongs to the bin above it.
        combiner: How the embeddings of a vector's bins become one: "sum", "mean" or "sqrtn".
        list_separator: What stands between vectors, as a whole; "" if a row has one.
        pooling: How several vectors become one: "sum", "mean", "max" or "min".
        function: A function of `COLUMN_FUNCTIONS` for the numbers, once they are scaled and before
            their bins; what has no finite value becomes 0. "" for none.
    """

    def __init__(
        self,
        name: str,
        column: Column,
        embedding: Embedding,
        size: int = 1,
        separator: str = "|",
        scaling: Scaling | None = None,
        edges: Sequence[float] = (),
        combiner: str = "sum",
        list_separator: str = "",
        pooling: str = "sum",
        function: str = "",
    ) -> None:
        super().__init__(name, (column,), embedding)
        self.size = size
        self._column = column
        self._separator = separator
        self._scaling = scaling or Scaling()
        self._bins = Bins(edges) if edges else None
        self._combiner = combiner
        self._list_separator = list_separator
        self._pooling = pooling
        self._function = COLUMN_FUNCTIONS[function] if function else None
        self._default = column.default_number if self._is_plain and self._may_lack else 0.0

    @classmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> RawFeature:
        (column,) = parts.columns(config)
        if not column.is_text and (config.raw_input_dim > 1 or config.seq_multi_sep):
            reason = (
                f"`raw_input_dim` is {config.raw_input_dim}"
                if config.raw_input_dim > 1
                else "there is a `seq_multi_sep`"
            )
            rule = f"column `{column.name}` should be STRING, because {reason}"
            raise ConfigError([f"{rule}. Received: {column.kind}."])
        edges = edges_of(config)
        return cls(
            feature_name(config),
            column,
            Embedding.from_config(config, needed="bins are embedded" if edges else ""),
            config.raw_input_dim,
            config.separator,
            Scaling.from_config(config),
            edges,
            "sum" if config.seq_multi_sep else config.combiner,
            config.seq_multi_sep,
            config.combiner,
            column_function(config.normalizer_fn),
        )

    @property
    def expects(self) -> str:
        if self._is_plain:
            return "a number"
        numbers = f"{self.size} numbers at most separated by `{self._separator}`"
        if not self._list_separator:
            return numbers
        items = "numbers" if self.size == 1 else f"vectors of {numbers}, themselves"
        return f"{items} separated by `{self._list_separator}`"

    @property
    def ids(self) -> int | None:
        return self.size * self._bins.size if self._bins else None

    @property
    def width(self) -> int:
        return self.embedding.dim or self.size

    @property
    def combiner(self) -> str:
        return self._combiner if self._bins and self.size > 1 else ""

    def encode(self, raw: Raw) -> Encoded:
        values = self._scaling(self._values(raw[self._column.name]))
        if self._function is not None:
            values = self._function(values)
            values = tf.where(tf.math.is_finite(values), values, 0.0)
        if self._bins is None:
            return {self.name: tf.reshape(values, [-1, self.size])}
        return {self.name: self._binned(values, self._bins)}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        if self._bins is None:
            return {self.name: tf.TensorSpec([None, self.size], tf.float32)}
        return {self.name: IDS if self.size == 1 else BAGS}

    def malformed(self, raw: Raw) -> tf.Tensor | None:
        if not self._column.is_text:
            return None
        text = self._column.filled(raw[self._column.name])
        if self._is_plain:
            return no_number(text)
        if not self._list_separator:
            return self._wrong_vectors(text)
        vectors = self._vectors(text)
        wrong = self._wrong_vectors(vectors.flat_values)
        return tf.reduce_any(vectors.with_flat_values(wrong), axis=1)

    def _wrong_vectors(self, text: tf.Tensor) -> tf.Tensor:
        items = split_places(text, self._separator)
        wrong = tf.reduce_any(items.with_flat_values(no_number(items.flat_values)), axis=1)
        return tf.logical_or(wrong, items.row_lengths() > self.size)

    @property
    def _is_plain(self) -> bool:
        """Whether a cell is a number."""
        return self.size == 1 and not self._list_separator

    @property
    def _may_lack(self) -> bool:
        """Whether its column can hold a value that is not a number."""
        return self._column.is_text or self._column.dtype.is_floating

    def _values(self, raw: tf.Tensor) -> tf.Tensor:
        """The numbers, none of them missing: (batch,), of a vector (batch, size)."""
        if self._is_plain:
            return self._present(as_numbers(raw), self._default)
        text = self._column.filled(raw)
        if not self._list_separator:
            return self._vector_values(text)
        vectors = self._vectors(text)
        numbers = vectors.with_flat_values(self._vector_values(vectors.flat_values))
        values = self._present(pooled(numbers, self._pooling), 0.0)  # A sum may be infinite.
        return values[:, 0] if self.size == 1 else values

    def _vectors(self, text: tf.Tensor) -> tf.RaggedTensor:
        """The texts of a row's vectors, (batch, None)."""
        vectors = split_places(text, self._list_separator)
        return tf.ragged.boolean_mask(vectors, tf.not_equal(vectors, ""))

    def _vector_values(self, text: tf.Tensor) -> tf.Tensor:
        """The numbers of vectors, (vectors, size)."""
        items = split_places(text, self._separator)
        numbers = self._present(as_numbers(items.flat_values), 0.0)
        return items.with_flat_values(numbers).to_tensor(0.0, shape=[None, self.size])

    def _present(self, numbers: tf.Tensor, default: float) -> tf.Tensor:
        if not self._may_lack:
            return numbers
        usable = (
            tf.logical_not(tf.math.is_nan(numbers)) if self._bins else tf.math.is_finite(numbers)
        )
        return tf.where(usable, numbers, default)

    def _binned(self, values: tf.Tensor, bins: Bins) -> tf.Tensor | tf.RaggedTensor:
        ids = bins.ids(values)
        if self.size == 1:
            return ids
        # Each place of the vector has bins of its own.
        placed = tf.reshape(ids + tf.range(self.size, dtype=tf.int64) * bins.size, [-1])
        splits = tf.range(tf.shape(ids, tf.int64)[0] + 1) * self.size
        return tf.RaggedTensor.from_row_splits(placed, splits, validate=False)

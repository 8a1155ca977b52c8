"""Weights that keep their values: they get no gradient, and optimizers remember nothing of them.

Of a storage of tables some may be frozen and others not; the rows of those are left out of its
row-sparse gradient. Of the numbers that one layer embeds all or none may be frozen: their gradient
is dense, and what has none of it may move nevertheless, by weight decay.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.config.wording import show, suggest
from tfmtl.errors import ConfigError
from tfmtl.training.pieces import Piece, pieces_of, placed_tables, weights_of
from tfmtl.training.row_sparse import EveryRow

_PATH = "train_config.freeze_gradient"

_log = logging.getLogger(__name__)


class Frozen:
    """The frozen weights of a network.

    Args:
        network: The network.
        patterns: Regular expressions; a weight is frozen if one finds something in its name.

    Raises:
        ConfigError: If a pattern finds nothing, or nothing is left to train.
    """

    def __init__(self, network: keras.Model, patterns: Sequence[str] = ()) -> None:
        self._variables: set[Any] = set()
        self._rows: dict[Any, list[tuple[int, int]]] = {}
        if patterns:
            self._freeze(network, patterns)

    def __contains__(self, variable: tf.Variable) -> bool:
        """Whether all of a variable is frozen."""
        return variable.ref() in self._variables

    def without(self, gradient: Any, variable: tf.Variable) -> Any:
        """A gradient of a variable, without the rows of frozen tables."""
        frozen = self._rows.get(variable.ref())
        if gradient is None or not frozen:
            return gradient
        if not isinstance(gradient, tf.IndexedSlices):
            moves = _are_outside(tf.range(tf.shape(gradient)[0]), frozen)
            return gradient * tf.cast(moves, gradient.dtype)[:, tf.newaxis]
        moves = _are_outside(gradient.indices, frozen)
        return tf.IndexedSlices(
            tf.boolean_mask(gradient.values, moves),
            tf.boolean_mask(gradient.indices, moves),
            gradient.dense_shape,
        )

    def check_optimizers(self, optimized: Iterable[tuple[Any, Sequence[tf.Variable]]]) -> None:
        """Raises if an optimizer would move frozen rows.

        Raises:
            ConfigError: If it moves all rows of a table, whatever their gradient.
        """
        for optimizer, variables in optimized:
            if isinstance(optimizer, EveryRow) and any(v.ref() in self._rows for v in variables):
                raise ConfigError(
                    [
                        f"`{_PATH}` should freeze all tables of one width or none of them with "
                        "`update_idle_rows`, which moves all rows. Received: some of them."
                    ]
                )

    def _freeze(self, network: keras.Model, patterns: Sequence[str]) -> None:
        trainable = {variable.ref() for variable in network.trainable_variables}
        weights = {n: v for n, v in weights_of(network).items() if v.ref() in trainable}
        pieces = list(pieces_of(weights, placed_tables(network)))
        _check_patterns(patterns, [piece.name for piece in pieces])
        frozen = [piece for piece in pieces if any(re.search(p, piece.name) for p in patterns)]
        if len(frozen) == len(pieces):
            rule = f"`{_PATH}` should leave something to train."
            raise ConfigError([f"{rule} Received: {show(list(patterns))}, which is all weights."])
        _check_numbers([p for p in pieces if weights[p.variable].shape.rank > 2], frozen)
        self._note(weights, pieces, frozen)
        names = ", ".join(f"`{piece.name}`" for piece in frozen)
        _log.info("Frozen are %d of %d weights: %s.", len(frozen), len(pieces), names)

    def _note(
        self, weights: dict[str, tf.Variable], pieces: Sequence[Piece], frozen: Sequence[Piece]
    ) -> None:
        moved = {piece.variable for piece in pieces if piece not in frozen}
        for piece in frozen:
            key = weights[piece.variable].ref()
            if piece.variable not in moved:
                self._variables.add(key)
            elif piece.rows:
                self._rows.setdefault(key, []).append(piece.rows)


def _check_patterns(patterns: Sequence[str], names: Sequence[str]) -> None:
    """Every pattern finds something."""
    problems = [
        f"`{_PATH}[{index}]` should be found in the name of a weight. Received: {show(pattern)}."
        f"{suggest(pattern, names)}"
        for index, pattern in enumerate(patterns)
        if not any(re.search(pattern, name) for name in names)
    ]
    if problems:
        raise ConfigError(problems)


def _check_numbers(pieces: Sequence[Piece], frozen: Sequence[Piece]) -> None:
    """Of the numbers that lie in one variable, all are frozen or none."""
    kept, moved = ({p.variable for p in pieces if (p in frozen) is its} for its in (True, False))
    problems = [
        f"`{_PATH}` should freeze all features of `{variable}` or none of them, because they are "
        "trained as one. Received: some of them."
        for variable in sorted(kept & moved)
    ]
    if problems:
        raise ConfigError(problems)


def _are_outside(rows: tf.Tensor, ranges: Sequence[tuple[int, int]]) -> tf.Tensor:
    """Whether each row is in none of some ranges, bool `(rows,)`."""
    outside = tf.ones_like(rows, tf.bool)
    for first, end in ranges:
        outside = tf.logical_and(outside, tf.logical_or(rows < first, rows >= end))
    return outside

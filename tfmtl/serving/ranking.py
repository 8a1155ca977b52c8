"""The signature `rank`: B users with N candidates each.

    columns of the user and the request   (B,)         once a user
    all other columns                     (B, N)       once a candidate
    answers                               (B, N, ...)

As many numbers come out as `serving_default` gives for B·N rows in which the user's columns are
repeated, and the same ones; but what depends on the user alone is sent, encoded, embedded and
multiplied once. A user with fewer than N candidates is filled up with any; their answers mean
nothing and change no others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import tensorflow as tf
import tf_keras as keras

from tfmtl.features import Columns
from tfmtl.features.column import Column
from tfmtl.serving.equal_rows import of_equal_shape
from tfmtl.serving.sides import Grid, Sided
from tfmtl.serving.two_sided import TwoSided

Tensors = dict[str, tf.Tensor]


class Ranker:
    """Computes logits of B·N candidates.

    Args:
        columns: The encoder.
        network: Encoded features in, `{task: logits}` out.
        user_columns: The columns with a value for each user.
    """

    def __init__(
        self, columns: Columns, network: keras.Model, user_columns: Collection[str]
    ) -> None:
        self._columns = columns
        self._network = TwoSided(network)
        self._of_user = set(user_columns)

    def inputs(self, columns: Sequence[Column]) -> dict[str, tf.TensorSpec]:
        """What the signature takes of columns."""
        return {
            each.name: each.spec
            if each.name in self._of_user
            else tf.TensorSpec([None, None], each.dtype, each.name)
            for each in columns
        }

    def rows(self, raw: Tensors) -> tuple[Tensors, Tensors, Grid]:
        """Parts a request.

        Args:
            raw: Columns, `(B,)` of the user, `(B, N)` of candidates.

        Returns:
            Columns of users, `(B,)` each; those of candidates, `(B·N,)` each; and B and N.
        """
        users = {name: each for name, each in raw.items() if each.shape.rank == 1}
        items = {name: each for name, each in raw.items() if each.shape.rank == 2}
        shape = tf.shape(next(iter(items.values())))
        # Not the weights of a score, of which one may be for all.
        of_user = {name: each for name, each in users.items() if name in self._of_user}
        users |= of_equal_shape(of_user, shape[:1])
        flat = {name: tf.reshape(each, [-1]) for name, each in of_equal_shape(items, shape).items()}
        return users, flat, Grid(shape[0], shape[1])

    def logits(self, users: Tensors, items: Tensors, grid: Grid) -> Tensors:
        """Logits by task, `(B·N, units)` each; arguments as `rows` gives them."""
        of_user, of_item = self._features(users)
        return self._network(
            self._columns.encode_some(users, of_user),
            self._columns.encode_some(self.by_item(users, items, grid), of_item),
            (grid.users, grid.items),
            training=False,
        )

    def by_item(self, users: Tensors, items: Tensors, grid: Grid) -> Tensors:
        """All columns with a row for each candidate; what nobody reads of it costs nothing."""
        repeated = {
            name: grid.by_item(Sided(value, of_items=False)) for name, value in users.items()
        }
        return {**repeated, **items}

    def _features(self, users: Tensors) -> tuple[list[str], list[str]]:
        """The features that read only columns of the user, and the others."""
        of_user: list[str] = []
        of_item: list[str] = []
        for name, feature in self._columns.features.items():
            alone = all(column.name in users for column in feature.columns)
            (of_user if alone else of_item).append(name)
        return of_user, of_item

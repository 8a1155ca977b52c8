"""Values of one user and of many items, and what becomes of both together.

For B users with N items each, a value of users has B rows, and a value of items B·N: those of the
first user, then those of the second. Together they are values of items, in which a user's row
stands N times. A product need not wait for that:

    [u, i]·W = u·W_u + i·W_i            u·W_u is computed once a user, and added to its items' rows

"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.expert_bank import BankDense


@dataclasses.dataclass(frozen=True)
class Sided:
    """A tensor of users or of items.

    Args:
        value: Dense or ragged, with that many rows.
        of_items: Whether it is of items.
    """

    value: Any
    of_items: bool


@dataclasses.dataclass(frozen=True)
class Joined:
    """Vectors side by side, `(rows, Σ width)`, some of users and some of items.

    Args:
        parts: `(rows, width)` each.
    """

    parts: tuple[Sided, ...]


Value: TypeAlias = Sided | Joined


@dataclasses.dataclass(frozen=True)
class Grid:
    """How many users there are, and how many items each has.

    Args:
        users: B.
        items: N.
    """

    users: tf.Tensor
    items: tf.Tensor

    def by_item(self, value: Value) -> Any:
        """The value with a row for each item."""
        if isinstance(value, Joined):
            return tf.concat([self.by_item(part) for part in value.parts], axis=-1)
        return value.value if value.of_items else tf.gather(value.value, self._owners())

    def by_user(self, value: tf.Tensor) -> tf.Tensor:
        """`(B·N, ...)` as `(B, N, ...)`."""
        return tf.reshape(value, [self.users, self.items, *value.shape[1:]])

    def add(self, of_users: tf.Tensor, of_items: tf.Tensor) -> tf.Tensor:
        """The sum of `(B, width)` and `(B·N, width)`, with a row for each item."""
        width = of_items.shape[-1]
        by_user = tf.reshape(of_items, [self.users, self.items, width])
        return tf.reshape(by_user + of_users[:, tf.newaxis], [-1, width])

    def _owners(self) -> tf.Tensor:
        """The user of each item."""
        return tf.repeat(tf.range(self.users), self.items)


def join(values: Sequence[Value]) -> Value:
    """Vectors side by side; those of one side that are neighbours become one tensor."""
    parts = [
        part for each in values for part in (each.parts if isinstance(each, Joined) else [each])
    ]
    runs = [
        Sided(_side_by_side([part.value for part in run]), of_items)
        for of_items, run in itertools.groupby(parts, lambda part: part.of_items)
    ]
    return runs[0] if len(runs) == 1 else Joined(tuple(runs))


def product(layer: keras.layers.Layer, inputs: Joined, grid: Grid) -> Any:
    """What a dense layer, or a bank of them, makes of vectors of both sides.

    Args:
        layer: A `keras.layers.Dense` or a `BankDense`, which is built.
        inputs: What it reads; a bank's layers all read the same.
        grid: How many users and items there are.

    Returns:
        What the layer returns, with a row for each item.
    """
    if isinstance(layer, BankDense):
        biases = tf.unstack(layer.bias) if layer.use_bias else [None] * layer.num_experts
        kernels = tf.unstack(layer.kernel)
        return [
            _product(kernel, bias, inputs, grid)
            for kernel, bias in zip(kernels, biases, strict=True)
        ]
    outputs = _product(layer.kernel, layer.bias, inputs, grid)
    return layer.activation(outputs)


def is_product(layer: object) -> bool:
    """Whether `product` knows the layer."""
    return isinstance(layer, keras.layers.Dense | BankDense)


def _product(kernel: tf.Tensor, bias: tf.Tensor | None, inputs: Joined, grid: Grid) -> tf.Tensor:
    parts = inputs.parts
    kernels = tf.split(kernel, [part.value.shape[-1] for part in parts])
    both = list(zip(parts, kernels, strict=True))
    of_users = _multiplied([(part.value, rows) for part, rows in both if not part.of_items])
    of_items = _multiplied([(part.value, rows) for part, rows in both if part.of_items])
    return grid.add(of_users if bias is None else of_users + bias, of_items)


def _multiplied(pairs: Sequence[tuple[tf.Tensor, tf.Tensor]]) -> tf.Tensor:
    values, kernels = zip(*pairs, strict=True)
    if len(pairs) == 1:
        return tf.matmul(values[0], kernels[0])
    return tf.matmul(tf.concat(values, axis=1), tf.concat(kernels, axis=0))


def _side_by_side(values: Sequence[tf.Tensor]) -> tf.Tensor:
    return values[0] if len(values) == 1 else tf.concat(values, axis=-1)


def by_side(
    function: Callable[[dict[str, Any]], dict[str, Any]], inputs: dict[str, Sided]
) -> dict[str, Sided]:
    """A function of values by name, each of which it takes for itself, once for each side."""
    outputs: dict[str, Sided] = {}
    for side in (False, True):
        some = {name: each.value for name, each in inputs.items() if each.of_items == side}
        if some:
            made = function(some)
            outputs.update({name: Sided(value, side) for name, value in made.items()})
    return outputs

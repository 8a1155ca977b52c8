"""A network for one user and many items: what depends on the user alone is computed once a user.

Every layer is run as the network has it, on rows of users where all that it reads is of users, else
on rows of items. Where the two meet, a user's row is repeated for its items; but where vectors of
both only lie side by side and a dense layer reads them, its product is parted, see `sides`. The
layers are the network's own, and so are the results, but for the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.serving.network_calls import BY_NAME, calls
from tfmtl.serving.sides import Grid, Joined, Sided, Value, by_side, is_product, join, product

# These do nothing but in training.
_IDLE = (keras.layers.Dropout,)


class TwoSided(keras.layers.Layer):
    """Runs a functional model, in inference.

    Args:
        network: Takes a dict of inputs, and returns a dict.
    """

    def __init__(self, network: keras.Model, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        # In a closure: an attribute would be a layer of this one, with weights of its own.
        self._network: Callable[[], keras.Model] = lambda: network

    def call(
        self, users: Mapping[str, Any], items: Mapping[str, Any], grid: tuple[Any, Any]
    ) -> dict[str, tf.Tensor]:
        """The network's outputs for every item.

        Args:
            users: The inputs of B rows, one for each user.
            items: The inputs of B·N rows, the first user's first.
            grid: B and N.

        Returns:
            The outputs by name, `(B·N, ...)` each.
        """
        inputs = {name: Sided(value, of_items=False) for name, value in users.items()}
        inputs |= {name: Sided(value, of_items=True) for name, value in items.items()}
        return _run(self._network(), inputs, Grid(*grid))


def _run(network: keras.Model, inputs: Mapping[str, Sided], grid: Grid) -> dict[str, tf.Tensor]:
    known: dict[int, Value] = {id(each): inputs[name] for name, each in network.input.items()}
    for node in calls(network):
        args, kwargs = tf.nest.map_structure(
            lambda each: known.get(id(each), each), (list(node.call_args), dict(node.call_kwargs))
        )
        outputs = _call(node.layer, args, kwargs, grid)
        symbols = tf.nest.flatten(node.outputs)
        known.update(zip(map(id, symbols), tf.nest.flatten(outputs), strict=True))
    return {name: grid.by_item(known[id(each)]) for name, each in network.output.items()}


def _call(layer: keras.layers.Layer, args: list[Any], kwargs: dict[str, Any], grid: Grid) -> Any:
    """What a layer makes of values of both sides: values, in the structure of its outputs."""
    values = [each for each in tf.nest.flatten((args, kwargs)) if isinstance(each, Value)]
    if isinstance(layer, _IDLE):
        return values[0]
    if isinstance(layer, keras.layers.Concatenate):
        return join(values)
    if isinstance(layer, BY_NAME):
        return by_side(layer, args[0])
    if len(values) == 1 and isinstance(values[0], Joined) and is_product(_first(layer)):
        return _of_items(_finished(layer, product(_first(layer), values[0], grid)))
    return _called(layer, args, kwargs, values, grid)


def _called(
    layer: keras.layers.Layer,
    args: list[Any],
    kwargs: dict[str, Any],
    values: list[Value],
    grid: Grid,
) -> Any:
    """What a layer returns, of users where it reads nothing else."""
    of_users = all(isinstance(each, Sided) and not each.of_items for each in values)

    def tensor(leaf: Any) -> Any:
        if of_users and isinstance(leaf, Sided):
            return leaf.value
        return grid.by_item(leaf) if isinstance(leaf, Value) else leaf

    args, kwargs = tf.nest.map_structure(tensor, (args, kwargs))
    return tf.nest.map_structure(
        lambda output: Sided(output, of_items=not of_users), layer(*args, **kwargs)
    )


def _of_items(outputs: Any) -> Any:
    return tf.nest.map_structure(lambda output: Sided(output, of_items=True), outputs)


def _first(layer: keras.layers.Layer) -> object:
    """The dense layer that a layer begins with, or is."""
    return layer if is_product(layer) else getattr(layer, "first", None)


def _finished(layer: keras.layers.Layer, product: Any) -> Any:
    """What the layer makes of what its first one gives."""
    return product if is_product(layer) else layer.finish(product)

"""The signature `embeddings`: vectors of feature groups and of layers, and no more of the network.

Only the columns are asked for, and only the layers are run, that the vectors are made of: that of a
user's features is had without an item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.config.wording import show, suggest
from tfmtl.errors import ExportError
from tfmtl.serving.network_calls import BY_NAME, calls

_GROUP = "group/"  # What begins the name of a group's layer.
_WEIGHTS = "/weights"  # What ends the name of the weights of a feature's ids.


class Vectors(keras.layers.Layer):
    """Some vectors of a network, in inference.

    Args:
        network: A functional model that takes a dict of inputs.
        names: Feature groups, or layers that return one vector a row.

    Raises:
        ExportError: If the network has no such vector.
    """

    def __init__(self, network: keras.Model, names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        wanted = vectors_of(network, names)
        needed = _behind(wanted.values())
        self.reads = [name for name, each in network.input.items() if id(each) in needed]
        # In a closure: an attribute would be a layer of this one, with weights of its own.
        self._run: Callable[[Mapping[str, Any]], dict[str, tf.Tensor]] = lambda inputs: _run(
            network, inputs, wanted, needed
        )

    def call(self, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """The vectors `(batch, width)` by name.

        Args:
            inputs: The network's inputs that `reads` lists.
        """
        return self._run(inputs)


def vectors_of(network: keras.Model, names: Sequence[str]) -> dict[str, keras.KerasTensor]:
    """What stands for the vectors in the network, by name.

    Args:
        network: A functional model.
        names: Feature groups, or layers that return one vector a row.

    Raises:
        ExportError: If the network has no such vector.
    """
    known = dict(_offered(network))
    if unknown := [name for name in names if name not in known]:
        raise ExportError(
            "`export_config.embedding_outputs` should name feature groups, or layers of the "
            "network that return one vector a row. "
            f"Received: {show(unknown[0])}.{suggest(unknown[0], known)}"
        )
    return {name: known[name] for name in names}


def _offered(network: keras.Model) -> Iterator[tuple[str, keras.KerasTensor]]:
    """The vectors that there are, by the names of groups and of layers."""
    for node in calls(network):
        output, name = node.outputs, node.layer.name
        if _is_symbol(output) and _is_vector(output):
            yield name.removeprefix(_GROUP), output


def _is_symbol(value: object) -> bool:
    """Whether it stands for what a layer returns; Keras' own question fails for numbers."""
    return hasattr(value, "_keras_history")


def _is_vector(output: keras.KerasTensor) -> bool:
    is_dense = isinstance(output.type_spec, tf.TensorSpec)
    return is_dense and output.shape.rank == 2 and output.dtype.is_floating


def _behind(ends: Iterable[keras.KerasTensor]) -> set[int]:
    """The ids of the symbols that some are made of, and their own."""
    found: set[int] = set()
    waiting = list(ends)
    while waiting:
        symbol = waiting.pop()
        if id(symbol) not in found:
            found.add(id(symbol))
            waiting.extend(_read_for(symbol))
    return found


def _read_for(symbol: keras.KerasTensor) -> list[keras.KerasTensor]:
    """What the call of a layer reads to make one of its outputs."""
    node = symbol.node
    if isinstance(node.layer, BY_NAME):
        (name,) = (name for name, each in node.outputs.items() if each is symbol)
        inputs = node.call_args[0]
        return [inputs[each] for each in (name, name + _WEIGHTS) if each in inputs]
    leaves = tf.nest.flatten((list(node.call_args), dict(node.call_kwargs)))
    return [] if node.is_input else [each for each in leaves if _is_symbol(each)]


def _run(
    network: keras.Model,
    inputs: Mapping[str, Any],
    wanted: Mapping[str, keras.KerasTensor],
    needed: set[int],
) -> dict[str, tf.Tensor]:
    known = {id(each): inputs[name] for name, each in network.input.items() if name in inputs}
    for node in calls(network):
        if any(id(each) in needed for each in tf.nest.flatten(node.outputs)):
            known.update(_called(node, known))
    return {name: known[id(each)] for name, each in wanted.items()}


def _called(node: Any, known: Mapping[int, Any]) -> dict[int, Any]:
    """What a layer returns, by the ids of the symbols."""
    if isinstance(node.layer, BY_NAME):
        some = {name: each for name, each in node.call_args[0].items() if id(each) in known}
        made = node.layer({name: known[id(each)] for name, each in some.items()})
        return {id(node.outputs[name]): value for name, value in made.items()}
    args, kwargs = tf.nest.map_structure(
        lambda each: known.get(id(each), each), (list(node.call_args), dict(node.call_kwargs))
    )
    symbols = tf.nest.flatten(node.outputs)
    outputs = tf.nest.flatten(node.layer(*args, **kwargs))
    return dict(zip(map(id, symbols), outputs, strict=True))

"""Where the tasks of a network part: the tensors up to which it is one network for several tasks.

A tensor is shared if two tasks or more depend on it. A layer's call is shared if one of its outputs
is. All others, the tops of the tasks, read outputs of shared calls: these tensors are the frontier,
and every way from a shared layer to a task passes it. Of a shared bottom it is the bottom's output;
of a mixture of experts the experts' outputs, and what the gates read; of an AITM what a task hands
on to the next. A layer that gives each task an output of its own, such as a bank of the tasks' own
experts or a stitch, is above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


class Frontier:
    """Divides a network in two at its frontier.

    The frontier's tensors are of two kinds: those that are shared and depend on something that is
    trained, the representation; and others, such as a feature's embedding that one task reads.

    Args:
        network: A functional model whose output is `{task: logits}`.
        tasks: The tasks that have a loss.
    """

    def __init__(self, network: keras.Model, tasks: Sequence[str]) -> None:
        logits = {task: network.output[task] for task in tasks}
        calls = _calls(network)
        reach = _reach(calls, logits)
        shared = [call for call in calls if any(len(reach[id(y)]) > 1 for y in _outputs(call))]
        tops = [call for call in calls if call not in shared and _reached(call, reach)]
        self.tensors = _frontier(shared, tops, logits.values())
        moved = _moved(shared)
        self.is_representation = [
            len(reach[id(tensor)]) > 1 and id(tensor) in moved for tensor in self.tensors
        ]
        self.shared_variables = _variables(shared)
        self.top_variables = _variables(tops)
        self._below: Any = None
        if self.tensors:  # Else there is nothing to divide.
            self._below = keras.Model(network.input, self.tensors)
            self._above = _Above(network.input, self.tensors, tops, logits)

    @property
    def representation(self) -> list[keras.KerasTensor]:
        """The tensors where the gradients of tasks meet; empty if tasks share nothing trained."""
        flags = zip(self.tensors, self.is_representation, strict=True)
        return [tensor for tensor, is_meant in flags if is_meant]

    def below(self, encoded: Mapping[str, Any], training: bool) -> list[tf.Tensor]:
        """Computes the tensors of the frontier.

        Args:
            encoded: What the network reads.
            training: Whether dropout and the like are on.
        """
        # Keras unwraps a list of one.
        return tf.nest.flatten(self._below(encoded, training=training))

    def above(
        self, tensors: Sequence[tf.Tensor], encoded: Mapping[str, Any], training: bool
    ) -> dict[str, tf.Tensor]:
        """Computes the logits by task from the tensors of the frontier.

        Args:
            tensors: In the order of `tensors`.
            encoded: What the network reads; tops may read features that no other task does.
            training: Whether dropout and the like are on.
        """
        return self._above(tensors, encoded, training)


class _Above:
    """The tops of the tasks, as a model that reads the frontier."""

    def __init__(
        self,
        encoded: Mapping[str, keras.KerasTensor],
        tensors: Sequence[keras.KerasTensor],
        tops: Sequence[Any],
        logits: Mapping[str, keras.KerasTensor],
    ) -> None:
        places = {id(tensor): place for place, tensor in enumerate(tensors)}
        # Logits on the frontier are there already: those of a click, of which a product is made.
        self._ready = {task: places[id(c)] for task, c in logits.items() if id(c) in places}
        read = {id(x) for call in tops for x in _inputs(call)}
        features = {name: x for name, x in encoded.items() if id(x) in read}
        self._features = list(features)
        others = {task: c for task, c in logits.items() if task not in self._ready}
        self._model = _copied([*tensors, *features.values()], others) if others else None

    def __call__(
        self, tensors: Sequence[tf.Tensor], encoded: Mapping[str, Any], training: bool
    ) -> dict[str, tf.Tensor]:
        logits = {task: tensors[place] for task, place in self._ready.items()}
        if self._model is None:
            return logits
        features = [encoded[name] for name in self._features]
        return {**self._model([*tensors, *features], training=training), **logits}


def _copied(
    inputs: Sequence[keras.KerasTensor], outputs: Mapping[str, keras.KerasTensor]
) -> keras.Model:
    """A model from the middle of another, of the same layers, which do not know of it.

    Keras copies the calls of the layers, which would have two outputs then, and so no `output`.
    """
    model = keras.Model(inputs, outputs)
    for call in _calls(model):
        call.layer._inbound_nodes.remove(call)
    return model


def _calls(network: keras.Model) -> list[Any]:
    """The calls of layers, which Keras names nodes, each after those whose outputs it reads."""
    by_depth = network._nodes_by_depth
    calls = [call for depth in sorted(by_depth, reverse=True) for call in by_depth[depth]]
    return [call for call in calls if not call.is_input]


def _inputs(call: Any) -> list[keras.KerasTensor]:
    return list(call.keras_inputs)


def _outputs(call: Any) -> list[keras.KerasTensor]:
    return tf.nest.flatten(call.outputs)


def _reach(
    calls: Sequence[Any], logits: Mapping[str, keras.KerasTensor]
) -> dict[int, frozenset[str]]:
    """Which tasks depend on each tensor, by the tensor's id."""
    reach: dict[int, frozenset[str]] = {}
    for task, tensor in logits.items():
        reach[id(tensor)] = reach.get(id(tensor), frozenset()) | {task}
    for call in reversed(calls):
        outputs = [reach.setdefault(id(tensor), frozenset()) for tensor in _outputs(call)]
        for tensor in _inputs(call):
            reach[id(tensor)] = reach.get(id(tensor), frozenset()).union(*outputs)
    return reach


def _reached(call: Any, reach: Mapping[int, frozenset[str]]) -> bool:
    """Whether a task with a loss depends on a call."""
    return any(reach[id(tensor)] for tensor in _outputs(call))


def _frontier(
    shared: Sequence[Any], tops: Sequence[Any], logits: Iterable[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    """The outputs of shared calls that others read, or that are logits themselves."""
    read = {id(tensor) for call in tops for tensor in _inputs(call)}
    read |= {id(tensor) for tensor in logits}
    return [tensor for call in shared for tensor in _outputs(call) if id(tensor) in read]


def _moved(shared: Sequence[Any]) -> set[int]:
    """The ids of the outputs of shared calls that depend on something that is trained."""
    moved: set[int] = set()
    for call in shared:
        if call.layer.trainable_weights or any(id(x) in moved for x in _inputs(call)):
            moved.update(id(tensor) for tensor in _outputs(call))
    return moved


def _variables(calls: Iterable[Any]) -> list[tf.Variable]:
    """The trained variables of the layers that are called, each once."""
    layers = {id(call.layer): call.layer for call in calls}
    found = {v.ref(): v for layer in layers.values() for v in layer.trainable_weights}
    return list(found.values())

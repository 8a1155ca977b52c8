"""A backbone's graph: tensors flow through its blocks, on the way that `config.backbone` knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tf_keras as keras

from tfmtl import layers
from tfmtl.config.backbone.slices import Index
from tfmtl.config.backbone.wiring import Place, Value, backbone_output
from tfmtl.models._blocks import block_layer
from tfmtl.models._groups import Groups
from tfmtl.protos import backbone_pb2


def build_backbone(
    backbone: backbone_pb2.BackboneTower, groups: Groups, l2: float, suffix: str
) -> Value:
    """Builds the graph from the feature groups to what a backbone gives.

    Args:
        backbone: The message, checked.
        groups: The feature groups.
        l2: Penalty `l2·Σw²/2` on the kernels.
        suffix: Ending of the layers' names.

    Returns:
        A tensor, or a list of such.
    """
    return backbone_output(backbone, _TensorFlow(groups, l2, suffix))


class _TensorFlow:
    """Tensors flow. Layers are made at their first call; a package's are called in each use."""

    def __init__(self, groups: Groups, l2: float, suffix: str) -> None:
        self._groups = groups
        self._l2 = l2
        self._suffix = suffix
        self._made: dict[tuple[str, bytes], Any] = {}

    def read(self, group: str, how: backbone_pb2.InputLayer, place: Place) -> Value:
        if how == backbone_pb2.InputLayer():
            return self._groups.vector(group)
        # A package may have another one in each use, and reads the same in uses of the same.
        return self._layer(
            place,
            lambda name: _InputLayer(how, name).output(self._groups, group),
            how.SerializeToString(),
        )

    def join(self, values: Sequence[Value], axis: int, place: Place) -> Value:
        return self._layer(place, lambda name: keras.layers.Concatenate(axis, name=name))(values)

    def cut(self, value: Value, index: Index, place: Place) -> Value:
        parts = [[p.start, p.stop] if isinstance(p, slice) else p for p in index]
        return self._layer(place, lambda name: layers.TakePart(parts, name=name))(value)

    def apply(self, layer: backbone_pb2.KerasLayer, value: Value, place: Place) -> Value:
        return self._layer(place, lambda name: block_layer(layer, self._l2, name))(value)

    def _layer(self, place: Place, make: Callable[[str], Any], kind: bytes = b"") -> Any:
        if (place.name, kind) not in self._made:
            others = sum(name == place.name for name, _ in self._made)
            name = f"{place.name}/{others}" if others else place.name
            self._made[place.name, kind] = make(f"{name}{self._suffix}")
        return self._made[place.name, kind]


class _InputLayer:
    """A feature group, with what is done to it first.

    Args:
        how: What that is.
        name: Begins the names of its layers.
    """

    def __init__(self, how: backbone_pb2.InputLayer, name: str) -> None:
        self._how = how
        self._name = name

    def output(self, groups: Groups, group: str) -> Value:
        """What it makes of a group."""
        if self._how.output_seq_and_normal_feature:
            return self._steps_and_others(groups.features(group))
        if not self._how.feature_dropout_rate:
            return self._form(lambda: groups.vector(group), lambda: groups.features(group))
        dropout = layers.FeatureDropout(self._how.feature_dropout_rate, name=f"{self._name}/kept")
        features = dropout(groups.features(group))
        joined = keras.layers.Concatenate(name=f"{self._name}/joined")
        return self._form(lambda: joined(features), lambda: features)

    def _form(
        self,
        vector: Callable[[], keras.KerasTensor],
        features: Callable[[], list[keras.KerasTensor]],
    ) -> Value:
        """The output that is asked for; only what it is made of is built."""
        how = self._how
        if how.only_output_feature_list:
            return self._each(features())
        if how.only_output_3d_tensor:
            return layers.StackVectors(name=f"{self._name}/stack")(self._each(features()))
        if how.output_2d_tensor_and_feature_list:
            return [self._prepared(vector(), self._name), self._each(features())]
        return self._prepared(vector(), self._name)

    def _each(self, features: Sequence[keras.KerasTensor]) -> list[keras.KerasTensor]:
        return [
            self._prepared(each, f"{self._name}/{index}") for index, each in enumerate(features)
        ]

    def _prepared(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Normalized, and with units dropped."""
        if self._how.do_batch_norm:
            x = layers.BatchNormalization(name=f"{name}/norm")(x)
        elif self._how.do_layer_norm:
            x = keras.layers.LayerNormalization(name=f"{name}/norm")(x)
        if self._how.dropout_rate:
            x = keras.layers.Dropout(self._how.dropout_rate, name=f"{name}/dropout")(x)
        return x

    def _steps_and_others(self, features: Sequence[keras.KerasTensor]) -> Value:
        """The sequences step by step, and the other features side by side."""
        steps = [each for each in features if each.shape.rank == 3]
        others = [each for each in features if each.shape.rank == 2]
        joined = steps[0]
        if len(steps) > 1:
            joined = layers.JoinSteps(name=f"{self._name}/steps")(steps)
        return [joined, keras.layers.Concatenate(name=f"{self._name}/others")(others)]

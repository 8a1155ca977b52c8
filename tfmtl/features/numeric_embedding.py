"""Embeddings of numbers that are not linear in them, as a config asks for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import tf_keras as keras

from tfmtl import layers
from tfmtl.config.layer_names import layer_names
from tfmtl.layers.numeric_embedding import NumericEmbedding
from tfmtl.protos.feature_pb2 import FeatureConfig

_LAYERS: Mapping[str, type[NumericEmbedding]] = {
    "auto_dis": layers.AutoDis,
    "periodic": layers.Periodic,
}


OF_NUMBERS = (FeatureConfig.RawFeature, FeatureConfig.ExprFeature)


@dataclasses.dataclass(frozen=True)
class NumericKind:
    """How numbers are embedded; features of equal kinds may be embedded by one layer.

    Args:
        name: Of the layer, the same whatever other features there are: `auto_dis_16`.
        layer: The layer.
        arguments: Its arguments by name, besides the features.
    """

    name: str
    layer: type[NumericEmbedding]
    arguments: Mapping[str, Any]

    @classmethod
    def from_config(
        cls, config: FeatureConfig, initializer: keras.initializers.Initializer | None
    ) -> NumericKind | None:
        """The kind that the config of a feature of numbers asks for; None for others."""
        field = config.numeric_embedding.WhichOneof("embedding")
        if field is None or config.feature_type not in OF_NUMBERS:
            return None
        arguments = {"dim": config.embedding_dim, "combiner": _combiner(config)}
        if field == "auto_dis":
            chosen = config.numeric_embedding.auto_dis
            start = initializer and keras.initializers.serialize(initializer)
            arguments |= {
                "num_bins": chosen.num_bins,
                "skip": chosen.keep_prob,
                "temperature": chosen.temperature,
                "initializer": start,
            }
        else:
            waves = config.numeric_embedding.periodic
            arguments |= {"num_frequencies": waves.num_frequencies, "sigma": waves.sigma}
        return cls(f"{field}_{config.embedding_dim}", _LAYERS[field], arguments)


def _combiner(config: FeatureConfig) -> str:
    """How the numbers of a vector become one embedding; that of one number has no say."""
    return config.combiner if config.raw_input_dim > 1 and not config.seq_multi_sep else "sum"


def embed_numbers(
    kinds: Mapping[str, NumericKind], inputs: Mapping[str, keras.KerasTensor], name: str
) -> dict[str, keras.KerasTensor]:
    """Embeds the numbers of features, all of one kind at once.

    Args:
        kinds: How each feature is embedded, by its name.
        inputs: The numbers, `(batch, size)`, at least of those features.
        name: Begins the names of the layers.

    Returns:
        `(batch, dim)` by feature.
    """
    embedded: dict[str, keras.KerasTensor] = {}
    alike = _alike(kinds)
    names = layer_names(kind.name for kind, _ in alike)
    for own, (kind, members) in zip(names, alike, strict=True):
        sizes = {each: inputs[each].shape[-1] for each in members}
        layer = kind.layer(sizes, **kind.arguments, name=f"{name}/{own}")
        embedded |= layer({each: inputs[each] for each in members})
    return embedded


def _alike(kinds: Mapping[str, NumericKind]) -> Collection[tuple[NumericKind, list[str]]]:
    """The features of each kind."""
    found: list[tuple[NumericKind, list[str]]] = []
    for name, kind in kinds.items():
        members = next((names for other, names in found if other == kind), None)
        if members is None:
            found.append((kind, [name]))
        else:
            members.append(name)
    return found

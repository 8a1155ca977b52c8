"""Data whose features are encoded already: what it has to be like, and its features."""

from __future__ import annotations

from tfmtl.data import Encoding
from tfmtl.data.encoded_source import PREFIX
from tfmtl.features import Columns
from tfmtl.features.feature import Encoded, Raw
from tfmtl.features.fingerprints import encoder_fingerprints
from tfmtl.protos import pipeline_pb2


def encoding_of(pipeline: pipeline_pb2.Pipeline, columns: Columns) -> Encoding:
    """How a pipeline's features are encoded.

    Args:
        pipeline: A checked config.
        columns: Its encoder.
    """
    sizes = {name: feature.ids for name, feature in columns.features.items()}
    signature = columns.encoded_signature()
    of_parts = {name: sizes.get(name) for name in signature}  # Weights are numbers.
    return Encoding(encoder_fingerprints(pipeline), signature, of_parts)


class ReadyFeatures:
    """Takes the features of rows that are encoded; an `Encoder`.

    Args:
        encoding: How they are encoded.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._names = list(encoding.signature)

    def encode(self, raw: Raw, strict: bool = False) -> Encoded:
        """The features; whether their cells were well formed was seen when they were encoded."""
        del strict
        return {name: raw[PREFIX + name] for name in self._names}

    def problems(self, raw: Raw) -> list[tuple[int, str]]:
        """None: there are."""
        del raw
        return []

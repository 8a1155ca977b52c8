"""Imports: features and columns from files that several pipelines share.

A pipeline without its imports, and with all that they bring, is the same pipeline in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfmtl.config.importer import Importer, column_items, feature_items
from tfmtl.config.parsed import Parsed
from tfmtl.config.problems import Report
from tfmtl.config.stock import Item, Stock
from tfmtl.config.wording import ticked
from tfmtl.protos import dataset_pb2, pipeline_pb2

_COLUMNS = "data_config.input_fields"
_IMPORTED = re.compile(
    r"`((?:data_config\.input_fields|feature_config\.features|feature_configs)\[\d+\])([^`]*)`"
)
_Types = dataset_pb2.DatasetConfig
_IN_ORDER = (_Types.CSVInput, _Types.CSVInputV2, _Types.CSVInputEx)


class Imported:
    """What the imports of a pipeline brought.

    Args:
        items: Columns and features by their paths in the pipeline.
    """

    def __init__(self, items: dict[str, Item]) -> None:
        self._items = items

    @property
    def damaged(self) -> set[str]:
        """Paths in the pipeline of the messages in which something could not be read."""
        return {f"{at}{path}" for at, item in self._items.items() for path in item.damaged}

    def told(self, sentence: str) -> str:
        """A sentence about the pipeline, with the places in the files that it is made of."""
        subject = _IMPORTED.match(sentence)
        found = self._items.get(subject[1]) if subject else None
        text = _IMPORTED.sub(self._path, sentence)
        return f"{found.origin_of(subject[2]).place}: {text}" if subject and found else text

    def _path(self, match: re.Match[str]) -> str:
        found = self._items.get(match[1])
        if found is None:
            return match[0]
        origin = found.origin_of(match[2])
        return f"`{origin.path}`" + (f" of {origin.places.source}" if match.start() else "")

    def check_order(self, data: dataset_pb2.DatasetConfig, report: Report) -> None:
        """Columns of files without a header are in their order, which no import knows."""
        names = [each.name for at, each in self._items.items() if at.startswith(_COLUMNS)]
        if names and data.input_type in _IN_ORDER and not data.with_header:
            rule = (
                "be true, or `data_config.input_fields` hold all columns in the files' order, "
                "which imports do not know"
            )
            report.should("data_config.with_header", f"{rule}; they bring {ticked(names)}", False)


def bring_imports(parsed: Parsed[pipeline_pb2.Pipeline]) -> Imported:
    """Puts what a pipeline imports into it, after its own, and leaves no import.

    Args:
        parsed: The pipeline. Takes the problems; if anything could not be brought it is incomplete.
    """
    pipeline = parsed.message
    stock = Importer(parsed).gather(parsed, _own_stock(pipeline, parsed))
    pipeline.ClearField("import")
    columns = pipeline.data_config.input_fields
    items = dict(_appended(_foreign(stock.columns, parsed), columns, _COLUMNS))
    items.update(_appended(_foreign(stock.features, parsed), *_features(pipeline)))
    return Imported(items)


def _foreign(items: Mapping[str, Item], parsed: Parsed[Any]) -> list[Item]:
    """What comes from other files."""
    return [each for each in items.values() if each.origin.places is not parsed.places]


def _appended(items: Iterable[Item], messages: Any, path: str) -> Iterator[tuple[str, Item]]:
    for item in items:
        yield f"{path}[{len(messages)}]", item
        messages.add().CopyFrom(item.message)


def _features(pipeline: pipeline_pb2.Pipeline) -> tuple[Any, str]:
    """The features that count, in the config's own spelling, and their path."""
    if pipeline.feature_configs:
        return pipeline.feature_configs, "feature_configs"
    return pipeline.feature_config.features, "feature_config.features"


def _own_stock(pipeline: pipeline_pb2.Pipeline, parsed: Parsed[Any]) -> Stock:
    """What a pipeline itself holds. Its rules tell of names that it has twice."""
    stock = Stock()
    for item in column_items(pipeline.data_config.input_fields, _COLUMNS, parsed):
        stock.columns.setdefault(item.name, item)
    for item in feature_items(*_features(pipeline), parsed):
        stock.features.setdefault(item.name, item)
    return stock

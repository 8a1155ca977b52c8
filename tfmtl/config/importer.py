"""Reading the files that a pipeline imports, and what is taken from them."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from tfmtl.config.files import read_catalogue
from tfmtl.config.parsed import Parsed
from tfmtl.config.problems import Problem
from tfmtl.config.stock import Item, Origin, Stock
from tfmtl.config.views import expanded, feature_name
from tfmtl.config.wording import Word, show, suggest, ticked
from tfmtl.errors import ConfigError
from tfmtl.protos import catalogue_pb2, dataset_pb2, feature_pb2, pipeline_pb2


class Importer:
    """The files that a pipeline imports, each read once.

    Args:
        pipeline: Takes the problems.
    """

    def __init__(self, pipeline: Parsed[pipeline_pb2.Pipeline]) -> None:
        self._pipeline = pipeline
        self._stocks: dict[str, Stock] = {}
        self._open: dict[str, Origin] = {}  # The files on the way here, and what imports them.

    def gather(self, parsed: Parsed[Any], stock: Stock) -> Stock:
        """Adds to what a file itself holds all that its imports bring."""
        for index, each in enumerate(getattr(parsed.message, "import")):
            at = Origin(parsed.places, f"import[{index}]")
            brought = self._chosen(each, self._stock_of(each.path, at), at)
            self._add(brought, stock, at, "bring")
        return stock

    def _stock_of(self, path: str, at: Origin) -> Stock:
        """What a file and its imports hold."""
        file = os.path.normpath(os.path.join(os.path.dirname(at.places.source), path))
        key = os.path.realpath(file)
        if not path.endswith(".features"):
            self._refuse(at.part(".path"), f"name a `.features` file. Received: {show(path)}")
        elif key in self._open:
            rule = "not lead back to a file that is on the way here"
            there = f"imported at {self._open[key].place}"
            self._refuse(at.part(".path"), f"{rule}. Received: {show(path)}, {there}")
        elif key not in self._stocks:
            self._open[key] = at
            self._stocks[key] = self._read(file, at)
            del self._open[key]
        return self._stocks.get(key, Stock())

    def _read(self, file: str, at: Origin) -> Stock:
        try:
            parsed = read_catalogue(file)
        except ConfigError as error:
            rule = f"name a file that can be read. Received: {error}"
            self._refuse(at.part(".path"), rule.removesuffix("."))
            return Stock()
        self._pipeline.report.problems += [Problem("", text) for _, text in parsed.report.problems]
        self._pipeline.report.warnings += parsed.report.warnings
        self._pipeline.complete &= parsed.complete
        return self.gather(parsed, self._catalogue_stock(parsed))

    def _catalogue_stock(self, parsed: Parsed[catalogue_pb2.FeatureCatalogue]) -> Stock:
        stock = Stock()
        for item in column_items(parsed.message.input_fields, "input_fields", parsed):
            self._add(Stock(columns={item.name: item}), stock, item.origin, "be")
        for item in feature_items(parsed.message.features, "features", parsed):
            self._add(Stock(features={item.name: item}), stock, item.origin, "be")
        return stock

    def _chosen(self, its: catalogue_pb2.Import, stock: Stock, at: Origin) -> Stock:
        """The part of a file's stock that an import selects, with its changes."""
        names = [*stock.features, *stock.unread_columns]
        selected = self._matching(its.select, names, at.part(".select")) if its.select else names
        excluded = self._matching(its.exclude, names, at.part(".exclude"))
        taken = [name for name in names if name in selected and name not in excluded]
        features = {name: stock.features[name] for name in taken if name in stock.features}
        for index, change in enumerate(its.override):
            self._override(features, change, at.part(f".override[{index}]"))
        read = {name for each in features.values() for name in each.message.input_names}
        needed = read.union(taken) - (stock.features.keys() - read)
        columns = {name: each for name, each in stock.columns.items() if name in needed}
        return Stock(columns, features)

    def _matching(self, patterns: Sequence[str], names: Sequence[str], at: Origin) -> set[str]:
        matched: set[str] = set()
        for index, pattern in enumerate(patterns):
            found = fnmatch.filter(names, pattern)
            if not found and names:
                rule = "match a feature, or a column that no feature reads. Received"
                told = f"{show(pattern)}.{suggest(pattern, names)}".removesuffix(".")
                self._refuse(at.part(f"[{index}]"), f"{rule}: {told}")
            matched.update(found)
        return matched

    def _override(
        self, features: dict[str, Item], change: feature_pb2.FeatureConfig, at: Origin
    ) -> None:
        name = change.feature_name
        if name not in features:
            if features:
                rule = "name a feature that is imported here. Received"
                told = f"{show(name or None)}.{suggest(name, features)}".removesuffix(".")
                self._refuse(at.part(".feature_name"), f"{rule}: {told}")
            return
        features[name] = _changed(features[name], change, at)

    def _add(self, brought: Stock, stock: Stock, at: Origin, verb: str) -> None:
        """Adds what an import brought, or a file holds, to what came before."""
        for item in brought.columns.values():
            first = stock.columns.setdefault(item.name, item)
            if difference := _difference(item, first):
                rule = f"define column `{item.name}` as it is defined at {first.place}"
                self._refuse(at, f"{rule}. Received: {difference}, at {item.place}")
        for item in brought.features.values():
            first = stock.features.setdefault(item.name, item)
            if (first.origin, first.message) != (item.origin, item.message):
                rule = f"{verb} no second feature `{item.name}`"
                what = f"that of {item.place} beside that of {first.place}"
                self._refuse(at, f"{rule}. Received: {what}. Exclude or rename one")

    def _refuse(self, at: Origin, rule: str) -> None:
        sentence = f"{at.place}: `{at.path}` should {rule}."
        self._pipeline.report.problems.append(Problem("", sentence))
        self._pipeline.complete = False


def _changed(item: Item, change: feature_pb2.FeatureConfig, at: Origin) -> Item:
    """A feature with every field of a change in the place of its own, and with its name."""
    feature = feature_pb2.FeatureConfig()
    feature.CopyFrom(item.message)
    fields = [field.name for field, _ in change.ListFields()]
    for name in fields:
        feature.ClearField(name)
    feature.MergeFrom(change)
    changes = {name: at for name in fields if name != "feature_name"}
    return item._replace(message=feature, changes={**item.changes, **changes})


def _difference(column: Item, first: Item) -> str:
    """What differs in two definitions of a column; "" if they say the same."""
    ours, theirs = _said(column.message), _said(first.message)
    return ticked(f"{name}: {show(ours[name])}" for name in ours if ours[name] != theirs[name])


def _said(field: Any) -> dict[str, Any]:
    """What a column's fields say, whether they are written or left to their defaults."""
    said = {each.name: getattr(field, each.name) for each in field.DESCRIPTOR.fields}
    return {**said, "input_type": Word(dataset_pb2.DatasetConfig.FieldType.Name(field.input_type))}


def column_items(fields: Iterable[Any], path: str, parsed: Parsed[Any]) -> Iterator[Item]:
    """The columns that stand in a file at `path`."""
    for index, field in enumerate(fields):
        yield _item(field.input_name, field, f"{path}[{index}]", parsed)


def feature_items(
    templates: Iterable[feature_pb2.FeatureConfig], path: str, parsed: Parsed[Any]
) -> Iterator[Item]:
    """The features that stand in a file at `path`, each of `shared_names` as one of its own."""
    for index, template in enumerate(templates):
        for placed in expanded(template, f"{path}[{index}]"):
            yield _item(feature_name(placed.feature), placed.feature, placed.path, parsed)


def _item(name: str, message: Message, path: str, parsed: Parsed[Any]) -> Item:
    damaged = [each for each in parsed.damaged if each == path or each.startswith(f"{path}.")]
    relative = frozenset(each.removeprefix(path) for each in damaged)
    return Item(name, message, Origin(parsed.places, path), {}, relative)

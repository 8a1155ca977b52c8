"""How features take the cells of a column apart, as far as statistics of it must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tfmtl.config.rules.feature_numbers import number_of_edges
from tfmtl.config.views import features
from tfmtl.protos import dataset_pb2, feature_pb2, pipeline_pb2

_Feature = feature_pb2.FeatureConfig
_Types = dataset_pb2.DatasetConfig
Field = dataset_pb2.DatasetConfig.Field

# The ways to take text apart: at the whole mark, at any of its characters, and what stands before
# or behind it.
WHOLE, ANY, BEFORE, BEHIND = "separated by", "separated by any of", "before", "behind"
_FLOATS = (_Types.FLOAT, _Types.DOUBLE)


class Part(NamedTuple):
    """A step in which text is taken apart.

    Args:
        way: `WHOLE`, `ANY`, `BEFORE` or `BEHIND`.
        mark: What it is taken apart at.
    """

    way: str
    mark: str


class Reading(NamedTuple):
    """A column, and what its cells are taken for.

    Args:
        column: The column's name.
        of_numbers: Whether its values are numbers; otherwise they are words.
        parts: How a cell of text is taken apart, step by step.
        precision: Digits behind the point of a float as a word.
    """

    column: str
    of_numbers: bool
    parts: tuple[Part, ...] = ()
    precision: int = -1

    @property
    def words(self) -> str:
        """What the cells are taken for, in words that tell readings of a column apart."""
        kind = "numbers" if self.of_numbers else "words"
        digits = f"with {self.precision} digits" if self.precision >= 0 else ""
        steps = [f"{part.way} `{part.mark}`" for part in reversed(self.parts)]
        return " ".join([kind, *filter(None, [digits]), *steps])


def readings(pipeline: pipeline_pb2.Pipeline) -> list[Reading]:
    """Every way in which features read a column, in the order of the columns.

    A label, and a column that no feature reads, is read as what its type says.
    """
    fields = {field.input_name: field for field in pipeline.data_config.input_fields}
    read = dict.fromkeys(each for f in features(pipeline) for each in _readings(f, fields))
    by_features = {reading.column for reading in read}
    others = [_plain(field) for name, field in fields.items() if name not in by_features]
    order = {name: place for place, name in enumerate(fields)}
    return sorted([*read, *others], key=lambda each: order[each.column])


def reading_of(feature: _Feature, fields: Mapping[str, Field]) -> Reading:
    """The way in which a feature reads the column that its ids or numbers are of."""
    # The second column of a LookupFeature has its values, that of a TagFeature weights.
    place = 1 if feature.feature_type == _Feature.LookupFeature else 0
    return list(_readings(feature, fields))[place]


def _readings(feature: _Feature, fields: Mapping[str, Field]) -> Iterator[Reading]:
    """Yields how a feature reads each of its columns; a column of weights is read as it is."""
    for index, name in enumerate(feature.input_names):
        yield _BY_KIND[feature.feature_type](feature, fields[name], index)


def _plain(field: Field) -> Reading:
    return Reading(field.input_name, field.input_type != _Types.STRING)


def _word(feature: _Feature, field: Field, *parts: Part) -> Reading:
    """Words of a column; only text is taken apart."""
    precision = feature.precision if field.input_type in _FLOATS else -1
    kept = parts if field.input_type == _Types.STRING else ()
    return Reading(field.input_name, False, kept, precision)


def _number(field: Field, *parts: Part) -> Reading:
    kept = parts if field.input_type == _Types.STRING else ()
    return Reading(field.input_name, True, kept)


def _id(feature: _Feature, field: Field, index: int) -> Reading:
    del index
    return _word(feature, field)


def _raw(feature: _Feature, field: Field, index: int) -> Reading:
    del index
    is_vector = feature.raw_input_dim > 1
    return _number(field, *([Part(WHOLE, feature.separator)] if is_vector else []))


def _tag(feature: _Feature, field: Field, index: int) -> Reading:
    items = Part(ANY, feature.separator)
    if index:
        return _number(field, items)
    weighted = feature.HasField("kv_separator")
    return _word(feature, field, items, *([Part(BEFORE, feature.kv_separator)] if weighted else []))


def _combo(feature: _Feature, field: Field, index: int) -> Reading:
    marks = feature.combo_input_seps[index : index + 1]
    return _word(feature, field, *(Part(ANY, mark) for mark in marks if mark))


def _lookup(feature: _Feature, field: Field, index: int) -> Reading:
    if not index:
        return _word(feature, field)
    mark = feature.kv_separator or ":"
    return _word(feature, field, Part(ANY, feature.separator), Part(BEHIND, mark))


def _sequence(feature: _Feature, field: Field, index: int) -> Reading:
    del index
    of_numbers = feature.sub_feature_type == _Feature.RawFeature
    is_vector = of_numbers and not number_of_edges(feature) and feature.num_buckets < 2
    parts = [Part(WHOLE, feature.separator)]
    if feature.seq_multi_sep and not (is_vector and feature.raw_input_dim == 1):
        parts.append(Part(WHOLE if is_vector else ANY, feature.seq_multi_sep))
    return _number(field, *parts) if of_numbers else _word(feature, field, *parts)


def _expression(feature: _Feature, field: Field, index: int) -> Reading:
    del feature, index
    return _number(field)


def _pass_through(feature: _Feature, field: Field, index: int) -> Reading:
    del feature, index
    return _plain(field)


_BY_KIND = {
    _Feature.IdFeature: _id,
    _Feature.RawFeature: _raw,
    _Feature.TagFeature: _tag,
    _Feature.ComboFeature: _combo,
    _Feature.LookupFeature: _lookup,
    _Feature.SequenceFeature: _sequence,
    _Feature.ExprFeature: _expression,
    _Feature.PassThroughFeature: _pass_through,
}

"""Rules of the features, one by one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message

from tfmtl.config.column_functions import COLUMN_FUNCTIONS, column_function
from tfmtl.config.expressions import ExpressionError
from tfmtl.config.feature_expressions import read_expression, unusable_expression
from tfmtl.config.problems import Problem, Report
from tfmtl.config.rules.common import check_at_least, check_name, check_unique
from tfmtl.config.rules.data import Field, columns, is_number, type_name
from tfmtl.config.rules.encoders import check_encoder, check_numeric_embedding
from tfmtl.config.views import feature_name, placed_features
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import dataset_pb2, feature_pb2, pipeline_pb2

_Feature = feature_pb2.FeatureConfig
_ID, _RAW, _TAG = _Feature.IdFeature, _Feature.RawFeature, _Feature.TagFeature
_COMBO, _LOOKUP, _PASS = _Feature.ComboFeature, _Feature.LookupFeature, _Feature.PassThroughFeature
_SEQUENCE, _EXPR = _Feature.SequenceFeature, _Feature.ExprFeature
_STRING = dataset_pb2.DatasetConfig.STRING
_FLOATS = (dataset_pb2.DatasetConfig.FLOAT, dataset_pb2.DatasetConfig.DOUBLE)
_COMBINERS = ("sum", "mean", "sqrtn")
_POOLINGS = ("sum", "mean", "max", "min")
_WORDS = ("vocabulary", "hash_bucket_size", "vocab_list", "vocab_file")
_ID_SOURCES = (*_WORDS, "num_buckets")
_COUNTS = ("hash_bucket_size", "num_buckets")
_MOST_IDS = 1 << 40

_EMBEDDED = (_ID, _RAW, _TAG, _COMBO, _LOOKUP, _SEQUENCE, _EXPR)

# Fields that mean something to some kinds of features only.
_ONLY_FOR: Mapping[str, tuple[int, ...]] = {
    "hash_bucket_size": (_ID, _TAG, _COMBO, _LOOKUP, _SEQUENCE),
    "vocab_list": (_ID, _TAG, _LOOKUP, _SEQUENCE),
    "vocab_file": (_ID, _TAG, _LOOKUP, _SEQUENCE),
    "num_buckets": (_ID, _TAG, _RAW, _LOOKUP, _SEQUENCE),
    "embedding_dim": _EMBEDDED,
    "embedding_name": _EMBEDDED,
    "initializer": _EMBEDDED,
    "separator": (_RAW, _TAG, _LOOKUP, _SEQUENCE),
    "kv_separator": (_TAG, _LOOKUP),
    "combiner": (_RAW, _TAG, _COMBO, _LOOKUP, _SEQUENCE),
    "precision": (_ID, _TAG, _COMBO, _LOOKUP, _SEQUENCE),
    "lookup_max_sel_elem_num": (_LOOKUP,),
    "combo_join_sep": (_COMBO,),
    "combo_input_seps": (_COMBO,),
    "boundaries": (_RAW, _SEQUENCE),
    "min_val": (_RAW, _SEQUENCE),
    "max_val": (_RAW, _SEQUENCE),
    "raw_input_dim": (_RAW, _SEQUENCE),
    "normalization": (_RAW, _SEQUENCE),
    "binning": (_RAW, _SEQUENCE),
    "vocabulary": (_ID, _TAG, _LOOKUP, _SEQUENCE),
    "normalizer_fn": (_RAW,),
    "expression": (_EXPR,),
    "seq_multi_sep": (_RAW, _SEQUENCE),
    "max_seq_len": (_SEQUENCE,),
    "sub_feature_type": (_SEQUENCE,),
    "sequence_length": (_SEQUENCE,),
    "sequence_encoder": (_SEQUENCE,),
    "sequence_combiner": (_SEQUENCE,),
    "numeric_embedding": (_RAW, _EXPR),
}


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Every feature reads columns and says how it is encoded; no name is given twice."""
    placed = placed_features(pipeline)
    if not placed:
        report.should("feature_config.features", "name the features")
    if pipeline.feature_configs and pipeline.feature_config.features:
        report.warn("feature_config", "is not read, because there are `feature_configs`")
    known = columns(pipeline)
    for each in placed:
        found = Report()
        described = _Described(each.feature, each.path, known, found)
        _check_columns(described, each.column_paths, pipeline.data_config)
        _check_kind(described)
        _add_new(found, report)
    check_unique(report, [name for each in placed for name in _names(each.path, each.feature)])


def _names(path: str, feature: _Feature) -> list[tuple[str, str]]:
    """The name of a feature, and that of its weights."""
    name = feature_name(feature)
    weighted = feature.feature_type == _TAG and (
        feature.HasField("kv_separator") or len(feature.input_names) > 1
    )
    return [(path, name), (path, f"{name}/weights")] if weighted else [(path, name)]


class _Described(NamedTuple):
    """A feature, the columns there are, and where its problems go."""

    feature: _Feature
    path: str
    columns: Mapping[str, Field]
    report: Report

    @property
    def of(self) -> str:
        return f"feature `{feature_name(self.feature)}`"

    @property
    def inputs(self) -> list[Field]:
        """Its columns, those that exist."""
        names = self.feature.input_names
        return [self.columns[name] for name in names if name in self.columns]

    @property
    def id_source(self) -> str:
        """The field that says what its ids are; "" if none does."""
        return next((name for name in _ID_SOURCES if self.gives(name)), "")

    def gives(self, field: str) -> bool:
        """Whether one of its fields says something."""
        value = getattr(self.feature, field)
        return self.feature.HasField(field) if isinstance(value, Message) else bool(value)

    def should(self, field: str, rule: str, received: Any = None) -> None:
        """Adds a problem of one of its fields; "" is the feature as a whole."""
        path = f"{self.path}.{field}" if field else self.path
        self.report.should(path, rule, received, of=self.of)

    def warn(self, field: str, sentence: str) -> None:
        """Adds a warning of one of its fields."""
        self.report.warn(f"{self.path}.{field}", sentence, of=self.of)


def _add_new(found: Report, report: Report) -> None:
    """Adds what is found, but only once of features that are alike by `shared_names`."""
    told = {problem.path for problem in report.problems}
    report.problems += [problem for problem in found.problems if problem.path not in told]
    report.warnings += [warning for warning in found.warnings if warning not in report.warnings]


def _check_kind(it: _Described) -> None:
    """A feature of a kind that is built has what this kind needs."""
    if it.feature.feature_type in _KINDS:
        _check_meaning(it)
        _check_initializer(it)
        _KINDS[it.feature.feature_type](it)


def _check_columns(it: _Described, paths: Sequence[str], data: dataset_pb2.DatasetConfig) -> None:
    """The columns exist, and are known when the model is served."""
    if not paths:
        it.should("input_names", "name a column")
    check_name(it.report, it.path, feature_name(it.feature), of="feature")
    for path, name in zip(paths, it.feature.input_names, strict=True):
        if name not in it.columns:
            what = "one of `data_config.input_fields`"
            it.report.should_name(path, what, name, it.columns, of=it.of)
        elif name in data.label_fields:
            it.report.should(path, "not be a label", name, of=it.of)
        elif name == data.sample_weight:
            it.report.should(path, "not be the sample weight", name, of=it.of)
        elif name == data.rejection_sampling.propensity_name:
            rule = "not be the propensity of `data_config.rejection_sampling`"
            it.report.should(path, rule, name, of=it.of)
        else:
            check_name(it.report, path, name, of=it.of)


def number_of_edges(feature: _Feature) -> int:
    """How many edges the bins of a RawFeature have; 0 if it has no bins."""
    if feature.HasField("binning"):
        return len(feature.binning.edges) or max(0, feature.binning.num_bins - 1)
    has_range = feature.max_val > feature.min_val
    return len(feature.boundaries) or (
        feature.num_buckets if has_range and feature.num_buckets > 1 else 0
    )


def _check_meaning(it: _Described) -> None:
    """Tells fields that this kind of feature does not read."""
    kind = _Feature.FeatureType.Name(it.feature.feature_type)
    for field, _ in it.feature.ListFields():
        if it.feature.feature_type not in _ONLY_FOR.get(field.name, _KINDS):
            it.warn(field.name, f"has no effect on a {kind}")


def _check_number_of_inputs(it: _Described, most: int, rule: str) -> None:
    names = it.feature.input_names
    if len(names) > most:
        it.should("input_names", rule, list(names))


def _check_embedding(it: _Described, reason: str) -> None:
    if not it.feature.embedding_dim:
        it.should("embedding_dim", f"be at least 1, because {reason}", 0)


def _check_initializer(it: _Described) -> None:
    kind = it.feature.initializer.WhichOneof("initializer_oneof")
    if kind is None:
        return
    chosen, dim = getattr(it.feature.initializer, kind), it.feature.embedding_dim
    if kind == "constant_initializer" and len(chosen.consts) not in (1, dim):
        rule = f"hold one value, or one for each of the {dim} places of the embedding"
        it.should(f"initializer.{kind}.consts", rule, list(chosen.consts))
    if hasattr(chosen, "stddev"):
        path = f"{it.path}.initializer.{kind}.stddev"
        check_at_least(it.report, path, chosen.stddev, 0, of=it.of)


def _check_ids(it: _Described) -> None:
    """It is said what the ids are, and they can be made from the column."""
    if not it.id_source:
        it.should("", f"have {one_of(_ID_SOURCES)}")
    elif it.id_source in _COUNTS:
        _check_count(it)
    for field in _ID_SOURCES:
        if field != it.id_source and it.gives(field) and it.id_source != "vocabulary":
            it.warn(field, f"is not read, because there is `{it.id_source}`")
    _check_embedding(it, "ids are embedded")
    _check_precision(it)
    if it.id_source == "vocab_list":
        _check_vocabulary(it)
    if it.id_source == "vocab_file":
        _check_vocabulary_file(it)


def _check_count(it: _Described) -> None:
    count = getattr(it.feature, it.id_source)
    if count > _MOST_IDS:
        it.should(it.id_source, f"be at most {_MOST_IDS}, more than fit into memory", count)


def _check_precision(it: _Described) -> None:
    """A number with a point is turned to text in one way only."""
    if it.id_source in _WORDS:
        _check_digits(it, it.inputs[:1])


def _check_digits(it: _Described, columns: Sequence[Field]) -> None:
    """Columns of floats say with how many digits they become text."""
    for column in columns:
        if column.input_type in _FLOATS and it.feature.precision < 0:
            rule = (
                f"be the number of digits, 0 or more, with which column `{column.input_name}`, "
                f"{type_name(column)}, becomes text"
            )
            it.should("precision", rule, it.feature.precision)


def _check_vocabulary(it: _Described) -> None:
    seen = set()
    for index, word in enumerate(it.feature.vocab_list):
        if not word:
            it.should(f"vocab_list[{index}]", "be a word; an empty cell is none", word)
        elif word in seen:
            it.should(f"vocab_list[{index}]", "not be there twice", word)
        seen.add(word)


def _check_vocabulary_file(it: _Described) -> None:
    path = it.feature.vocab_file
    if "://" not in path and not os.path.isfile(path):
        it.should("vocab_file", "be a file that exists", path)


def _check_id(it: _Described) -> None:
    _check_number_of_inputs(it, 1, "name one column")
    _check_ids(it)


def _check_tag(it: _Described) -> None:
    feature = it.feature
    _check_number_of_inputs(it, 2, "name one column, or a second one with weights")
    _check_ids(it)
    _check_combiner(it)
    _check_separator(it)
    if feature.HasField("kv_separator"):
        _check_kv_separator(it)


def _check_combiner(it: _Described) -> None:
    if it.feature.combiner not in _COMBINERS:
        it.should("combiner", f"be {one_of(_COMBINERS)}", it.feature.combiner)


def _check_separator(it: _Described) -> None:
    if not it.feature.separator:
        it.should("separator", "be the text between two values", it.feature.separator)


def _check_kv_separator(it: _Described) -> None:
    mark = it.feature.kv_separator
    if not mark:
        it.should("kv_separator", "be the text between an id and its weight", mark)
    if len(it.feature.input_names) > 1:
        it.should("kv_separator", "not be given together with a second column of weights", mark)
    if set(mark) & set(it.feature.separator):
        it.should("kv_separator", "have no character of `separator`", mark)
    for column in it.inputs[:1]:
        if column.input_type != _STRING:
            rule = f"be for a STRING column; `{column.input_name}` is {type_name(column)}"
            it.should("kv_separator", rule, mark)


def _check_raw(it: _Described) -> None:
    feature = it.feature
    _check_number_of_inputs(it, 1, "name one column")
    check_at_least(it.report, f"{it.path}.raw_input_dim", feature.raw_input_dim, 1, of=it.of)
    if feature.raw_input_dim > 1 or feature.seq_multi_sep:
        _check_vector(it)
    else:
        _check_default(it)
    if feature.seq_multi_sep:
        _check_list_of_vectors(it)
    _check_edges(it)
    _check_bins(it)
    _check_numeric_embedding(it)
    _check_function(it)


def _check_function(it: _Described) -> None:
    name = it.feature.normalizer_fn
    if name and not column_function(name):
        path = f"{it.path}.normalizer_fn"
        what = "a function of numbers; an ExprFeature has formulas"
        it.report.should_name(path, what, name, COLUMN_FUNCTIONS, of=it.of)
    for field in ("normalization", "binning"):
        if name and it.feature.HasField(field):
            rule = f"be left out, because there is `{field}`, which knows the numbers as they come"
            it.should("normalizer_fn", rule, name)


def _check_default(it: _Described) -> None:
    """An empty cell of text stands for a number, if for anything."""
    for column in it.inputs:
        if column.input_type == _STRING and not is_number(column.default_val or "0"):
            rule = f"have a number as `default_val` of its column `{column.input_name}`"
            it.should("", rule, column.default_val)


def _check_vector(it: _Described) -> None:
    feature = it.feature
    _check_separator(it)
    if not feature.seq_multi_sep and (
        number_of_edges(feature) or feature.HasField("numeric_embedding")
    ):
        _check_combiner(it)
    for column in it.inputs:
        if feature.raw_input_dim > 1 and column.input_type != _STRING:
            rule = f"be 1, because column `{column.input_name}` is {type_name(column)}, not STRING"
            it.should("raw_input_dim", rule, feature.raw_input_dim)


def _check_list_of_vectors(it: _Described) -> None:
    """Several vectors, or numbers, become one."""
    if it.feature.combiner not in _POOLINGS:
        it.should("combiner", f"be {one_of(_POOLINGS)}", it.feature.combiner)
    _check_second_separator(it)


def _check_second_separator(it: _Described) -> None:
    mark = it.feature.seq_multi_sep
    if set(mark) & set(it.feature.separator):
        it.should("seq_multi_sep", "have no character of `separator`", mark)
    for column in it.inputs[:1]:
        if column.input_type != _STRING:
            rule = f"be for a STRING column; `{column.input_name}` is {type_name(column)}"
            it.should("seq_multi_sep", rule, mark)


def _check_numeric_embedding(it: _Described) -> None:
    """Numbers are embedded in one way, by numbers that make sense."""
    if not it.feature.HasField("numeric_embedding"):
        return
    if number_of_edges(it.feature):
        kind = it.feature.numeric_embedding.WhichOneof("embedding") or "nothing"
        rule = "be left out, because the numbers fall into bins"
        it.should("numeric_embedding", rule, Word(kind))
    else:
        _check_embedding(it, "there is a `numeric_embedding`")
    if it.feature.numeric_embedding.HasField("periodic") and it.feature.HasField("initializer"):
        it.warn("initializer", "has no effect with `numeric_embedding { periodic {} }`")
    check_numeric_embedding(it.report, f"{it.path}.numeric_embedding", it.feature, of=it.of)


def _check_edges(it: _Described) -> None:
    """The range is one, and the boundaries rise."""
    feature = it.feature
    has_range = feature.HasField("min_val") or feature.HasField("max_val")
    if has_range and not feature.max_val > feature.min_val and (feature.min_val or feature.max_val):
        it.should("max_val", f"be above `min_val`, {feature.min_val:g}", feature.max_val)
    for before, after in itertools.pairwise(feature.boundaries):
        if not before < after:
            it.should("boundaries", "rise from each to the next", list(feature.boundaries))
            break


def _check_bins(it: _Described) -> None:
    feature = it.feature
    if number_of_edges(feature):
        _check_embedding(it, "bins are embedded")
        return
    if feature.num_buckets and not feature.HasField("normalization"):
        rule = "unless it is 2 or more and there are `min_val` and `max_val`"
        it.warn("num_buckets", f"has no effect on a RawFeature {rule}")
    if feature.embedding_name:
        it.warn("embedding_name", "has no effect on a RawFeature without bins")
    if feature.HasField("initializer") and not feature.embedding_dim:
        it.warn("initializer", "has no effect without `embedding_dim`")


def _check_combo(it: _Described) -> None:
    feature = it.feature
    if len(feature.input_names) < 2:
        it.should("input_names", "name two columns or more", list(feature.input_names))
    if not feature.hash_bucket_size:
        it.should("hash_bucket_size", "be at least 1", 0)
    else:
        _check_count(it)
    _check_embedding(it, "ids are embedded")
    _check_combiner(it)
    _check_digits(it, it.inputs)
    separators = feature.combo_input_seps
    if separators and len(separators) != len(feature.input_names):
        rule = f"have one text for each of {len(feature.input_names)} columns"
        it.should("combo_input_seps", rule, list(separators))
    for index, (separator, column) in enumerate(zip(separators, it.inputs, strict=False)):
        if separator and column.input_type != _STRING:
            rule = f"be empty, because column `{column.input_name}` is {type_name(column)}"
            it.should(f"combo_input_seps[{index}]", rule, separator)


def _check_lookup(it: _Described) -> None:
    feature = it.feature
    if len(feature.input_names) != 2:
        rule = "name two columns, of the key and of the map"
        it.should("input_names", rule, list(feature.input_names))
    _check_ids(it)
    _check_combiner(it)
    _check_separator(it)
    check_at_least(
        it.report,
        f"{it.path}.lookup_max_sel_elem_num",
        feature.lookup_max_sel_elem_num,
        1,
        of=it.of,
    )
    mark = feature.kv_separator or ":"
    if set(mark) & set(feature.separator):
        it.should("kv_separator", "have no character of `separator`", mark)
    for column in it.inputs[1:2]:
        if column.input_type != _STRING:
            rule = f"have maps in a STRING column; `{column.input_name}` is {type_name(column)}"
            it.should("input_names[1]", rule)


def _check_sequence(it: _Described) -> None:
    feature = it.feature
    _check_number_of_inputs(it, 1, "name one column")
    _check_separator(it)
    if feature.HasField("max_seq_len"):
        check_at_least(it.report, f"{it.path}.max_seq_len", feature.max_seq_len, 1, of=it.of)
    if feature.sub_feature_type == _ID:
        _check_ids(it)
    elif feature.sub_feature_type == _RAW:
        _check_numbers(it)
    else:
        kind = Word(_Feature.FeatureType.Name(feature.sub_feature_type))
        it.should("sub_feature_type", "be IdFeature or RawFeature", kind)
    if feature.seq_multi_sep:
        _check_items(it)
    check_encoder(it.report, it.path, feature, of=it.of)


def _check_numbers(it: _Described) -> None:
    """The steps are numbers: binned, ids themselves, projected or plain."""
    feature = it.feature
    check_at_least(it.report, f"{it.path}.raw_input_dim", feature.raw_input_dim, 1, of=it.of)
    _check_edges(it)
    if number_of_edges(feature) or feature.num_buckets > 1:
        _check_embedding(it, "bins are embedded")
    elif feature.raw_input_dim > 1 and not feature.seq_multi_sep:
        rule = f"separate the {feature.raw_input_dim} numbers of a step (`raw_input_dim`)"
        it.should("seq_multi_sep", rule)
    if feature.hash_bucket_size:
        it.warn("hash_bucket_size", "is not read, because `sub_feature_type` is RawFeature")


def _check_items(it: _Described) -> None:
    """Steps hold several items: of ids or bins, or the numbers of a vector."""
    _check_second_separator(it)
    _check_combiner(it)


def _check_expression(it: _Described) -> None:
    _check_numeric_embedding(it)
    if not it.feature.expression.strip():
        it.should("expression", "say how to compute the number", it.feature.expression or None)
        return
    if len(it.inputs) != len(it.feature.input_names):
        return  # A column that does not exist is told already.
    try:
        read_expression(it.feature, it.inputs)
    except ExpressionError as error:
        path = f"{it.path}.expression"
        told = unusable_expression(it.feature, error)
        sentence = told.replace("`expression`", f"`{path}` ({it.of})", 1)
        it.report.problems.append(Problem(path, sentence))


def _check_pass_through(it: _Described) -> None:
    _check_number_of_inputs(it, 1, "name one column")


_KINDS: Mapping[int, Callable[[_Described], None]] = {
    _ID: _check_id,
    _RAW: _check_raw,
    _TAG: _check_tag,
    _COMBO: _check_combo,
    _LOOKUP: _check_lookup,
    _SEQUENCE: _check_sequence,
    _EXPR: _check_expression,
    _PASS: _check_pass_through,
}

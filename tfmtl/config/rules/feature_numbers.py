"""Rules of features made of numbers: plain, in bins, in vectors, by a formula."""

from __future__ import annotations

import itertools

from tfmtl.config.column_functions import COLUMN_FUNCTIONS, column_function
from tfmtl.config.expressions import ExpressionError
from tfmtl.config.feature_expressions import read_expression, unusable_expression
from tfmtl.config.problems import Problem
from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.data import is_number, type_name
from tfmtl.config.rules.described_feature import DescribedFeature
from tfmtl.config.rules.encoders import check_numeric_embedding
from tfmtl.config.rules.feature_parts import (
    check_combiner,
    check_embedding,
    check_number_of_inputs,
    check_second_separator,
    check_separator,
)
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import dataset_pb2, feature_pb2

_STRING = dataset_pb2.DatasetConfig.STRING
_POOLINGS = ("sum", "mean", "max", "min")


def number_of_edges(feature: feature_pb2.FeatureConfig) -> int:
    """How many edges the bins of a RawFeature have; 0 if it has no bins."""
    if feature.HasField("binning"):
        return len(feature.binning.edges) or max(0, feature.binning.num_bins - 1)
    has_range = feature.max_val > feature.min_val
    return len(feature.boundaries) or (
        feature.num_buckets if has_range and feature.num_buckets > 1 else 0
    )


def check_raw(it: DescribedFeature) -> None:
    """Numbers: one, a vector, or several vectors."""
    feature = it.feature
    check_number_of_inputs(it, 1, "name one column")
    check_at_least(it.report, f"{it.path}.raw_input_dim", feature.raw_input_dim, 1, of=it.of)
    if feature.raw_input_dim > 1 or feature.seq_multi_sep:
        _check_vector(it)
    else:
        _check_default(it)
    if feature.seq_multi_sep:
        _check_list_of_vectors(it)
    check_edges(it)
    _check_bins(it)
    _check_numeric_embedding(it)
    _check_function(it)


def check_expression(it: DescribedFeature) -> None:
    """A number that a formula gives."""
    _check_numeric_embedding(it)
    _check_default(it)
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


def check_edges(it: DescribedFeature) -> None:
    """The range is one, and the boundaries rise."""
    feature = it.feature
    has_range = feature.HasField("min_val") or feature.HasField("max_val")
    if has_range and not feature.max_val > feature.min_val and (feature.min_val or feature.max_val):
        it.should("max_val", f"be above `min_val`, {feature.min_val:g}", feature.max_val)
    for before, after in itertools.pairwise(feature.boundaries):
        if not before < after:
            it.should("boundaries", "rise from each to the next", list(feature.boundaries))
            break


def _check_numeric_embedding(it: DescribedFeature) -> None:
    """Numbers are embedded in one way, by numbers that make sense."""
    if not it.feature.HasField("numeric_embedding"):
        return
    if number_of_edges(it.feature):
        kind = it.feature.numeric_embedding.WhichOneof("embedding") or "nothing"
        rule = "be left out, because the numbers fall into bins"
        it.should("numeric_embedding", rule, Word(kind))
    else:
        check_embedding(it, "there is a `numeric_embedding`")
    if it.feature.numeric_embedding.HasField("periodic") and it.feature.HasField("initializer"):
        it.warn("initializer", "has no effect with `numeric_embedding { periodic {} }`")
    check_numeric_embedding(it.report, f"{it.path}.numeric_embedding", it.feature, of=it.of)


def _check_bins(it: DescribedFeature) -> None:
    feature = it.feature
    if number_of_edges(feature):
        check_embedding(it, "bins are embedded")
        return
    if feature.num_buckets and not feature.HasField("normalization"):
        rule = "unless it is 2 or more and there are `min_val` and `max_val`"
        it.warn("num_buckets", f"has no effect on a RawFeature {rule}")
    if feature.embedding_name:
        it.warn("embedding_name", "has no effect on a RawFeature without bins")
    if feature.HasField("initializer") and not feature.embedding_dim:
        it.warn("initializer", "has no effect without `embedding_dim`")


def _check_default(it: DescribedFeature) -> None:
    """An empty cell of text stands for a number, if for anything."""
    for column in it.inputs:
        if column.input_type == _STRING and not is_number(column.default_val or "0"):
            rule = f"have a number as `default_val` of its column `{column.input_name}`"
            it.should("", rule, column.default_val)


def _check_vector(it: DescribedFeature) -> None:
    feature = it.feature
    check_separator(it)
    if not feature.seq_multi_sep and (
        number_of_edges(feature) or feature.HasField("numeric_embedding")
    ):
        check_combiner(it)
    for column in it.inputs:
        if feature.raw_input_dim > 1 and column.input_type != _STRING:
            rule = f"be 1, because column `{column.input_name}` is {type_name(column)}, not STRING"
            it.should("raw_input_dim", rule, feature.raw_input_dim)


def _check_list_of_vectors(it: DescribedFeature) -> None:
    """Several vectors, or numbers, become one."""
    if it.feature.combiner not in _POOLINGS:
        it.should("combiner", f"be {one_of(_POOLINGS)}", it.feature.combiner)
    check_second_separator(it)


def _check_function(it: DescribedFeature) -> None:
    name = it.feature.normalizer_fn
    if name and not column_function(name):
        path = f"{it.path}.normalizer_fn"
        what = "a function of numbers; an ExprFeature has formulas"
        it.report.should_name(path, what, name, COLUMN_FUNCTIONS, of=it.of)
    for field in ("normalization", "binning"):
        if name and it.feature.HasField(field):
            rule = f"be left out, because there is `{field}`, which knows the numbers as they come"
            it.should("normalizer_fn", rule, name)

"""Rules of what features of several kinds have: columns, embeddings, combiners, separators."""

from __future__ import annotations

from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.data import type_name
from tfmtl.config.rules.described_feature import DescribedFeature
from tfmtl.config.wording import one_of
from tfmtl.protos import dataset_pb2

_STRING = dataset_pb2.DatasetConfig.STRING
_COMBINERS = ("sum", "mean", "sqrtn")


def check_number_of_inputs(it: DescribedFeature, most: int, rule: str) -> None:
    """It reads so many columns at most."""
    names = it.feature.input_names
    if len(names) > most:
        it.should("input_names", rule, list(names))


def check_embedding(it: DescribedFeature, reason: str) -> None:
    """It has an embedding, for that reason, if anyone reads it."""
    if it.is_read and not it.feature.embedding_dim:
        it.should("embedding_dim", f"be at least 1, because {reason}", 0)


def check_initializer(it: DescribedFeature) -> None:
    """The table can start as is asked."""
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


def check_combiner(it: DescribedFeature) -> None:
    """Several embeddings become one in a way that there is."""
    if it.feature.combiner not in _COMBINERS:
        it.should("combiner", f"be {one_of(_COMBINERS)}", it.feature.combiner)


def check_separator(it: DescribedFeature) -> None:
    """There is something between two values."""
    if not it.feature.separator:
        it.should("separator", "be the text between two values", it.feature.separator)


def check_second_separator(it: DescribedFeature) -> None:
    """What separates inside of a step, or between vectors, is another mark than between them."""
    check_apart(it, "seq_multi_sep", it.feature.seq_multi_sep)
    check_of_text(it, "seq_multi_sep", it.feature.seq_multi_sep)


def check_apart(it: DescribedFeature, field: str, mark: str) -> None:
    """A mark cannot be taken for what separates the values."""
    if set(mark) & set(it.feature.separator):
        it.should(field, "have no character of `separator`", mark)


def check_of_text(it: DescribedFeature, field: str, mark: str) -> None:
    """There is text for a mark to stand in."""
    for column in it.inputs[:1]:
        if column.input_type != _STRING:
            rule = f"be for a STRING column; `{column.input_name}` is {type_name(column)}"
            it.should(field, rule, mark)

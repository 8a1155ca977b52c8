"""Rules of features made of ids: of one, of lists, of combinations and of maps."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.data import Field, type_name
from tfmtl.config.rules.described_feature import ID_SOURCES, WORDS, DescribedFeature
from tfmtl.config.rules.feature_parts import (
    check_apart,
    check_combiner,
    check_embedding,
    check_number_of_inputs,
    check_of_text,
    check_separator,
)
from tfmtl.config.wording import one_of
from tfmtl.protos import dataset_pb2

_STRING = dataset_pb2.DatasetConfig.STRING
_FLOATS = (dataset_pb2.DatasetConfig.FLOAT, dataset_pb2.DatasetConfig.DOUBLE)
_COUNTS = ("hash_bucket_size", "num_buckets")
_MOST_IDS = 1 << 40


def check_id(it: DescribedFeature) -> None:
    """One id a row."""
    check_number_of_inputs(it, 1, "name one column")
    check_ids(it)


def check_tag(it: DescribedFeature) -> None:
    """A list of ids, perhaps with weights."""
    feature = it.feature
    check_number_of_inputs(it, 2, "name one column, or a second one with weights")
    check_ids(it)
    check_combiner(it)
    check_separator(it)
    if feature.HasField("kv_separator"):
        _check_kv_separator(it)


def check_combo(it: DescribedFeature) -> None:
    """Combinations of the values of several columns."""
    feature = it.feature
    if len(feature.input_names) < 2:
        it.should("input_names", "name two columns or more", list(feature.input_names))
    if not feature.hash_bucket_size:
        it.should("hash_bucket_size", "be at least 1", 0)
    else:
        _check_count(it, "hash_bucket_size")
    check_embedding(it, "ids are embedded")
    check_combiner(it)
    _check_digits(it, it.inputs)
    separators = feature.combo_input_seps
    if separators and len(separators) != len(feature.input_names):
        rule = f"have one text for each of {len(feature.input_names)} columns"
        it.should("combo_input_seps", rule, list(separators))
    for index, (separator, column) in enumerate(zip(separators, it.inputs, strict=False)):
        if separator and column.input_type != _STRING:
            rule = f"be empty, because column `{column.input_name}` is {type_name(column)}"
            it.should(f"combo_input_seps[{index}]", rule, separator)


def check_lookup(it: DescribedFeature) -> None:
    """What a map has for a key."""
    feature = it.feature
    if len(feature.input_names) != 2:
        rule = "name two columns, of the key and of the map"
        it.should("input_names", rule, list(feature.input_names))
    check_ids(it)
    if it.id_source not in WORDS:
        _check_digits(it, it.inputs[:1])  # A key is compared as text, whatever the ids are.
    check_combiner(it)
    check_separator(it)
    check_at_least(
        it.report,
        f"{it.path}.lookup_max_sel_elem_num",
        feature.lookup_max_sel_elem_num,
        1,
        of=it.of,
    )
    check_apart(it, "kv_separator", feature.kv_separator or ":")
    for column in it.inputs[1:2]:
        if column.input_type != _STRING:
            rule = f"have maps in a STRING column; `{column.input_name}` is {type_name(column)}"
            it.should("input_names[1]", rule)


def check_ids(it: DescribedFeature) -> None:
    """It is said what the ids are, and they can be made from the column."""
    if it.is_read and not it.id_source:
        it.should("", f"have {one_of(ID_SOURCES)}")
    elif it.id_source in _COUNTS:
        _check_count(it, it.id_source)
    for field in ID_SOURCES:
        if field != it.id_source and it.gives(field) and it.id_source != "vocabulary":
            it.warn(field, f"is not read, because there is `{it.id_source}`")
    check_embedding(it, "ids are embedded")
    _check_precision(it)
    if it.id_source == "vocab_list":
        _check_vocabulary(it)
    if it.id_source == "vocab_file":
        _check_vocabulary_file(it)


def _check_count(it: DescribedFeature, field: str) -> None:
    count = getattr(it.feature, field)
    if count > _MOST_IDS:
        it.should(field, f"be at most {_MOST_IDS}, more than fit into memory", count)


def _check_precision(it: DescribedFeature) -> None:
    """A number with a point is turned to text in one way only."""
    if it.id_source in WORDS:
        _check_digits(it, it.inputs[:1])


def _check_digits(it: DescribedFeature, columns: Sequence[Field]) -> None:
    """Columns of floats say with how many digits they become text."""
    for column in columns:
        if column.input_type in _FLOATS and it.feature.precision < 0:
            rule = (
                f"be the number of digits, 0 or more, with which column `{column.input_name}`, "
                f"{type_name(column)}, becomes text"
            )
            it.should("precision", rule, it.feature.precision)


def _check_vocabulary(it: DescribedFeature) -> None:
    seen = set()
    for index, word in enumerate(it.feature.vocab_list):
        if not word:
            it.should(f"vocab_list[{index}]", "be a word; an empty cell is none", word)
        elif word in seen:
            it.should(f"vocab_list[{index}]", "not be there twice", word)
        seen.add(word)


def _check_vocabulary_file(it: DescribedFeature) -> None:
    path = it.feature.vocab_file
    if "://" not in path and not os.path.isfile(path):
        it.should("vocab_file", "be a file that exists", path)


def _check_kv_separator(it: DescribedFeature) -> None:
    mark = it.feature.kv_separator
    if not mark:
        it.should("kv_separator", "be the text between an id and its weight", mark)
    if len(it.feature.input_names) > 1:
        it.should("kv_separator", "not be given together with a second column of weights", mark)
    check_apart(it, "kv_separator", mark)
    check_of_text(it, "kv_separator", mark)

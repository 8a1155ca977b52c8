"""Rules of what features take from statistics: how numbers are scaled, their bins, words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_above, check_at_least
from tfmtl.config.rules.described import Described
from tfmtl.config.views import feature_name, placed_features, towers
from tfmtl.config.wording import Word
from tfmtl.protos import feature_pb2, loss_pb2, pipeline_pb2
from tfmtl.protos.feature_pb2 import Binning, Normalization

_Feature = feature_pb2.FeatureConfig
_TREE, _LOG1P = Binning.TREE, Normalization.LOG1P
_MOST_BINS, _MOST_LEAVES = 1000, 100

# What a feature of numbers, or of words, may not say beside each.
_INSTEAD: Mapping[str, tuple[str, ...]] = {
    "normalization": ("min_val", "max_val", "boundaries", "num_buckets", "binning"),
    "binning": ("min_val", "max_val", "boundaries", "num_buckets"),
    "vocabulary": ("hash_bucket_size", "vocab_list", "vocab_file", "num_buckets"),
}


def fits(feature: _Feature, field: str) -> bool:
    """Whether a feature asks for one of `normalization`, `binning`, `vocabulary`, and reads it."""
    is_sequence = feature.feature_type == _Feature.SequenceFeature
    kind = feature.sub_feature_type if is_sequence else feature.feature_type
    numeric, other = _Feature.RawFeature, (_Feature.TagFeature, _Feature.LookupFeature)
    wanted = (_Feature.IdFeature, *other) if field == "vocabulary" else (numeric,)
    return feature.HasField(field) and kind in wanted


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """What is taken from statistics stands alone, and makes sense."""
    told: set[str] = set()
    for path, _, feature in placed_features(pipeline):
        found = Report()
        it = Described(feature, path, f"feature `{feature_name(feature)}`", pipeline, found)
        for field in _INSTEAD:
            if fits(feature, field):
                _check_alone(it, field)
                _CHECKS[field](it.part(field, getattr(feature, field)), feature)
            elif feature.HasField(field) and feature.feature_type == _Feature.SequenceFeature:
                kind = _Feature.FeatureType.Name(feature.sub_feature_type)
                report.warn(f"{path}.{field}", f"has no effect on steps of {kind}", of=it.of)
        for each in found.problems:
            # A field is told once, of all features that are alike by `shared_names`.
            if each.path not in told:
                report.problems.append(each)
            told.add(each.path)


def _check_alone(it: Described, field: str) -> None:
    """Nothing else says the same by hand."""
    given = {each.name: value for each, value in it.its.ListFields()}
    for other in _INSTEAD[field]:
        if other in given:
            it.should(other, f"be left out, because there is `{field}`", _shown(given[other]))


def _shown(value: Any) -> Any:
    return Word(Binning.Method.Name(value.method)) if isinstance(value, Binning) else value


def _check_normalization(it: Described, feature: _Feature) -> None:
    del feature
    given = [name for name in ("center", "scale") if it.its.HasField(name)]
    if it.its.method == _LOG1P:
        for name in given:
            it.should(name, "be left out, because `method` is LOG1P", getattr(it.its, name))
    elif len(given) == 1:
        absent = "scale" if given == ["center"] else "center"
        it.should(absent, f"be given, too, because there is `{given[0]}`")
    elif given:
        check_above(it.report, f"{it.path}.scale", it.its.scale, 0, of=it.of)
        if not math.isfinite(it.its.center):
            it.should("center", "be finite", it.its.center)


def _check_binning(it: Described, feature: _Feature) -> None:
    most = _MOST_LEAVES if it.its.method == _TREE else _MOST_BINS
    if not 2 <= it.its.num_bins <= most:
        it.should("num_bins", f"be 2 to {most}", it.its.num_bins)
    edges = list(it.its.edges)
    if edges != sorted(set(edges)) or len(edges) >= max(2, it.its.num_bins):
        rule = f"rise from each to the next, and be fewer than `num_bins`, {it.its.num_bins}"
        it.should("edges", rule, edges)
    if it.its.method == _TREE:
        _check_tree(it, feature)
    elif it.its.task:
        it.should("task", "be left out, because `method` is not TREE", it.its.task)


def _check_tree(it: Described, feature: _Feature) -> None:
    """A tree is of one number a row, and of a task whose label is a number."""
    if feature.feature_type == _Feature.SequenceFeature or feature.raw_input_dim > 1:
        rule = "be EQUAL_FREQUENCY or EQUAL_WIDTH, because a row has several numbers"
        it.should("method", rule, Word("TREE"))
    tasks = {tower.tower_name: tower for tower in towers(it.pipeline)}
    if it.its.task not in tasks:
        it.should_name("task", "a tower", tasks)
        return
    tower = tasks[it.its.task]
    if not tower.label_name:
        it.should("task", "name a tower with a label", it.its.task)
    elif tower.num_class > 1 and tower.loss_type == loss_pb2.CLASSIFICATION:
        rule = f"name a task whose label is a number, not one of {tower.num_class} classes"
        it.should("task", rule, it.its.task)


def _check_vocabulary(it: Described, feature: _Feature) -> None:
    del feature
    check_at_least(it.report, f"{it.path}.min_count", it.its.min_count, 1, of=it.of)
    seen: set[str] = set()
    for index, word in enumerate(it.its.words):
        if not word or word in seen:
            it.should(f"words[{index}]", "be a word that is there once", word)
        seen.add(word)


_CHECKS = {
    "normalization": _check_normalization,
    "binning": _check_binning,
    "vocabulary": _check_vocabulary,
}

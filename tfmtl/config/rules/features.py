"""Rules of the features, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_name, check_unique
from tfmtl.config.rules.data import columns
from tfmtl.config.rules.described_feature import DescribedFeature
from tfmtl.config.rules.feature_ids import check_combo, check_id, check_lookup, check_tag
from tfmtl.config.rules.feature_numbers import check_expression, check_raw
from tfmtl.config.rules.feature_parts import check_initializer, check_number_of_inputs
from tfmtl.config.rules.feature_steps import check_sequence
from tfmtl.config.views import feature_name, placed_features, read_features
from tfmtl.protos import dataset_pb2, feature_pb2, pipeline_pb2

_Feature = feature_pb2.FeatureConfig
_ID, _RAW, _TAG = _Feature.IdFeature, _Feature.RawFeature, _Feature.TagFeature
_COMBO, _LOOKUP, _PASS = _Feature.ComboFeature, _Feature.LookupFeature, _Feature.PassThroughFeature
_SEQUENCE, _EXPR = _Feature.SequenceFeature, _Feature.ExprFeature

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
    read = {feature_name(each) for each in read_features(pipeline)}
    for each in placed:
        found = Report()
        is_read = feature_name(each.feature) in read
        described = DescribedFeature(each.feature, each.path, known, found, is_read)
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


def _add_new(found: Report, report: Report) -> None:
    """Adds what is found, but only once of features that are alike by `shared_names`."""
    told = {problem.path for problem in report.problems}
    report.problems += [problem for problem in found.problems if problem.path not in told]
    report.warnings += [warning for warning in found.warnings if warning not in report.warnings]


def _check_kind(it: DescribedFeature) -> None:
    """A feature of a kind that is built has what this kind needs."""
    if it.feature.feature_type in _KINDS:
        _check_meaning(it)
        check_initializer(it)
        _KINDS[it.feature.feature_type](it)


def _check_columns(
    it: DescribedFeature, paths: Sequence[str], data: dataset_pb2.DatasetConfig
) -> None:
    """The columns exist, and are known when the model is served."""
    if not paths:
        it.should("input_names", "name a column")
    check_name(it.report, it.path, feature_name(it.feature), of="feature")
    for path, name in zip(paths, it.feature.input_names, strict=True):
        if name not in it.columns:
            what = "one of `data_config.input_fields`"
            it.report.should_name(path, what, name, it.columns, of=it.of)
        elif it.is_read and (role := _role(name, data)):
            it.report.should(path, f"not be {role}", name, of=it.of)
        else:
            check_name(it.report, path, name, of=it.of)


def _role(column: str, data: dataset_pb2.DatasetConfig) -> str:
    """What a column is that nobody knows when the model is served; "" if it is none such."""
    if column in data.label_fields:
        return "a label"
    if column == data.sample_weight:
        return "the sample weight"
    if column == data.rejection_sampling.propensity_name:
        return "the propensity of `data_config.rejection_sampling`"
    return ""


def _check_meaning(it: DescribedFeature) -> None:
    """Tells fields that this kind of feature does not read."""
    kind = _Feature.FeatureType.Name(it.feature.feature_type)
    for field, _ in it.feature.ListFields():
        if it.feature.feature_type not in _ONLY_FOR.get(field.name, _KINDS):
            it.warn(field.name, f"has no effect on {'an' if kind[0] in 'EI' else 'a'} {kind}")


def _check_pass_through(it: DescribedFeature) -> None:
    check_number_of_inputs(it, 1, "name one column")


_KINDS: Mapping[int, Callable[[DescribedFeature], None]] = {
    _ID: check_id,
    _RAW: check_raw,
    _TAG: check_tag,
    _COMBO: check_combo,
    _LOOKUP: check_lookup,
    _SEQUENCE: check_sequence,
    _EXPR: check_expression,
    _PASS: _check_pass_through,
}

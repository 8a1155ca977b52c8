"""Sequences and numbers that become vectors: what is accepted, and what is warned of."""

from google.protobuf import text_format

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.config.problems import Report
from tfmtl.config.validation import check
from tfmtl.protos import feature_pb2

SEQUENCE = "feature_type: SequenceFeature hash_bucket_size: 17 embedding_dim: 4"


def told(*features, group="", model=""):
    """Problems and warnings of the config that works, with more in it."""
    pipeline = config.load_text(GOOD_CONFIG)
    for text in features:
        pipeline.feature_config.features.append(
            text_format.Parse(text, feature_pb2.FeatureConfig())
        )
    text_format.Merge(group, pipeline.model_config.feature_groups[0])
    text_format.Merge(model, pipeline.model_config)
    report = Report()
    check(pipeline, report, needs=())
    return [problem.text for problem in report.problems], report.warnings


def test_a_sequence_with_an_encoder_is_a_feature_of_a_group_and_read_by_attention():
    encoder = "sequence_encoder { self_attention { use_position: true } } max_seq_len: 5"
    attention = "seq_att_map { key: 'item_id' hist_seq: 's' } seq_dnn { hidden_units: 1 }"
    assert told(
        f"feature_name: 's' input_names: 'tags' {SEQUENCE} {encoder}",
        group=f"feature_names: 's' sequence_features {{ {attention} }}",
    ) == ([], [])


def test_self_attention_over_any_number_of_steps_is_warned_of():
    encoder = "sequence_encoder { self_attention {} }"
    assert told(
        f"feature_name: 's' input_names: 'tags' {SEQUENCE} {encoder}", group="feature_names: 's'"
    ) == (
        [],
        [
            "`feature_config.features[6].sequence_encoder.self_attention` (feature `s`) compares "
            "all pairs of steps; a `max_seq_len` keeps long rows from taking much memory."
        ],
    )


def test_sequences_of_one_attention_that_are_cut_unlike_are_warned_of():
    features = [
        f"feature_name: '{name}' input_names: 'tags' {SEQUENCE} {more}"
        for name, more in (("s", "max_seq_len: 5"), ("t", ""))
    ]
    maps = "seq_att_map { key: 'item_id' hist_seq: 's' aux_hist_seq: 't' }"
    problems, warnings = told(*features, group=f"sequence_features {{ {maps} }}")
    assert problems == []
    assert warnings == [
        "`model_config.feature_groups[0].sequence_features[0].seq_att_map` (group `all`) has "
        "sequences of several `max_seq_len`, so the later steps of some are 0: `s` 5, `t` none."
    ]


def test_periodic_embeddings_have_no_rows_to_initialize():
    feature = "feature_name: 'p' input_names: 'price' feature_type: RawFeature embedding_dim: 3"
    start = "initializer { random_normal_initializer {} }"
    for kind, warnings in (
        ("auto_dis", []),
        (
            "periodic",
            [
                "`feature_config.features[6].initializer` (feature `p`) has no effect with "
                "`numeric_embedding { periodic {} }`."
            ],
        ),
    ):
        embedding = f"numeric_embedding {{ {kind} {{}} }}"
        group = "feature_names: 'p'"
        assert told(f"{feature} {embedding} {start}", group=group) == ([], warnings)


def test_a_wide_group_is_for_wide_parts():
    group = (
        "feature_groups { group_name: 'ids' feature_names: ['item_id', 'tags'] wide_deep: WIDE }"
    )
    towers = "mmoe { task_towers { tower_name: 'x' label_name: 'buy' dnn { hidden_units: 3 %s } } }"
    wide = 'interactions { wide { group_name: "ids" } }'
    assert told(model=f"{group} {towers % wide}") == ([], [])
    factors = 'interactions { fm { group_name: "ids" } }'
    assert told(model=f"{group} {towers % factors}") == (
        [
            "`model_config.feature_groups[1].wide_deep` (group `ids`) should be DEEP, because fm "
            "reads the group; a WIDE one is for `interactions { wide {} }` of a `dnn`. Received: "
            "WIDE."
        ],
        [],
    )


def test_words_of_statistics_are_not_read_by_combinations():
    combination = "feature_type: ComboFeature hash_bucket_size: 9 embedding_dim: 3 vocabulary {}"
    feature = f"feature_name: 'c' input_names: ['city', 'tags'] {combination}"
    warning = "`feature_config.features[6].vocabulary` (feature `c`) has no effect on a"
    assert told(feature, group="feature_names: 'c'") == ([], [f"{warning} ComboFeature."])
    ids = "feature_name: 'i' input_names: 'city' hash_bucket_size: 9 embedding_dim: 3"
    shared = [f"{each} embedding_name: 'table'" for each in (feature, ids)]
    assert told(*shared, group="feature_names: ['c', 'i']")[0] == []

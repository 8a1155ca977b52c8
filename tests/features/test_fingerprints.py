"""A fingerprint is that of what a transform does: no more, no less, and in every process."""

import hashlib
import subprocess
import sys

import pytest
from google.protobuf import text_format

from tfmtl.errors import ConfigError
from tfmtl.features.fingerprints import (
    BESIDE,
    encoder_fingerprints,
    feature_fingerprint,
    fingerprints,
)
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig
from tfmtl.protos.pipeline_pb2 import Pipeline

HASHED = "hash_bucket_size: 101"


def of(feature, **columns):
    """The fingerprint of a feature over columns, `city="STRING"` or `age="INT32 7"`."""
    fields = []
    for name, declaration in (columns or {"city": "STRING"}).items():
        kind, *default = declaration.split()
        kind = DatasetConfig.FieldType.Value(kind)
        fields.append(DatasetConfig.Field(input_name=name, input_type=kind))
        if default:
            fields[-1].default_val = default[0]
    config = text_format.Parse(feature, FeatureConfig())
    config.input_names[:] = [field.input_name for field in fields]
    return feature_fingerprint(config, fields)


SAME = {
    "another name": "feature_name: 'town' hash_bucket_size: 101",
    "another width": "hash_bucket_size: 101 embedding_dim: 16",
    "a shared table": "hash_bucket_size: 101 embedding_name: 'places'",
    "a default written out": "hash_bucket_size: 101 separator: '|' feature_type: IdFeature",
    "a source of ids that does not count": "hash_bucket_size: 101 num_buckets: 7",
}
OTHERS = {
    "another size": "hash_bucket_size: 102",
    "another kind": "hash_bucket_size: 101 feature_type: TagFeature",
    "another separator": "hash_bucket_size: 101 feature_type: TagFeature separator: ';'",
    "weights": "hash_bucket_size: 101 feature_type: TagFeature kv_separator: ':'",
    "words": "vocab_list: ['a', 'b']",
    "other words": "vocab_list: ['b', 'a']",
    "words that are one": "vocab_list: ['ab']",
    "whole numbers": "num_buckets: 101",
    "numbers": "feature_type: RawFeature",
    "bins": "feature_type: RawFeature boundaries: [1, 2]",
    "other bins": "feature_type: RawFeature boundaries: [1, 2.5]",
    "equal bins": "feature_type: RawFeature num_buckets: 5 max_val: 10",
    "a sequence": "feature_type: SequenceFeature hash_bucket_size: 101",
    "a short sequence": "feature_type: SequenceFeature hash_bucket_size: 101 max_seq_len: 3",
    "a sequence of numbers": "feature_type: SequenceFeature sub_feature_type: RawFeature",
}


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_change_the_transform_does_not_change_its_fingerprint(name):
    assert of(SAME[name]) == of(HASHED)


def test_all_other_transforms_have_other_fingerprints():
    told = [of(HASHED), *map(of, OTHERS.values())]
    assert len(set(told)) == len(told)


def test_columns_count_by_type_and_default_and_not_by_name():
    assert of(HASHED, town="STRING") == of(HASHED)
    assert len({of(HASHED), of(HASHED, city="STRING rome"), of(HASHED, city="INT32")}) == 3


def test_the_order_of_columns_counts():
    combo = "feature_type: ComboFeature hash_bucket_size: 101"
    assert of(combo, a="STRING", b="INT32") != of(combo, a="INT32", b="STRING")


def test_an_expression_counts_by_its_meaning():
    def expression(text, **columns):
        return of(f"feature_type: ExprFeature expression: '{text}'", **columns)

    first = expression("a + b*2", a="FLOAT", b="FLOAT")
    assert expression("x+(y * 2)", x="FLOAT", y="FLOAT") == first
    assert expression("b + a*2", a="FLOAT", b="FLOAT") != first
    with pytest.raises(ConfigError, match="`expression` should be a number"):
        expression("a +", a="FLOAT")


def test_a_function_counts_by_its_plain_name():
    told = [
        of(f"feature_type: RawFeature normalizer_fn: '{name}'") for name in ("tf.math.log", "log")
    ]
    assert told[0] == told[1] != of("feature_type: RawFeature normalizer_fn: 'log1p'")


def test_words_count_by_what_is_in_their_file(words):
    first = of(f"vocab_file: '{words('a', 'b', name='first')}'")
    assert of(f"vocab_file: '{words('a', 'b', name='moved')}'") == first
    crlf = words("a", "b", name="crlf", end="\r\n")
    assert of(f"vocab_file: '{crlf}'") == first
    assert of("vocab_list: ['a', 'b']") == first
    assert of(f"vocab_file: '{words('a', 'c', name='first')}'") != first
    with pytest.raises(ConfigError, match="no such file"):
        of("vocab_file: 'absent'")


FITTED = {
    "scale": "feature_type: RawFeature normalization { method: MIN_MAX center: 1 scale: 2 }",
    "another scale": "feature_type: RawFeature normalization { method: MIN_MAX scale: 3 }",
    "bins": "feature_type: RawFeature binning { edges: [1, 2] }",
    "other bins": "feature_type: RawFeature binning { edges: [1, 3] }",
    "words": "vocabulary { words: ['a', 'b'] }",
    "other words": "vocabulary { words: ['b', 'a'] }",
    "words that another vocabulary has": "vocab_list: ['a', 'b']",
    "the largest of vectors": "feature_type: RawFeature seq_multi_sep: ';' combiner: 'max'",
    "the mean of vectors": "feature_type: RawFeature seq_multi_sep: ';' combiner: 'mean'",
}


def test_what_statistics_gave_counts():
    assert len({of(feature) for feature in FITTED.values()}) == len(FITTED)


def test_how_statistics_were_asked_does_not_count():
    asked = "vocabulary { min_count: 3 max_words: 2 words: ['a', 'b'] }"
    assert of(asked) == of("vocabulary { words: ['a', 'b'] }")
    asked = "feature_type: RawFeature binning { method: EQUAL_WIDTH num_bins: 3 edges: [1, 2] }"
    assert of(asked) == of(FITTED["bins"])


# A value for each field that can change a transform, other than its default.
VALUES = {
    "feature_type": "RawFeature",
    "hash_bucket_size": "9",
    "num_buckets": "9",
    "boundaries": "9",
    "vocab_list": "'a'",
    "precision": "3",
    "min_val": "9",
    "max_val": "9",
    "raw_input_dim": "3",
    "sub_feature_type": "RawFeature",
    "max_seq_len": "3",
    "lookup_max_sel_elem_num": "3",
    "normalizer_fn": "'log1p'",
    "side": "USER",
}


@pytest.mark.parametrize("field", list(FeatureConfig.DESCRIPTOR.fields), ids=lambda each: each.name)
def test_every_field_counts_or_is_known_to_be_beside_the_transform(field):
    if field.message_type:
        assert field.name in {*BESIDE, "normalization", "binning", "vocabulary"}
    elif field.name not in ("expression", "vocab_file"):  # Of which others tell above.
        usual = "'x'" if field.type == field.TYPE_STRING else "3"
        is_same = of(f"{field.name}: {VALUES.get(field.name, usual)}") == of("")
        assert is_same == (field.name in BESIDE)


PIPELINE = """
data_config {
  input_fields { input_name: "city" } input_fields { input_name: "town" }
  input_fields { input_name: "unread" }
}
feature_config {
  features { input_names: "city" hash_bucket_size: 101 }
  features { input_names: "town" hash_bucket_size: 101 }
  features { input_names: "unread" hash_bucket_size: 101 }
}
model_config { feature_groups { group_name: "all" feature_names: ["city", "town"] } }
"""


def test_a_pipeline_has_a_fingerprint_of_each_feature_that_is_read():
    found = fingerprints(text_format.Parse(PIPELINE, Pipeline()))
    assert found == {"city": of(HASHED), "town": of(HASHED)}


def test_an_encoder_counts_columns_by_name_too():
    pipeline = text_format.Parse(PIPELINE, Pipeline())
    before = encoder_fingerprints(pipeline)
    assert before["city"] != before["town"]
    pipeline.feature_config.features[0].input_names[:] = ["unread"]
    pipeline.feature_config.features[0].feature_name = "city"
    after = encoder_fingerprints(pipeline)
    assert after["city"] != before["city"] and after["town"] == before["town"]


@pytest.mark.slow
def test_a_fingerprint_is_the_digest_of_a_description_in_every_process():
    description = b'[1,[["STRING",""]],{"hash_bucket_size":101}]'
    program = (
        "from tfmtl.features.fingerprints import feature_fingerprint as f\n"
        "from tfmtl.protos.dataset_pb2 import DatasetConfig as D\n"
        "from tfmtl.protos.feature_pb2 import FeatureConfig as F\n"
        "print(f(F(input_names=['city'], hash_bucket_size=101), [D.Field(input_name='city')]))"
    )
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert told == of(HASHED) == hashlib.sha256(description).hexdigest()

"""Which column a feature's values are in, and how its cells are taken apart."""

import pytest
from google.protobuf import text_format

from tfmtl.config.readings import reading_of
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig

FIELDS = {
    "text": DatasetConfig.Field(input_name="text"),
    "more": DatasetConfig.Field(input_name="more"),
    "whole": DatasetConfig.Field(input_name="whole", input_type=DatasetConfig.INT64),
    "float": DatasetConfig.Field(input_name="float", input_type=DatasetConfig.FLOAT),
}
SEQUENCE = "input_names: 'text' feature_type: SequenceFeature separator: ';'"
NUMBERS = f"{SEQUENCE} sub_feature_type: RawFeature"


@pytest.mark.parametrize(
    ("feature", "column", "words"),
    [
        ("input_names: 'whole'", "whole", "words"),
        ("input_names: 'float' precision: 2", "float", "words with 2 digits"),
        ("input_names: 'float' feature_type: RawFeature", "float", "numbers"),
        ("input_names: 'whole' feature_type: TagFeature", "whole", "words"),
        (
            "input_names: ['text', 'more'] feature_type: TagFeature",
            "text",
            "words separated by any of `|`",
        ),
        (
            "input_names: ['whole', 'text'] feature_type: LookupFeature kv_separator: '='",
            "text",
            "words behind `=` separated by any of `|`",
        ),
        (SEQUENCE, "text", "words separated by `;`"),
        (
            f"{SEQUENCE} seq_multi_sep: '|'",
            "text",
            "words separated by any of `|` separated by `;`",
        ),
        (f"{NUMBERS} seq_multi_sep: '|'", "text", "numbers separated by `;`"),
        (
            f"{NUMBERS} seq_multi_sep: '|' raw_input_dim: 2",
            "text",
            "numbers separated by `|` separated by `;`",
        ),
        (
            f"{NUMBERS} seq_multi_sep: '|' binning {{}}",
            "text",
            "numbers separated by any of `|` separated by `;`",
        ),
    ],
)
def test_a_feature_reads_its_values(feature, column, words):
    reading = reading_of(text_format.Parse(feature, FeatureConfig()), FIELDS)
    assert (reading.column, reading.words) == (column, words)

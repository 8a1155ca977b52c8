"""A feature that no group reads only gives its column a name; nothing is computed of it."""

import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError


def with_feature(feature, group='"age"'):
    """The good config with one feature more, and with `group` at the end of its group."""
    text = GOOD_CONFIG.replace("feature_config {", f"feature_config {{ features {{ {feature} }}", 1)
    return text.replace('"age"]', f"{group}]")


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        (
            "feature_name: 'reader' input_names: 'user_id' hash_bucket_size: 9",
            "`feature_config.features[0].embedding_dim` (feature `reader`) should be at least 1, "
            "because ids are embedded. Received: 0.",
        ),
        (
            "feature_name: 'reader' input_names: 'user_id' embedding_dim: 4",
            "`feature_config.features[0]` (feature `reader`) should have vocabulary, "
            "hash_bucket_size, vocab_list, vocab_file or num_buckets. Received: nothing.",
        ),
        (
            "feature_name: 'reader' input_names: 'buy' num_buckets: 2 embedding_dim: 4",
            "`feature_config.features[0].input_names[0]` (feature `reader`) should not be a "
            'label. Received: "buy".',
        ),
    ],
)
def test_what_makes_ids_is_asked_of_features_that_a_group_reads(feature, problem):
    with pytest.raises(ConfigError) as caught:
        config.load_text(with_feature(feature, '"age", "reader"'))
    assert caught.value.problems == [problem]
    assert config.load_text(with_feature(feature))


def test_a_metric_by_user_takes_an_id_without_an_embedding():
    text = with_feature("feature_name: 'reader' input_names: 'user_id'")
    text = text.replace("auc {}", "gauc { uid_field: 'reader' }", 1)
    pipeline = config.load_text(text)
    assert config.column_of("reader", pipeline) == "user_id"
    assert "reader" not in map(config.feature_name, config.read_features(pipeline))

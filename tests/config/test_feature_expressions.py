"""What is told of an ExprFeature's expression."""

import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError

TAGS = 'input_names: "tags" feature_type: TagFeature hash_bucket_size: 17 embedding_dim: 4'


def with_expression(text):
    feature = f'feature_name: "tags" input_names: "price" feature_type: ExprFeature {text}'
    return GOOD_CONFIG.replace(TAGS, feature)


def test_a_number_and_a_truth_value_will_do():
    for text in ("log1p(price)", "price > 2 & price < 5"):
        config.load_text(with_expression(f'expression: "{text}"'))


def test_a_wrong_name_has_a_caret_under_it():
    with pytest.raises(ConfigError) as caught:
        config.load_text(with_expression('expression: "1 + prise"'))
    assert caught.value.problems == [
        "`feature_config.features[3].expression` (feature `tags`) should be a number or a truth "
        "value made of `input_names`. Received:\n"
        "  1 + prise\n"
        "      ^ should be a column. Did you mean `price`? Known: price."
    ]

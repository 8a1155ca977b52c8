"""What is told of an ExprFeature's expression."""

import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.config.expressions import printed
from tfmtl.config.feature_expressions import read_expression
from tfmtl.errors import ConfigError
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig

TAGS = 'input_names: "tags" feature_type: TagFeature hash_bucket_size: 17 embedding_dim: 4'


def with_expression(text):
    feature = f'feature_name: "tags" input_names: "price" feature_type: ExprFeature {text}'
    return GOOD_CONFIG.replace(TAGS, feature)


def test_a_number_and_a_truth_value_will_do():
    for text in ("log1p(price)", "price > 2 & price < 5"):
        config.load_text(with_expression(f'expression: "{text}"'))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("tf.math.log1p(price)", "log1p(price)"),
        ("2 * tf.nn.sigmoid (tensorflow.abs(price))", "2 * sigmoid(abs(price))"),
        ("tf.minimum(price, 3) + tf.clip_by_value(price, 0, 1)", "min(price, 3)+clip(price,0,1)"),
    ],
)
def test_functions_may_be_called_as_tensorflow_has_them(text, plain):
    feature, columns = FeatureConfig(expression=text), [DatasetConfig.Field(input_name="price")]
    tree = read_expression(feature, columns)
    feature.expression = plain
    assert printed(tree) == printed(read_expression(feature, columns))


def test_an_unknown_function_of_tensorflow_has_a_caret_under_its_name():
    with pytest.raises(ConfigError) as caught:
        config.load_text(with_expression('expression: "1 + tf.math.sin(price)"'))
    (problem,) = caught.value.problems
    assert problem.endswith(
        "  1 + tf.math.sin(price)\n"
        "              ^ should be a function. Did you mean `min`? Known: log, log1p, exp, sqrt, "
        "sigmoid, abs, min, max, clip, where, column."
    )


def test_a_wrong_name_has_a_caret_under_it():
    with pytest.raises(ConfigError) as caught:
        config.load_text(with_expression('expression: "1 + prise"'))
    assert caught.value.problems == [
        "`feature_config.features[3].expression` (feature `tags`) should be a number or a truth "
        "value made of `input_names`. Received:\n"
        "  1 + prise\n"
        "      ^ should be a column. Did you mean `price`? Known: price."
    ]

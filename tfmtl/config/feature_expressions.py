"""The expression of an ExprFeature: what it may name, and what it is once it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tfmtl.config.expressions import (
    FUNCTIONS,
    ExpressionError,
    Scope,
    Tree,
    Type,
    Variable,
    explain,
    parse,
    resolve,
)
from tfmtl.protos import dataset_pb2, feature_pb2

COLUMN = "column"

# A call as EasyRec's expressions have it, and what it is called here.
_OF_TENSORFLOW = re.compile(r"\b(?:tf|tensorflow)\.(?:(?:math|nn)\.)?(\w+)(?=\s*\()")
_NAMES: Mapping[str, str] = {"minimum": "min", "maximum": "max", "clip_by_value": "clip"}

Field = dataset_pb2.DatasetConfig.Field


def read_expression(feature: feature_pb2.FeatureConfig, columns: Iterable[Field]) -> Tree:
    """The expression of a feature: a number, or a truth value.

    Args:
        feature: The feature.
        columns: The columns that it reads.

    Raises:
        ExpressionError: With all that is wrong with it.
    """
    scope = Scope({COLUMN: {each.input_name: _variable(each) for each in columns}}, FUNCTIONS)
    tree = parse(_plain(feature.expression), scope.kinds)
    try:
        return resolve(tree, scope)
    except ExpressionError as error:
        try:
            return resolve(tree, scope, Type.BOOLEAN)
        except ExpressionError:
            raise error from None


def unusable_expression(feature: feature_pb2.FeatureConfig, error: ExpressionError) -> str:
    """Tells what is wrong with the expression, under the expression itself."""
    text = explain(feature.expression, error.mistakes)
    rule = "should be a number or a truth value made of `input_names`"
    return f"`expression` {rule}. Received:\n{text}"


def _plain(text: str) -> str:
    """`log(x)` of `tf.math.log(x)`, at the same place: mistakes are shown under the text itself."""
    return _OF_TENSORFLOW.sub(lambda m: _NAMES.get(m[1], m[1]).rjust(len(m[0])), text)


def _variable(field: Field) -> Variable:
    is_bool = field.input_type == dataset_pb2.DatasetConfig.BOOL
    return Variable(Type.BOOLEAN if is_bool else Type.NUMBER)

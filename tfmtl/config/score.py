"""The score of a config: what its expression may name, and what it is once it is read."""

from __future__ import annotations

from tfmtl.config.expressions import (
    FUNCTIONS,
    ExpressionError,
    Name,
    Range,
    Scope,
    Signature,
    Tree,
    Type,
    Variable,
    explain,
    parse,
    range_of,
    resolve,
)
from tfmtl.config.task_names import probability_tasks, task_classes
from tfmtl.config.views import target_columns
from tfmtl.errors import ConfigError
from tfmtl.protos import dataset_pb2, pipeline_pb2

# How the score is called among the outputs, and where a metric names it.
SCORE = "score"
SCORE_PATH = "model_config.score"
TASK, COLUMN, WEIGHT = "task", "column", "weight"

SCORE_FUNCTIONS = {**FUNCTIONS, "expected": Signature((Type.CLASSES,))}

_Types = dataset_pb2.DatasetConfig


def score_weights(pipeline: pipeline_pb2.Pipeline) -> dict[str, float]:
    """The defaults of the score's weights by name."""
    return {each.name: each.default_value for each in pipeline.model_config.score.weights}


def weight_input(name: str) -> str:
    """The name of the served input that changes a weight."""
    return f"weight_{name}"


def score_scope(pipeline: pipeline_pb2.Pipeline) -> Scope:
    """What the score's expression may use."""
    targets = target_columns(pipeline.data_config)
    fields = pipeline.data_config.input_fields
    tasks = {name: _task(classes) for name, classes in task_classes(pipeline).items()}
    columns = {
        field.input_name: _column(field, field.input_name in targets)
        for field in fields
        if field.input_name
    }
    weights = {name: Variable() for name in score_weights(pipeline)}
    return Scope({TASK: tasks, COLUMN: columns, WEIGHT: weights}, SCORE_FUNCTIONS)


def read_score(pipeline: pipeline_pb2.Pipeline) -> Tree:
    """The score's expression, with the kind of every name.

    Raises:
        ExpressionError: With all that is wrong with it.
    """
    scope = score_scope(pipeline)
    return resolve(parse(pipeline.model_config.score.expression, scope.kinds), scope)


def score_tree(pipeline: pipeline_pb2.Pipeline) -> Tree | None:
    """The score's expression as `read_score` gives it; None without a score.

    Raises:
        ConfigError: If it cannot be used.
    """
    if not pipeline.model_config.HasField(SCORE):
        return None
    try:
        return read_score(pipeline)
    except ExpressionError as error:
        raise ConfigError([unusable_score(pipeline, error)]) from error


def unusable_score(pipeline: pipeline_pb2.Pipeline, error: ExpressionError) -> str:
    """Tells what is wrong with the expression, under the expression itself."""
    text = explain(pipeline.model_config.score.expression, error.mistakes)
    rule = "should be a number made of tasks, columns and weights"
    return f"`{SCORE_PATH}.expression` {rule}. Received:\n{text}"


def is_probability(tree: Tree, pipeline: pipeline_pb2.Pipeline) -> bool:
    """Whether a resolved tree cannot leave [0, 1], with the weights at their defaults."""
    weights, probabilities = score_weights(pipeline), probability_tasks(pipeline)

    def of_name(name: Name) -> Range:
        if name.kind == WEIGHT:
            return Range(weights[name.name], weights[name.name])
        if name.kind == TASK and (name.part is not None or name.name in probabilities):
            return Range(0.0, 1.0)
        return Range()

    return range_of(tree, of_name).is_within(0.0, 1.0)


def _task(classes: int) -> Variable:
    return Variable(Type.CLASSES, classes) if classes > 1 else Variable()


def _column(field: dataset_pb2.DatasetConfig.Field, is_target: bool) -> Variable:
    name = f"`{field.input_name}`"
    if is_target:
        rule = f"be a column that is known when a row is scored; {name} is a label or a weight"
        return Variable(refused=rule)
    if field.input_type == _Types.STRING:
        return Variable(refused=f"be a column of numbers; {name} is STRING")
    return Variable(Type.BOOLEAN if field.input_type == _Types.BOOL else Type.NUMBER)

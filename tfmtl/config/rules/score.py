"""Rules of `model_config.score`: its expression, its weights, and what shares their names."""

from __future__ import annotations

import math

from tfmtl.config.expressions import ExpressionError, Scope, is_name, names_in
from tfmtl.config.problems import Problem, Report
from tfmtl.config.rules.common import check_unique
from tfmtl.config.score import (
    COLUMN,
    SCORE,
    SCORE_FUNCTIONS,
    SCORE_PATH,
    TASK,
    WEIGHT,
    read_score,
    score_scope,
    unusable_score,
    weight_input,
)
from tfmtl.config.views import placed_towers
from tfmtl.protos import pipeline_pb2


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """The expression can be read, and no name means two things."""
    if not pipeline.model_config.HasField(SCORE):
        return
    _check_names(pipeline, report)
    _check_weights(pipeline, report)
    _check_expression(pipeline, report)


def _check_names(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Nothing else is called as the score or one of its inputs."""
    for path, tower in placed_towers(pipeline):
        if tower.tower_name == SCORE:
            rule = "be another name, because there is a `model_config.score`"
            report.should(f"{path}.tower_name", rule, tower.tower_name)
    inputs = {weight_input(each.name) for each in pipeline.model_config.score.weights}
    for index, field in enumerate(pipeline.data_config.input_fields):
        if field.input_name == SCORE or field.input_name in inputs:
            what = "output" if field.input_name == SCORE else "input"
            rule = f"be another name than that of the served {what} of `{SCORE_PATH}`"
            path = f"data_config.input_fields[{index}].input_name"
            report.should(path, rule, field.input_name)


def _check_weights(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Weights have names of their own that can stand in an expression, and finite defaults."""
    scope, weights = score_scope(pipeline), pipeline.model_config.score.weights
    for index, weight in enumerate(weights):
        path = f"{SCORE_PATH}.weights[{index}]"
        if rule := _rule_for(weight.name, scope):
            report.should(f"{path}.name", rule, weight.name or None)
        if not math.isfinite(weight.default_value):
            report.should(f"{path}.default_value", "be a finite number", weight.default_value)
    named = [(f"{SCORE_PATH}.weights[{i}].name", each.name) for i, each in enumerate(weights)]
    check_unique(report, named)


def _rule_for(weight: str, scope: Scope) -> str:
    """What the name of a weight should be, in words; "" if it is that."""
    taken = [kind for kind in (TASK, COLUMN) if weight in scope.variables[kind]]
    if not (is_name(weight) and weight.isascii()):
        return "be made of letters, digits and `_`, no digit first, and be no operator"
    if taken:
        return f"be no name of a {taken[0]}"
    return "be no name of a function" if {weight} & {*SCORE_FUNCTIONS, *scope.kinds} else ""


def _check_expression(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    path, score = f"{SCORE_PATH}.expression", pipeline.model_config.score
    if not score.expression.strip():
        report.should(path, "say how to compute the score", score.expression or None)
        return
    if not placed_towers(pipeline):
        return  # There are no tasks to name; that is told already.
    try:
        names = list(names_in(read_score(pipeline)))
    except ExpressionError as error:
        report.problems.append(Problem(path, unusable_score(pipeline, error)))
        return
    if all(name.kind != TASK for name in names):
        report.should(path, "name a task", score.expression)
    used, scope = {name.name for name in names if name.kind == WEIGHT}, score_scope(pipeline)
    for index, weight in enumerate(score.weights):
        if weight.name not in used and not _rule_for(weight.name, scope):
            rule = f"be named in `{path}`"
            report.should(f"{SCORE_PATH}.weights[{index}].name", rule, weight.name)

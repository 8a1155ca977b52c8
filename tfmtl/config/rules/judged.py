"""Rules of `metrics_set { prediction }`: which predictions a task's label can judge."""

from __future__ import annotations

from tfmtl.config.expressions import ExpressionError, Name, Tree
from tfmtl.config.metric_names import TAKE_ANY_NUMBER, head_metrics
from tfmtl.config.problems import Report
from tfmtl.config.score import SCORE, TASK, is_probability, read_score
from tfmtl.config.task_names import task_classes
from tfmtl.config.views import Tower
from tfmtl.config.wording import Word
from tfmtl.protos import metric_pb2, pipeline_pb2


def check(
    pipeline: pipeline_pb2.Pipeline,
    report: Report,
    path: str,
    tower: Tower,
    message: metric_pb2.EvalMetrics,
) -> None:
    """The prediction is one number a row, and a probability where the metric takes one.

    Args:
        pipeline: The config.
        report: Takes the problems.
        path: Where the metric stands.
        tower: Whose label it is.
        message: The metric; it has a `prediction`, or an `entire_space`.
    """
    if message.entire_space and not message.prediction:
        _check_entire(report, f"{path}.entire_space", tower)
        return
    path, of = f"{path}.prediction", f"tower `{tower.tower_name}`"
    wanted, known = message.prediction, _known(pipeline, tower)
    if tower.num_class != 1:
        rule = "be left out; a task of several logits judges its own prediction alone"
        report.should(path, rule, wanted, of=of)
    elif wanted == SCORE and SCORE not in known:
        report.should(path, f"name a task, as there is no `model_config.{SCORE}`", wanted, of=of)
    elif wanted not in known:
        report.should_name(path, "the score or another task of one output", wanted, known, of=of)
    else:
        _check_range(pipeline, report, path, tower, message)


def _check_entire(report: Report, path: str, tower: Tower) -> None:
    of = f"tower `{tower.tower_name}`"
    if tower.num_class != 1:
        rule = "be left out; a task of several logits is measured in its own space alone"
        report.should(path, rule, True, of=of)


def _known(pipeline: pipeline_pb2.Pipeline, tower: Tower) -> list[str]:
    tasks = [name for name, classes in task_classes(pipeline).items() if classes == 1]
    score = [SCORE] if pipeline.model_config.HasField(SCORE) else []
    return [*score, *(name for name in tasks if name != tower.tower_name)]


def _check_range(
    pipeline: pipeline_pb2.Pipeline,
    report: Report,
    path: str,
    tower: Tower,
    message: metric_pb2.EvalMetrics,
) -> None:
    """What a binary task measures of its probability can be measured of a probability alone."""
    metric, of = message.WhichOneof("metric"), f"tower `{tower.tower_name}`"
    if metric in TAKE_ANY_NUMBER or "logloss" not in head_metrics(tower):
        return
    tree = _tree(pipeline, message.prediction)
    if tree is None or is_probability(tree, pipeline):
        return
    rule = f"be a probability, because `{metric}` measures one"
    if message.prediction == SCORE:
        rule += ", and the score may leave [0, 1]; clip(..., 0, 1) or sigmoid(...) keep it there"
    report.should(path, rule, Word(message.prediction), of=of)


def _tree(pipeline: pipeline_pb2.Pipeline, prediction: str) -> Tree | None:
    if prediction != SCORE:
        return Name(prediction, TASK)
    try:
        return read_score(pipeline)
    except ExpressionError:
        return None  # That is told of the score.

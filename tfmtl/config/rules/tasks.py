"""Rules of the task towers: names, labels, sample spaces, losses and metrics."""

from __future__ import annotations

from typing import Any, NamedTuple

from tfmtl.config.known_fields import known_field
from tfmtl.config.metric_names import head_metrics
from tfmtl.config.problems import Report
from tfmtl.config.rules import judged, metrics
from tfmtl.config.rules.common import check_at_least, check_layer_name, check_unique
from tfmtl.config.rules.data import Field, columns, fits, value_type
from tfmtl.config.views import Tower, feature_name, features, funnel_towers, placed_towers
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import dataset_pb2, loss_pb2, metric_pb2, pipeline_pb2


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Each tower has a name of its own and a label; its space, loss and metrics go together."""
    placed = placed_towers(pipeline)
    for path, tower in placed:
        described = _Described(tower, path, pipeline, report)
        check_layer_name(report, f"{path}.tower_name", tower.tower_name)
        _check_label(described)
        _check_weights(described)
        _check_indicators(described)
        _check_head(described)
    check_unique(report, [(path, tower.tower_name) for path, tower in placed])


def check_towers(message: Any, path: str, report: Report, least: int = 1) -> None:
    """An architecture with `task_towers` has some, two where tasks do something with each other."""
    names = [tower.tower_name for tower in message.task_towers]
    if not names:
        report.should(f"{path}.task_towers", "describe the tasks")
    elif len(names) < least:
        report.should(f"{path}.task_towers", "describe two tasks or more", names)


class _Described(NamedTuple):
    """A tower, the config it is in, and where its problems go."""

    tower: Tower
    path: str
    pipeline: pipeline_pb2.Pipeline
    report: Report

    @property
    def of(self) -> str:
        return f"tower `{self.tower.tower_name}`"

    @property
    def labels(self) -> list[str]:
        return list(self.pipeline.data_config.label_fields)

    def should(self, field: str, rule: str, received: object = None) -> None:
        """Adds a problem of one of its fields."""
        self.report.should(f"{self.path}.{field}", rule, received, of=self.of)


def _check_label(it: _Described) -> None:
    name = it.tower.label_name
    if not name:
        if it.tower.tower_name not in funnel_towers(it.pipeline):
            it.should("label_name", "be given, because there are more towers than `label_fields`")
    elif name not in it.labels:
        path, what = f"{it.path}.label_name", "one of `data_config.label_fields`"
        it.report.should_name(path, what, name, it.labels, of=it.of)


def _check_weights(it: _Described) -> None:
    for name in ("weight", "in_task_space_weight", "out_task_space_weight"):
        check_at_least(it.report, f"{it.path}.{name}", getattr(it.tower, name), 0, of=it.of)


def _check_indicators(it: _Described) -> None:
    tower = it.tower
    if tower.task_space_indicator_label and tower.task_space_indicator_label not in it.labels:
        it.report.should_name(
            f"{it.path}.task_space_indicator_label",
            "one of `data_config.label_fields`",
            tower.task_space_indicator_label,
            it.labels,
            of=it.of,
        )
    if tower.task_space_indicator_label or tower.task_space_indicator_name:
        _check_indicator_matters(it)
    if tower.task_space_indicator_name:
        _check_indicator_name(it)
    elif tower.HasField("task_space_indicator_value"):
        it.should("task_space_indicator_name", "say whose value is meant")


def _check_indicator_matters(it: _Described) -> None:
    """Tells of a sample space that weighs all rows alike."""
    if it.tower.in_task_space_weight == it.tower.out_task_space_weight:
        it.report.warn(it.path, "weighs rows in and out of its space alike", of=it.of)


def _check_indicator_name(it: _Described) -> None:
    """The column exists, and a value of it is given."""
    tower, path = it.tower, f"{it.path}.task_space_indicator_name"
    fields = columns(it.pipeline)
    inputs = {
        feature_name(feature): feature.input_names[0]
        for feature in features(it.pipeline)
        if feature.input_names
    }
    name = tower.task_space_indicator_name
    column = fields.get(name) or fields.get(inputs.get(name, ""))
    if column is None:
        known = [*fields, *inputs]
        it.report.should_name(path, "a column or a feature", name, known, of=it.of)
    elif not tower.HasField("task_space_indicator_value"):
        it.should("task_space_indicator_value", f"say which value of `{name}` is meant")
    else:
        _check_indicator_value(it, column)


def _check_indicator_value(it: _Described, column: Field) -> None:
    value = it.tower.task_space_indicator_value
    kind = value_type(column, it.pipeline.data_config)
    if not fits(kind, value):
        kind_name = dataset_pb2.DatasetConfig.FieldType.Name(kind)
        rule = f"be of the type of column `{column.input_name}`, {kind_name}"
        it.should("task_space_indicator_value", rule, value)


def _check_head(it: _Described) -> None:
    """Number of classes, loss and metrics go together."""
    tower = it.tower
    loss = loss_pb2.LossType.Name(tower.loss_type)
    if known_field("tfmtl.LossType", loss):
        return  # Told already.
    is_regression = tower.loss_type != loss_pb2.CLASSIFICATION
    if tower.num_class < 1:
        it.should("num_class", "be at least 1", tower.num_class)
        return
    if tower.num_class > 1 and is_regression:
        it.should("num_class", f"be 1, because `loss_type` is {loss}", tower.num_class)
    _check_metrics(it)
    _check_served_names(it)


def _check_metrics(it: _Described) -> None:
    allowed, seen = head_metrics(it.tower), set()
    for index, message in enumerate(it.tower.metrics_set):
        field, name = f"metrics_set[{index}]", message.WhichOneof("metric")
        if name is None:
            it.should(field, f"have one of {one_of(allowed)}")
        elif known_field(message.DESCRIPTOR.full_name, name):
            continue  # Told already.
        elif name not in allowed:
            it.should(field, f"be {one_of(allowed)} for {_head(it.tower)}", Word(name))
        elif (name, message.prediction) in seen:
            it.should(field, "be another metric than those before", Word(name))
        else:
            metrics.check(it.pipeline, it.report, f"{it.path}.{field}.{name}", message, it.of)
            if message.prediction:
                judged.check(it.pipeline, it.report, f"{it.path}.{field}", it.tower, message)
            _check_topk(it, field, message)
        seen.add((name, message.prediction))


def _check_topk(it: _Described, field: str, message: metric_pb2.EvalMetrics) -> None:
    """Tells of so many of the largest logits that every class is among them."""
    if message.HasField("recall_at_topk") and message.recall_at_topk.topk >= it.tower.num_class:
        path = f"{it.path}.{field}.recall_at_topk.topk"
        it.report.warn(path, f"takes in all {it.tower.num_class} classes, so it is 1", of=it.of)


def _head(tower: Tower) -> str:
    if tower.loss_type != loss_pb2.CLASSIFICATION:
        return "a regression"
    return "a binary task" if tower.num_class == 1 else f"{tower.num_class} classes"


def _check_served_names(it: _Described) -> None:
    """A task of several classes also serves `probs_<task>_1` and `probs_<task>_y`."""
    if it.tower.num_class == 1:
        return
    taken = {f"{it.tower.tower_name}_1", f"{it.tower.tower_name}_y"}
    for path, other in placed_towers(it.pipeline):
        if other.tower_name in taken:
            rule = f"be another name; tower `{it.tower.tower_name}` serves outputs by this one"
            it.report.should(f"{path}.tower_name", rule, other.tower_name)

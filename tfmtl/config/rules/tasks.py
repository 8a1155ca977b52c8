"""Rules of the task towers: names, labels, sample spaces, losses and metrics."""

from __future__ import annotations

from typing import Any

from tfmtl.config.heads import CLASSES, head_kind
from tfmtl.config.known_fields import known_field
from tfmtl.config.metric_names import head_metrics, is_own
from tfmtl.config.problems import Report
from tfmtl.config.rules import distillation, judged, losses, metrics, spaces
from tfmtl.config.rules.common import check_at_least, check_layer_name, check_unique
from tfmtl.config.rules.described import Described
from tfmtl.config.views import Tower, funnel_towers, placed_towers
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import metric_pb2, pipeline_pb2


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Each tower has a name of its own and a label; its space, losses and metrics go together."""
    placed, are_sound = placed_towers(pipeline), True
    for path, tower in placed:
        it = Described(tower, path, f"tower `{tower.tower_name}`", pipeline, report)
        check_layer_name(report, f"{path}.tower_name", tower.tower_name)
        _check_label(it)
        _check_space(it)
        are_sound &= _check_head(it)
    check_unique(report, [(path, tower.tower_name) for path, tower in placed])
    if are_sound and distillation.check(pipeline, report):
        losses.check_term_names(pipeline, report)


def check_towers(message: Any, path: str, report: Report, least: int = 1) -> None:
    """An architecture with `task_towers` has some, two where tasks do something with each other."""
    names = [tower.tower_name for tower in message.task_towers]
    if not names:
        report.should(f"{path}.task_towers", "describe the tasks")
    elif len(names) < least:
        report.should(f"{path}.task_towers", "describe two tasks or more", names)


def _check_label(it: Described) -> None:
    name = it.its.label_name
    if not name:
        if it.its.tower_name not in funnel_towers(it.pipeline):
            it.should("label_name", "be given, because there are more towers than `label_fields`")
    elif name not in it.labels:
        it.should_name("label_name", "one of `data_config.label_fields`", it.labels)


def _check_space(it: Described) -> None:
    check_at_least(it.report, f"{it.path}.weight", it.its.weight, 0, of=it.of)
    spaces.check_weights(it)
    spaces.check_label(it)
    if it.its.task_space_indicator_label or it.its.task_space_indicator_name:
        spaces.check_matters(it)
    spaces.check_column(it)


def _check_head(it: Described) -> bool:
    """Number of classes, losses and metrics go together; gives whether the losses do."""
    if it.its.num_class < 1:
        it.should("num_class", "be at least 1", it.its.num_class)
        return False
    if not losses.check_losses(it):
        return False
    _check_metrics(it)
    _check_served_names(it)
    return True


def _check_metrics(it: Described) -> None:
    allowed, seen = head_metrics(it.its), set()
    for index, message in enumerate(it.its.metrics_set):
        field, name = f"metrics_set[{index}]", message.WhichOneof("metric")
        if name is None:
            it.should(field, f"have one of {one_of(allowed)}")
        elif known_field(message.DESCRIPTOR.full_name, name):
            continue  # Told already.
        elif name not in allowed:
            it.should(field, f"be {one_of(allowed)} for {_head(it.its)}", Word(name))
        elif _key(message) in seen:
            it.should(field, "be another metric than those before", Word(name))
        else:
            metrics.check(it.pipeline, it.report, f"{it.path}.{field}.{name}", message, it.of)
            if not is_own(message):
                judged.check(it.pipeline, it.report, f"{it.path}.{field}", it.its, message)
            _check_topk(it, field, message)
        seen.add(_key(message))


def _key(message: metric_pb2.EvalMetrics) -> tuple[str | None, str, bool]:
    """What tells the results of metrics apart."""
    return message.WhichOneof("metric"), message.prediction, message.entire_space


def _check_topk(it: Described, field: str, message: metric_pb2.EvalMetrics) -> None:
    """Tells of so many of the largest logits that every class is among them."""
    if message.HasField("recall_at_topk") and message.recall_at_topk.topk >= it.its.num_class:
        path = f"{it.path}.{field}.recall_at_topk.topk"
        it.report.warn(path, f"takes in all {it.its.num_class} classes, so it is 1", of=it.of)


def _head(tower: Tower) -> str:
    kind = head_kind(tower) or ""
    return f"{tower.num_class} classes" if kind == CLASSES else kind


def _check_served_names(it: Described) -> None:
    """A task of several classes also serves `probs_<task>_1` and `probs_<task>_y`."""
    if head_kind(it.its) != CLASSES:
        return
    taken = {f"{it.its.tower_name}_1", f"{it.its.tower_name}_y"}
    for path, other in placed_towers(it.pipeline):
        if other.tower_name in taken:
            rule = f"be another name; tower `{it.its.tower_name}` serves outputs by this one"
            it.report.should(f"{path}.tower_name", rule, other.tower_name)

"""Which metrics a task has, and what they are called in results: `<metric>_<task>`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tfmtl.config import heads
from tfmtl.config.funnels import funnel_of, masked
from tfmtl.config.learned import all_term_names
from tfmtl.config.views import (
    DIVISION_CLIPPED,
    DIVISION_RATIO,
    ESMM_PRODUCT,
    Tower,
    architecture,
    towers,
)
from tfmtl.protos import metric_pb2, pipeline_pb2

# Those of the heads in `tfmtl.tasks`, which would bring TensorFlow with it; a test keeps the two
# the same. What a head measures when the config names nothing comes first.
_ORDERS = (
    "gauc",
    "session_auc",
    "max_f1",
    "precision",
    "recall",
    "precision_at_k",
    "recall_at_k",
    "ndcg_at_k",
)
_BINARY = (
    "auc",
    "logloss",
    "accuracy",
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_absolute_error",
    "mean_label",
    "mean_prediction",
    *_ORDERS,
    "copc",
    "normalized_entropy",
    "ece",
)
_CLASSES = ("accuracy", "logloss", "recall_at_topk")
_TWO_CLASSES = (*_CLASSES, "auc", *_ORDERS)
_ERRORS = ("mean_squared_error", "mean_absolute_error", "root_mean_squared_error")
_VALUE_ERRORS = ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error")
_MEANS = ("mean_label", "mean_prediction")
_REGRESSION = (*_ERRORS, *_MEANS, "ndcg_at_k")
_BY_KIND: Mapping[str, Sequence[str]] = {
    heads.EVENT: _BINARY,
    heads.TWO_LOGITS: _BINARY,
    heads.PROBABILITY: (*_ERRORS, *(each for each in _BINARY if each not in _ERRORS)),
    heads.RANKING: ("auc", *_MEANS),
    heads.NUMBER: _REGRESSION,
    heads.VALUE: ("auc", *_VALUE_ERRORS, *_MEANS, "ndcg_at_k"),
    heads.ORDERED: (*_CLASSES, *_REGRESSION),
}
_DEFAULTS = 2

# Of these less is better, and of the next ones neither more nor less; of all others more is.
_SMALLER_IS_BETTER = (
    "loss",
    "logloss",
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_absolute_error",
    "normalized_entropy",
    "ece",
)
_NO_DIRECTION = ("mean_label", "mean_prediction", "copc")

# The parameter of a metric that names the column whose values make groups of rows.
GROUPED_BY: Mapping[str, str] = {
    "gauc": "uid_field",
    "session_auc": "session_id_field",
    "precision_at_k": "group_field",
    "recall_at_k": "group_field",
    "ndcg_at_k": "group_field",
}


# Metrics that take any number for a prediction, even of a binary task: they read its order alone,
# or nothing of it.
TAKE_ANY_NUMBER = ("auc", *GROUPED_BY, "mean_label")


class Judgement(NamedTuple):
    """Metrics of another prediction than a task's own, or in a space other than its own.

    Args:
        tower: Whose metrics they are.
        place: Where the tower's metrics are taken.
        prediction: The name of the prediction; "" for the task's own.
        is_entire: Whether it is judged on all rows; see `EvalMetrics.entire_space`.
        metrics: They.
    """

    tower: Tower
    place: str
    prediction: str
    is_entire: bool
    metrics: list[metric_pb2.EvalMetrics]

    @property
    def suffix(self) -> str:
        """What the names of its metrics end in."""
        by = f"_by_{self.prediction}" if self.prediction else ""
        return f"{self.place}{by}{'_entire' if self.is_entire else ''}"


def judgements(pipeline: pipeline_pb2.Pipeline) -> list[Judgement]:
    """The metrics that are not of a task's own prediction in its own space, in the tasks' order."""
    places, found = _places(pipeline), []
    for tower in towers(pipeline):
        alike: dict[tuple[str, bool], list[metric_pb2.EvalMetrics]] = {}
        for each in tower.metrics_set:
            if not is_own(each) and each.WhichOneof("metric"):
                alike.setdefault((each.prediction, each.entire_space), []).append(each)
        found += [
            Judgement(tower, place, prediction, is_entire, metrics)
            for place in places[tower.tower_name]
            for (prediction, is_entire), metrics in alike.items()
        ]
    return found


def is_own(message: metric_pb2.EvalMetrics) -> bool:
    """Whether a metric is of the task's own prediction in its own space."""
    return not (message.prediction or message.entire_space)


def own_metrics(tower: Tower) -> list[metric_pb2.EvalMetrics]:
    """The metrics of a tower's own prediction in its own space."""
    return [each for each in tower.metrics_set if is_own(each)]


def head_metrics(tower: Tower) -> Sequence[str]:
    """The metrics that fit a tower's head; none if its losses do not agree on one."""
    kind = heads.head_kind(tower)
    if kind == heads.CLASSES:
        return _TWO_CLASSES if tower.num_class == 2 else _CLASSES
    return _BY_KIND[kind] if kind else ()


def result_names(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The names of all results of an evaluation: metrics by task, then losses and their terms."""
    names = [f"{metric}_{place}" for metric, place in _measured(pipeline)]
    losses = [f"loss_{n}" for task, terms in all_term_names(pipeline) for n in (task, *terms)]
    return list(dict.fromkeys([*names, "loss", *losses]))


def best_metric(pipeline: pipeline_pb2.Pipeline) -> str:
    """The result that says which model is best: `best_exporter_metric`, in full; "" if unknown."""
    return result_named(pipeline, pipeline.export_config.best_exporter_metric)


def result_named(pipeline: pipeline_pb2.Pipeline, wanted: str) -> str:
    """A result by its name, or by a metric's alone; "" if there is no such result.

    A bare metric, such as `auc`, means that of the first task that has it.
    """
    if wanted in result_names(pipeline):
        return wanted
    meant = (f"{metric}_{place}" for metric, place in _measured(pipeline) if metric == wanted)
    return next(meant, "")


def bigger_is_better(pipeline: pipeline_pb2.Pipeline, result: str) -> bool | None:
    """Whether a larger value of a result is better; None if neither is.

    Args:
        pipeline: The config.
        result: One of `result_names`.
    """
    metrics = {f"{metric}_{place}": metric for metric, place in _measured(pipeline)}
    return is_bigger_better(metrics.get(result, "loss"))  # What is no metric is a loss.


def is_bigger_better(metric: str) -> bool | None:
    """Whether a larger value of a metric is better; None if neither is."""
    return None if metric in _NO_DIRECTION else metric not in _SMALLER_IS_BETTER


def metric_and_place(result: str) -> tuple[str, str]:
    """Takes the name of a result apart: `recall_at_k_ctr` is `recall_at_k` of `ctr`.

    Returns:
        The metric, or `loss`, and where it was taken; ("", "") for another name.
    """
    known = ("loss", *_BINARY, *_CLASSES, *_REGRESSION)
    metric = max((name for name in known if result.startswith(f"{name}_")), key=len, default="")
    return metric, result[len(metric) + 1 :] if metric else ""


def _measured(pipeline: pipeline_pb2.Pipeline) -> Iterator[tuple[str, str]]:
    """Yields metrics and where they are taken, in the order of the tasks."""
    places = _places(pipeline)
    for tower in towers(pipeline):
        given = [name for each in own_metrics(tower) if (name := each.WhichOneof("metric"))]
        for metric in given or head_metrics(tower)[:_DEFAULTS]:
            for place in places[tower.tower_name]:
                yield metric, place
    if architecture(pipeline) == "division":
        yield "mean_prediction", DIVISION_CLIPPED
    for judgement in judgements(pipeline):
        for each in judgement.metrics:
            metric = each.WhichOneof("metric") or ""
            yield metric, judgement.suffix


def _places(pipeline: pipeline_pb2.Pipeline) -> dict[str, list[str]]:
    """Where the metrics of each tower are taken: over all rows, or among those that came so far."""
    funnel, places = funnel_of(pipeline), {name: [name] for name in _names(pipeline)}
    if architecture(pipeline) == "esmm":
        conversion = list(places)[-1]
        places[conversion] = [ESMM_PRODUCT, masked(conversion)]
    elif architecture(pipeline) == "division":
        places[list(places)[-1]].append(masked(DIVISION_RATIO))
    elif funnel is not None:
        places |= {name: funnel.measured(name) for name in places if name in funnel.towers}
    return places


def _names(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    return [tower.tower_name for tower in towers(pipeline)]

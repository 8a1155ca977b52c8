"""Which metrics a task has, and what they are called in results: `<metric>_<task>`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
from tfmtl.protos import pipeline_pb2

# Those of the heads in `tfmtl.tasks`, which would bring TensorFlow with it; a test keeps the two
# the same. What a head measures when the config names nothing comes first.
_BINARY = (
    "auc",
    "logloss",
    "accuracy",
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_absolute_error",
    "mean_label",
    "mean_prediction",
)
_ERRORS = ("mean_squared_error", "mean_absolute_error", "root_mean_squared_error")
_VALUE_ERRORS = ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error")
_MEANS = ("mean_label", "mean_prediction")
_CLASSES = ("accuracy", "logloss")
_BY_KIND: Mapping[str, Sequence[str]] = {
    heads.EVENT: _BINARY,
    heads.TWO_LOGITS: _BINARY,
    heads.PROBABILITY: (*_ERRORS, *(each for each in _BINARY if each not in _ERRORS)),
    heads.RANKING: ("auc", *_MEANS),
    heads.NUMBER: (*_ERRORS, *_MEANS),
    heads.VALUE: ("auc", *_VALUE_ERRORS, *_MEANS),
    heads.ORDERED: (*_CLASSES, *_ERRORS, *_MEANS),
}
_DEFAULTS = 2


def head_metrics(tower: Tower) -> Sequence[str]:
    """The metrics that fit a tower's head; none if its losses do not agree on one."""
    kind = heads.head_kind(tower)
    if kind == heads.CLASSES:
        return (*_CLASSES, "auc") if tower.num_class == 2 else _CLASSES
    return _BY_KIND[kind] if kind else ()


def result_names(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The names of all results of an evaluation: metrics by task, then losses and their terms."""
    names = [f"{metric}_{place}" for metric, place in _measured(pipeline)]
    losses = [f"loss_{n}" for task, terms in all_term_names(pipeline) for n in (task, *terms)]
    return list(dict.fromkeys([*names, "loss", *losses]))


def best_metric(pipeline: pipeline_pb2.Pipeline) -> str:
    """The result that says which model is best: `best_exporter_metric`, in full.

    A bare metric, such as the default `auc`, means that of the first task that has it. "" if there
    is no such result.
    """
    wanted = pipeline.export_config.best_exporter_metric
    if wanted in result_names(pipeline):
        return wanted
    meant = (f"{metric}_{place}" for metric, place in _measured(pipeline) if metric == wanted)
    return next(meant, "")


def _measured(pipeline: pipeline_pb2.Pipeline) -> Iterator[tuple[str, str]]:
    """Yields metrics and where they are taken, in the order of the tasks."""
    places = _places(pipeline)
    for tower in towers(pipeline):
        given = [name for each in tower.metrics_set if (name := each.WhichOneof("metric"))]
        for metric in given or head_metrics(tower)[:_DEFAULTS]:
            for place in places[tower.tower_name]:
                yield metric, place
    if architecture(pipeline) == "division":
        yield "mean_prediction", DIVISION_CLIPPED


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

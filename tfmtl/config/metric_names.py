"""Which metrics a task has, and what they are called in results: `<metric>_<task>`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfmtl.config.funnels import funnel_of, masked
from tfmtl.config.views import (
    DIVISION_CLIPPED,
    DIVISION_RATIO,
    ESMM_PRODUCT,
    Tower,
    architecture,
    towers,
)
from tfmtl.protos import loss_pb2, pipeline_pb2

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
_CLASSES = ("accuracy", "logloss")
_REGRESSION = (
    "mean_squared_error",
    "mean_absolute_error",
    "root_mean_squared_error",
    "mean_label",
    "mean_prediction",
)
_DEFAULTS = 2


def head_metrics(tower: Tower) -> Sequence[str]:
    """The metrics that fit a tower's head."""
    if tower.loss_type != loss_pb2.CLASSIFICATION:
        return _REGRESSION
    if tower.num_class == 1:
        return _BINARY
    return (*_CLASSES, "auc") if tower.num_class == 2 else _CLASSES


def result_names(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The names of all results of an evaluation: metrics by task, then losses."""
    names = [f"{metric}_{place}" for metric, place in _measured(pipeline)]
    return list(
        dict.fromkeys([*names, "loss", *(f"loss_{task}" for task in trained_tasks(pipeline))])
    )


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


def trained_tasks(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The tasks that have a loss."""
    names, funnel = _names(pipeline), funnel_of(pipeline)
    if architecture(pipeline) == "esmm":
        return [*names[:-1], ESMM_PRODUCT]
    if funnel is None:
        return names
    return [
        task
        for name in names
        for task in (funnel.trained_by(name) if name in funnel.towers else [name])
    ]


def _names(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    return [tower.tower_name for tower in towers(pipeline)]

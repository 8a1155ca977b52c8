"""Which tasks are probabilities that can be calibrated, and how a config wants that done."""

from __future__ import annotations

from tfmtl.config.funnels import Funnel, funnel_of, masked
from tfmtl.config.heads import CLASSES, TWO_LOGITS, head_kind
from tfmtl.config.metric_names import head_metrics
from tfmtl.config.views import DIVISION_RATIO, ESMM_PRODUCT, Tower, architecture, towers
from tfmtl.protos import calibration_pb2, pipeline_pb2

# The method that is of several classes, too.
TEMPERATURE = "temperature"


def is_binary(tower: Tower) -> bool:
    """Whether a tower says by one logit how likely an event is."""
    return tower.num_class == 1 and "copc" in head_metrics(tower)


def calibratable_tasks(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The binary tasks that labels tell of, those that an architecture makes of others included."""
    binary, funnel = [each for each in towers(pipeline) if is_binary(each)], funnel_of(pipeline)
    names = [tower.tower_name for tower in binary]
    if architecture(pipeline) == "esmm":
        conversion = towers(pipeline)[-1].tower_name
        return [*names, *([ESMM_PRODUCT] if conversion in names else [])]
    if architecture(pipeline) == "division":
        return [*names, DIVISION_RATIO]
    if funnel is None:
        return names
    tasks = [task for name in names for task in _funnel_tasks(funnel, name)]
    return list(dict.fromkeys(tasks))


def class_tasks(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The tasks that say by a softmax how likely each of several classes is: a temperature's."""
    kinds = (CLASSES, TWO_LOGITS)
    return [tower.tower_name for tower in towers(pipeline) if head_kind(tower) in kinds]


def calibrations(pipeline: pipeline_pb2.Pipeline) -> dict[str, calibration_pb2.Calibration]:
    """How each task is calibrated; one without a name is of all that it can and no other names."""
    given = pipeline.export_config.calibration
    named = {each.task_name: each for each in given if each.task_name}
    rest = [each for each in given if not each.task_name]
    return {**{task: each for each in rest for task in _fitting(each, pipeline)}, **named}


def _fitting(message: calibration_pb2.Calibration, pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The tasks that a method can calibrate."""
    binary = calibratable_tasks(pipeline)
    is_temperature = message.WhichOneof("method") == TEMPERATURE
    return [*binary, *class_tasks(pipeline)] if is_temperature else binary


def _funnel_tasks(funnel: Funnel, tower: str) -> list[str]:
    """The tasks of a tower that labels tell of: its own, and the event that it leads to."""
    if tower not in funnel.towers:
        return [tower]
    measured = funnel.measured(tower)
    return [tower if task == masked(tower) else task for task in reversed(measured)]

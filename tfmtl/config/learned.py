"""Which tasks have a loss, and what the terms of it are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tfmtl.config.funnels import funnel_of
from tfmtl.config.heads import ORDER
from tfmtl.config.views import ESMM_PRODUCT, Tower, architecture, tower_losses, towers
from tfmtl.protos import loss_pb2, model_pb2, pipeline_pb2

# EasyRec's names of those that it does not call by their type.
_NAMES: Mapping[int, str] = {loss_pb2.CLASSIFICATION: "cross_entropy_loss"}
# What may be before a task's name in the name of a prediction.
_PREDICTIONS = ("logits_", "probs_", "y_")


class TermNames(NamedTuple):
    """The names of a task's terms.

    Args:
        losses: Of each of its tower's losses that is a term, in their order.
        distilled: Of each `kd` of the task.
    """

    losses: list[str]
    distilled: list[str]

    @property
    def several(self) -> list[str]:
        """All of them, if there is more than one."""
        names = [*self.losses, *self.distilled]
        return names if len(names) > 1 else []


def learners(pipeline: pipeline_pb2.Pipeline) -> dict[str, Tower]:
    """The tasks that have a loss, each with the tower whose losses, label and weight it has."""
    funnel, found = funnel_of(pipeline), towers(pipeline)
    by_name = {tower.tower_name: tower for tower in found}
    if architecture(pipeline) == "esmm" and found:
        return {**dict(list(by_name.items())[:-1]), ESMM_PRODUCT: found[-1]}
    if funnel is None:
        return by_name
    return {
        task: tower
        for name, tower in by_name.items()
        for task in (funnel.trained_by(name) if name in funnel.towers else [name])
    }


def term_names(task: str, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> TermNames:
    """What the terms of a task's loss are called: `<loss>_<task>`; the only one by the task's name.

    Args:
        task: The task.
        tower: The tower whose losses it has.
        pipeline: The config.
    """
    losses = [f"{_loss_name(loss)}_{task}" for loss in terms_of(tower)]
    distilled = [_kd_name(kd, task) for kd in teachings(task, pipeline)]
    return TermNames([task] if len(losses) == 1 and not distilled else losses, distilled)


def terms_of(tower: Tower) -> list[loss_pb2.Loss]:
    """The losses of a tower that are terms of its task's loss."""
    return [loss for loss in tower_losses(tower) if loss.loss_type not in ORDER]


def teachings(task: str, pipeline: pipeline_pb2.Pipeline) -> list[model_pb2.KD]:
    """The messages `kd` of a task."""
    return [kd for kd in pipeline.model_config.kd if taught(kd.pred_name)[1] == task]


def taught(pred_name: str) -> tuple[str, str]:
    """The parts of a prediction's name, such as `logits_` and `ctr`; "" and "" if it has none."""
    prefix = next((each for each in _PREDICTIONS if pred_name.startswith(each)), "")
    return prefix, pred_name.removeprefix(prefix) if prefix else ""


def all_term_names(pipeline: pipeline_pb2.Pipeline) -> Iterator[tuple[str, list[str]]]:
    """Yields the tasks that have a loss, with the names of its terms if there are several."""
    for task, tower in learners(pipeline).items():
        yield task, term_names(task, tower, pipeline).several


def _loss_name(loss: loss_pb2.Loss) -> str:
    own = _NAMES.get(loss.loss_type) or loss_pb2.LossType.Name(loss.loss_type).lower()
    return loss.loss_name or own


def _kd_name(kd: model_pb2.KD, task: str) -> str:
    if kd.loss_name:
        return f"{kd.loss_name}_{task}"
    return f"kd_loss_{kd.pred_name}_{kd.soft_label_name}"

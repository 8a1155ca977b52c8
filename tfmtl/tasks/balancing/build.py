"""From the messages of a config to the plan of its balancing: no other file here reads protos."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfmtl.protos import balancing_pb2, loss_pb2, pipeline_pb2
from tfmtl.tasks.balancing.aligned import AlignedMTL
from tfmtl.tasks.balancing.base import Balancer
from tfmtl.tasks.balancing.cagrad import CAGrad
from tfmtl.tasks.balancing.db_mtl import DualBalancing
from tfmtl.tasks.balancing.decay import Decay
from tfmtl.tasks.balancing.dwa import DWA
from tfmtl.tasks.balancing.famo import FAMO
from tfmtl.tasks.balancing.fixed import Fixed
from tfmtl.tasks.balancing.geometric import GeometricMean
from tfmtl.tasks.balancing.gradnorm import GradNorm
from tfmtl.tasks.balancing.imtl import IMTL
from tfmtl.tasks.balancing.mgda import MGDA
from tfmtl.tasks.balancing.nash import NashMTL
from tfmtl.tasks.balancing.pareto import Pareto
from tfmtl.tasks.balancing.parts import Part, task_parts, term_parts
from tfmtl.tasks.balancing.pcgrad import PCGrad
from tfmtl.tasks.balancing.plan import Plan, fixed_plan
from tfmtl.tasks.balancing.random_weights import RandomWeights
from tfmtl.tasks.balancing.stch import STCH
from tfmtl.tasks.balancing.uncertainty import Uncertainty
from tfmtl.tasks.task import Task

_Balancing = balancing_pb2.Balancing


@dataclasses.dataclass(frozen=True)
class _Known:
    """What strategies are made from, beside their own message."""

    parts: Sequence[Part]
    batch_size: int
    seed: int

    @property
    def count(self) -> int:
        return len(self.parts)

    def by_task(self, messages: Any, field: str, default: float) -> list[float]:
        """A number for each task, from messages that list some of them."""
        given = {message.task_name: getattr(message, field) for message in messages}
        return [given.get(part.task, default) for part in self.parts]

    def period(self, message: Any) -> int:
        """Steps of a period; the last batch of an epoch may be a small one."""
        return message.every_steps or -(-message.epoch_rows // self.batch_size)


def build_plan(pipeline: pipeline_pb2.Pipeline, tasks: Sequence[Task]) -> Plan:
    """How the losses of a pipeline's tasks are balanced.

    Args:
        pipeline: A checked config.
        tasks: Its tasks.
    """
    model, seed = pipeline.model_config, pipeline.train_config.seed
    if model.loss_weight_strategy != loss_pb2.Fixed:
        return _easyrec_plan(model.loss_weight_strategy, tasks, seed)
    name = model.balancing.WhichOneof("strategy")
    if name is None:
        return fixed_plan(tasks)
    known = _Known(task_parts(tasks), pipeline.data_config.batch_size, seed)
    message = getattr(model.balancing, name)
    at_parameters = getattr(message, "level", None) == _Balancing.PARAMETERS
    return Plan(name, known.parts, _STRATEGIES[name](message, known), at_parameters)


def _easyrec_plan(strategy: int, tasks: Sequence[Task], seed: int) -> Plan:
    """`loss_weight_strategy`, which weighs the terms of losses one by one."""
    if strategy == loss_pb2.Random:
        parts = term_parts(tasks, learned_only=False)
        return Plan("Random", parts, RandomWeights(len(parts), seed))
    parts = term_parts(tasks, learned_only=True)
    return Plan("Uncertainty", parts, _uncertainty(_Balancing.Uncertainty(), parts))


def _uncertainty(message: _Balancing.Uncertainty, parts: Sequence[Part]) -> Uncertainty:
    squared, learned = (
        [getattr(p, name) for p in parts] for name in ("is_squared", "learns_weight")
    )
    return Uncertainty(squared, learned, message.learning_rate, message.initial_value)


def _mgda(message: _Balancing.MGDA, count: int) -> MGDA:
    kind, kinds = message.normalization, _Balancing.MGDA
    return MGDA(
        count,
        by_norm=kind in (kinds.NORM, kinds.LOSS_AND_NORM),
        by_loss=kind in (kinds.LOSS, kinds.LOSS_AND_NORM),
    )


_STRATEGIES: Mapping[str, Callable[[Any, _Known], Balancer]] = {
    "fixed": lambda message, known: Fixed(known.count),
    "decay": lambda message, known: Decay(
        known.by_task(message.ratios, "gamma", 1.0), known.period(message)
    ),
    "uncertainty": lambda message, known: _uncertainty(message, known.parts),
    "dwa": lambda message, known: DWA(known.count, known.period(message), message.temperature),
    "gradnorm": lambda message, known: GradNorm(known.count, message.alpha, message.learning_rate),
    "pareto": lambda message, known: Pareto(known.by_task(message.bounds, "min_weight", 0.0)),
    "random": lambda message, known: RandomWeights(known.count, known.seed),
    "mgda": lambda message, known: _mgda(message, known.count),
    "pcgrad": lambda message, known: PCGrad(known.count, known.seed),
    "cagrad": lambda message, known: CAGrad(known.count, message.c),
    "imtl": lambda message, known: IMTL(known.count, message.balance_losses, message.learning_rate),
    "aligned": lambda message, known: AlignedMTL(known.count),
    "nash": lambda message, known: NashMTL(known.count, message.max_norm, message.every_steps),
    "famo": lambda message, known: FAMO(known.count, message.learning_rate, message.gamma),
    "stch": lambda message, known: STCH(known.count, message.mu),
    "db_mtl": lambda message, known: DualBalancing(
        known.count, message.balance_gradients, message.forgetting_rate
    ),
    "geometric": lambda message, known: GeometricMean(known.count),
}

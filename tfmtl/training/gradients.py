"""The gradients of a step, by how the losses of the tasks are balanced.

    fixed                  one backward pass from Σ weight_k·loss_k + regularization
    by losses              the same from Σ w_k·L_k + regularization, L_k = weight_k·loss_k
    at the representation  a pass for each task, from L_k down to the frontier, where the balancer
                           sees their inner products; from there one pass through all that is
                           shared, of Σ shared_k·g_k
    at the parameters      a pass for each task through everything

What is a task's own gets own_k times its gradient. The penalties' gradient is added as it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfmtl.errors import ConfigError
from tfmtl.layers import averages_kept
from tfmtl.tasks.balancing import Observed, Plan, Weights
from tfmtl.training.frontier import Frontier
from tfmtl.training.gradient_average import GradientAverage
from tfmtl.training.gradient_sums import Gradient, inner_products, total, weighted_sum
from tfmtl.training.objective import Batch, Losses, Objective


class Backward(NamedTuple):
    """What a step goes by."""

    losses: Losses
    """The losses before the step, with `weight_<part>` unless weights are fixed."""
    gradients: list[Gradient]
    """Of the objective's variables."""
    learn: Callable[[], None]
    """Lets the balancer learn from the step, once it has been made."""
    logits: Mapping[str, tf.Tensor]
    """By task, `(batch, units)`; of tasks without a loss perhaps not."""


class FixedGradients:
    """Of weights that are those of the config."""

    def __call__(self, objective: Objective, batch: Batch) -> Backward:
        encoded, targets = batch
        with tf.GradientTape() as tape:
            logits = objective.network(encoded, training=True)
            losses = objective.losses(logits, targets, training=True)
        gradients = tape.gradient(losses["loss"], objective.variables)
        return Backward(losses, gradients, lambda: None, logits)


class _Balanced:
    """What all of a plan's gradients do alike.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def parts(self, terms: Mapping[str, Mapping[str, tf.Tensor]]) -> list[tf.Tensor]:
        """The losses L of the parts, each a scalar of its own, whose gradient reaches no others."""
        return [part.value(terms) for part in self.plan.parts]

    def again(self, objective: Objective, batch: Batch) -> tf.Tensor:
        """The losses of a batch as the model is now, `(parts,)`."""
        encoded, targets = batch
        with averages_kept(objective.network):  # They have moved with the step's own pass.
            logits = objective.network(encoded, training=True)
        return tf.stack(self.parts(objective.terms(logits, targets)))

    def backward(
        self,
        objective: Objective,
        batch: Batch,
        losses: Losses,
        found: _Found,
        gradients: list[Gradient],
    ) -> Backward:
        """Puts together what a step goes by."""
        logits, values, gram, weights, regularization = found
        parts = self.plan.parts
        loss = tf.reduce_sum(weights.shared * values) + regularization
        factors = tf.unstack(weights.shared * [part.weight for part in parts])
        told = {f"weight_{p.name}": factor for p, factor in zip(parts, factors, strict=True)}
        losses = {"loss": loss, **losses, "regularization_loss": regularization, **told}
        observed = Observed(values, gram, lambda: self.again(objective, batch))
        return Backward(losses, gradients, lambda: self.plan.balancer.update(observed), logits)


class _Found(NamedTuple):
    """What a step computed, and what the balancer said of it."""

    logits: Mapping[str, tf.Tensor]
    values: tf.Tensor
    gram: tf.Tensor | None
    weights: Weights
    regularization: tf.Tensor


class LossBalanced(_Balanced):
    """Of weights that follow from the losses alone."""

    def __call__(self, objective: Objective, batch: Batch) -> Backward:
        encoded, targets = batch
        with tf.GradientTape() as tape:
            logits = objective.network(encoded, training=True)
            terms = objective.terms(logits, targets)
            values = tf.stack(self.parts(terms))
            weights = self.plan.balancer.weights(tf.stop_gradient(values))
            regularization = objective.regularization()
            loss = tf.reduce_sum(tf.stop_gradient(weights.shared) * values) + regularization
        gradients = tape.gradient(loss, objective.variables)
        found = _Found(logits, values, None, weights, regularization)
        return self.backward(objective, batch, objective.task_losses(terms), found, gradients)


class RepresentationBalanced(_Balanced):
    """Of weights that follow from the gradients where the tasks part.

    Args:
        plan: The plan.
        frontier: Where that is.
        of_losses: What the losses learn themselves.
    """

    def __init__(
        self, plan: Plan, frontier: Frontier, of_losses: Sequence[tf.Variable] = ()
    ) -> None:
        super().__init__(plan)
        self._frontier = frontier
        self._tops = [*frontier.top_variables, *of_losses]
        # A layer may be called on both sides; it is shared then.
        shared = {variable.ref() for variable in frontier.shared_variables}
        self._are_shared = [
            *frontier.is_representation,
            *(variable.ref() in shared for variable in self._tops),
        ]

    def __call__(self, objective: Objective, batch: Batch) -> Backward:
        encoded, targets = batch
        frontier, variables = self._frontier, objective.variables
        with tf.GradientTape() as tape:
            reached = frontier.below(encoded, training=True)
            # Copies, so that what the gates read does not count what goes through the experts.
            copies = [tf.identity(tensor) for tensor in reached]
            with tf.GradientTape(persistent=True) as upper:  # It does not see what is below.
                upper.watch(copies)
                logits = frontier.above(copies, encoded, training=True)
                terms = objective.terms(logits, targets)
                parts = self.parts(terms)
            regularization = objective.regularization()
        by_task = [upper.gradient(part, [*copies, *self._tops]) for part in parts]
        values, gram = tf.stack(parts), _gram(by_task, frontier.is_representation)
        weights = self.plan.balancer.weights(values, gram)
        sums = _combined(weights, by_task, self._are_shared)
        down = _pull(tape, reached, sums[: len(copies)], regularization, variables)
        up = {v.ref(): g for v, g in zip(self._tops, sums[len(copies) :], strict=True)}
        gradients = [total([g, up.get(v.ref())]) for v, g in zip(variables, down, strict=True)]
        found = _Found(logits, values, gram, weights, regularization)
        return self.backward(objective, batch, objective.task_losses(terms), found, gradients)


class ParameterBalanced(_Balanced):
    """Of weights that follow from the gradients of all shared parameters.

    Args:
        plan: The plan.
        frontier: Says which parameters are shared: those below it.
        tables: Those of them that are embedding tables.
    """

    def __init__(self, plan: Plan, frontier: Frontier, tables: Sequence[tf.Variable] = ()) -> None:
        super().__init__(plan)
        self._shared = {variable.ref() for variable in frontier.shared_variables}
        self._average = None
        if plan.balancer.averages_gradients:
            looked_up = {table.ref() for table in tables}
            dense = [v for v in frontier.shared_variables if v.ref() not in looked_up]
            self._average = GradientAverage(plan.balancer, dense)

    def __call__(self, objective: Objective, batch: Batch) -> Backward:
        encoded, targets = batch
        variables = objective.variables
        with tf.GradientTape(persistent=True) as tape:
            logits = objective.network(encoded, training=True)
            terms = objective.terms(logits, targets)
            parts = self.parts(terms)
            regularization = objective.regularization()
        by_task = [tape.gradient(part, variables) for part in parts]
        penalty = tape.gradient(regularization, variables)
        flags = [variable.ref() in self._shared for variable in variables]
        values = tf.stack(parts)
        by_task, remember = self._averaged(by_task, variables, values)
        gram = _gram(by_task, flags)
        weights = self.plan.balancer.weights(values, gram)
        sums = _combined(weights, by_task, flags)
        gradients = [total(pair) for pair in zip(sums, penalty, strict=True)]
        found = _Found(logits, values, gram, weights, regularization)
        backward = self.backward(objective, batch, objective.task_losses(terms), found, gradients)

        def learn() -> None:
            remember()
            backward.learn()

        return backward._replace(learn=learn)

    def _averaged(
        self, by_task: list[list[Gradient]], variables: Sequence[tf.Variable], values: tf.Tensor
    ) -> tuple[list[list[Gradient]], Callable[[], None]]:
        """The gradients to go by, and what remembers them."""
        if self._average is None:
            return by_task, lambda: None
        return self._average(by_task, variables, values)


Gradients = FixedGradients | LossBalanced | RepresentationBalanced | ParameterBalanced


def build_gradients(objective: Objective, plan: Plan) -> Gradients:
    """How the gradients of an objective are found.

    Raises:
        ConfigError: If the plan compares gradients where tasks share nothing that is trained.
    """
    if plan.is_fixed:
        return FixedGradients()
    if not plan.balancer.needs_gradients:
        return LossBalanced(plan)
    frontier = Frontier(objective.network, [part.task for part in plan.parts])
    if not frontier.representation:
        raise ConfigError(
            [
                f"`model_config.balancing.{plan.name}` should be given to tasks that share "
                "parameters, because it compares their gradients there. Received: tasks "
                f"{', '.join(part.task for part in plan.parts)}, which share none."
            ]
        )
    if plan.at_parameters:
        return ParameterBalanced(plan, frontier, objective.embedding_variables)
    return RepresentationBalanced(plan, frontier, objective.network.learned_by_losses)


def _gram(by_task: Sequence[Sequence[Gradient]], counts: Sequence[bool]) -> tf.Tensor:
    """The inner products of those gradients of the tasks that count; none behind `counts` does."""
    return inner_products([list(itertools.compress(each, counts)) for each in by_task])


def _combined(
    weights: Weights, by_task: Sequence[Sequence[Gradient]], are_shared: Sequence[bool]
) -> list[Gradient]:
    """The sums of the tasks' gradients, by the weights for what is shared or a task's own."""
    shared, owned = tf.unstack(weights.shared), tf.unstack(weights.own)
    return [
        weighted_sum(shared if is_shared else owned, gradients)
        for is_shared, gradients in zip(are_shared, zip(*by_task, strict=True), strict=True)
    ]


def _pull(
    tape: tf.GradientTape,
    tensors: Sequence[tf.Tensor],
    gradients: Sequence[Gradient],
    regularization: tf.Tensor,
    variables: Sequence[tf.Variable],
) -> list[Any]:
    """The gradients of variables from those at tensors, and from the penalties."""
    pairs = [
        (t, tf.convert_to_tensor(g))
        for t, g in zip(tensors, gradients, strict=True)
        if g is not None
    ]
    targets, seeds = [list(each) for each in zip(*pairs, strict=True)] if pairs else ([], [])
    return tape.gradient(
        [*targets, regularization], variables, output_gradients=[*seeds, tf.ones([])]
    )

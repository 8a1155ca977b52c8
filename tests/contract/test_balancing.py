"""Every balancing with one architecture, and one of each kind with every architecture."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format
from test_architectures import ARCHITECTURES, raw_batch, samples, target_batch

from tests.helpers_balancing import all_messages
from tfmtl import config
from tfmtl.config.learned import learners
from tfmtl.errors import ConfigError
from tfmtl.tasks.balancing import Balancer, Plan
from tfmtl.tasks.balancing.base import alike
from tfmtl.training.build import build_model
from tfmtl.training.gradients import build_gradients
from tfmtl.training.optimizers import build_optimizers

STEPS = 8
SHARING_NOTHING = ("single_task", "division")
# One that looks at losses, at the gradients of the representation, at those of parameters.
KINDS = ("uncertainty", "mgda", "gradnorm, parameters")
NAMES = list(all_messages("ctr"))


@dataclasses.dataclass
class Trained:
    """A model after some steps on one batch, with the losses of each."""

    model: object
    losses: list


def balanced(architecture, name):
    pipeline = config.load(samples(architecture)[0])
    # The last is not the first of its funnel, and so has the least rows.
    text = all_messages(list(learners(pipeline))[-1])[name]
    text_format.Parse(text, pipeline.model_config.balancing)
    return pipeline


def train(architecture, name):
    pipeline = balanced(architecture, name)
    assert config.validate(pipeline) == []
    columns, model = build_model(pipeline)
    model.compile(build_optimizers(pipeline.train_config))
    raw = raw_batch(columns.raw_signature())
    batch = columns.encode(raw), target_batch(pipeline, model.tasks)
    step = tf.function(model.train_step, autograph=False)
    return Trained(model, [{k: float(v) for k, v in step(batch).items()} for _ in range(STEPS)])


def check(trained):
    """Losses are finite and fall, and each task has a weight."""
    assert all(np.isfinite(value) for losses in trained.losses for value in losses.values())
    tasks = [task.name for task in trained.model.tasks if task.trained]
    sums = [sum(losses[f"loss_{task}"] for task in tasks) for losses in trained.losses]
    assert min(sums[1:]) < sums[0]
    if not trained.model.plan.is_fixed:
        assert {f"weight_{task}" for task in tasks} <= set(trained.losses[0])
    for variable in trained.model.network.variables:
        assert np.isfinite(variable.numpy()).all(), variable.name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_balancing_trains(name):
    check(train("shared_bottom", name))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a not in SHARING_NOTHING])
def test_every_architecture_is_balanced(architecture, name):
    check(train(architecture, name))


class Given(Balancer):
    """Weights that are given."""

    needs_gradients = True

    def weights(self, values, gram=None):
        return alike(tf.range(1.0, self.count + 1.0) / 2)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a not in SHARING_NOTHING])
def test_gradients_of_tasks_add_up_to_that_of_the_weighted_sum(architecture):
    pipeline = config.load(samples(architecture)[0])
    columns, model = build_model(pipeline)
    for layer in model.network.submodules:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    raw, parts = raw_batch(columns.raw_signature()), model.plan.parts
    batch = columns.encode(raw), target_batch(pipeline, model.tasks)
    sums = Plan("sums", parts, Losses(len(parts)))
    plans = [Plan("given", parts, Given(len(parts)), at) for at in (False, True)]
    expected, *others = (gradients(model, plan, batch) for plan in (sums, *plans))
    longest = np.sqrt(sum(np.sum(each**2) for each in expected))
    for actual in others:
        for one, other in zip(actual, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5 * longest)


class Losses(Given):
    """The same weights by losses: one backward pass from the weighted sum."""

    needs_gradients = False


def gradients(model, plan, batch):
    backward = build_gradients(model.objective, plan)
    run = tf.function(lambda: backward(model.objective, batch).gradients, autograph=False)
    return [tf.convert_to_tensor(each).numpy() for each in run()]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", SHARING_NOTHING)
def test_tasks_that_share_nothing_are_balanced_by_losses(architecture):
    check(train(architecture, "uncertainty"))


@pytest.mark.parametrize("architecture", SHARING_NOTHING)
def test_tasks_that_share_nothing_have_no_gradients_to_compare(architecture):
    pipeline = balanced(architecture, "mgda")
    (problem,) = config.validate(pipeline)
    assert f"those of `{architecture}` share none. Received: mgda." in problem
    with pytest.raises(ConfigError, match="should be given to tasks that share parameters"):
        build_model(pipeline)

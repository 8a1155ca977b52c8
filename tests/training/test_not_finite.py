"""What the guard against NaN says: the step, the task, the likely cause."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from small_network import make_batch, make_model

from tfmtl.training.not_finite import explain

NAN = float("nan")


@pytest.fixture
def model():
    model = make_model()
    model.compile(keras.optimizers.legacy.SGD(0.25))
    return model


def changed(x=None, click=None):
    encoded, targets = make_batch()
    if x is not None:
        encoded = {**encoded, "x": tf.constant(x, tf.float32)}
    if click is not None:
        targets = {**targets, "click": tf.constant(click, tf.float32)}
    return encoded, targets


def test_a_feature_that_is_not_finite_is_named(model):
    x = np.zeros((5, 2))
    x[1, 0], x[3, 1] = NAN, np.inf
    assert str(explain(model, changed(x=x), step=12)) == (
        "Losses and gradients should be finite. Received at step 12: `loss_ctr` is nan, `loss_cvr` "
        "is nan.\n"
        "Likely cause: Feature `x` has 2 values in this batch that are not finite.\n"
        "Checkpoints saved before are not affected."
    )


def test_a_label_that_cannot_be_learned_is_named_with_its_task(model):
    message = str(explain(model, changed(click=[0, 1, 3, 0, 1]), step=12))
    assert "Received at step 12: `loss_ctr` is nan.\n" in message
    assert (
        "Likely cause: The label of task `ctr` (`click`) should be from 0 to 1. Received: 3."
        in message
    )


def test_an_infinite_weight_of_rows_is_named(model):
    encoded, targets = make_batch()
    targets = {**targets, "weight": tf.constant([1.0, np.inf, 1.0, NAN, 1.0])}
    message = str(explain(model, (encoded, targets), step=3))
    assert "Column `weight` has 1 infinite values in this batch." in message


def test_weights_that_were_broken_before_are_named(model):
    model.network.get_layer("bottom").bias.assign([0.0, NAN, 0.0])
    message = str(explain(model, make_batch(), step=3))
    assert "Weights were not finite before this step, the first of them `bottom/bias`." in message


def test_otherwise_the_learning_rate_is_named(model):
    model.network.get_layer("cvr").kernel.assign(tf.fill([3, 1], 3e38))
    model.network.get_layer("bottom").bias.assign([9.0, 9.0, 9.0])
    message = str(explain(model, make_batch(), step=3))
    assert "`loss_cvr` is " in message
    assert "`loss_ctr`" not in message
    assert (
        "Likely cause: Steps are too large: the learning rate is 0.25 here. Lower it, or set "
        "`train_config.gradient_clipping_by_norm`"
    ) in message


def test_gradients_that_alone_are_not_finite_are_named(model):
    network = model.network
    root = {t: tf.sqrt(tf.abs(c) * 0.0) for t, c in network.output.items()}
    model.network = keras.Model(network.inputs, root)
    message = str(explain(model, make_batch(), step=3))
    assert "Received at step 3: the gradient of `bottom/kernel`, " in message or (
        "Received at step 3: the gradient of `embeddings/width_4`, " in message
    )

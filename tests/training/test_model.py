"""The training model: its losses by their formula, clipping, and which optimizer moves what."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from sklearn.metrics import roc_auc_score
from small_network import make_batch, make_model, make_network, make_tasks

from tfmtl.tasks import BinaryHead, SampleSpace, Task
from tfmtl.tasks.space import ColumnLabel
from tfmtl.training import MultiTaskModel

SGD = keras.optimizers.legacy.SGD


def log_loss(logits, labels):
    known = ~np.isnan(labels)
    c, y = np.asarray(logits)[known, 0], labels[known]
    return np.mean(np.log1p(np.exp(-np.abs(c))) + np.maximum(c, 0) - c * y)


def expected_losses(model, batch):
    logits = model.network(batch[0], training=False)
    return {
        t: log_loss(logits[t], batch[1][c].numpy()) for t, c in [("ctr", "click"), ("cvr", "buy")]
    }


def penalty(model):
    return 0.01 * np.sum(np.square(model.network.get_layer("bottom").kernel))


def values(model):
    return {v.name: v.numpy() for v in model.network.trainable_variables}


def gradients(model, batch):
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch, training=True)
    return [
        tf.convert_to_tensor(g).numpy()
        for g in tape.gradient(loss, model.network.trainable_variables)
    ]


def test_total_is_the_weighted_sum_of_the_tasks_losses_and_the_regularization():
    model, batch = make_model(), make_batch()
    losses, expected = model.batch_losses(batch, training=True), expected_losses(model, batch)
    np.testing.assert_allclose(losses["loss_ctr"], expected["ctr"], rtol=1e-5)
    np.testing.assert_allclose(losses["loss_cvr"], expected["cvr"], rtol=1e-5)
    np.testing.assert_allclose(losses["regularization_loss"], penalty(model), rtol=1e-5)
    total = expected["ctr"] + 2 * expected["cvr"] + penalty(model)
    np.testing.assert_allclose(losses["loss"], total, rtol=1e-5)


def test_regularization_is_no_part_of_the_loss_outside_of_training():
    model, batch = make_model(), make_batch()
    losses, expected = model.batch_losses(batch, training=False), expected_losses(model, batch)
    assert float(losses["regularization_loss"]) == 0.0
    np.testing.assert_allclose(losses["loss"], expected["ctr"] + 2 * expected["cvr"], rtol=1e-5)


def test_a_task_without_a_loss_of_its_own_is_left_out_of_the_total():
    silent = Task("cvr", BinaryHead(), SampleSpace(ColumnLabel("buy")), trained=False)
    model = MultiTaskModel(make_network(), [make_tasks()[0], silent])
    losses = model.batch_losses(make_batch(), training=False)
    assert "loss_cvr" not in losses
    np.testing.assert_allclose(losses["loss"], losses["loss_ctr"])


def test_a_step_moves_every_variable_against_its_gradient():
    model, batch = make_model(), make_batch()
    model.compile(SGD(0.1))
    expected = [
        v.numpy() - 0.1 * g
        for v, g in zip(model.network.trainable_variables, gradients(model, batch), strict=True)
    ]
    losses = tf.function(model.train_step)(batch)
    assert list(losses) == ["loss", "loss_ctr", "loss_cvr", "regularization_loss", "gradient_norm"]
    for variable, value in zip(model.network.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable, value, atol=1e-6)


@pytest.mark.parametrize("longest", [0.05, 100.0])
def test_gradients_together_are_shortened_to_the_longest_norm(longest):
    model, batch = make_model(), make_batch()
    model.compile(SGD(1.0), gradient_clipping_by_norm=longest)
    before, slopes = values(model), gradients(model, batch)
    norm = np.sqrt(sum(np.sum(g**2) for g in slopes))
    losses = tf.function(model.train_step)(batch)
    np.testing.assert_allclose(losses["gradient_norm"], norm, rtol=1e-5)
    for (name, value), slope in zip(before.items(), slopes, strict=True):
        expected = value - slope * min(1, longest / norm)
        np.testing.assert_allclose(values(model)[name], expected, atol=1e-6)


def test_the_norm_counts_an_id_that_comes_twice_in_a_batch_once():
    model = make_model()
    model.compile(SGD(1.0))
    encoded, targets = make_batch()
    batch = {**encoded, "id": tf.constant([3, 3, 3, 1, 3])}, targets
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients(model, batch)))
    np.testing.assert_allclose(model.train_step(batch)["gradient_norm"], norm, rtol=1e-5)


def test_of_two_optimizers_the_first_moves_the_embeddings_and_the_second_all_else():
    model, batch = make_model(), make_batch()
    model.compile([SGD(0.0), SGD(0.1)])
    before = values(model)
    model.train_step(batch)
    moved = [name for name, value in values(model).items() if (value != before[name]).any()]
    assert sorted(moved) == sorted(set(before) - {"embeddings/width_4:0"})
    assert [len(variables) for _, variables in model.optimized()] == [1, 6]


def test_embeddings_are_found_inside_of_other_layers():
    inner = make_network()
    outer = keras.Model(inner.inputs, inner(inner.inputs))
    model = MultiTaskModel(outer, make_tasks())
    assert [v.name for v in model.embedding_variables()] == ["embeddings/width_4:0"]


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_an_error_and_changes_no_variable(broken):
    model = make_model()
    model.compile(keras.optimizers.legacy.Adam(0.1))
    encoded, targets = make_batch()
    step = tf.function(model.train_step)
    step((encoded, targets))
    before = values(model)
    with pytest.raises(tf.errors.InvalidArgumentError, match="loss"):
        step(({**encoded, "x": encoded["x"] * broken}, targets))
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_gradient_that_is_not_finite_is_an_error_although_the_loss_is():
    network = make_network()
    root = {t: tf.sqrt(tf.abs(c) * 0.0) for t, c in network.output.items()}
    model = MultiTaskModel(keras.Model(network.inputs, root), make_tasks())
    model.compile(SGD(0.1))
    before = values(model)
    with pytest.raises(tf.errors.InvalidArgumentError, match="gradient_norm"):
        tf.function(model.train_step)(make_batch())
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.slow
def test_keras_fits_and_evaluates_the_model():
    model = make_model()
    model.compile(keras.optimizers.legacy.Adam(0.01))
    batches = tf.data.Dataset.from_tensor_slices(make_batch(rows=11)).batch(4)
    history = model.fit(batches, validation_data=batches, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    results = model.evaluate(batches, return_dict=True, verbose=0)
    assert list(results) == [
        "loss", "loss_ctr", "auc_ctr", "logloss_ctr", "loss_cvr", "auc_cvr", "logloss_cvr"
    ]  # fmt: skip
    np.testing.assert_allclose(results["loss"], history["val_loss"][-1])
    assert model.predict(batches, verbose=0)["cvr"].shape == (11, 1)


def test_keras_evaluates_metrics_that_sort_all_rows_once():
    metrics = {"logloss": {}, "gauc": {"uid_field": "user"}, "auc": {"exact": True}}
    task = Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click")), metrics=metrics)
    model = MultiTaskModel(make_network(), [task])
    model.compile(keras.optimizers.legacy.Adam(0.01))
    encoded, targets = make_batch(rows=60)
    targets["user"] = tf.constant([f"u{row % 4}" for row in range(60)])
    batches = tf.data.Dataset.from_tensor_slices((encoded, targets)).batch(8)
    logit = model.network(encoded, training=False)["ctr"].numpy()[:, 0]
    click, user = targets["click"].numpy(), np.arange(60) % 4
    by_user = [roc_auc_score(click[user == u], logit[user == u]) for u in range(4)]
    for _ in range(2):
        results = model.evaluate(batches, return_dict=True, verbose=0)
        assert results["auc_ctr"] == pytest.approx(roc_auc_score(click, logit))
        assert results["gauc_ctr"] == pytest.approx(np.mean(by_user))
    names = ["loss_ctr", "logloss_ctr", "gauc_ctr", "auc_ctr", "loss"]
    assert model.evaluate(batches, verbose=0) == [results[name] for name in names]
    history = model.fit(batches, validation_data=batches, verbose=0).history
    assert 0 <= history["val_gauc_ctr"][0] <= 1

"""Histograms of weights and gradients: the counts, and which step's they are."""

import numpy as np
import pytest
import tensorflow as tf
from small_network import make_batch, make_model

from tfmtl.protos import train_pb2
from tfmtl.training import LazyAdam
from tfmtl.training.histograms import histogram
from tfmtl.training.journal import Journal
from tfmtl.training.state import TrainingState


@pytest.mark.parametrize("values", [np.linspace(-2.0, 7.0, 101), [0.5, 3.0, 0.75], [-4.0, -4.0]])
def test_bins_are_those_of_numpy(values):
    actual = histogram(tf.constant(values, tf.float32)).numpy()
    high = max(values) if max(values) > min(values) else min(values) + 1
    counts, edges = np.histogram(values, 30, (min(values), high))
    np.testing.assert_allclose(actual[:, 0], edges[:-1])
    np.testing.assert_allclose(actual[:, 1], edges[1:])
    assert actual[:, 2].sum() == len(values)
    np.testing.assert_allclose(np.cumsum(actual[:, 2]), np.cumsum(counts), atol=1)


def test_of_no_values_all_bins_are_empty():
    assert not histogram(tf.zeros([0, 3])).numpy()[:, 2].any()


def written(directory):
    """`{(step, name): histogram}` of the files in a directory."""
    found = {}
    for path in directory.glob("events.out.tfevents.*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "histograms":
                    found[event.step, value.tag] = tf.make_ndarray(value.tensor)
    return found


@pytest.mark.slow
def test_a_journal_writes_those_of_the_steps_it_tells_of(tmp_path):
    settings = train_pb2.TrainConfig(save_summary_steps=2)
    model, state = make_model(), TrainingState()
    model.compile(LazyAdam(0.1))
    model.keep_histograms()
    journal = Journal(settings, str(tmp_path), model, state)
    expected = {}
    kernel = model.network.get_layer("ctr").kernel
    step = tf.function(model.train_step, autograph=False)
    for number in (1, 2, 3, 4, 5):
        batch = make_batch(seed=number)
        if number in (2, 4):
            with tf.GradientTape() as tape:
                loss = model.batch_losses(batch, training=True)["loss"]
            expected[number] = histogram(tape.gradient(loss, kernel)).numpy()
        losses = step(batch)
        state.step = number
        journal.after_step(losses)
    journal.close()
    found = written(tmp_path / "train")
    assert {step for step, _ in found} == {2, 4}
    for step in (2, 4):
        np.testing.assert_allclose(found[step, "gradients/ctr/kernel"], expected[step], rtol=1e-4)
        assert found[step, "weights/bottom/kernel"][:, 2].sum() == 6 * 3
        assert found[step, "gradients/embeddings/width_4"][:, 2].sum() % 4 == 0

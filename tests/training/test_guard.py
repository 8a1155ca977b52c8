"""The guard warns once of a task that tells nothing apart, with the cause where it can be seen."""

import json

import numpy as np
import pytest
import tensorflow as tf
from small_network import make_batch, make_model, make_tasks

from tfmtl.tasks import RegressionHead, SampleSpace, Task
from tfmtl.tasks.space import ColumnLabel
from tfmtl.training import LazyAdam, MultiTaskModel
from tfmtl.training.evaluation import results
from tfmtl.training.guard import Guard
from tfmtl.training.state import TrainingState

USUAL = (
    "Usual causes: a learning rate so large that ReLUs have died; features that are constant or "
    "missing; weights that were all regularized to 0."
)
SAME = "Task `cvr`: all 8 predictions of the evaluation are the same."


def constant_model(bias=0.3):
    """A model whose `cvr` answers the same to all rows."""
    model = make_model()
    model.network.get_layer("cvr").set_weights([np.zeros((3, 1)), np.array([bias])])
    return model


def look(model, batches=(1, 2), state=None):
    """Measures and looks."""
    batches = [make_batch(seed=each) if isinstance(each, int) else each for each in batches]
    for batch in batches:
        model.measure(batch)
    Guard(model, state or TrainingState()).look(results(model), batches[-1])


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.name == "tfmtl.training.guard"]


def test_a_model_that_tells_rows_apart_is_not_warned_of(caplog):
    look(make_model())
    assert warnings(caplog) == []


def test_constant_predictions_are_told_with_the_usual_causes(caplog):
    look(constant_model())
    assert warnings(caplog) == [f"{SAME} {USUAL}"]


@pytest.mark.parametrize(("spread", "is_told"), [(1e-7, True), (1e-4, False)])
def test_predictions_may_differ_by_rounding(caplog, spread, is_told):
    model = constant_model()
    model.network.get_layer("cvr").set_weights([np.full((3, 1), spread), np.array([0.5])])
    look(model)
    assert bool(warnings(caplog)) == is_told


def test_a_learning_rate_is_told_where_there_is_one(caplog):
    model = constant_model()
    model.compile(LazyAdam(0.25))
    look(model)
    assert warnings(caplog) == [f"{SAME} {USUAL} The learning rate is 0.25 now."]


def test_labels_of_one_class_are_found(caplog):
    encoded, targets = make_batch(rows=5)
    targets["buy"] = tf.zeros(5)
    look(constant_model(), [(encoded, targets)])
    assert warnings(caplog) == [
        "Task `cvr`: all 5 predictions of the evaluation are the same. Found: All labels in its "
        "sample space are 0."
    ]


def test_constant_features_are_found(caplog):
    _, targets = make_batch(rows=5)
    encoded = {"id": tf.fill([5], tf.constant(3, tf.int64)), "x": tf.ones((5, 2))}
    look(make_model(), [(encoded, targets)])
    found = "predictions of the evaluation are the same. Found: All features are constant in the"
    assert warnings(caplog) == [
        f"Task `ctr`: all 5 {found} last batch.",
        f"Task `cvr`: all 4 {found} last batch.",
    ]


def test_dead_units_are_found(caplog):
    model = make_model()
    model.network.get_layer("bottom").set_weights([np.zeros((6, 3)), np.zeros(3)])
    look(model)
    assert len(warnings(caplog)) == 2
    assert warnings(caplog)[1] == (
        f"{SAME} Found: What the last layer of its tower reads is 0 in all rows of the last batch: "
        "its ReLUs have died, as of a learning rate that is too large."
    )


def test_what_is_only_looked_at_may_be_constant(caplog):
    metrics = {"mean_prediction": {}}
    space = SampleSpace(ColumnLabel("buy"))
    task = Task("cvr", RegressionHead(), space, trained=False, metrics=metrics)
    model = MultiTaskModel(constant_model().network, [make_tasks()[0], task])
    look(model)
    assert warnings(caplog) == []


def test_a_single_row_is_not_called_constant(caplog):
    encoded, targets = make_batch(rows=1)
    look(constant_model(), [(encoded, {"click": targets["click"], "buy": tf.ones(1)})])
    assert warnings(caplog) == []


def test_a_warning_is_given_once_and_survives_a_restart(caplog):
    model, state = constant_model(), TrainingState()
    look(model, state=state)
    for meter in model.meters:
        meter.reset()
    restarted = TrainingState()
    restarted.deserialize(json.dumps(json.loads(state.serialize())))
    look(model, state=restarted)
    assert len(warnings(caplog)) == 1


def play(aucs, state=None):
    """Looks at evaluations of which only the AUC of `ctr` matters."""
    model = make_model()
    for meter in model.meters:
        label = tf.constant([0.0, 1.0])
        meter.update(tf.constant([[0.1], [0.2]]), {"click": label, "buy": label})
    for auc in aucs:
        Guard(model, state or TrainingState()).look({"auc_ctr": auc})


@pytest.mark.parametrize(
    ("aucs", "count"),
    [
        ([0.504, 0.496, 0.5], 1),
        ([0.5] * 9, 1),
        ([0.5, 0.5], 0),
        ([0.5, 0.5, 0.52, 0.5, 0.5], 0),
        ([0.5, 0.5, None, 0.5, 0.5], 0),
        ([0.5, 0.494, 0.5], 0),
    ],
)
def test_an_auc_near_one_half_is_told_after_three_evaluations_in_a_row(caplog, aucs, count):
    play(aucs, TrainingState())
    assert len(warnings(caplog)) == count


def test_what_may_make_an_auc_stay_near_one_half_is_told(caplog):
    play([0.5, 0.5, 0.5], TrainingState())
    assert warnings(caplog) == [
        "Task `ctr`: `auc_ctr` has been within 0.5 ± 0.005 in 3 evaluations, like a guess. Usual "
        "causes: labels that are joined to the wrong rows; features that say nothing of the label; "
        "a learning rate that is too large, or too small for the steps made so far."
    ]

"""Negatives that the training data has lost: where in a network the correction takes effect."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.config.funnels import Funnel, Outcome, Step
from tfmtl.layers import NegativeSamplingCorrection
from tfmtl.models._funnel import funnel_logits

RATE = 0.2
ESMM = """
ctr_tower { tower_name: "ctr" dnn { hidden_units: 7 } %s }
cvr_tower { tower_name: "cvr" }
"""
MMOE = """
num_expert: 2 expert_dnn { hidden_units: 6 }
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } %s }
task_towers { tower_name: "cvr" }
"""
DBMTL = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } %s }
task_towers {
  tower_name: "cvr" dnn { hidden_units: 6 }
  relation_tower_names: "ctr" relation_dnn { hidden_units: 5 }
}
"""
WITH = f"negative_sampling_rate: {RATE}"


def answers(nets, architecture, text, **how):
    """Logits of a network with the rate, and of the same one without."""
    networks = [nets.build(architecture, text % each) for each in (WITH, "")]
    nets.copy_weights(*networks)
    return [
        {task: np.float64(logits) for task, logits in network(nets.rows(network), **how).items()}
        for network in networks
    ]


@pytest.mark.parametrize(("architecture", "text"), [("mmoe", MMOE), ("dbmtl", DBMTL)])
def test_a_tower_is_put_right_and_the_others_are_left(nets, architecture, text):
    corrected, plain = answers(nets, architecture, text)
    np.testing.assert_allclose(corrected["ctr"], plain["ctr"] + np.log(RATE), rtol=1e-5)
    np.testing.assert_array_equal(corrected["cvr"], plain["cvr"])


@pytest.mark.parametrize(("architecture", "text"), [("mmoe", MMOE), ("esmm", ESMM)])
def test_training_sees_nothing_of_it(nets, architecture, text):
    corrected, plain = answers(nets, architecture, text, training=True)
    for task, logits in plain.items():
        np.testing.assert_array_equal(corrected[task], logits)


def test_a_product_is_of_probabilities_that_are_put_right(nets):
    corrected, plain = answers(nets, "esmm", ESMM)
    p = {task: nets.sigmoid(logits) for task, logits in plain.items()}
    click = p["ctr"] / (p["ctr"] + (1 - p["ctr"]) / RATE)
    np.testing.assert_allclose(nets.sigmoid(corrected["ctr"]), click, rtol=1e-5)
    np.testing.assert_allclose(nets.sigmoid(corrected["cvr"]), p["cvr"], rtol=1e-5)
    np.testing.assert_allclose(nets.sigmoid(corrected["ctcvr"]), click * p["cvr"], rtol=1e-5)


def test_outcomes_of_a_step_are_put_right_together(nets):
    """Of 10 likes, 6 shares and 84 views of neither, a fifth of the last is kept."""
    kept = {"like": 10 / (84 * RATE), "share": 6 / (84 * RATE)}
    layer = NegativeSamplingCorrection(RATE)
    towers = {name: layer(tf.constant([[np.log(odds)]], tf.float32)) for name, odds in kept.items()}
    step = Step("view", [Outcome("liked", "like"), Outcome("shared", "share")])
    logits = funnel_logits(Funnel([step]), towers)
    assert nets.sigmoid(logits["like"].numpy()) == pytest.approx(0.10, rel=1e-5)
    assert nets.sigmoid(logits["share"].numpy()) == pytest.approx(0.06, rel=1e-5)

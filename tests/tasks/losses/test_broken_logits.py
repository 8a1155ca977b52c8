"""A logit that is not a number shows in every loss, so that training stops and says so."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks import losses
from tfmtl.tasks.losses import jrc, lists
from tfmtl.tasks.terms import RowLoss, one_logit_loss

USER = losses.Sessions("user")
LOGISTIC, FOCAL = losses.logistic(), losses.focal()
LOSSES = {
    "a mean of rows": (one_logit_loss(losses.sigmoid_cross_entropy), 1),
    "classes": (RowLoss(losses.softmax_cross_entropy), 3),
    "classes in order": (RowLoss(losses.ordinal_cross_entropy), 3),
    "focal": (losses.FocalLoss(), 1),
    "focal, of the hardest": (losses.FocalLoss(hardest=0.3), 1),
    "F1": (losses.F1ReweightedLoss(), 1),
    "pairs": (losses.PairwiseLoss(LOGISTIC, USER), 1),
    "pairs, of the hardest": (losses.PairwiseLoss(LOGISTIC, USER, hardest=0.3), 1),
    "pairs that are near": (losses.PairwiseLoss(FOCAL, USER, dropped_from=-5.0), 1),
    "lists": (losses.ListwiseLoss(lists.label_itself, USER), 1),
    "both": (losses.JRCLoss(USER, jrc.fixed(0.5)), 2),
    "a value": (losses.ZILNLoss(), 3),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("broken", [[0], [8], slice(None)], ids=["first", "other", "all"])
def test_a_logit_that_is_not_a_number_makes_the_loss_none(rows, name, broken):
    loss, units = LOSSES[name]
    rows.logits[broken] = np.nan
    logits, weight = tf.constant(rows.logits[:, :units]), tf.constant(rows.weight)
    value = loss(tf.constant(rows.label), logits, weight, {"user": tf.constant(rows.session)})
    assert np.isnan(value)


@pytest.mark.parametrize("name", LOSSES)
def test_outside_of_the_sample_space_it_does_not_show(rows, name):
    loss, units = LOSSES[name]
    rows.logits[rows.weight == 0.0] = np.nan
    logits, weight = tf.constant(rows.logits[:, :units]), tf.constant(rows.weight)
    value = loss(tf.constant(rows.label), logits, weight, {"user": tf.constant(rows.session)})
    assert np.isfinite(value)

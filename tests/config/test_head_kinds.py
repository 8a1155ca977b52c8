"""Which losses agree on a head."""

import pytest

from tfmtl.config import heads
from tfmtl.protos import loss_pb2, tower_pb2


def tower(names, num_class=1):
    losses = [loss_pb2.Loss(loss_type=loss_pb2.LossType.Value(name)) for name in names]
    return tower_pb2.TaskTower(losses=losses, num_class=num_class)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["CLASSIFICATION", "PAIR_WISE_LOSS"], heads.EVENT),
        (["F1_REWEIGHTED_LOSS", "BINARY_FOCAL_LOSS", "BINARY_CROSS_ENTROPY_LOSS"], heads.EVENT),
        (["SIGMOID_L2_LOSS", "CLASSIFICATION"], heads.EVENT),
        (["SIGMOID_L2_LOSS", "LISTWISE_RANK_LOSS"], heads.EVENT),
        (["SIGMOID_L2_LOSS"], heads.PROBABILITY),
        (["PAIRWISE_HINGE_LOSS", "LISTWISE_DISTILL_LOSS"], heads.RANKING),
        (["L2_LOSS", "L1_LOSS", "HUBER_LOSS", "QUANTILE_LOSS"], heads.NUMBER),
        (["L2_LOSS", "PAIRWISE_LOGISTIC_LOSS"], heads.NUMBER),
        (["JRC_LOSS", "JRC_LOSS"], heads.TWO_LOGITS),
        (["CLASSIFICATION", "ORDER_CALIBRATE_LOSS"], heads.EVENT),
        (["CLASSIFICATION", "L2_LOSS"], None),
        (["CLASSIFICATION", "JRC_LOSS"], None),
        (["PAIR_WISE_LOSS", "ZILN_LOSS"], None),
        (["SIGMOID_L2_LOSS", "L2_LOSS"], None),
        (["ORDER_CALIBRATE_LOSS"], None),
    ],
)
def test_losses_agree_on_what_their_logits_are(names, kind):
    assert heads.head_kind(tower(names)) == kind


def test_every_loss_of_towers_makes_a_head():
    from tfmtl.config.support import built_values

    of_none = {"CROSS_ENTROPY_LOSS", "KL_DIVERGENCE_LOSS", "ORDER_CALIBRATE_LOSS"}
    for name in built_values(loss_pb2.LossType.DESCRIPTOR):
        assert (heads.head_kind(tower([name])) is None) == (name in of_none), name
        assert heads.loss_kind(loss_pb2.LossType.Value(name), 1) or name in of_none


def test_classification_of_classes_goes_with_nothing_else():
    assert heads.head_kind(tower(["CLASSIFICATION"], 4)) == heads.CLASSES
    assert heads.head_kind(tower(["CLASSIFICATION", "PAIR_WISE_LOSS"], 4)) is None

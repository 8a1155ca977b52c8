"""What `loss_weight_strategy` says of losses that learn their weight, and what is accepted."""

import pytest
from google.protobuf import text_format

from tests.helpers import GOOD_CONFIG
from tests.helpers_balancing import all_messages
from tfmtl import config
from tfmtl.config.problems import Report
from tfmtl.config.rules import balancing
from tfmtl.protos import loss_pb2


def check(strategy, learns):
    pipeline = config.load_text(GOOD_CONFIG)
    pipeline.model_config.loss_weight_strategy = getattr(loss_pb2, strategy)
    loss = pipeline.model_config.mmoe.task_towers[1].losses.add()
    loss.learn_loss_weight = learns
    report = Report()
    balancing.check(pipeline, report)
    return [problem.text for problem in report.problems], report.warnings


@pytest.mark.parametrize("strategy", ["Fixed", "Random"])
def test_a_loss_learns_its_weight_by_uncertainty_alone(strategy):
    problem = (
        "`model_config.mmoe.task_towers[1].losses[0].learn_loss_weight` (tower `cvr`) should be "
        "false unless `model_config.loss_weight_strategy` is Uncertainty. Received: true."
    )
    assert check(strategy, learns=True) == ([problem], [])
    assert check(strategy, learns=False) == ([], [])


def test_uncertainty_of_no_loss_is_warned_about():
    assert check("Uncertainty", learns=True) == ([], [])
    warning = (
        "`model_config.loss_weight_strategy` is Uncertainty, but no loss has `learn_loss_weight`."
    )
    assert check("Uncertainty", learns=False) == ([], [warning])


@pytest.mark.parametrize("text", all_messages("cvr").values())
def test_every_strategy_is_accepted(text):
    pipeline = config.load_text(GOOD_CONFIG)
    text_format.Parse(text, pipeline.model_config.balancing)
    assert config.validate(pipeline) == []


@pytest.mark.parametrize("name", ["geometric", "famo", "db_mtl"])
def test_losses_below_0_have_no_logarithm(name):
    pipeline = config.load_text(GOOD_CONFIG)
    tower = pipeline.model_config.mmoe.task_towers[1]
    tower.loss_type, tower.num_class = loss_pb2.ZILN_LOSS, 3
    getattr(pipeline.model_config.balancing, name).SetInParent()
    report = Report()
    balancing.check(pipeline, report)
    assert [problem.text for problem in report.problems] == [
        "`model_config.balancing` should be one that takes losses below 0, which `ZILN_LOSS` of "
        f"tower `cvr` may be: it takes logarithms of losses. Received: {name}."
    ]
    pipeline.model_config.balancing.uncertainty.SetInParent()
    report = Report()
    balancing.check(pipeline, report)
    assert not report.problems

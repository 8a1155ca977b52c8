import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.config.metric_names import GROUPED_BY
from tfmtl.config.rules.layers import ACTIVATIONS
from tfmtl.protos import loss_pb2, tower_pb2

ESMM = """esmm {
    ctr_tower { tower_name: "ctr" label_name: "click" metrics_set { auc {} } }
    cvr_tower {
      tower_name: "cvr" label_name: "buy" metrics_set { auc {} } metrics_set { logloss {} }
    }
  }"""


def with_model(model):
    start, end = GOOD_CONFIG.index("mmoe {"), GOOD_CONFIG.index("  embedding_regularization")
    text = GOOD_CONFIG[:start] + model + "\n" + GOOD_CONFIG[end:]
    return config.load_text(text.replace('model_class: "MMoE"', ""))


def test_results_are_metrics_by_task_and_losses(good):
    del good.model_config.mmoe.task_towers[1].metrics_set[:]
    assert config.result_names(good) == [
        "auc_ctr",
        "auc_cvr",
        "logloss_cvr",
        "loss",
        "loss_ctr",
        "loss_cvr",
    ]


def test_conversion_of_esmm_is_measured_twice_and_has_no_loss():
    assert config.result_names(with_model(ESMM)) == [
        "auc_ctr",
        "auc_ctcvr",
        "auc_cvr_masked",
        "logloss_ctcvr",
        "logloss_cvr_masked",
        "loss",
        "loss_ctr",
        "loss_ctcvr",
    ]


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("auc", "auc_ctr"), ("auc_cvr", "auc_cvr"), ("loss", "loss"), ("loss_cvr", "loss_cvr")],
)
def test_best_metric_is_named_in_full(good, wanted, meant):
    good.export_config.best_exporter_metric = wanted
    assert config.best_metric(good) == meant


@pytest.mark.parametrize("wanted", ["gauc", "auc_", "auc_buy", ""])
def test_unknown_best_metric_is_none(good, wanted):
    good.export_config.best_exporter_metric = wanted
    assert config.best_metric(good) == ""


@pytest.mark.parametrize(
    ("result", "bigger"),
    [("auc_ctr", True), ("loss", False), ("loss_ctr", False), ("logloss_cvr", False)],
)
def test_a_result_knows_its_direction(good, result, bigger):
    good.model_config.mmoe.task_towers[1].metrics_set.add().logloss.SetInParent()
    assert config.bigger_is_better(good, result) is bigger


def test_of_a_mean_label_neither_more_nor_less_is_better(good):
    good.model_config.mmoe.task_towers[1].metrics_set.add().mean_label.SetInParent()
    assert config.bigger_is_better(good, "mean_label_cvr") is None


TOWERS = [
    tower_pb2.TaskTower(),
    tower_pb2.TaskTower(num_class=2),
    tower_pb2.TaskTower(num_class=5),
    tower_pb2.TaskTower(loss_type=loss_pb2.L2_LOSS),
]


@pytest.mark.parametrize(
    "tower", TOWERS, ids=["binary", "two classes", "five classes", "regression"]
)
def test_metrics_are_those_of_the_heads(tower):
    from tfmtl.tasks import build_head

    head = build_head(tower)
    names = config.head_metrics(tower)
    assert set(names) == set(head.metrics)
    assert tuple(names[:2]) == tuple(head.default_metrics)
    grouped = {name: metric.grouped_by for name, metric in head.metrics.items()}
    assert {name: GROUPED_BY.get(name, "") for name in names} == grouped


def test_activations_are_those_of_the_layers():
    from tfmtl.layers import activations

    assert ACTIVATIONS == activations.NAMES


def test_result_names_are_those_of_an_evaluation(good):
    from tfmtl import models

    for pipeline in (good, with_model(ESMM)):
        tasks = models.build_tasks(pipeline)
        metrics = [metric.name for task in tasks for metric in task.new_metrics()]
        losses = [f"loss_{task.name}" for task in tasks if task.trained]
        assert sorted(config.result_names(pipeline)) == sorted([*metrics, "loss", *losses])

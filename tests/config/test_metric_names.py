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


def of(loss_type, num_class=1):
    return tower_pb2.TaskTower(loss_type=loss_type, num_class=num_class)


TOWERS = {
    "binary": tower_pb2.TaskTower(),
    "two classes": tower_pb2.TaskTower(num_class=2),
    "five classes": tower_pb2.TaskTower(num_class=5),
    "regression": of(loss_pb2.L2_LOSS),
    "probability": of(loss_pb2.SIGMOID_L2_LOSS),
    "ranking": of(loss_pb2.PAIRWISE_HINGE_LOSS),
    "two logits": of(loss_pb2.JRC_LOSS, 2),
    "value": of(loss_pb2.ZILN_LOSS, 3),
    "ordered": of(loss_pb2.ORDINAL_LOSS, 4),
}


@pytest.mark.parametrize("tower", TOWERS.values(), ids=TOWERS)
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


SEVERAL = """losses { loss_type: CLASSIFICATION }
      losses { loss_type: PAIR_WISE_LOSS pairwise_loss { session_name: "user_id" } }"""


def test_terms_of_several_are_results_too(good):
    text = GOOD_CONFIG.replace('tower_name: "cvr"', f'tower_name: "cvr" {SEVERAL}')
    kd = 'kd { pred_name: "logits_ctr" soft_label_name: "buy" loss_type: L2_LOSS }'
    names = config.result_names(config.load_text(text.replace("  mmoe {", f"  {kd} mmoe {{")))
    assert names[names.index("loss") :] == [
        "loss",
        "loss_ctr",
        "loss_cross_entropy_loss_ctr",
        "loss_kd_loss_logits_ctr_buy",
        "loss_cvr",
        "loss_cross_entropy_loss_cvr",
        "loss_pair_wise_loss_cvr",
    ]


FUNNEL = """funnel {
    steps { from_event: "seen" outcomes { event_name: "click" tower_name: "ctr" } }
    steps { from_event: "click" outcomes { event_name: "bought" tower_name: "cvr" } }
  }
  mmoe {"""
DIVISION = """division {
    ctr_tower { tower_name: "ctr" label_name: "click" }
    ctcvr_tower { tower_name: "cvr_all" label_name: "buy" LOSSES }
  }"""


@pytest.mark.parametrize(
    ("text", "task"),
    [
        (ESMM.replace('tower_name: "cvr"', f'tower_name: "cvr" {SEVERAL}'), "ctcvr"),
        (DIVISION.replace("LOSSES", SEVERAL), "cvr_all"),
        (None, "bought"),
    ],
)
def test_terms_are_called_by_the_task_that_has_them(text, task):
    from tfmtl import models

    if text is None:
        changed = GOOD_CONFIG.replace('tower_name: "cvr"', f'tower_name: "cvr" {SEVERAL}')
        pipeline = config.load_text(changed.replace("mmoe {", FUNNEL))
    else:
        pipeline = with_model(text)
    terms = [f"cross_entropy_loss_{task}", f"pair_wise_loss_{task}"]
    built = {each.name: each for each in models.build_tasks(pipeline)}
    assert [term.name for term in built[task].terms] == terms
    assert "user_id" in built[task].target_columns
    names = config.result_names(pipeline)
    assert [name for name in names if "_loss_" in name] == [f"loss_{each}" for each in terms]

"""Trainings by several losses, from the real config to the results."""

import pathlib

import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format
from small_pipeline import make_pipeline, make_rows

from tests.training.test_summaries import points
from tfmtl import config
from tfmtl.training.run import evaluate, train

pytestmark = pytest.mark.slow

SHAPES = pathlib.Path(__file__).parents[1] / "config" / "easyrec"
SEVERAL = """
losses { loss_type: CLASSIFICATION weight: 0.5 }
losses { loss_type: PAIR_WISE_LOSS pairwise_loss { session_name: "user" } }
losses { loss_type: BINARY_FOCAL_LOSS loss_name: "hard" weight: 2 }
"""
TERMS = ["cross_entropy_loss_ctr", "pair_wise_loss_ctr", "hard_ctr"]


def with_losses(directory, ctr="", cvr="", model="", data=""):
    """The config with other losses in its towers, and its checks."""
    pipeline = make_pipeline(directory)
    towers = pipeline.model_config.shared_bottom.task_towers
    for tower, text in zip(towers, (ctr, cvr), strict=True):
        if text:
            del tower.metrics_set[:]
        text_format.Merge(text, tower)
    text_format.Merge(model, pipeline.model_config)
    text_format.Merge(data, pipeline.data_config)
    pipeline.export_config.best_exporter_metric = "loss"
    assert config.validate(pipeline, needs=()) == []
    return pipeline


def run(pipeline, **how):
    return train(pipeline, train_data=make_rows(200, 0), eval_data=make_rows(60, 1), **how)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    pipeline = with_losses(tmp_path_factory.mktemp("several"), SEVERAL)
    return run(pipeline), pipeline


def test_an_evaluation_gives_the_terms_and_their_weighted_sum(trained):
    result, pipeline = trained
    terms = [result.metrics[f"loss_{name}"] for name in TERMS]
    assert np.dot([0.5, 1, 2], terms) == pytest.approx(result.metrics["loss_ctr"], rel=1e-6)
    total = result.metrics["loss_ctr"] + result.metrics["loss_cvr"]
    assert result.metrics["loss"] == pytest.approx(total, rel=1e-6)
    counts = {"rows_ctr", "rows_cvr"}
    assert set(result.metrics) == {*config.result_names(pipeline), *counts}


def test_points_for_tensorboard_have_the_terms(trained):
    _, pipeline = trained
    for part in ("train", "eval_val"):
        names = {name for _, name in points(pathlib.Path(pipeline.model_dir) / part)}
        assert {f"loss_{name}" for name in TERMS} <= names


def test_the_log_has_the_terms(tmp_path, caplog):
    with caplog.at_level("INFO", logger="tfmtl"):
        run(with_losses(tmp_path, SEVERAL))
    line = next(each for each in caplog.messages if each.startswith("step 9/12"))
    assert [part.split(" ")[0] for part in line.split(" · ")[-6:-2]] == ["ctr", *TERMS]


def test_evaluating_again_gives_the_same(trained):
    result, pipeline = trained
    assert evaluate(pipeline, data=make_rows(60, 1)).metrics == result.metrics


# Each is learned with the model: a scale of the logits, and how two parts are weighed.
LEARNING = (
    """losses { loss_type: CLASSIFICATION }
    losses { loss_type: LISTWISE_RANK_LOSS
             listwise_rank_loss { session_name: "user" scale_logits: true } }""",
    """num_class: 2 losses { loss_type: JRC_LOSS
                   jrc_loss { session_name: "user" loss_weight_strategy: "uncertainty" } }""",
)


@pytest.mark.parametrize("balancing", ["", "mgda {}"])
def test_what_losses_learn_is_trained_saved_and_restored(tmp_path, balancing):
    model = f"balancing {{ {balancing} }}" if balancing else ""
    pipeline = with_losses(tmp_path, *LEARNING, model=model)
    result = run(pipeline)
    scale, uncertainty = (v.numpy() for v in result.model.network.learned_by_losses)
    assert scale != 1.0 and (uncertainty != 0.0).all()
    assert evaluate(pipeline, data=make_rows(60, 1)).metrics == result.metrics
    pipeline.train_config.num_steps += 1
    again = run(pipeline, continue_train=True).model.network.learned_by_losses[0]
    assert again.numpy() == pytest.approx(scale, abs=0.05) and again.numpy() != scale


# Two towers at a time; losses and the classes that they need.
EACH = [
    ("SIGMOID_L2_LOSS", 1, "BINARY_CROSS_ENTROPY_LOSS", 1),
    ("F1_REWEIGHTED_LOSS", 1, "BINARY_FOCAL_LOSS", 1),
    ("PAIR_WISE_LOSS", 1, "PAIRWISE_FOCAL_LOSS", 1),
    ("PAIRWISE_LOGISTIC_LOSS", 1, "PAIRWISE_HINGE_LOSS", 1),
    ("LISTWISE_RANK_LOSS", 1, "LISTWISE_DISTILL_LOSS", 1),
    ("JRC_LOSS", 2, "ZILN_LOSS", 3),
    ("L1_LOSS", 1, "HUBER_LOSS", 1),
    ("QUANTILE_LOSS", 1, "ORDINAL_LOSS", 2),
]


@pytest.mark.parametrize(("ctr", "ctr_classes", "cvr", "cvr_classes"), EACH)
def test_every_loss_trains_and_learns(tmp_path, ctr, ctr_classes, cvr, cvr_classes):
    towers = [
        f"loss_type: {loss} num_class: {classes}"
        for loss, classes in ((ctr, ctr_classes), (cvr, cvr_classes))
    ]
    pipeline = with_losses(tmp_path, *towers)
    pipeline.train_config.num_steps = 30
    told = []
    result = run(pipeline, on_evaluation=told.append)
    assert all(value is not None for value in result.metrics.values())
    for loss in ("loss_ctr", "loss_cvr"):
        assert min(each.metrics[loss] for each in told[1:]) < told[0].metrics[loss]


@pytest.mark.parametrize(
    "loss", ["KL_DIVERGENCE_LOSS", "PAIR_WISE_LOSS pairwise_loss { session_name: 'page' }"]
)
def test_a_task_learns_from_a_teacher(tmp_path, loss):
    kd = f'kd {{ pred_name: "logits_ctr" soft_label_name: "teacher" loss_type: {loss} }}'
    # The page is a column that no feature reads.
    data = """
        label_fields: "teacher"
        input_fields { input_name: "teacher" input_type: FLOAT }
        input_fields { input_name: "page" input_type: INT64 }
    """
    pipeline = with_losses(tmp_path, model=kd, data=data)
    rows = [make_rows(200, 0), make_rows(60, 1)]
    for each in rows:
        each["page"] = each.index % 5
        each["teacher"] = np.where(each.index % 3 == 0, np.nan, 2 * each["price"])
    result = train(pipeline, train_data=rows[0], eval_data=rows[1])
    name = "loss_kd_loss_logits_ctr_teacher"
    assert np.isfinite(result.metrics[name])
    parts = result.metrics[name] + result.metrics["loss_cross_entropy_loss_ctr"]
    assert parts == pytest.approx(result.metrics["loss_ctr"], rel=1e-6)


def test_easyrecs_sample_of_several_losses_trains(tmp_path):
    text = "".join(
        (SHAPES / f"{part}.config").read_text("utf-8")
        for part in ("taobao", "dbmtl_with_multi_loss")
    )
    pipeline = config.load_text(text)
    pipeline.model_dir = str(tmp_path)
    pipeline.train_config.num_steps, pipeline.data_config.batch_size = 4, 64
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "clk": random.integers(0, 2, 300),
            "buy": random.integers(0, 2, 300),
            **{name: random.integers(0, 40, 300).astype(str) for name in ("user_id", "cate_id")},
            "brand": random.integers(0, 40, 300).astype(str),
            "tag_brand_list": ["3|8"] * 300,
            "price": random.integers(0, 50, 300),
        }
    )
    result = train(pipeline, train_data=rows, eval_data=rows)
    assert {"loss_f1_reweighted_loss_ctr", "loss_pair_wise_loss_ctr", "auc_cvr"} <= set(
        result.metrics
    )
    assert all(np.isfinite(value) for value in result.metrics.values())
    served = result.tasks[1].predictions(np.zeros((2, 2), np.float32))
    assert list(served) == ["probs_cvr", "pos_logits_cvr"]

"""Interactions train as all else does: tables by the embeddings' optimizer, exactly resumed."""

import numpy as np
import pytest
from google.protobuf import text_format
from small_pipeline import make_pipeline, make_rows

from tfmtl.protos import layer_pb2, optimizer_pb2
from tfmtl.training import train
from tfmtl.training.saved_variables import model_variables

ROWS = make_rows(200, 1)
INTERACTIONS = """
hidden_units: 5
interactions { wide {} }
interactions { fm { group_name: "ids" } }
interactions { dcn { num_layers: 2 projection_dim: 3 } }
"""


def interacting(directory):
    """The small pipeline, with every interaction in its bottom and in one of its towers."""
    pipeline = make_pipeline(directory)
    pipeline.model_config.feature_groups.add(group_name="ids", feature_names=["user", "tags"])
    dnn = text_format.Parse(INTERACTIONS, layer_pb2.DNN())
    pipeline.model_config.shared_bottom.bottom_dnn.CopyFrom(dnn)
    pipeline.model_config.shared_bottom.task_towers[0].dnn.CopyFrom(dnn)
    return pipeline


def weights(training):
    return {name: v.numpy() for name, v in model_variables(training.model.network).items()}


def optimizer(kind, rate):
    schedule = f"learning_rate {{ constant_learning_rate {{ learning_rate: {rate} }} }}"
    return text_format.Parse(f"{kind} {{ {schedule} }}", optimizer_pb2.Optimizer())


@pytest.mark.slow
def test_a_training_in_two_runs_ends_as_one_in_one_run(tmp_path):
    pipeline = interacting(tmp_path / "whole")
    pipeline.train_config.num_steps = 4
    whole = train(pipeline, train_data=ROWS)
    pipeline = interacting(tmp_path / "parts")
    pipeline.train_config.num_steps = 2
    train(pipeline, train_data=ROWS)
    pipeline.train_config.num_steps = 4
    parts = train(pipeline, train_data=ROWS, continue_train=True)
    expected = weights(whole)
    assert any("wide/all/embeddings" in name for name in expected)
    assert any("cross_1" in name for name in expected)
    for name, value in weights(parts).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("embeddings", "all_else", "moved", "still"),
    [
        (("ftrl_optimizer", 0.1), ("sgd_optimizer", 1e-9), "embeddings", "cross_1/dense_1/bias"),
        (("sgd_optimizer", 1e-9), ("adagrad_optimizer", 0.1), "cross_1/dense_1/bias", "embeddings"),
    ],
)
def test_of_two_optimizers_the_first_moves_wide_tables_and_the_second_cross_layers(
    tmp_path, embeddings, all_else, moved, still
):
    pipeline = interacting(tmp_path)
    pipeline.train_config.num_steps = 1
    del pipeline.train_config.optimizer_config[:]
    pipeline.train_config.optimizer_config.extend([optimizer(*embeddings), optimizer(*all_else)])
    after = weights(train(pipeline, train_data=ROWS))
    for stack in ("bottom", "ctr_tower"):
        # All of these start at 0.
        size = {
            "embeddings": np.abs(after[f"model/{stack}_wide/all/embeddings/width_1"]).max(),
            "cross_1/dense_1/bias": np.abs(after[f"model/{stack}_cross_1/dense_1/bias"]).max(),
        }
        assert 0 < size[still] < 1e-6 < size[moved] < 1

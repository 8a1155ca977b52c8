"""A model is not restored with other scales, bins or words than it was trained with."""

import os

import pytest

from tfmtl import config
from tfmtl.errors import TrainingError
from tfmtl.training import check_as_trained


@pytest.fixture
def trained(pipeline):
    """A config whose price is scaled, as it lies in its `model_dir`."""
    scale = pipeline.feature_config.features[2].normalization
    scale.center, scale.scale = 3.0, 2.0
    config.save(pipeline, os.path.join(pipeline.model_dir, "pipeline.config"))
    return pipeline


def test_what_is_as_it_was_is_fine(trained):
    trained.data_config.batch_size = 99
    check_as_trained(trained)


def test_a_model_dir_without_a_config_says_nothing(pipeline):
    check_as_trained(pipeline)


@pytest.mark.parametrize("center", [3.5, None])
def test_another_scale_is_told(trained, center):
    scale = trained.feature_config.features[2].normalization
    if center is None:
        trained.feature_config.features[2].ClearField("normalization")
    else:
        scale.center = center
    with pytest.raises(TrainingError) as told:
        check_as_trained(trained)
    rule = "`normalization` of feature `price` should be what the model in `model_dir` was trained"
    assert str(told.value).startswith(f"{rule} with. Received: another, ")
    assert str(told.value).endswith(f"`{trained.model_dir}/pipeline.config`.")


def test_a_feature_that_was_not_there_is_not_judged_here(trained):
    trained.feature_config.features[2].feature_name = "cost"
    check_as_trained(trained)

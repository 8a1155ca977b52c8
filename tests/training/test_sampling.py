"""Trainings whose rows are sampled: where they resume, and what they are evaluated on."""

import numpy as np
import pytest
from google.protobuf import text_format
from small_pipeline import make_pipeline, make_rows
from test_run import EVAL_ROWS, assert_same_weights, run

from tfmtl.errors import DataError

ROWS = make_rows(300, 1).assign(pctr=lambda rows: 1 / (1 + np.exp(-2 * rows["price"])))
SAMPLING = "rejection_sampling { label_name: 'click' propensity_name: 'pctr' min_propensity: 0.3 }"


def make_sampled(directory):
    pipeline = make_pipeline(directory)
    text_format.Merge(
        f"input_fields {{ input_name: 'pctr' input_type: FLOAT }} {SAMPLING}", pipeline.data_config
    )
    return pipeline


@pytest.mark.slow
def test_a_sampled_training_in_two_runs_ends_as_one_in_one_run(tmp_path):
    """The rows that are evaluated have no propensity, and unclicked ones are among them."""
    whole = run(make_sampled(tmp_path / "whole"), ROWS)
    pipeline = make_sampled(tmp_path / "parts")
    pipeline.train_config.num_steps = 6
    run(pipeline, ROWS)
    pipeline.train_config.num_steps = 12
    parts = run(pipeline, ROWS, continue_train=True)
    assert_same_weights(parts, whole)
    assert parts.metrics == whole.metrics
    assert whole.metrics["mean_label_ctr"] == pytest.approx(EVAL_ROWS["click"].mean())


def test_a_missing_propensity_ends_a_training_with_its_row(tmp_path):
    place = ROWS.index[ROWS["click"] > 0][4]
    bad = ROWS.assign(pctr=ROWS["pctr"].where(ROWS.index != place))
    with pytest.raises(DataError, match=rf"^DataFrame.iloc\[{place}\]: column `pctr` should be "):
        run(make_sampled(tmp_path), bad)


def test_a_training_of_which_no_row_is_left_says_so(tmp_path):
    with pytest.raises(DataError, match="^No row was left by `data_config.rejection_sampling`, "):
        run(make_sampled(tmp_path), ROWS.assign(click=0.0))

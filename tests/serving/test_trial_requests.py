"""One table of rows becomes a request of every signature."""

import numpy as np
import pytest
import tensorflow as tf
from toy import ROWS, number, text, toy_servable

from tfmtl.serving.golden import trial_rows
from tfmtl.serving.trial_requests import (
    edge_rows,
    extreme_rows,
    request_of,
    row_columns,
    sample_request,
    takes_examples,
)

INPUTS = toy_servable().inputs


def test_columns_of_rows_are_those_of_all_signatures():
    extra = {**INPUTS, "with_weights": {**INPUTS["serving_default"], "w": number(None, name="w")}}
    columns = row_columns(extra)
    assert {name: spec.shape.rank for name, spec in columns.items()} == {
        "user": 1,
        "price": 1,
        "w": 1,
    }


def test_serving_default_takes_the_rows_as_they_are():
    request = request_of("serving_default", INPUTS["serving_default"], ROWS, candidates=2)
    for name, column in ROWS.items():
        np.testing.assert_array_equal(request[name], column)


def test_rank_takes_lists_of_rows_and_the_first_ones_user():
    request = request_of("rank", INPUTS["rank"], ROWS, candidates=2)
    assert request["user"].tolist() == [b"u1", b"", b"u4"]
    # The last list is filled up with the first row.
    assert request["price"].tolist() == [[1.0, 2.5], [10.0, 7.25], [-3.0, 1.0]]


def test_examples_hold_every_column_of_a_row():
    request = request_of("examples", INPUTS["examples"], ROWS, candidates=2)
    features = {
        "user": tf.io.FixedLenFeature([], tf.string),
        "price": tf.io.FixedLenFeature([], tf.float32),
    }
    parsed = tf.io.parse_example(request["examples"].tolist(), features)
    for name, column in ROWS.items():
        np.testing.assert_array_equal(parsed[name], column)


@pytest.mark.parametrize(
    ("signature", "inputs", "expected"),
    [
        ("examples", {"examples": text(None, name="examples")}, True),
        ("classify", {"inputs": text(None, name="inputs")}, True),
        ("serving_default", {"inputs": text(None, name="inputs")}, False),
        ("rank", {"user": text(None, name="user")}, False),
        ("rank", {"inputs": number(None, name="inputs")}, False),
    ],
)
def test_what_counts_as_serialized_examples(signature, inputs, expected):
    assert takes_examples(signature, inputs) == expected


def test_an_input_that_is_no_column_is_empty_in_every_row():
    inputs = {**INPUTS["rank"], "mask": tf.TensorSpec([None, None], tf.bool, "mask")}
    request = request_of("rank", inputs, ROWS, candidates=3)
    np.testing.assert_array_equal(request["mask"], np.zeros((2, 3), dtype=bool))


def test_made_up_rows_have_the_axes_that_columns_have():
    columns = {"a": number(None, 3, name="a"), "b": text(None, None, name="b")}
    nothing, unknown, missing = edge_rows(columns)
    assert nothing["a"].tolist() == [[0, 0, 0]]
    assert nothing["b"].tolist() == [[b"", b""]]
    assert unknown["a"].tolist() == [[-1, -1, -1]]
    assert np.isnan(missing["a"]).all()


def test_extreme_rows_hold_the_largest_and_the_smallest_numbers():
    columns = {"id": tf.TensorSpec([None], tf.int64), "price": number(None, name="price")}
    large, small = extreme_rows(columns)
    assert (large["id"][0], small["id"][0]) == (2**63 - 1, -(2**63))
    assert large["price"][0] == -small["price"][0] == np.float32(1e30)


def test_a_column_that_the_data_lacks_is_empty():
    request = sample_request(INPUTS["serving_default"], {"price": ROWS["price"]})
    assert request["user"].tolist() == [b""] * 5


def test_a_row_that_the_model_does_not_take_is_no_trial():
    """And of extreme numbers only those whose answer is more than rounding."""
    toy = toy_servable()
    whole = trial_rows(toy, ROWS)
    assert len(whole["user"]) == 5 + 3 + 2

    def picky(raw):
        with tf.control_dependencies([tf.debugging.assert_all_finite(raw["price"], "No price.")]):
            return {"probs": tf.identity(raw["price"])}

    specs = {"serving_default": INPUTS["serving_default"]}
    function = tf.function(picky, input_signature=[specs["serving_default"]])
    some = trial_rows(type(toy)(toy.module, specs, {"serving_default": function}), ROWS)
    assert len(some["user"]) == 5 + 2 + 2
    assert np.isfinite(some["price"]).all()

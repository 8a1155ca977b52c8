"""Which rows a task sees, with which weight."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.space import (
    AnyLabel,
    ColumnIndicator,
    ColumnLabel,
    ComplementLabel,
    LabelIndicator,
    ProductLabel,
    SampleSpace,
    SampleWeight,
    UnknownLabel,
)

NAN = float("nan")


def targets(**columns):
    return {name: tf.constant(values) for name, values in columns.items()}


def test_a_row_whose_label_is_nan_is_outside_and_its_label_is_no_nan():
    label, weight = SampleSpace(ColumnLabel("buy")).rows(targets(buy=[1.0, NAN, 0.0]))
    np.testing.assert_array_equal(label, [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(weight, [1.0, 0.0, 1.0])


def test_a_row_with_the_declared_missing_label_is_outside():
    _, weight = SampleSpace(ColumnLabel("buy", missing=-1.0)).rows(targets(buy=[1.0, -1.0, NAN]))
    np.testing.assert_array_equal(weight, [1.0, 0.0, 0.0])


def test_a_label_that_is_read_as_an_integer_is_known():
    label, weight = SampleSpace(ColumnLabel("buy")).rows(targets(buy=[2, 0]))
    np.testing.assert_array_equal(label, [2.0, 0.0])
    np.testing.assert_array_equal(weight, [1.0, 1.0])


def test_factors_multiply():
    space = SampleSpace(
        ColumnLabel("buy"),
        [
            SampleWeight("importance"),
            LabelIndicator(ColumnLabel("click"), inside=2.0, outside=0.5),
            ColumnIndicator("page", "search", inside=3.0, outside=0.0),
        ],
    )
    _, weight = space.rows(
        targets(
            buy=[1.0, 1.0, 1.0, NAN],
            importance=[1.0, 0.1, 1.0, 1.0],
            click=[1.0, 0.0, 1.0, 1.0],
            page=["search", "search", "feed", "search"],
        )
    )
    np.testing.assert_allclose(weight, [6.0, 0.15, 0.0, 0.0], rtol=1e-6)


def test_a_missing_indicator_counts_as_outside():
    factor = LabelIndicator(ColumnLabel("click", missing=9.0), inside=2.0, outside=0.5)
    np.testing.assert_array_equal(factor.weights(targets(click=[NAN, 9.0, 1.0])), [0.5, 0.5, 2.0])


def test_a_row_whose_sample_weight_is_missing_is_left_out():
    np.testing.assert_array_equal(SampleWeight("w").weights(targets(w=[0.5, NAN])), [0.5, 0.0])


@pytest.mark.parametrize(
    ("value", "column"),
    [
        ("b", tf.constant(["b", "a", ""])),
        (2**40 + 1, tf.constant([2**40 + 1, 2**40, 2], tf.int64)),
        (-7, tf.constant([-7, 7, 0], tf.int32)),
        (0.1, tf.constant([0.1, 0.2, 1.0], tf.float32)),
        (0.1, tf.constant([0.1, 0.2, 1.0], tf.float64)),
        (False, tf.constant([False, True, True])),
    ],
)
def test_an_indicator_compares_in_the_type_of_its_column(value, column):
    factor = ColumnIndicator("page", value, inside=1.0, outside=0.0)
    np.testing.assert_array_equal(factor.weights({"page": column}), [1.0, 0.0, 0.0])


def test_an_empty_cell_of_an_indicator_stands_for_the_default():
    factor = ColumnIndicator("page", "feed", inside=1.0, outside=0.0, default="feed")
    np.testing.assert_array_equal(factor.weights(targets(page=["", "search"])), [1.0, 0.0])


def test_a_product_is_known_to_be_0_where_the_event_did_not_happen():
    product = ProductLabel(ColumnLabel("click"), ColumnLabel("buy"))
    label = product.read(
        targets(click=[0.0, 0.0, 1.0, 1.0, 1.0, NAN], buy=[NAN, 1.0, NAN, 0.0, 1.0, 1.0])
    )
    np.testing.assert_array_equal(label, [0.0, 0.0, NAN, 0.0, 1.0, NAN])


def test_one_of_several_events_is_known_by_one_that_happened_or_by_all():
    either = AnyLabel([ColumnLabel("a"), ColumnLabel("b")])
    label = either.read(
        targets(a=[1.0, 0.0, 0.0, NAN, NAN, 1.0], b=[0.0, 0.25, 0.0, 0.0, 1.0, 1.0])
    )
    np.testing.assert_array_equal(label, [1.0, 0.25, 0.0, NAN, 1.0, 1.0])
    assert AnyLabel([ColumnLabel("a"), ColumnLabel("a")]).columns == ["a"]


def test_a_complement_is_known_where_its_event_is():
    label = ComplementLabel(ColumnLabel("a")).read(targets(a=[1.0, 0.0, NAN]))
    np.testing.assert_array_equal(label, [0.0, 1.0, NAN])


def test_what_no_column_tells_leaves_every_row_out():
    space = SampleSpace(UnknownLabel())
    label, weight = space.rows(targets(a=[1.0, 0.0]))
    np.testing.assert_array_equal([label, weight], np.zeros((2, 2)))
    assert space.columns == []


def test_columns_are_listed_once_in_the_order_they_are_read():
    click = ColumnLabel("click")
    space = SampleSpace(
        ProductLabel(click, ColumnLabel("buy")), [SampleWeight("w"), LabelIndicator(click)]
    )
    assert space.columns == ["click", "buy", "w"]

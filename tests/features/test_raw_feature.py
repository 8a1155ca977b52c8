"""A raw feature is numbers, or the bins they fall into."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError

NAN, INF = np.nan, np.inf


@pytest.fixture
def raw_feature(columns):
    """Makes an encoder of one raw feature `x` over a column `x`."""

    def make(feature="", kind="FLOAT"):
        text = f"features {{ input_names: 'x' feature_type: RawFeature {feature} }}"
        return columns({"x": kind}, text)

    return make


def encode(encoder, values, dtype=None):
    return encoder.encode({"x": tf.constant(values, dtype)})["x"]


def malformed(encoder, values):
    return encoder.malformed({"x": tf.constant(values)})["x"].numpy().tolist()


@pytest.mark.parametrize(
    ("kind", "values", "dtype"),
    [
        ("INT32", [3, -1, 0], tf.int32),
        ("INT64", [3, -1, 2**40], tf.int64),
        ("FLOAT", [0.25, -1.0, 1e30], tf.float32),
        ("DOUBLE", [0.1, -1.0, 1e-9], tf.float64),
        ("BOOL", [True, False, True], tf.bool),
    ],
)
def test_numbers_of_any_type_become_a_column_of_floats(raw_feature, kind, values, dtype):
    result = encode(raw_feature(kind=kind), values, dtype)
    np.testing.assert_array_equal(result, np.array(values, np.float32)[:, None])


@pytest.mark.parametrize(("default", "stands_in"), [("", 0.0), ("2.5", 2.5)])
def test_what_is_no_finite_number_is_the_default_or_zero(raw_feature, default, stands_in):
    floats = encode(raw_feature(kind=("FLOAT", default)), [1.0, NAN, INF, -INF])
    np.testing.assert_array_equal(floats[:, 0], [1.0] + [stands_in] * 3)
    doubles = encode(raw_feature(kind=("DOUBLE", default)), [1.0, 1e300], tf.float64)
    np.testing.assert_array_equal(doubles[:, 0], [1.0, stands_in])
    texts = encode(raw_feature(kind=("STRING", default)), [" 1e0", "", "x", "nan", "inf", "1e99"])
    np.testing.assert_array_equal(texts[:, 0], [1.0] + [stands_in] * 5)


def test_only_text_that_is_no_number_is_malformed(raw_feature):
    cells = ["1.5", "", "nan", "inf", "x", "1,5", "0x1"]
    assert malformed(raw_feature(kind="STRING"), cells) == [False] * 4 + [True] * 3
    assert raw_feature().malformed({"x": tf.constant([NAN])}) == {}


def test_a_range_is_mapped_to_0_and_1_without_clipping(raw_feature):
    encoder = raw_feature("min_val: -2 max_val: 6", kind=("FLOAT", "2"))
    values = np.array([-2, 6, 0, -4, 10], np.float32)
    result = encode(encoder, [*values, NAN])
    np.testing.assert_allclose(result[:, 0], [*(values + 2) / 8, 0.5])


def test_numbers_are_centered_and_scaled(raw_feature):
    encoder = raw_feature("normalization { center: 3 scale: 2 }", kind=("FLOAT", "5"))
    assert encode(encoder, [3.0, 4.0, -1.0, NAN, INF])[:, 0].numpy().tolist() == [0, 0.5, -2, 1, 1]


def test_numbers_are_scaled_by_their_logarithms(raw_feature):
    values = np.array([0, 1, -1, 1e6, -0.5], np.float32)
    logarithms = np.sign(values) * np.log1p(np.abs(values))
    found = encode(raw_feature("normalization { method: LOG1P }"), values)
    np.testing.assert_allclose(found[:, 0], logarithms, rtol=1e-6)
    z_score = raw_feature("normalization { method: LOG1P_Z_SCORE center: 2 scale: 4 }")
    np.testing.assert_allclose(encode(z_score, values)[:, 0], (logarithms - 2) / 4, rtol=1e-6)


def test_a_vector_is_scaled_as_a_whole(raw_feature):
    feature = "raw_input_dim: 3 normalization { method: MIN_MAX center: 1 scale: 4 }"
    found = encode(raw_feature(feature, kind="STRING"), ["1|5", ""])
    np.testing.assert_array_equal(found, [[0, 1, -0.25], [-0.25, -0.25, -0.25]])


def test_bins_may_come_from_statistics(raw_feature):
    encoder = raw_feature("embedding_dim: 2 binning { edges: [1, 2.5] }")
    assert encode(encoder, [0.0, 1.0, 2.5, INF, -INF, NAN]).numpy().tolist() == [0, 1, 2, 2, 0, 0]
    assert encoder.features["x"].ids == 3


@pytest.mark.parametrize(
    ("feature", "lacks"),
    [
        ("normalization {}", "`normalization` should have center and scale from statistics"),
        ("embedding_dim: 2 binning {}", "`binning` should have edges from statistics"),
    ],
)
def test_what_did_not_come_from_statistics_is_told(raw_feature, feature, lacks):
    with pytest.raises(ConfigError, match=f"Feature `x`: {lacks}. Received: none"):
        raw_feature(feature)


def test_an_empty_range_leaves_numbers_alone(raw_feature):
    assert encode(raw_feature("min_val: 3 max_val: 3"), [7.0]).numpy() == [[7.0]]


CELLS = {
    "1|2|3": [1, 2, 3],
    "1": [1, 0, 0],
    "": [0, 0, 0],
    "1||3": [1, 0, 3],
    "1|2|3|4|5": [1, 2, 3],
    "x|nan|-inf": [0, 0, 0],
    " 1 |.5|1e1": [1, 0.5, 10],
}


def test_a_vector_is_filled_up_and_cut(raw_feature):
    result = encode(raw_feature("raw_input_dim: 3", "STRING"), list(CELLS))
    np.testing.assert_array_equal(result, list(CELLS.values()))
    assert result.dtype == tf.float32


def test_a_vector_too_long_or_with_text_in_it_is_malformed(raw_feature):
    encoder = raw_feature("raw_input_dim: 3", "STRING")
    assert malformed(encoder, list(CELLS)) == ["4" in cell or "x" in cell for cell in CELLS]


def test_a_vector_may_have_a_default_and_a_separator_of_several_characters(raw_feature):
    encoder = raw_feature("raw_input_dim: 2 separator: ', '", ("STRING", "7, 8"))
    np.testing.assert_array_equal(encode(encoder, ["", "1, 2", "3"]), [[7, 8], [1, 2], [3, 0]])


LISTS = ["1|2#3|8", "", "5|-1", "4#|6##1|1|9", "x|2#nan|inf"]
VECTORS = [[[1, 2], [3, 8]], [], [[5, -1]], [[4, 0], [0, 6], [1, 1]], [[0, 2], [0, 0]]]


@pytest.mark.parametrize("combiner", ["sum", "mean", "max", "min"])
def test_vectors_become_one_place_by_place(raw_feature, combiner):
    feature = f"raw_input_dim: 2 seq_multi_sep: '#' combiner: '{combiner}' max_val: 2"
    encoder = raw_feature(feature, "STRING")
    expected = [getattr(np, combiner)(each, axis=0) if each else [0, 0] for each in VECTORS]
    np.testing.assert_allclose(encode(encoder, LISTS), np.array(expected) / 2, rtol=1e-6)
    assert malformed(encoder, LISTS) == [False, False, False, True, True]
    assert encoder.features["x"].expects == (
        "vectors of 2 numbers at most separated by `|`, themselves separated by `#`"
    )


def test_a_list_may_be_of_single_numbers_have_a_default_and_fall_into_bins(raw_feature):
    encoder = raw_feature("seq_multi_sep: ', ' combiner: 'max'", ("STRING", "3, 7"))
    assert encode(encoder, ["1, 2", "", "-5"]).numpy().tolist() == [[2], [7], [-5]]
    encoder = raw_feature(
        "seq_multi_sep: '#' combiner: 'mean' boundaries: [1, 2] embedding_dim: 3", "STRING"
    )
    assert encode(encoder, ["1#2", "", "9#9", "inf#-inf"]).numpy().tolist() == [1, 0, 2, 0]
    encoder = raw_feature(
        "raw_input_dim: 2 seq_multi_sep: '#' boundaries: 1 embedding_dim: 3", "STRING"
    )
    assert encode(encoder, ["0|1#0|1", ""]).to_list() == [[0, 3], [0, 2]]
    assert encoder.features["x"].combiner == "sum"


def test_a_sum_that_no_float_can_hold_is_zero(raw_feature):
    encoder = raw_feature("seq_multi_sep: '#'", "STRING")
    assert encode(encoder, ["3e38#3e38", "1#2"]).numpy().tolist() == [[0], [3]]


def test_no_rows_are_no_numbers(raw_feature):
    assert encode(raw_feature(), [], tf.float32).shape == (0, 1)
    assert encode(raw_feature("raw_input_dim: 3", "STRING"), [], tf.string).shape == (0, 3)
    lists = raw_feature("raw_input_dim: 3 seq_multi_sep: '#'", "STRING")
    assert encode(lists, [], tf.string).shape == (0, 3)
    edges = "boundaries: [1, 2] embedding_dim: 3"
    assert encode(raw_feature(edges), [], tf.float32).shape == (0,)
    vector = raw_feature(f"{edges} raw_input_dim: 3", "STRING")
    assert encode(vector, [], tf.string).to_list() == []


def test_a_value_on_an_edge_belongs_to_the_bin_above(raw_feature):
    edges = np.array([-1.5, 0.1, 2, 7], np.float32)
    values = np.array([-9, -1.5, 0, 0.1, np.nextafter(0.1, -1), 2, 6.9, 7, 8], np.float32)
    encoder = raw_feature("boundaries: [-1.5, 0.1, 2, 7] embedding_dim: 3")
    expected = np.searchsorted(edges, values, side="right")
    np.testing.assert_array_equal(encode(encoder, values), expected)
    assert encoder.features["x"].ids == len(edges) + 1


def test_infinities_fall_into_the_outermost_bins_and_nan_where_the_default_does(raw_feature):
    edges = "boundaries: [1, 2, 3] embedding_dim: 3"
    assert encode(raw_feature(edges), [INF, -INF, NAN]).numpy().tolist() == [3, 0, 0]
    with_default = raw_feature(edges, ("STRING", "2.5"))
    result = encode(with_default, ["inf", "-inf", "nan", "", "x", "1e999"])
    assert result.numpy().tolist() == [3, 0, 2, 2, 2, 3]


def test_large_whole_numbers_are_binned(raw_feature):
    encoder = raw_feature("boundaries: [0, 1e12] embedding_dim: 3", "INT64")
    values = [2**63 - 1, -(2**63), 0, 10**12]
    assert encode(encoder, values, tf.int64).numpy().tolist() == [2, 0, 1, 2]


@pytest.mark.parametrize("buckets", [2, 10, 7])
def test_buckets_cut_the_range_evenly(raw_feature, buckets):
    encoder = raw_feature(f"num_buckets: {buckets} min_val: 0 max_val: 10 embedding_dim: 3")
    values = np.array([-1, 0, 0.5, 3, 4.999, 5, 9.99, 10, 11], np.float32)
    edges = np.array([place / buckets for place in range(buckets)], np.float32)
    expected = np.searchsorted(edges, values / np.float32(10), side="right")
    np.testing.assert_array_equal(encode(encoder, values), expected)
    assert encoder.features["x"].ids == buckets + 1


def test_boundaries_come_before_buckets_and_see_the_mapped_value(raw_feature):
    encoder = raw_feature("boundaries: 0.5 num_buckets: 9 max_val: 10 embedding_dim: 3")
    assert encode(encoder, [4.0, 5.0]).numpy().tolist() == [0, 1]


def test_buckets_without_a_range_are_not_made(raw_feature):
    encoder = raw_feature("num_buckets: 9 embedding_dim: 3")
    assert encoder.features["x"].ids is None
    assert encode(encoder, [4.0]).numpy() == [[4.0]]


def test_each_place_of_a_vector_has_bins_of_its_own(raw_feature):
    encoder = raw_feature("raw_input_dim: 3 boundaries: 1 embedding_dim: 4", "STRING")
    assert encode(encoder, ["0|1|2", "2"]).to_list() == [[0, 3, 5], [1, 2, 4]]
    feature = encoder.features["x"]
    assert (feature.ids, feature.combiner) == (6, "sum")


@pytest.mark.parametrize(
    ("feature", "kind", "problem"),
    [
        (
            "boundaries: [1, 2]",
            "FLOAT",
            "`embedding_dim` should be at least 1, because bins are embedded. Received: 0.",
        ),
        (
            "boundaries: [1, 3, 2] embedding_dim: 4",
            "FLOAT",
            "`boundaries` should ascend. Received: [1.0, 3.0, 2.0].",
        ),
        (
            "boundaries: [1, 1] embedding_dim: 4",
            "FLOAT",
            "`boundaries` should ascend. Received: [1.0, 1.0].",
        ),
        (
            "raw_input_dim: 3",
            "DOUBLE",
            "column `x` should be STRING, because `raw_input_dim` is 3. Received: DOUBLE.",
        ),
        (
            "seq_multi_sep: '#'",
            "FLOAT",
            "column `x` should be STRING, because there is a `seq_multi_sep`. Received: FLOAT.",
        ),
        (
            "",
            ("STRING", "abc"),
            "`default_val` of its column should be a number. Received: `abc`.",
        ),
    ],
)
def test_a_config_that_does_not_describe_numbers_is_an_error(raw_feature, feature, kind, problem):
    with pytest.raises(ConfigError) as error:
        raw_feature(feature, kind)
    assert str(error.value) == f"Feature `x`: {problem}"


def test_the_default_of_other_columns_is_the_readers(raw_feature):
    assert encode(raw_feature(kind=("BOOL", "true")), [False]).numpy() == [[0.0]]


def test_a_function_is_applied_after_the_range_and_what_has_no_value_is_0(columns):
    text = "feature_type: RawFeature max_val: 10 normalizer_fn: 'tf.math.log1p'"
    encoder = columns({"price": "FLOAT"}, f"features {{ input_names: 'price' {text} }}")
    prices = np.array([0, 5, -10, -20, np.nan], "float32")
    encoded = encoder.encode({"price": tf.constant(prices)})["price"]
    expected = [0, np.log1p(0.5), 0, 0, 0]
    np.testing.assert_allclose(encoded[:, 0], expected, rtol=1e-6)


def test_a_function_comes_before_the_bins(columns):
    text = "feature_type: RawFeature boundaries: [2, 3] embedding_dim: 4 normalizer_fn: 'sqrt'"
    encoder = columns({"price": "FLOAT"}, f"features {{ input_names: 'price' {text} }}")
    encoded = encoder.encode({"price": tf.constant([3.9, 4.0, 9.0])})["price"]
    assert encoded.numpy().tolist() == [0, 1, 2]

"""A sequence feature has a step for each place of a row's list: ids, bags of ids, or numbers."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError

WORDS = "vocab_list: ['a', 'b', '用户', '7'] embedding_dim: 3"
RAW = "sub_feature_type: RawFeature"


@pytest.fixture
def sequence(columns):
    """Makes an encoder of one sequence feature."""

    def make(feature, kind="STRING"):
        text = f"feature_name: 's' input_names: 'x' feature_type: SequenceFeature {feature}"
        return columns({"x": kind}, f"features {{ {text} }}")

    return make


def encode(encoder, cells):
    return encoder.encode({"x": tf.constant(cells)})["s"]


def malformed(encoder, cells):
    found = encoder.malformed({"x": tf.constant(cells)})
    return found["s"].numpy().tolist() if found else None


def test_each_step_has_an_id_and_an_empty_cell_has_no_step(sequence):
    cells = ["b|a|b", "", "7", "a||用户|", "unknown|a", "|"]
    expected = [[1, 0, 1], [], [3], [0, -1, 2, -1], [0, 0], [-1, -1]]
    assert encode(sequence(WORDS), cells).to_list() == expected


def test_the_separator_separates_as_a_whole(sequence):
    encoder = sequence(f"{WORDS} separator: ', '")
    assert encode(encoder, ["a, b", "a,b, 7"]).to_list() == [[0, 1], [0, 3]]


def test_the_first_steps_of_a_long_sequence_are_kept(sequence):
    encoder = sequence(f"{WORDS} max_seq_len: 2")
    assert encode(encoder, ["b|a|7", "a", ""]).to_list() == [[1, 0], [0], []]


def test_a_default_stands_for_an_empty_cell(sequence):
    assert encode(sequence(WORDS, ("STRING", "b|a")), ["", "7"]).to_list() == [[1, 0], [3]]


def test_steps_are_hashed(sequence):
    expected = tf.strings.to_hash_bucket_fast(["a", "用户"], 11).numpy().tolist()
    encoder = sequence("hash_bucket_size: 11 embedding_dim: 3")
    assert encode(encoder, ["a|用户"]).to_list() == [expected]


def test_a_number_is_a_sequence_of_one(sequence):
    encoder = sequence("num_buckets: 5 embedding_dim: 3", "INT32")
    assert encode(encoder, [4, -1, 9]).to_list() == [[4], [], [0]]


def test_steps_of_several_items_are_bags(sequence):
    encoder = sequence(f"{WORDS} seq_multi_sep: ';'")
    cells = ["a;b|7", "", "b||;a;"]
    assert encode(encoder, cells).to_list() == [[[0, 1], [3]], [], [[1], [], [0]]]
    assert encoder.features["s"].combiner == "sum"


def test_numbers_fall_into_bins(sequence):
    encoder = sequence(f"{RAW} boundaries: [1, 2.5] embedding_dim: 3")
    cells = ["0|1|2|2.5|1e9", "", "-3||x|nan"]
    assert encode(encoder, cells).to_list() == [[0, 1, 1, 2, 2], [], [0, -1, 0, 0]]
    assert malformed(encoder, cells) == [False, False, True]


def test_numbers_fall_into_even_bins_of_a_range(sequence):
    encoder = sequence(f"{RAW} num_buckets: 4 min_val: 0 max_val: 8 embedding_dim: 3")
    expected = [1 + int(np.floor(4 * x / 8)) for x in (0, 1, 2, 7.9)]
    assert encode(encoder, ["0|1|2|7.9"]).to_list() == [expected]
    assert encoder.features["s"].ids == 5


def test_numbers_may_be_ids_themselves(sequence):
    encoder = sequence(f"{RAW} num_buckets: 5 embedding_dim: 3")
    assert encode(encoder, ["4|0|7"]).to_list() == [[4, 0, 0]]


def test_several_numbers_of_a_step_are_binned_into_a_bag(sequence):
    encoder = sequence(f"{RAW} boundaries: [1, 2] seq_multi_sep: ';' embedding_dim: 3")
    assert encode(encoder, ["0;1.5|9", ""]).to_list() == [[[0, 1], [2]], []]


def test_plain_numbers_stay_as_they_are_or_are_scaled(sequence):
    numbers = encode(sequence(RAW), ["1.5|x|-2", "", "inf"])
    assert numbers.to_list() == [[[1.5], [0.0], [-2.0]], [], [[0.0]]]
    assert numbers.flat_values.shape == (4, 1)
    scaled = encode(sequence(f"{RAW} min_val: 1 max_val: 5"), ["1|3"])
    assert scaled.to_list() == [[[0.0], [0.5]]]
    z_score = encode(sequence(f"{RAW} normalization {{ center: 1 scale: 4 }}"), ["1|3|x"])
    assert z_score.to_list() == [[[0.0], [0.5], [-0.25]]]


def test_numbers_and_words_may_come_from_statistics(sequence):
    binned = sequence(f"{RAW} binning {{ edges: [1, 2.5] }} embedding_dim: 3")
    assert encode(binned, ["0|1|2.5", ""]).to_list() == [[0, 1, 2], []]
    known = sequence("vocabulary { words: ['a', 'b'] } embedding_dim: 3 seq_multi_sep: ';'")
    assert encode(known, ["a;b|x", ""]).to_list() == [[[1, 2], [0]], []]


def test_vectors_are_filled_up_or_cut(sequence):
    encoder = sequence(f"{RAW} raw_input_dim: 2 seq_multi_sep: ';'")
    cells = ["1;2|3", "", "4;5;6"]
    expected = [[[1.0, 2.0], [3.0, 0.0]], [], [[4.0, 5.0]]]
    assert encode(encoder, cells).to_list() == expected
    assert malformed(encoder, cells) == [False, False, True]
    assert encoder.features["s"].width == 2


def test_a_separator_may_mean_something_to_patterns_or_be_no_ascii(sequence):
    assert encode(sequence(f"{WORDS} separator: '.*'"), ["a.*b", "a.b*7"]).to_list() == [
        [0, 1],
        [0],
    ]
    encoder = sequence(f"{WORDS} separator: '、' seq_multi_sep: '；'")
    assert encode(encoder, ["a；b、用户", "；、7"]).to_list() == [[[0, 1], [2]], [[], [3]]]


def test_huge_numbers_are_out_of_range_and_hashed_as_they_are_written(sequence):
    huge = [str(2**63), str(-(2**63)), "9" * 40]
    encoder = sequence("num_buckets: 5 embedding_dim: 3")
    assert encode(encoder, ["|".join([*huge, "3"])]).to_list() == [[0, 0, 0, 3]]
    expected = tf.strings.to_hash_bucket_fast(huge, 11).numpy().tolist()
    encoder = sequence("hash_bucket_size: 11 embedding_dim: 3")
    assert encode(encoder, ["|".join(huge)]).to_list() == [expected]


def test_infinities_are_in_the_outermost_bins_and_nan_counts_as_0(sequence):
    encoder = sequence(f"{RAW} boundaries: [-1, 1] embedding_dim: 3")
    cells = ["inf|-inf|nan|1e999|-1e999|", "Infinity"]
    assert encode(encoder, cells).to_list() == [[2, 0, 1, 2, 0, -1], [2]]


def test_all_rows_of_a_large_batch_agree_with_python(sequence):
    generator = np.random.default_rng(2)
    words = ["a", "b", "用户", "7"]
    rows = [list(generator.choice(words, size)) for size in generator.integers(0, 9, 200)]
    expected = [[words.index(word) for word in row[:4]] for row in rows]
    encoder = sequence(f"{WORDS} max_seq_len: 4")
    assert encode(encoder, ["|".join(row) for row in rows]).to_list() == expected


def test_text_that_is_no_number_is_malformed(sequence):
    assert malformed(sequence(RAW), ["1|2", "", "1|x", "1||2"]) == [False, False, True, False]
    encoder = sequence("num_buckets: 5 embedding_dim: 3 seq_multi_sep: ';'")
    assert malformed(encoder, ["1;2|3", "1;x", ""]) == [False, True, False]
    assert malformed(sequence(WORDS), ["whatever"]) is None


@pytest.mark.parametrize(
    "feature",
    [WORDS, f"{WORDS} seq_multi_sep: ';'", RAW, f"{RAW} raw_input_dim: 2 seq_multi_sep: ';'"],
)
@pytest.mark.parametrize("rows", [0, 2])
def test_a_batch_may_have_no_rows_or_no_steps(sequence, feature, rows):
    encoder = sequence(feature)
    nothing = encode(encoder, tf.fill([rows], ""))
    assert nothing.to_list() == [[]] * rows
    spec = encoder.encoded_signature()["s"]
    assert spec.is_compatible_with(nothing)


def test_ids_need_an_embedding(sequence):
    with pytest.raises(ConfigError, match="`embedding_dim` should be at least 1, because ids"):
        sequence("hash_bucket_size: 7")

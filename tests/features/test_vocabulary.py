"""Values become ids by hash, by place among words, or as they are."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError
from tfmtl.features.vocabulary import HashBuckets, NumBuckets, VocabularyFile, VocabularyList

INT64 = np.iinfo(np.int64)
WORDS = ["red", "", "用户", "grün", "no such word", "7"]


def hashed(text, size):
    return int(tf.strings.to_hash_bucket_fast(text, size))


def ids(vocabulary, values, dtype=None):
    return vocabulary.ids_or_missing(tf.constant(values, dtype)).numpy().tolist()


def test_a_text_is_hashed_and_an_empty_one_is_missing():
    expected = [hashed(word, 11) if word else -1 for word in WORDS]
    assert ids(HashBuckets(11), WORDS) == expected


def test_numbers_are_hashed_as_text():
    assert ids(HashBuckets(11), [7, -1, INT64.max], tf.int64) == [
        hashed("7", 11),
        -1,
        hashed(str(INT64.max), 11),
    ]
    assert ids(HashBuckets(11), [True, False]) == [hashed("true", 11), hashed("false", 11)]
    floats = ids(HashBuckets(11, precision=3), [0.5, np.nan, -1.0])
    assert floats == [hashed("0.500", 11), -1, hashed("-1.000", 11)]


@pytest.fixture(params=["list", "file"])
def colours(request, words):
    known = ["blue", "red", "用户", "7", "true", "0.5"]
    if request.param == "list":
        return VocabularyList(known, precision=1)
    return VocabularyFile(words(*known), precision=1)


def test_a_word_has_its_place_and_an_unknown_one_the_first(colours):
    assert colours.size == 6
    assert ids(colours, WORDS) == [1, -1, 2, 0, 0, 3]
    assert ids(colours, [7, 8, -1]) == [3, 0, -1]
    assert ids(colours, [True, False]) == [4, 0]
    assert ids(colours, [0.5, np.nan, 0.7]) == [5, -1, 0]


def test_words_from_statistics_share_no_id_with_unknown_ones():
    colours = VocabularyList(["red", "用户"], first=1)
    assert colours.size == 3
    assert ids(colours, WORDS) == [1, -1, 2, 0, 0, 0]


def test_integers_are_their_own_ids_and_those_outside_have_the_first():
    values = [0, 4, 5, -1, -2, INT64.max, INT64.min]
    assert ids(NumBuckets(5), values, tf.int64) == [0, 4, 0, -1, 0, 0, 0]
    assert ids(NumBuckets(5), [4, 5, -1], tf.int32) == [4, 0, -1]
    assert ids(NumBuckets(2), [True, False]) == [1, 0]


def test_text_is_read_as_an_integer_and_other_text_has_the_first_id():
    values = ["4", "", "-1", " 3 ", "004", "x", "4.0", "1e2", str(INT64.max), "9" * 30, "٣"]
    assert ids(NumBuckets(5), values) == [4, -1, -1, 3, 4, 0, 0, 0, 0, 0, 0]


def test_floats_are_cut_and_nan_is_missing():
    values = [4.0, 3.9, np.nan, np.inf, -np.inf, 1e30, 5.0]
    for dtype in (tf.float32, tf.float64):
        assert ids(NumBuckets(5), values, dtype) == [4, 3, -1, 0, 0, 0, 0]


def test_items_of_a_bag_are_never_missing():
    assert NumBuckets(5).ids(tf.constant(["-1", "3"])).numpy().tolist() == [0, 3]


def test_only_buckets_of_integers_can_be_given_malformed_values():
    assert HashBuckets(5).malformed(tf.constant(["x"])) is None
    assert NumBuckets(5).malformed(tf.constant([7])) is None
    assert NumBuckets(5).malformed(tf.constant([True])) is None
    text = tf.constant(["7", "", "x", "9" * 30, "1.0"])
    assert NumBuckets(5).malformed(text).numpy().tolist() == [False, False, True, False, True]
    floats = tf.constant([7.0, np.nan, 0.5])
    assert NumBuckets(5).malformed(floats).numpy().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "`vocab_list` should have at least one word. Received: none."),
        (["a", ""], "`vocab_list` should have no empty word. Received: an empty word 1."),
        (
            ["a", "ü", "b", "ü"],
            "`vocab_list` should have each word once. Received: `ü` as word 1 and 3.",
        ),
    ],
)
def test_a_list_of_words_that_will_not_do_is_an_error(given, message):
    with pytest.raises(ConfigError) as error:
        VocabularyList(given)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "should have at least one word. Received: none."),
        (["a", "", "b"], "should have no empty word. Received: an empty line 2."),
        (["a", "b", "a"], "should have each word once. Received: `a` as line 1 and 3."),
        (["\ufeffa"], "should be plain UTF-8. Received: a byte order mark in its first word."),
    ],
)
def test_a_file_of_words_that_will_not_do_is_an_error(words, content, message):
    path = words(*content) if content else words("", end="")
    with pytest.raises(ConfigError) as error:
        VocabularyFile(path)
    assert str(error.value) == f"the vocabulary file `{path}` {message}"


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError) as error:
        VocabularyFile(f"{tmp_path}/none.txt")
    path = f"`{tmp_path}/none.txt`"
    assert (
        str(error.value)
        == f"the vocabulary file {path} should be readable. Received: no such file."
    )
    with pytest.raises(ConfigError, match="should be readable. Received: .*directory"):
        VocabularyFile(str(tmp_path))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_end_in_either_way(words, end):
    assert ids(VocabularyFile(words("a", "b", end=end)), ["b", "a"]) == [1, 0]
    with pytest.raises(ConfigError, match="an empty line 2"):
        VocabularyFile(words("a", "", "b", end=end))


def test_the_last_line_needs_no_end(words):
    vocabulary = VocabularyFile(words("a\nb", end=""))
    assert vocabulary.size == 2
    assert ids(vocabulary, ["b"]) == [1]

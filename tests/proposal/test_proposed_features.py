"""Columns that are rare in logs become features that a config may have, too."""

from tfmtl.config.rules.data import fits
from tfmtl.proposal.features import propose_feature
from tfmtl.proposal.profile import Profile
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig


def proposed(*cells):
    return propose_feature(Profile("column", list(cells), "text", is_all=True), is_text=True)


def test_separators_alone_are_ids():
    for cells in (["|", "", "|"], ["|", "||", "|"]):
        found = proposed(*cells)
        assert found.feature.feature_type == FeatureConfig.IdFeature
        assert found.lists is None


def test_a_number_that_is_too_large_for_one_is_a_word():
    found = proposed(*["1e999", "2", "3"] * 5)
    assert found.feature.feature_type == FeatureConfig.IdFeature
    assert found.feature.hash_bucket_size == 100


def test_the_median_of_large_whole_numbers_is_a_whole_number():
    found = proposed("99", "1234567", "12345678", "")
    assert found.field.default_val == "1234567"
    assert fits(found.field.input_type, found.field.default_val)


def test_whole_numbers_beside_nan_are_read_as_floats():
    plain = proposed(*["1", "2", "nan"] * 5)
    assert plain.feature.num_buckets == 3
    large = proposed(*["1", "-200000", "NaN"] * 5)
    assert large.feature.feature_type == FeatureConfig.RawFeature
    for each in (plain, large):
        assert each.field.input_type == DatasetConfig.FLOAT
        assert fits(each.field.input_type, each.field.default_val)


def test_infinite_cells_do_not_make_words_of_numbers():
    found = proposed("0.5", "inf", "1.5", "-Infinity", "0.25", "nan")
    assert found.feature.feature_type == FeatureConfig.RawFeature
    assert found.field.default_val == "0.5"
    assert "3 values in 6 rows, 50% empty" in found.note


def test_infinite_is_a_word_among_words():
    assert "2 values in 4 rows" in proposed(*["Inf", "Per"] * 2).note


def test_one_number_in_some_rows_has_no_range_and_is_an_id():
    found = proposed(*["3.5", "3.50"] * 10, "")
    assert found.feature.feature_type == FeatureConfig.IdFeature
    assert found.note == "ids; 2 values in 21 rows, 5% empty"

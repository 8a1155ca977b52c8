"""What features take from statistics is filled into their config, or what is lacking is told."""

import pytest
from google.protobuf import text_format

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError
from tfmtl.protos.statistics_pb2 import Statistics

STATISTICS = """
rows: 4 input_path: "train.csv"
columns {
  column: "price" reading: "numbers" values: 4 distinct: 4
  numbers {
    mean: 3 deviation: 2 min: 1 max: 9 log1p_mean: 1.5 log1p_deviation: 0.5
    quantiles: [1, 2, 3, 9, 9]
    splits { task: "ctr" rows: 4 edges: [6, 1.5, 2.5] }
    splits { task: "cvr" rows: 2 }
  }
}
columns {
  column: "age" reading: "numbers" values: 4 distinct: 1
  numbers { mean: 7 min: 7 max: 7 quantiles: [7, 7, 7, 7, 7] }
}
columns {
  column: "city" reading: "words" values: 5 distinct: 3
  words { words: ["rome", "oslo", "Київ"] counts: [3, 2, 2] }
}
columns {
  column: "tags" reading: "words separated by any of `|`" values: 9 distinct: 8
  words { words: ["a", "b"] counts: [5, 4] count_error: 4 }
}
"""
PRICE = "feature_type: RawFeature min_val: 0 max_val: 9"
AGE = "feature_type: RawFeature boundaries: [18, 30, 65] embedding_dim: 2"
CITY = 'vocab_list: ["oslo", "rome"] embedding_dim: 3'
TAGS = "hash_bucket_size: 17 embedding_dim: 4"


@pytest.fixture
def load(tmp_path):
    """Loads a config whose features are changed, with statistics of some text."""

    def load(changes, statistics=STATISTICS, path=None, **how):
        text = GOOD_CONFIG
        for old, new in changes.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        file = tmp_path / "statistics.pbtxt"
        file.write_text(statistics, encoding="utf-8")
        return config.load_text(f'{text} statistics_path: "{path or file}"', **how)

    return load


def feature(pipeline, name):
    return next(each for each in config.features(pipeline) if config.feature_name(each) == name)


def problem(load, changes, **how):
    with pytest.raises(ConfigError) as caught:
        load(changes, **how)
    (told,) = caught.value.problems
    return told


@pytest.mark.parametrize(
    ("method", "center", "scale"),
    [("Z_SCORE", 3, 2), ("MIN_MAX", 1, 8), ("LOG1P_Z_SCORE", 1.5, 0.5)],
)
def test_numbers_are_scaled_by_what_is_known_of_them(load, method, center, scale):
    pipeline = load({PRICE: f"feature_type: RawFeature normalization {{ method: {method} }}"})
    found = feature(pipeline, "price").normalization
    assert (found.center, found.scale) == (center, scale)


def test_numbers_that_are_all_the_same_become_0(load):
    pipeline = load({AGE: "feature_type: RawFeature normalization {}"})
    found = feature(pipeline, "age").normalization
    assert (found.center, found.scale) == (7, 1)


@pytest.mark.parametrize(
    ("how", "edges"),
    [
        ("num_bins: 2", [3]),
        ("num_bins: 4", [2, 3, 9]),
        ("method: EQUAL_WIDTH num_bins: 4", [3, 5, 7]),
        ("method: TREE task: 'ctr' num_bins: 2", [6]),
        ("method: TREE task: 'ctr' num_bins: 3", [1.5, 6]),
        ("method: TREE task: 'ctr'", [1.5, 2.5, 6]),
    ],
)
def test_bins_have_edges_from_statistics(load, how, edges):
    price = f"feature_type: RawFeature embedding_dim: 2 binning {{ {how} }}"
    assert list(feature(load({PRICE: price}), "price").binning.edges) == edges


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("", ["rome", "oslo", "Київ"]),
        ("min_count: 3", ["rome"]),
        ("max_words: 2", ["rome", "oslo"]),
        ("min_count: 2 max_words: 9", ["rome", "oslo", "Київ"]),
    ],
)
def test_words_are_the_most_frequent_ones(load, how, words):
    pipeline = load({CITY: f"vocabulary {{ {how} }} embedding_dim: 3"})
    assert list(feature(pipeline, "city").vocabulary.words) == words


def test_a_config_that_is_filled_in_needs_no_statistics(load, tmp_path):
    changes = {
        PRICE: "feature_type: RawFeature normalization {}",
        CITY: "vocabulary { min_count: 3 } embedding_dim: 3",
    }
    pipeline = load(changes)
    config.save(pipeline, tmp_path / "pipeline.config")
    (tmp_path / "statistics.pbtxt").unlink()
    assert config.load(tmp_path / "pipeline.config") == pipeline
    assert config.fitted(pipeline) is pipeline


def test_a_pipeline_in_hand_is_filled_in_as_a_file_is(load):
    changes = {PRICE: "feature_type: RawFeature normalization {}"}
    unfitted = load(changes, fitted=False)
    assert not feature(unfitted, "price").normalization.HasField("scale")
    assert config.fitted(unfitted) == load(changes)


def test_columns_that_are_read_alike_have_statistics_of_their_own(load):
    pipeline = load(
        {
            PRICE: "feature_type: RawFeature normalization {} shared_names: 'age'",
            f'features {{\n    input_names: "age" {AGE}\n  }}': "",
        }
    )
    assert [feature(pipeline, name).normalization.center for name in ("price", "age")] == [3, 7]
    assert not any(each.shared_names for each in pipeline.feature_config.features)


def test_log1p_needs_no_statistics(load):
    load({PRICE: "feature_type: RawFeature normalization { method: LOG1P }"}, path="nowhere")


UNFIT = "feature_config.features[4].normalization` (feature `price`) should have"
AGAIN = "`python -m tfmtl.statistics` on this config brings them up to date"
BINS = "feature_type: RawFeature embedding_dim: 2 binning"


def test_statistics_that_are_not_named_are_asked_for(load):
    with pytest.raises(ConfigError) as caught:
        config.load_text(
            GOOD_CONFIG.replace(PRICE, "feature_type: RawFeature normalization {}").replace(
                CITY, "vocabulary {} embedding_dim: 3"
            )
        )
    rule = "statistics: `statistics_path` should name the file that `python -m tfmtl.statistics`"
    city = UNFIT.replace("[4].normalization", "[2].vocabulary").replace("price", "city")
    assert caught.value.problems == [
        f"`{city} {rule} writes. Received: nothing.",
        f"`{UNFIT} {rule} writes. Received: nothing.",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {TAGS: "vocabulary {} separator: ',' embedding_dim: 4"},
            "`feature_config.features[3].vocabulary` (feature `tags`) should have statistics of "
            f"column `tags` as words separated by any of `,`; {AGAIN}. Received: statistics of it "
            "as words separated by any of `|`.",
        ),
        (
            {PRICE: "feature_type: IdFeature vocabulary {} precision: 2 embedding_dim: 4"},
            "`feature_config.features[4].vocabulary` (feature `price`) should have statistics of "
            f"column `price` as words with 2 digits; {AGAIN}. Received: statistics of it as "
            "numbers.",
        ),
        (
            {'user_id" feature_type: IdFeature hash_bucket_size: 11': 'user_id" vocabulary {}'},
            "`feature_config.features[0].vocabulary` (feature `user_id`) should have statistics of "
            f"column `user_id` as words; {AGAIN}. Received: nothing.",
        ),
        (
            {AGE: f"{BINS} {{}}"},
            "`feature_config.features[5].binning` (feature `age`) should have different numbers in "
            "column `age` to part. Received: 7.",
        ),
        (
            {AGE: f"{BINS} {{ method: TREE task: 'ctr' }}"},
            "`feature_config.features[5].binning` (feature `age`) should have statistics of column "
            f"`age` by task `ctr`; {AGAIN}. Received: nothing.",
        ),
        (
            {PRICE: f"{BINS} {{ method: TREE task: 'cvr' }}"},
            "`feature_config.features[4].binning` (feature `price`) should have numbers in column "
            "`price` that tell labels of `cvr` apart. Received: a tree of one leaf, grown from 2 "
            "rows.",
        ),
        (
            {CITY: "vocabulary { min_count: 4 } embedding_dim: 3"},
            "`feature_config.features[2].vocabulary` (feature `city`) should have words in column "
            "`city` that are there 4 times. Received: 3 times at most.",
        ),
    ],
    ids=["separator", "kind", "column", "constant", "no tree", "one leaf", "rare words"],
)
def test_what_statistics_lack_is_told_in_one_line(load, changes, told):
    assert problem(load, changes) == told


def test_a_column_without_numbers_is_told(load):
    empty = 'rows: 2 columns { column: "price" reading: "numbers" numbers {} }'
    changes = {PRICE: "feature_type: RawFeature normalization {}"}
    told = f"`{UNFIT} numbers in column `price`. Received: 0."
    assert problem(load, changes, statistics=empty) == told


def test_a_file_that_is_not_there_or_holds_something_else_is_told(load):
    changes = {PRICE: "feature_type: RawFeature normalization {}"}
    rule = "`statistics_path` should name a file"
    told = problem(load, changes, path="no/such.pbtxt")
    wanted = f"{rule} that `python -m tfmtl.statistics` has written. Received: "
    assert told == f'{wanted}"no/such.pbtxt", No such file or directory.'
    told = problem(load, changes, statistics="rows: many")
    assert told.startswith(f"{rule} that `python -m tfmtl.statistics` has written. Received: ")
    assert "which is not one (1:7 : " in told


def test_problems_of_all_kinds_are_told_at_once(load):
    changes = {
        PRICE: "feature_type: RawFeature normalization {}",
        AGE: f"{BINS} {{}}",
        "num_expert: 3": "num_expert: 0",
        "num_steps: 20": "num_stepz: 20",
    }
    with pytest.raises(ConfigError) as caught:
        load(changes)
    assert [told.split("`")[1] for told in caught.value.problems] == [
        "train_config.num_stepz",
        "model_config.mmoe.num_expert",
        "feature_config.features[5].binning",
    ]


def test_counts_that_are_not_sure_are_warned_of(load, caplog):
    load({TAGS: "vocabulary { min_count: 2 } embedding_dim: 4"})
    (warning,) = [each.message for each in caplog.records]
    assert warning.startswith(
        "`feature_config.features[3].vocabulary` (feature `tags`) takes all words that the "
        "statistics have, of which counts may be 4 too low;"
    )
    caplog.clear()
    load({TAGS: "vocabulary { min_count: 5 } embedding_dim: 4"})
    assert not caplog.records


def test_the_statistics_of_these_tests_are_such():
    assert len(text_format.Parse(STATISTICS, Statistics()).columns) == 4

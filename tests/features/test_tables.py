"""Features find their tables, shared or their own."""

import pytest

from tfmtl.errors import ConfigError
from tfmtl.features.tables import tables_of
from tfmtl.layers import Lookup

FIELDS = {"a": "STRING", "b": "STRING", "c": "STRING", "n": "FLOAT"}


@pytest.fixture
def tables(columns):
    """The tables, as (name, rows, width), and the lookups of a config text's features."""

    def make(*features):
        encoder = columns(FIELDS, "".join(f"features {{ {feature} }}" for feature in features))
        found, lookups = tables_of(encoder.features.values())
        return [(table.name, table.rows, table.dim) for table in found], lookups

    return make


A = "input_names: 'a' embedding_dim: 3 hash_bucket_size: 11"
B = "input_names: 'b' embedding_dim: 3 hash_bucket_size: 11"
C = "input_names: 'c' embedding_dim: 5 hash_bucket_size: 7"


def test_each_feature_has_its_own_table(tables):
    found, lookups = tables(A, C)
    assert found == [("a", 11, 3), ("c", 7, 5)]
    assert lookups == [Lookup("a", "a"), Lookup("c", "c")]


def test_features_with_one_embedding_name_share_a_table(tables):
    found, lookups = tables(f"{A} embedding_name: 'x'", C, f"{B} embedding_name: 'x'")
    assert found == [("x", 11, 3), ("c", 7, 5)]
    assert lookups == [Lookup("a", "x"), Lookup("b", "x"), Lookup("c", "c")]


def test_an_embedding_name_that_only_one_feature_uses_means_nothing(tables):
    found, _ = tables(f"{A} embedding_name: 'x'", C)
    assert [name for name, *_ in found] == ["a", "c"]


def test_a_shared_table_is_not_mixed_up_with_a_feature_of_its_name(tables):
    found, lookups = tables(f"{A} embedding_name: 'c'", f"{B} embedding_name: 'c'", C)
    assert found == [("c_shared", 11, 3), ("c", 7, 5)]
    assert lookups[-1] == Lookup("c", "c")


def test_a_feature_may_share_the_table_that_bears_its_name(tables):
    found, _ = tables(f"{A} embedding_name: 'a'", f"{B} embedding_name: 'a'")
    assert found == [("a", 11, 3)]


def test_a_bag_and_an_id_may_share_a_table(tables):
    bag = "feature_type: TagFeature kv_separator: ':' combiner: 'mean' embedding_name: 'x'"
    found, lookups = tables(f"{A} embedding_name: 'x'", f"{B} {bag}")
    assert found == [("x", 11, 3)]
    assert lookups == [Lookup("a", "x"), Lookup("b", "x", "mean", weighted=True)]


def test_numbers_have_no_table_and_bins_have_one(tables):
    numbers = "input_names: 'n' feature_type: RawFeature"
    assert tables(numbers, f"feature_name: 'm' {numbers} embedding_dim: 3") == ([], [])
    assert tables(f"{numbers} embedding_dim: 3 boundaries: [1, 2]")[0] == [("n", 3, 3)]


@pytest.mark.parametrize(
    ("other", "quarrel"),
    [
        (
            "input_names: 'b' embedding_dim: 4 hash_bucket_size: 11",
            "`embedding_dim` should be the same. Received: 3 and 4.",
        ),
        (
            "input_names: 'b' embedding_dim: 3 hash_bucket_size: 12",
            "number of ids should be the same. Received: 11 and 12.",
        ),
        (
            f"{B} initializer {{ random_normal_initializer {{}} }}",
            "`initializer` should be the same. Received: different ones.",
        ),
    ],
)
def test_features_that_share_a_table_must_agree_on_it(tables, other, quarrel):
    with pytest.raises(ConfigError) as error:
        tables(f"{A} embedding_name: 'x'", f"{other} embedding_name: 'x'")
    start = "Features `a` and `b` share the table `x`, so their "
    assert str(error.value) == start + quarrel


def test_equal_initializers_agree(tables):
    start = "embedding_name: 'x' initializer { truncated_normal_initializer { stddev: 0.1 } }"
    assert tables(f"{A} {start}", f"{B} {start}")[0] == [("x", 11, 3)]

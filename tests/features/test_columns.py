"""The encoder answers alike wherever it runs: eagerly, in a data pipeline, in a SavedModel."""

import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfmtl.errors import ConfigError, DataError
from tfmtl.features import Columns
from tfmtl.features.kinds import KINDS
from tfmtl.protos.feature_pb2 import FeatureConfig
from tfmtl.protos.pipeline_pb2 import Pipeline

UNCONVERTED = tf.autograph.experimental.do_not_convert  # There is nothing to.
FIELDS = {
    "user": ("STRING", "nobody"),
    "city": "STRING",
    "age": "INT32",
    "tags": "STRING",
    "weights": "STRING",
    "price": ("FLOAT", "2.5"),
    "vector": "STRING",
    "vip": "BOOL",
    "unread": "STRING",
}
FEATURES = """
features {{ input_names: "user" hash_bucket_size: 101 embedding_dim: 3 }}
features {{ input_names: "city" vocab_file: "{cities}" embedding_dim: 3 }}
features {{ feature_name: "twin" input_names: "city" vocab_file: "{cities}" embedding_dim: 3 }}
features {{ feature_name: "town" input_names: "city" vocab_file: "{towns}" embedding_dim: 3 }}
features {{ input_names: "age" num_buckets: 7 embedding_dim: 2 }}
features {{ input_names: "vip" vocab_list: ["true", "false"] embedding_dim: 2 }}
features {{
  input_names: ["tags", "weights"] feature_type: TagFeature vocab_list: ["a", "b", "ü"]
  embedding_dim: 3
}}
features {{
  feature_name: "pairs" input_names: "tags" feature_type: TagFeature kv_separator: ":"
  num_buckets: 5 embedding_dim: 3
}}
features {{ input_names: "price" feature_type: RawFeature }}
features {{
  feature_name: "bin" input_names: "price" feature_type: RawFeature boundaries: [1, 2]
  embedding_dim: 3
}}
features {{ input_names: "vector" feature_type: RawFeature raw_input_dim: 3 }}
"""
ROWS = {
    "user": ["anna", "", "用户", "x" * 999],
    "city": ["rome", "", "köln", "atlantis"],
    "age": [6, -1, 2**31 - 1, 0],
    "tags": ["a|b|ü", "", "3:0.5|x|:1", "a|"],
    "weights": ["1|2|3", "", "1", "x|y|z"],
    "price": [1.0, np.nan, np.inf, -3e38],
    "vector": ["1|2|3", "", "x|2", "1|2|3|4"],
    "vip": [True, False, True, True],
    "unread": ["", "", "", ""],
}


@pytest.fixture
def raw():
    return {name: tf.constant(values) for name, values in ROWS.items()}


@pytest.fixture
def encoder(columns, words):
    # Two files of one name, as two features of different teams may have.
    cities = words("rome", "köln", "tromsø", name="one/words.txt")
    towns = words("köln", "rome", name="two/words.txt")
    return columns(FIELDS, FEATURES.format(cities=cities, towns=towns))


def as_lists(encoded):
    return {
        name: (value.to_list() if isinstance(value, tf.RaggedTensor) else value.numpy().tolist())
        for name, value in encoded.items()
    }


def test_every_feature_is_encoded_under_its_name(encoder, raw):
    encoded = as_lists(encoder.encode(raw))
    assert encoded["city"] == encoded["twin"] == [0, -1, 1, 0]
    assert encoded["town"] == [1, -1, 0, 0]
    assert encoded["age"] == [6, -1, 0, 0]
    assert encoded["vip"] == [0, 1, 0, 0]
    assert encoded["tags"] == [[0, 1, 2], [], [0, 0, 0], [0]]
    assert encoded["tags/weights"] == [[1, 2, 3], [], [1, 1, 1], [1]]
    assert encoded["pairs"] == [[0, 0, 0], [], [3, 0, 0], [0]]
    assert encoded["pairs/weights"] == [[1, 1, 1], [], [0.5, 1, 0], [1]]
    assert encoded["bin"] == [1, 2, 2, 0]
    assert set(encoded) == set(encoder.encoded_signature())


def test_the_encoding_is_of_the_declared_types(encoder, raw):
    for name, spec in encoder.encoded_signature().items():
        assert spec.is_compatible_with(encoder.encode(raw)[name]), name


def test_only_the_columns_of_its_features_are_read(encoder):
    assert encoder.raw_columns == [name for name in encoder.raw_signature()]
    assert set(encoder.raw_columns) == set(FIELDS) - {"unread"}
    assert encoder.raw_signature()["price"] == tf.TensorSpec([None], tf.float32, "price")


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_a_data_pipeline_encodes_as_eager_code_does(encoder, raw, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices(raw).batch(batch_size)
    dataset = dataset.map(UNCONVERTED(encoder.encode))
    assert dataset.element_spec.keys() == encoder.encoded_signature().keys()
    for step, batch in enumerate(dataset):
        rows = slice(step * batch_size, (step + 1) * batch_size)
        expected = encoder.encode({name: values[rows] for name, values in raw.items()})
        np.testing.assert_equal(as_lists(batch), as_lists(expected))


def test_no_rows_are_encoded_as_no_rows(encoder, raw):
    encoded = encoder.encode({name: values[:0] for name, values in raw.items()})
    assert all(len(rows) == 0 for rows in as_lists(encoded).values())


def test_no_bytes_whatsoever_make_it_fail(encoder):
    random = np.random.default_rng(5)
    alphabet = [
        b"0",
        b"1",
        b"9" * 12,
        b"|",
        b":",
        b".",
        b"-",
        b"e",
        b"nan",
        b"\xff",
        b"\x00",
        b" ",
        b"a",
    ]
    numbers = random.integers(-(2**31), 2**31, 300, np.int32), random.normal(size=300)
    raw = {
        name: tf.constant([b"".join(random.choice(alphabet, size)) for size in range(300)])
        for name in encoder.raw_columns
    }
    raw |= {"age": tf.constant(numbers[0]), "price": tf.constant(numbers[1] * 1e38, tf.float32)}
    raw |= {"vip": raw["age"] > 0}
    sizes = {name: feature.ids for name, feature in encoder.features.items()}
    for name, value in encoder.encode(raw).items():
        values = getattr(value, "flat_values", value).numpy()
        assert np.isfinite(values).all(), name
        if sizes.get(name):
            assert values.min() >= (-1 if value.shape.rank == 1 else 0), name
            assert values.max() < sizes[name], name


class Served(tf.Module):
    """An encoder behind a signature; ragged outputs are flattened to their values."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns
        self.serve = tf.function(self._serve, input_signature=[columns.raw_signature()])

    def _serve(self, raw):
        encoded = self.columns.encode(raw)
        return {name: getattr(value, "flat_values", value) for name, value in encoded.items()}


@pytest.fixture
def moved(encoder, tmp_path):
    """An export moved away from where it was written, whose files of words are gone."""
    served = Served(encoder)
    tf.saved_model.save(served, f"{tmp_path}/export", signatures=served.serve)
    shutil.move(tmp_path / "export", tmp_path / "moved")
    shutil.rmtree(tmp_path / "one")
    shutil.rmtree(tmp_path / "two")
    return tmp_path / "moved"


def test_a_moved_saved_model_encodes_as_the_encoder_does(moved, encoder, raw):
    serve = tf.saved_model.load(str(moved)).signatures["serving_default"]
    answer = serve(**{name: raw[name] for name in encoder.raw_columns})
    for name, value in encoder.encode(raw).items():
        np.testing.assert_array_equal(answer[name], getattr(value, "flat_values", value), name)


def test_a_saved_model_has_each_file_once_as_an_asset(moved):
    contents = sorted(path.read_text("utf-8").split() for path in (moved / "assets").iterdir())
    assert contents == [["köln", "rome"], ["rome", "köln", "tromsø"]]


def test_a_saved_model_holds_no_words_of_a_file_and_no_python(columns, words, tmp_path):
    many = [f"word{number}" for number in range(20_000)]
    path = words(*many)
    encoder = columns(FIELDS, FEATURES.format(cities=path, towns=path))
    served = Served(encoder)
    tf.saved_model.save(served, f"{tmp_path}/export", signatures=served.serve)
    graph = pathlib.Path(f"{tmp_path}/export/saved_model.pb").read_bytes()
    assert b"word19999" not in graph
    assert b"PyFunc" not in graph


def test_features_of_one_file_share_its_table(encoder):
    features = encoder.features
    assert features["city"].vocabulary is features["twin"].vocabulary
    assert features["city"].vocabulary is not features["town"].vocabulary


def test_malformed_rows_are_found(encoder, raw):
    found = {name: rows.numpy().tolist() for name, rows in encoder.malformed(raw).items()}
    assert found == {
        "tags": [False, False, True, True],
        "pairs": [True, False, True, True],
        "vector": [False, False, True, True],
    }


def test_the_first_malformed_row_of_each_feature_is_told(encoder, raw):
    assert encoder.problems(raw) == [
        (
            2,
            "Feature `tags` should read items separated by `|` with a weight for each in column "
            "`weights`. Received: `3:0.5|x|:1` in column `tags` and `1` in column `weights`.",
        ),
        (
            0,
            "Feature `pairs` should read whole numbers separated by `|`, each like `item:weight`. "
            "Received: `a|b|ü` in column `tags`.",
        ),
        (
            2,
            "Feature `vector` should read 3 numbers at most separated by `|`. Received: `x|2` in "
            "column `vector`.",
        ),
    ]


def test_strict_encoding_stops_at_malformed_rows_and_names_the_features(encoder, raw):
    rows = tf.data.Dataset.from_tensor_slices(raw).batch(1)
    well_formed = {name: values[1:2] for name, values in raw.items()}
    np.testing.assert_equal(
        as_lists(encoder.encode(well_formed, strict=True)), as_lists(encoder.encode(well_formed))
    )
    for row, names in {0: "pairs", 2: "tags pairs vector"}.items():
        strict = rows.skip(row).map(UNCONVERTED(lambda row: encoder.encode(row, strict=True)))
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"features\] \[{names}\]"):
            next(iter(strict))


def test_a_column_that_is_not_there_is_told(columns):
    encoder = columns({"a": "INT32", "b": "INT32"}, _ids("a") + _ids("b"))
    with pytest.raises(DataError) as error:
        encoder.encode({"a": tf.constant([1]), "c": tf.constant([1])})
    assert str(error.value) == "The data should have the columns a, b. Absent: b."


def test_the_problems_of_all_features_are_told_at_once(columns):
    with pytest.raises(ConfigError) as error:
        columns({"a": "INT32"}, _ids("b") + _ids("a") + _ids("c"))
    assert [problem.split(":")[0] for problem in error.value.problems] == [
        "Feature `b`",
        "Feature `c`",
    ]


def _ids(name):
    return f"features {{ input_names: '{name}' num_buckets: 7 embedding_dim: 3 }}"


def test_a_kind_of_feature_that_is_not_encoded_is_told(columns):
    with pytest.raises(ConfigError) as error:
        columns({"a": "INT32"}, "features { input_names: 'a' feature_type: PassThroughFeature }")
    assert str(error.value) == (
        "Feature `a`: `feature_type` should be one of IdFeature, RawFeature, TagFeature, "
        "ComboFeature, LookupFeature, SequenceFeature, ExprFeature. Received: "
        "PassThroughFeature, which has no vector."
    )


def test_the_table_of_kinds_is_named_as_the_config_names_them():
    for kind, feature in KINDS.items():
        assert feature.__name__ == FeatureConfig.FeatureType.Name(kind)


def test_a_pipelines_encoder_has_the_features_of_its_groups_alone():
    pipeline = text_format.Parse(
        """
        data_config { input_fields { input_name: "a1" } input_fields { input_name: "a2" } }
        feature_configs { input_names: "a1" shared_names: "a2" num_buckets: 5 embedding_dim: 3 }
        feature_configs { feature_name: "b" input_names: "a1" num_buckets: 5 embedding_dim: 3 }
        model_config { feature_groups { group_name: "all" feature_names: "a[1-2]" } }
        """,
        Pipeline(),
    )
    assert list(Columns.from_pipeline(pipeline).features) == ["a1", "a2"]

"""What is proposed of a log, in whichever format it is; and what cannot be proposed, in words."""

import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tfmtl import config
from tfmtl.config.known_fields import known_field
from tfmtl.config.views import architectures
from tfmtl.data.look import look_at
from tfmtl.errors import ConfigError, DataError
from tfmtl.proposal import MODELS, propose
from tfmtl.proposal.propose import write
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig


def loaded(text):
    return config.load_text(text)


@pytest.fixture(scope="module")
def text(log):
    return propose(str(log), ["click", "buy", "stars"], eval_data="eval.csv")


@pytest.fixture(scope="module")
def pipeline(text):
    return loaded(text)


@pytest.fixture(scope="module")
def features(pipeline):
    return {config.feature_name(each): each for each in pipeline.feature_config.features}


def kind(feature):
    return FeatureConfig.FeatureType.Name(feature.feature_type)


def column(pipeline, name):
    return next(each for each in pipeline.data_config.input_fields if each.input_name == name)


def test_every_column_is_a_feature_or_told_to_be_left_out(features, text, frame):
    left_out = re.findall(r"# Left out: (.*?): ", text)
    assert left_out == ["row", "dwell", "time", "date", "empty", "version", "of two words"]
    labels = ["click", "buy", "stars"]
    assert sorted([*features, *left_out, *labels]) == sorted(frame.columns)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("row", "a value of its own in each row, as a key has."),
        ("dwell", "empty or 0 wherever click does not happen, so it may be known only afterwards."),
        ("time", "dates or times, which do not come again; the hour or the weekday would be"),
        ("date", "dates or times, which do not come again; the hour or the weekday would be"),
        ("empty", "all cells are empty."),
        ("version", "all cells are 'v1'."),
        ("of two words", "names that are served have letters, digits and `_ . - /` only."),
    ],
)  # fmt: skip
def test_what_is_left_out_is_told_with_the_reason(text, name, reason):
    told = " ".join(text.replace("#", " ").split())
    assert f"Left out: {name}: {reason}" in told


@pytest.mark.parametrize(
    ("name", "kind_of", "fields"),
    [
        ("user", "IdFeature", {"hash_bucket_size": 1000, "embedding_dim": 8}),
        ("zip", "IdFeature", {"hash_bucket_size": 1000, "embedding_dim": 8}),
        ("member", "IdFeature", {"hash_bucket_size": 100, "embedding_dim": 4}),
        ("hour", "IdFeature", {"num_buckets": 24, "embedding_dim": 4}),
        ("level", "IdFeature", {"num_buckets": 5}),
        ("ctr", "RawFeature", {"embedding_dim": 0}),
        ("vector", "RawFeature", {"raw_input_dim": 3, "separator": "|"}),
        ("tags", "TagFeature", {"separator": "|", "combiner": "mean"}),
        ("tastes", "TagFeature", {"separator": "|", "kv_separator": ":"}),
        ("seen", "SequenceFeature", {"separator": ";", "embedding_name": "category"}),
        ("category", "IdFeature", {"embedding_name": "category"}),
    ],
)
def test_features_are_what_their_columns_look_like(features, name, kind_of, fields):
    assert kind(features[name]) == kind_of
    assert {field: getattr(features[name], field) for field in fields} == fields


def test_skewed_numbers_are_in_bins_of_which_empty_cells_have_one(features, pipeline, frame):
    edges = features["price"].boundaries
    prices = pd.to_numeric(frame["price"], errors="coerce").dropna()
    assert 0 < edges[0] < prices.min()
    shares = [(prices < edge).mean() for edge in edges[1:]]
    assert shares == pytest.approx([each / 10 for each in range(1, 10)], abs=0.02)
    assert not column(pipeline, "price").HasField("default_val")


def test_other_numbers_are_from_0_to_1_for_most_rows(features, frame):
    low, high = features["ctr"].min_val, features["ctr"].max_val
    assert 0.97 < frame["ctr"].between(low, high).mean() < 0.99


def test_codes_with_zeros_in_front_stay_text(pipeline):
    assert column(pipeline, "zip").input_type == DatasetConfig.STRING


def test_empty_cells_of_whole_numbers_are_missing(pipeline):
    assert column(pipeline, "level").default_val == "-1"


def test_a_history_is_read_by_attention_and_not_by_the_group(pipeline):
    (group,) = pipeline.model_config.feature_groups
    assert "seen" not in group.feature_names and "category" in group.feature_names
    (attention,) = group.sequence_features
    assert list(attention.seq_att_map[0].key) == ["category"]
    assert list(attention.seq_att_map[0].hist_seq) == ["seen"]


def test_labels_become_tasks_of_their_kind_and_space(pipeline):
    click, buy, stars = config.towers(pipeline)
    assert (click.num_class, buy.num_class, stars.num_class) == (1, 1, 4)
    assert click.metrics_set[0].HasField("auc") and stars.metrics_set[0].HasField("accuracy")
    spaces = [each.task_space_indicator_label for each in (click, buy, stars)]
    assert spaces == ["", "click", ""]


def test_a_label_of_numbers_is_a_regression_where_it_is_known(log):
    (_, dwell) = config.towers(loaded(propose(str(log), ["click", "dwell"])))
    assert dwell.metrics_set[0].HasField("root_mean_squared_error")
    assert dwell.task_space_indicator_label == "click"


def test_a_column_that_a_label_needs_is_told(log):
    told = " ".join(propose(str(log), ["buy"]).replace("#", " ").split())
    assert "CAUTION: buy happens only with it; leave it out if it is known afterwards." in told


def test_batches_are_small_where_there_are_few_rows(pipeline, log):
    assert pipeline.data_config.batch_size == 32
    assert loaded(propose(str(log), ["click"], rows=100)).data_config.batch_size == 1024


def test_evaluation_data_is_named_or_asked_for(text, log):
    assert loaded(text).eval_input_path == "eval.csv"
    assert '# eval_input_path: ""' in propose(str(log), ["click"])


@pytest.mark.parametrize(
    ("data", "name"),
    [("log/train-*.csv.gz", "train"), ("a.csv,b.csv", "a"), ("day 1/", "day_1"), ("*", "data")],
)
def test_the_model_dir_is_named_for_the_data(look, data, name):
    assert loaded(write(look, data, ["click"], "mmoe")).model_dir == f"experiments/mmoe_on_{name}"


LABELS = {
    "esmm": "click buy",
    "division": "click buy",
    "aitm": "click buy",
    "esm2": "click cart buy",
}


@pytest.fixture(scope="module")
def funnel(tmp_path_factory):
    """A log whose labels are the steps of a path."""
    path = tmp_path_factory.mktemp("funnel") / "funnel.csv"
    steps = [(row % 2, row % 2 * (row % 3 > 0), row % 2 * (row % 5 > 2)) for row in range(60)]
    lines = [f"{a},{b},{c},u{row % 7}" for row, (a, b, c) in enumerate(steps)]
    path.write_text("\n".join(["click,cart,buy,user", *lines]))
    return path


def test_all_architectures_that_labels_alone_describe_can_be_proposed():
    built = {name for name in architectures() if not known_field("tfmtl.Model", name)}
    assert set(MODELS) == built - {"model_params"}


@pytest.fixture(scope="module")
def look(funnel):
    return look_at(str(funnel), ["click"], 1000)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_proposals_of_all_architectures_have_no_problem(look, model):
    labels = LABELS.get(model, "click cart buy").split()
    pipeline = loaded(write(look, "funnel.csv", labels, model))
    assert config.architecture(pipeline) == model
    assert {each.label_name for each in config.towers(pipeline)} == set(labels)


def test_dbmtl_reads_the_events_before(look):
    pipeline = loaded(write(look, "funnel.csv", ["buy", "cart", "click"], "dbmtl"))
    relations = {
        each.label_name: list(each.relation_tower_names) for each in config.towers(pipeline)
    }
    assert relations == {"click": [], "cart": ["click"], "buy": ["click"]}


def example(row):
    def value(cell):
        if isinstance(cell, str):
            return tf.train.Feature(bytes_list={"value": [cell.encode()] if cell else []})
        if isinstance(cell, float):
            return tf.train.Feature(float_list={"value": [cell]})
        return tf.train.Feature(int64_list={"value": [int(cell)]})

    return tf.train.Example(features={"feature": {name: value(cell) for name, cell in row.items()}})


def write_gzip(frame, folder):
    frame.to_csv(folder / "log.csv.gz", index=False)
    return folder / "log.csv.gz"


def write_tabs(frame, folder):
    frame.to_csv(folder / "log.tsv", index=False, sep="\t")
    return folder / "log.tsv"


def write_parquet(frame, folder):
    frame.to_parquet(folder / "log.parquet")
    return folder / "log.parquet"


def write_records(frame, folder, packing=""):
    path = folder / "log.tfrecord"
    frame = frame[["click", "buy", "stars", "user", "hour", "ctr", "tastes", "price"]]
    with tf.io.TFRecordWriter(str(path), packing) as writer:
        for row in frame.to_dict("records"):
            writer.write(example(row).SerializeToString())
    return path


@pytest.mark.parametrize("write_log", [write_gzip, write_tabs, write_parquet, write_records])
def test_other_formats_have_the_same_features(write_log, frame, features, tmp_path):
    text = propose(str(write_log(frame, tmp_path)), ["click", "buy", "stars"])
    others = {config.feature_name(each): each for each in loaded(text).feature_config.features}
    assert {"user", "hour", "ctr", "tastes", "price"} <= others.keys() <= features.keys()
    sizes = (
        "feature_type",
        "hash_bucket_size",
        "num_buckets",
        "embedding_dim",
        "separator",
        "raw_input_dim",
    )
    for name, each in others.items():
        for size in sizes:
            assert getattr(each, size) == getattr(features[name], size), name


@pytest.mark.parametrize("packing", ["", "GZIP", "ZLIB"])
def test_compression_of_records_is_seen_whatever_the_file_is_called(packing, frame, tmp_path):
    text = propose(str(write_records(frame, tmp_path, packing)), ["click"])
    assert loaded(text).data_config.data_compression_type == packing


def test_encoded_features_are_refused(tmp_path):
    path = tmp_path / "log.parquet"
    table = pa.table({"click": [0, 1], "encoded/user": [3, 5]})
    made_with = {"tfmtl.encoder": '{"features": {"user": "1a2b"}}'}
    pq.write_table(table.replace_schema_metadata(made_with), path)
    with pytest.raises(DataError, match="should have raw columns. Received: features that `conv"):
        propose(str(path), ["click"])


def test_lists_of_parquet_are_told(tmp_path):
    path = tmp_path / "log.parquet"
    frame = pd.DataFrame({"click": [0, 1] * 30, "user": ["a", "b", "c"] * 20, "tags": [["x"]] * 60})
    frame.to_parquet(path)
    assert "Left out: tags: cells of list<element: string>; join lists to text" in propose(
        str(path), ["click"]
    )
    with pytest.raises(
        ConfigError, match="Label `tags` should have a number a row. Received: list"
    ):
        propose(str(path), ["tags"])


def written(folder, text):
    path = folder / "log.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "{path}: should have a header and rows. Received: an empty first line."),
        ("\n1,2", "{path}: should have a header and rows. Received: an empty first line."),
        ("click,user,user\n1,a,b", "{path}: the header names column `user` more than once."),
        ("click,user\n1,a\n0,b,c",
         "{path}:3: expected 2 columns. Received: 3. Fix it, or set `data_config.bad_rows: SKIP` "
         "to leave such rows out."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told(tmp_path, text, problem):
    path = written(tmp_path, text)
    with pytest.raises(DataError) as caught:
        propose(str(path), ["click"])
    assert str(caught.value) == problem.format(path=path)


def test_a_file_of_a_header_alone_is_told(tmp_path):
    with pytest.raises(DataError, match="log.csv: "):
        propose(str(written(tmp_path, "click,user\n")), ["click"])


@pytest.mark.parametrize(
    ("labels", "model", "problem"),
    [
        (["clik"], "mmoe", '`--labels` should name columns of the data. Received: "clik". Did you '
         "mean `click`? Known: click, cart, buy, user."),
        (["buy", "buy"], "mmoe", '`--labels` should name each label once. Received: "buy".'),
        (["user"], "mmoe", "Label `user` should be numbers, or true and false. Received: 'u0'."),
        (["click", "cart", "buy"], "esmm", "`--model esmm` should have 2 labels, yes or no, in the "
         "order click, conversion. Received: `click`, `cart`, `buy`."),
        (["click"], "aitm", "`--model aitm` should have two labels or more, yes or no, in the "
         "order of the user's path. Received: `click`."),
        (["click"], "sluice", "`--model sluice` should have 2 labels or more. Received: `click`."),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_are_told(look, labels, model, problem):
    with pytest.raises(ConfigError) as caught:
        write(look, "funnel.csv", labels, model)
    assert caught.value.problems == [problem]


def test_an_unknown_architecture_is_told_with_the_nearest(funnel):
    with pytest.raises(ConfigError, match="Did you mean `mmoe`"):
        propose(str(funnel), ["click"], model="mmoo")


def test_labels_without_values_and_data_without_features_are_told(tmp_path):
    rows = "\n".join(["click,user,none", *(f"{row % 2},same," for row in range(30))])
    path = written(tmp_path, rows)
    with pytest.raises(ConfigError) as empty:
        propose(str(path), ["none"])
    assert empty.value.problems == [
        "Label `none` should have values. Received: 30 rows, all of them empty."
    ]
    with pytest.raises(ConfigError) as nothing:
        propose(str(path), ["click"])
    assert nothing.value.problems == [
        f"{path}: should have columns to make features of, beside the labels. Received: `user`: "
        "all cells are 'same'; `none`: all cells are empty."
    ]

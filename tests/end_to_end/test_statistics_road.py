"""From statistics to a served model that needs them no more."""

import shutil

import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format

import tfmtl as package
from tfmtl import config
from tfmtl.protos.statistics_pb2 import Statistics

pytestmark = pytest.mark.slow

CHANGES = {
    'input_names: "user" hash_bucket_size: 50': 'input_names: "user" vocabulary { min_count: 70 }',
    "feature_type: TagFeature hash_bucket_size: 20": "feature_type: TagFeature vocabulary {}",
    "feature_type: RawFeature min_val: 0 max_val: 100": (
        'feature_type: RawFeature binning { method: TREE task: "cvr" num_bins: 4 } '
        "embedding_dim: 2 } features { feature_name: 'scaled' input_names: 'price' "
        "feature_type: RawFeature normalization {}"
    ),
    '"tags", "price"]': '"tags", "price", "scaled"]',
}


@pytest.fixture(scope="module")
def asking(make_config):
    """A config that asks for statistics, beside where they will be."""
    path = make_config()
    text = path.read_text()
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(f'{text} statistics_path: "{path.parent}/statistics.pbtxt"')
    return path


@pytest.fixture(scope="module")
def log(data):
    return pd.concat(pd.read_csv(data / f"train-{part}.csv") for part in range(2))


@pytest.fixture(scope="module")
def told(asking, tfmtl):
    """What the command printed."""
    return tfmtl("statistics", "--pipeline_config_path", asking).stdout


@pytest.fixture(scope="module")
def model(asking, told):
    """The folder of a trained model, moved away from its config and without its statistics."""
    package.train(package.load_config(asking, {"export_config.exporter_type": "none"}))
    moved = asking.parent / "elsewhere"
    shutil.move(asking.parent / "model", moved)
    (asking.parent / "statistics.pbtxt").unlink()
    return moved


@pytest.fixture(scope="module")
def pipeline(model):
    """The config that lies in that folder."""
    changes = {"model_dir": str(model), "train_config.num_steps": 70}
    return package.load_config(model / "pipeline.config", changes)


def test_the_command_prints_what_it_writes(asking, told, log):
    assert (asking.parent / "statistics.txt").read_text() == told
    written = (asking.parent / "statistics.pbtxt").read_text()
    found = {each.column: each for each in text_format.Parse(written, Statistics()).columns}
    assert found["price"].missing_rows == log["price"].isna().sum()
    assert found["price"].numbers.mean == pytest.approx(log["price"].mean())
    assert found["price"].numbers.deviation == pytest.approx(log["price"].std(ddof=0))
    assert dict(zip(found["user"].words.words, found["user"].words.counts, strict=True)) == dict(
        log["user"].value_counts()
    )
    tags = log["tags"].dropna().str.split("|").explode().value_counts()
    assert list(found["tags"].words.counts) == sorted(tags, reverse=True)


def test_a_config_before_its_statistics_is_told_the_command(make_config, tfmtl, asking):
    path = make_config()
    path.write_text(asking.read_text().replace("/statistics.pbtxt", "/not_yet.pbtxt"))
    done = tfmtl("train", "--pipeline_config_path", path, check=2)
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "`statistics_path` should name a file that `python -m tfmtl.statistics` has written."
    )


def test_a_model_dir_alone_goes_on_and_is_evaluated(pipeline):
    assert package.train(pipeline, continue_train=True).global_step == 70
    assert package.evaluate(pipeline)["global_step"] == 70


def test_scales_bins_and_words_are_those_of_the_log(pipeline, log):
    by_name = {config.feature_name(each): each for each in config.features(pipeline)}
    scale = by_name["scaled"].normalization
    price = log["price"].astype("float32").astype("float64")
    assert (scale.center, scale.scale) == pytest.approx((price.mean(), price.std(ddof=0)))
    users = log["user"].value_counts()
    words = set(by_name["user"].vocabulary.words)
    assert words == set(users[users >= 70].index) < set(users.index)
    # Purchases are rarer from a price of 40 on.
    assert np.min(np.abs(np.array(by_name["price"].binning.edges) - 40)) < 1


def test_what_is_exported_answers_by_them(pipeline, log):
    """That it answers as the trained model does, its publication has checked."""
    rows = log[:9].copy()
    rows.iloc[1] = rows.iloc[0]
    rows["user"] = ["nobody", "no one", *log["user"][:7]]
    scores = package.Predictor(package.export(pipeline)).predict(rows)
    np.testing.assert_array_equal(scores.iloc[0], scores.iloc[1])
    assert scores.nunique().min() > 1

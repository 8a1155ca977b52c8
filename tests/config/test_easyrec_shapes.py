"""Configs in the shapes of EasyRec's multi-task samples are read to the last field."""

import logging
import pathlib

import pytest

from tfmtl import config

FOLDER = pathlib.Path(__file__).parent / "easyrec"
TRAINED = [
    "mmoe",
    "mmoe_deprecated",
    "ple",
    "esmm",
    "simple_multi_task",
    "dbmtl",
    "dbmtl_with_multi_loss",
    "dbmtl_on_sequences",
]


def sample(model):
    """A model's config, after the part that says data, features and training."""
    common = "taobao_sequences" if "sequences" in model else "taobao"
    return "".join((FOLDER / f"{part}.config").read_text("utf-8") for part in (common, model))


@pytest.mark.parametrize("model", TRAINED)
def test_sample_of_a_built_architecture_loads(model, caplog):
    with caplog.at_level(logging.INFO, logger="tfmtl"):
        pipeline = config.load_text(sample(model))
    labels = {tower.tower_name: tower.label_name for tower in config.towers(pipeline)}
    assert labels == {"ctr": "clk", "cvr": "buy"}
    told = [each.split("`")[1].rpartition(".")[2] for each in caplog.messages]
    assert told in (["metrics_set"], ["metrics_set", "allow_key_search"])


def test_every_sample_is_tested():
    models = {path.stem for path in FOLDER.glob("*.config")}
    assert models == {*TRAINED, "taobao", "taobao_sequences"}

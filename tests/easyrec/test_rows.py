"""EasyRec's multi-task samples, in their shapes: each is read, checked, built; some are trained."""

import logging
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from google.protobuf import json_format, text_format

import tfmtl
from tests.easyrec.rows import (
    ALIKE,
    BOTH,
    BOTTOMS,
    BY_DEFAULT,
    COLUMNS,
    LISTS,
    PLAIN,
    ROWS,
    attention,
    group,
    on_sequences,
    sequence,
)
from tfmtl import config
from tfmtl.errors import ConfigError
from tfmtl.features import Columns
from tfmtl.models import build_network, build_tasks
from tfmtl.protos.pipeline_pb2 import Pipeline

# The names of what is told to have no effect.
TOLD = {"metrics_set", "sequence_length", "allow_key_search", "losses[1]"}
# A graph takes half a second; these are built in the unit ring.
QUICK = ("aitm", "dbmtl_backbone", "mmoe_backbone")
# One of each class, and each way to spell a sequence's steps.
TRAINED = ("aitm", "mmoe_backbone", "dbmtl_with_multi_loss", "multi_numeric_raw")
MAKER = pathlib.Path(__file__).parents[2] / "samples" / "make_taobao_shaped.py"


def test_there_are_as_many_as_easyrec_has():
    assert len(ROWS) + len(ALIKE) + len(BOTTOMS) == 41
    assert set(ALIKE.values()) | {*QUICK, *TRAINED} <= set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_sample_is_read_without_a_problem(name, caplog):
    with caplog.at_level(logging.INFO, logger="tfmtl"):
        pipeline = config.load_text(ROWS[name].text)
    assert {tower.tower_name for tower in config.towers(pipeline)} == {"ctr", "cvr"}
    told = {each.split("`")[1].rpartition(".")[2] for each in caplog.messages}
    assert told <= TOLD


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ROWS]
)
def test_a_sample_is_built(name):
    pipeline = config.load_text(ROWS[name].text)
    network = build_network(pipeline, Columns.from_pipeline(pipeline))
    shapes = {task: output.shape.as_list() for task, output in network.output.items()}
    assert shapes == {task.name: [None, task.units] for task in build_tasks(pipeline)}


@pytest.mark.parametrize("bottom", BOTTOMS.values())
def test_transformers_are_refused_by_name(bottom):
    row = ROWS["dbmtl"].text
    with pytest.raises(ConfigError) as caught:
        config.load_text(row.replace("bottom_dnn {", f"{bottom} {{ }} bottom_dnn {{", 1))
    (problem,) = caught.value.problems
    assert f"`model_config.dbmtl.{bottom}` is refused: " in problem


@pytest.mark.parametrize("bottom", BOTTOMS.values())
@pytest.mark.parametrize("extension", ["config", "json"])
def test_groups_that_a_refused_transformer_reads_are_not_blamed(bottom, extension, tmp_path):
    texts = group(LISTS, "text") + group(PLAIN, "general")  # None is `all`; sequences among plain.
    text = sequence(BY_DEFAULT).text.replace(on_sequences(attention(BOTH)), texts)
    pipeline = text_format.Parse(text, Pipeline())
    written = text.replace("bottom_dnn {", f"{bottom} {{ }} bottom_dnn {{", 1)
    if extension == "json":
        written = json_format.MessageToJson(pipeline, preserving_proto_field_name=True)
        written = written.replace('"dbmtl": {', f'"dbmtl": {{ "{bottom}": {{}},')
    path = tmp_path / f"on_movielens.{extension}"
    path.write_text(written, "utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    (problem,) = caught.value.problems
    assert f"`model_config.dbmtl.{bottom}` is refused: " in problem


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The data, and beside it the same with four numbers in each step of a list."""
    folder = tmp_path_factory.mktemp("taobao")
    command = [sys.executable, MAKER, "--rows", "2000", "--output", folder]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    for part in ("train", "eval"):
        rows = pd.read_csv(folder / f"{part}.csv", names=COLUMNS, dtype=str, keep_default_na=False)
        for name in LISTS:
            rows[name] = rows[name].str.replace(r"(\d+)", r"\1;7;\1;0", regex=True)
        rows.to_csv(folder / f"{part}_several.csv", header=False, index=False)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_a_sample_goes_the_whole_road(name, folder, tmp_path):
    several = "_several" if ROWS[name].several else ""
    pipeline = config.load_text(
        ROWS[name].text,
        overrides={
            "train_input_path": str(folder / f"train{several}.csv"),
            "eval_input_path": str(folder / f"eval{several}.csv"),
            "model_dir": str(tmp_path),
            "data_config.batch_size": 64,
            "train_config.num_steps": 4,
        },
    )
    result = tfmtl.train(pipeline)
    assert all(value is None or np.isfinite(value) for value in result.metrics.values())
    rows = pd.read_csv(pipeline.eval_input_path, names=COLUMNS, nrows=9, dtype=str)
    scores = tfmtl.Predictor(tmp_path / "export" / "final").predict(rows.fillna(""))
    for task in ("ctr", "cvr"):
        assert np.isfinite(np.stack(scores[f"probs_{task}"])).all()

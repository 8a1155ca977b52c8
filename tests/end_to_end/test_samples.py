"""Every sample trains, is evaluated, exported and served."""

import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import tfmtl
from tfmtl import config

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
# What makes the data of a sample, by the folder in which the sample expects it.
MAKERS = {
    "data/ecommerce": ["samples/make_ecommerce_log.py", "--rows", "6000"],
    "data/taobao": ["samples/make_taobao_shaped.py", "--rows", "6000"],
}
# Those on data that has to be downloaded are tested with what prepares it.
SAMPLES = sorted(
    path
    for path in (ROOT / "samples").rglob("*.config")
    if path.parent.name in ("samples", "benchmark", "catalogue")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the data of all samples, where they look for it."""
    folder = tmp_path_factory.mktemp("samples")
    for data, (script, *arguments) in MAKERS.items():
        command = [sys.executable, ROOT / script, *arguments, "--output", folder / data]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_goes_the_whole_road(path, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    if "statistics_path" in path.read_text():
        tfmtl.statistics(path)
    pipeline = tfmtl.load_config(
        path,
        {
            "model_dir": str(tmp_path),
            "data_config.batch_size": 128,
            "train_config.num_steps": 6,
            "train_config.save_checkpoints_steps": 6,
        },
    )
    result = tfmtl.train(pipeline)
    tasks = [tower.tower_name for tower in config.towers(pipeline)]
    assert {f"loss_{task}" for task in tasks} & result.metrics.keys()
    assert all(value is None or np.isfinite(value) for value in result.metrics.values())
    rows = _rows(pipeline)
    kind = pipeline.export_config.exporter_type
    scores = tfmtl.Predictor(tmp_path / "export" / kind).predict(rows)
    assert len(scores) == len(rows)
    assert all(np.isfinite(np.stack(scores[name])).all() for name in scores)


def _rows(pipeline):
    columns = [field.input_name for field in pipeline.data_config.input_fields]
    has_header = pipeline.data_config.with_header
    return pd.read_csv(
        pipeline.eval_input_path, names=None if has_header else columns, nrows=50, dtype=str
    )

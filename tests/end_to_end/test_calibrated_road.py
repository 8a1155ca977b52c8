"""Dropped negatives, reliability and calibrators on the whole road, command by command."""

import json
import pathlib
import types

import numpy as np
import pandas as pd
import pytest

import tfmtl as package

pytestmark = pytest.mark.slow

MORE = """
eval_config { reliability_bins: 4 }
export_config { calibration { task_name: "ctr" isotonic {} } calibration { platt {} } }
"""
IN_DATA = 'undersampling { label_name: "click" rate: 0.2 }'
IN_TOWER = "negative_sampling_rate: 0.2"


@pytest.fixture(scope="module")
def road(make_config, tfmtl):
    """A config whose training drops negatives and whose export is calibrated; trained."""
    path = make_config()
    text = path.read_text().replace('label_name: "click"', f'label_name: "click" {IN_TOWER}')
    path.write_text(text.replace("with_header: true", f"with_header: true {IN_DATA}") + MORE)
    done = tfmtl("train", "--pipeline_config_path", path)
    return types.SimpleNamespace(config=path, folder=path.parent / "model", said=done.stderr)


def served(folder, data):
    rows = pd.read_csv(data / "eval.csv")
    return rows, package.Predictor(folder).predict(rows)


def test_what_is_served_is_what_happens(road, data):
    """A fifth of the negatives was seen, and yet clicks are as frequent as they are told to be."""
    rows, scores = served(road.folder / "export" / "final", data)
    assert rows["click"].sum() / scores["probs_ctr"].sum() == pytest.approx(1.0, abs=0.02)
    clicked = rows["click"] == 1
    told = scores["probs_cvr"][clicked].sum()
    assert rows["buy"][clicked].sum() / told == pytest.approx(1.0, abs=0.02)


def test_training_tells_what_it_calibrated(road):
    assert "Calibrated task `ctr`: isotonic (" in road.said
    assert "Calibrated task `cvr`: platt (a " in road.said
    (file,) = pathlib.Path(road.folder, "export", "final").glob("*/assets/calibration.json")
    written = json.loads(file.read_text())
    assert written["ctr"]["method"] == "isotonic"
    assert written["ctr"]["after"]["ece"] < written["ctr"]["before"]["ece"]


def test_evaluate_prints_json_and_tables_beside_it(road, tfmtl):
    done = tfmtl("evaluate", "--model_dir", road.folder)
    result = json.loads(done.stdout)
    assert result == json.loads((road.folder / "eval_result.json").read_text())
    bins = result["reliability"]["ctr"]
    assert sum(each["rows"] for each in bins) == 700
    told = sum(each["weight"] * each["mean_prediction"] for each in bins)
    happened = sum(each["weight"] * each["mean_label"] for each in bins)
    # Without the correction `told` would be twice or three times as much.
    assert happened / told == pytest.approx(1.0, abs=0.25)
    assert "reliability of ctr\n        rows   predicted    observed     copc\n" in done.stderr
    assert "reliability of cvr\n" in done.stderr


def test_export_calibrates_the_checkpoint_anew(road, tfmtl, data, tmp_path):
    done = tfmtl("export", "--model_dir", road.folder, "--export_dir", tmp_path)
    assert "Calibrated task `ctr`" in done.stderr
    _, scores = served(done.stdout.strip(), data)
    _, trained = served(road.folder / "export" / "final", data)
    np.testing.assert_allclose(scores["probs_ctr"], trained["probs_ctr"], rtol=1e-4)


def test_export_says_what_it_calibrates_on(road, tfmtl, tmp_path):
    text = road.config.read_text().splitlines()
    config = tmp_path / "no_data.config"
    config.write_text("\n".join(line for line in text if "eval_input_path" not in line))
    done = tfmtl("export", "--pipeline_config_path", config, check=2)
    assert done.stderr.splitlines()[-1] == (
        "`eval_input_path` should name the files to evaluate on, as `export_config.calibration` "
        "is fitted to them. Received: nothing."
    )


def test_a_frame_can_be_calibrated_on(road, data, tmp_path):
    pipeline = package.load_config(road.config)
    pipeline.ClearField("eval_input_path")
    rows = pd.read_csv(data / "eval.csv")
    folder = package.export(pipeline, tmp_path, eval_data=rows)
    _, scores = served(folder, data)
    _, trained = served(road.folder / "export" / "final", data)
    np.testing.assert_allclose(scores["probs_cvr"], trained["probs_cvr"], rtol=1e-4)

"""An export that is calibrated: its answers, its check, and what lies beside it."""

import json

import numpy as np
import pytest
import tensorflow as tf
from small_model import answers, check_against

from tfmtl.errors import ExportError
from tfmtl.serving import Predictor, export
from tfmtl.serving.signatures import build_servable
from tfmtl.tasks.calibration import fit_calibration
from tfmtl.tasks.calibrators import Isotonic
from tfmtl.tasks.class_temperature import ClassTemperature

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tasks(model):
    """The tasks: `ctr` has an isotonic function of many blocks, `rating` a temperature."""
    random = np.random.default_rng(7)
    logits = random.normal(0.0, 6.0, 3000).astype("float32")
    labels = (random.random(3000) < 1 / (1 + np.exp(2 - logits / 3))).astype("float32")
    calibration = fit_calibration("ctr", Isotonic(), logits, labels, np.ones(3000))
    classes = random.integers(0, 3, 500)
    sure = fit_calibration(
        "rating", ClassTemperature(), random.normal(size=(500, 3)), classes, np.ones(500)
    )
    ctr, rating, *others = model.tasks
    return [ctr.calibrated(calibration), rating.calibrated(sure), *others]


@pytest.fixture(scope="module")
def calibrated(model, tasks, pipeline, rows, tmp_path_factory):
    """The folder of a version, checked in a process that has only TensorFlow."""
    base = tmp_path_factory.mktemp("calibrated")
    return export(model.network, model.columns, tasks, pipeline, base, rows)


def test_what_is_served_is_calibrated(calibrated, model, tasks, rows):
    served = Predictor(calibrated).answer({k: tf.constant(v) for k, v in rows.items()})
    plain = answers(model, rows)
    expected = tasks[0].calibration(tf.constant(plain["logits_ctr"])).numpy()
    np.testing.assert_allclose(served["logits_ctr"], expected, rtol=1e-5)
    np.testing.assert_allclose(served["probs_ctr"], 1 / (1 + np.exp(-expected)), rtol=1e-5)
    assert np.abs(served["logits_ctr"] - plain["logits_ctr"]).min() > 0.1
    logits = plain["logits_rating"] / tasks[1].calibration.calibrator.temperature
    np.testing.assert_allclose(served["logits_rating"], logits, rtol=1e-5)
    np.testing.assert_allclose(served["probs_rating"], tf.nn.softmax(logits), rtol=1e-5)
    np.testing.assert_array_equal(served["y_rating"], plain["y_rating"])
    for name in [name for name in plain if not name.endswith("_ctr") and "rating" not in name]:
        np.testing.assert_allclose(served[name], plain[name], rtol=1e-5, err_msg=name)


def test_the_check_compares_with_calibrated_answers(calibrated, model, rows):
    """Against the model without its calibrator, the export fails it."""
    plain = build_servable(model.columns, model.network, model.tasks)
    said = "Output `(logits|probs)_(ctr|rating).*` of signature `serving_default` should be"
    with pytest.raises(ExportError, match=said):
        check_against(calibrated, plain, rows)


def test_what_was_fitted_lies_beside_it(calibrated, exported, tasks):
    written = json.loads((calibrated / "assets" / "calibration.json").read_text("utf-8"))
    assert written == {task.name: task.calibration.as_json() for task in tasks[:2]}
    assert not (exported / "assets" / "calibration.json").exists()


def test_an_asset_of_that_name_is_told(model, tasks, pipeline, tmp_path):
    (tmp_path / "calibration.json").write_text("{}")
    other = type(pipeline)()
    other.CopyFrom(pipeline)
    other.export_config.asset_files[:] = [str(tmp_path / "calibration.json")]
    with pytest.raises(ExportError, match="where there is already a `calibration.json`"):
        export(model.network, model.columns, tasks, other, tmp_path / "out")

"""An export tells what it is."""

import json

import pytest
import tensorflow as tf
from google.protobuf import json_format

from tfmtl.features.fingerprints import fingerprints
from tfmtl.protos.pipeline_pb2 import Pipeline


@pytest.fixture(scope="module")
def told(exported):
    return json.loads((exported / "assets.extra" / "tfmtl_export.json").read_text("utf-8"))


def test_it_tells_what_the_export_is(told, exported, model, pipeline):
    assert told["versions"]["tensorflow"] == told["versions"]["graph_tensorflow"] == tf.__version__
    assert told["versions"]["tfmtl"]
    assert [each["name"] for each in told["features"]] == list(model.columns.features)
    assert told["fingerprints"] == fingerprints(pipeline) and "city" in told["fingerprints"]
    tags = next(each for each in told["features"] if each["name"] == "tags")
    assert tags == {"name": "tags", "kind": "TagFeature", "columns": ["tags"]}
    assert told["tasks"][0] == {
        "name": "ctr",
        "outputs": ["logits_ctr", "probs_ctr"],
        "calibration": None,
    }
    assert json_format.ParseDict(told["config"], Pipeline()) == pipeline
    assert told["metrics"] == {"global_step": 7, "auc_ctr": 0.75}
    assert (told["embedding_storage"], told["tolerance"]) == ("FLOAT32", 1e-5)
    assert told["recorded_rows"] == 4


def test_it_tells_every_signature(told):
    assert list(told["signatures"]) == ["classify", "examples", "regress", "serving_default"]
    inputs = told["signatures"]["serving_default"]["inputs"]
    assert inputs["level"] == {"dtype": "int32", "shape": [None]}
    outputs = told["signatures"]["serving_default"]["outputs"]
    assert outputs["probs_rating"] == {"dtype": "float32", "shape": [None, 3]}


def test_it_estimates_memory_by_what_lies_on_disk(told, exported):
    size = told["size"]
    large = sum((exported / name).stat().st_size for name in ("saved_model.pb", "fingerprint.pb"))
    variables = sum(path.stat().st_size for path in (exported / "variables").iterdir())
    assert size["disk_bytes"] >= large + variables
    assert size["memory_bytes"] == int(1.2 * size["disk_bytes"])
    assert size["memory_bytes_while_swapped"] == 2 * size["memory_bytes"]


def test_it_tells_the_shapes_of_variables(told, model):
    shapes = [shape for name, shape in told["variables"].items() if name.startswith("weights/")]
    assert sorted(shapes) == sorted(list(weight.shape) for weight in model.network.weights)

"""What lies beside the versions can be used as it is."""

import json
import runpy
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from toy import toy_servable, write_version

from tfmtl.protos.batching_parameters_pb2 import BatchingParameters
from tfmtl.protos.export_pb2 import Batching
from tfmtl.serving.base_files import write_base_files
from tfmtl.serving.batching import batching_problems, batching_text
from tfmtl.serving.gate.version import Version


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("toy")
    version = Version(write_version(toy_servable(), base / "1"))
    write_base_files(base, "toy", version.manifest, version.golden, batched=True)
    return base


def test_there_is_nothing_but_whole_files(base):
    assert sorted(path.name for path in base.iterdir()) == [
        "1",
        "README.md",
        "models.config",
        "request.json",
        "request.py",
        "request_classify.json",
        "request_examples.json",
        "request_rank.json",
    ]


def test_requests_bring_every_input_in_rows(base):
    body = json.loads((base / "request.json").read_text())
    assert body == {
        "signature_name": "serving_default",
        "instances": [{"user": "u1", "price": 1.0}, {"user": "u2", "price": 2.5}],
    }
    rank = json.loads((base / "request_rank.json").read_text())
    assert rank["instances"][0] == {"user": "u1", "price": [1.0, 2.5, 10.0]}
    examples = json.loads((base / "request_examples.json").read_text())
    (value,) = examples["instances"][0].values()
    assert list(value) == ["b64"]


def test_the_readme_tells_how_to_serve_and_every_signature(base):
    text = (base / "README.md").read_text()
    assert 'docker run -p 8500:8500 -p 8501:8501 -v "$PWD:/models/toy" tensorflow/serving' in text
    assert "| `rank` | `price`, `user` | `probs` | `request_rank.json` |" in text
    assert "--enable_per_model_batching_parameters" in text
    assert f"TensorFlow {tf.__version__} or later" in text


def test_the_models_config_is_one_that_a_server_reads(base):
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = (base / "models.config").read_text()
    (model,) = text_format.Parse(text, config.ModelServerConfig()).model_config_list.config
    assert (model.name, model.base_path) == ("toy", "/models/toy")
    assert model.model_platform == "tensorflow"
    assert model.model_version_policy.latest.num_versions == 1


@pytest.mark.slow
def test_the_grpc_request_is_one_that_the_model_takes(base, monkeypatch, capsys):
    """With a stub in the server's place, which keeps what it is asked."""
    grpc_stubs = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    from tensorflow_serving.apis import predict_pb2

    asked = []

    def predict(request, timeout):
        asked.append(request)
        return predict_pb2.PredictResponse(outputs={"probs": tf.make_tensor_proto([0.5, 0.25])})

    stub = types.SimpleNamespace(Predict=predict)
    monkeypatch.setattr(grpc_stubs, "PredictionServiceStub", lambda channel: stub)
    monkeypatch.setattr(sys, "argv", ["request.py"])
    runpy.run_path(str(base / "request.py"))
    (request,) = asked
    assert request.model_spec.name == "toy"
    golden = Version(base / "1").golden[0]
    for name, value in golden.inputs.items():
        np.testing.assert_array_equal(tf.make_ndarray(request.inputs[name]), value[:2])
    assert "probs" in capsys.readouterr().out


def test_parameters_of_batching_are_written_as_a_server_reads_them():
    batching = Batching(
        max_batch_size=64,
        batch_timeout_micros=0,
        enable_large_batch_splitting=True,
        max_execution_batch_size=16,
        allowed_batch_sizes=[4, 16],
    )
    text = batching_text(batching)
    assert text.splitlines() == [
        "max_batch_size { value: 64 }",
        "batch_timeout_micros { value: 0 }",
        "max_execution_batch_size { value: 16 }",
        "enable_large_batch_splitting { value: true }",
        "allowed_batch_sizes: 4",
        "allowed_batch_sizes: 16",
    ]
    assert list(batching_problems(text)) == []
    read = text_format.Parse(text, BatchingParameters())
    assert (read.max_batch_size.value, read.max_execution_batch_size.value) == (64, 16)
    assert read.HasField("batch_timeout_micros") and read.batch_timeout_micros.value == 0
    assert read.enable_large_batch_splitting.value
    assert list(read.allowed_batch_sizes) == [4, 16]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "max_batch_size 4",
            "It should be text of BatchingParameters. Received: max_batch_size 4.",
        ),
        (
            "allowed_batch_sizes: 8 allowed_batch_sizes: 4",
            "`allowed_batch_sizes` should grow. Received: [8, 4].",
        ),
    ],
)
def test_what_a_server_would_not_take_is_told(text, said):
    assert list(batching_problems(text)) == [said]

"""gRPC by TensorFlow Serving's own stubs: answers, words and codes."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from fake_model import PATIENCE, config_text, free_port, model_config, service_of, spec, wait_for
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    input_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tfmtl.serving.server import grpc_services

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRICES = [3.0, 0.5]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("grpc") / "m"


@pytest.fixture(scope="module")
def channel(base):
    service, _ = service_of(base)
    address = f"127.0.0.1:{free_port()}"
    server = grpc_services.start(service, address, 4, None, [], HealthServicer())
    with grpc.insecure_channel(address) as channel:
        yield channel
    server.stop(None).wait()


@pytest.fixture(scope="module")
def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def predict_request(inputs, signature="", output_filter=(), **which):
    request = predict_pb2.PredictRequest(output_filter=output_filter)
    request.model_spec.CopyFrom(spec(signature_name=signature, **which))
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def rows(**more):
    level = np.array([2, 0], np.int32)
    return {"user": ["a", "b"], "price": [1.5, 3.0], "level": level, **more}


def given(prices=PRICES):
    features = [
        tf.train.Features(
            feature={"price": tf.train.Feature(float_list=tf.train.FloatList(value=[price]))}
        )
        for price in prices
    ]
    examples = [tf.train.Example(features=each) for each in features]
    return input_pb2.Input(example_list=input_pb2.ExampleList(examples=examples))


def refused(call, request, code=INVALID):
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=PATIENCE)
    assert error.value.code() == code
    return error.value.details()


def test_predict(stub):
    response = stub.Predict(predict_request(rows()), timeout=PATIENCE)
    probs = response.outputs["probs"]
    np.testing.assert_allclose(tf.make_ndarray(probs), [2.15, 0.3], rtol=1e-6)
    assert len(probs.float_val) == 2  # And no bytes: what the server does by itself.
    assert list(response.outputs["name"].string_val) == [b"a", b"b"]
    assert response.model_spec == spec(version=7, signature_name="serving_default")


def test_numbers_are_bytes_if_that_is_asked_for(base):
    service, _ = service_of(base.with_name("content"), as_content=True)
    probs = service.predict(predict_request(rows())).outputs["probs"]
    assert len(probs.tensor_content) == 8
    assert not probs.float_val


def test_only_the_outputs_that_are_asked_for(stub):
    response = stub.Predict(predict_request(rows(), output_filter=["name"]), timeout=PATIENCE)
    assert set(response.outputs) == {"name"}


WRONG = {
    "an input too few": (
        {"inputs": {"user": ["a"]}},
        "input size does not match signature: 1!=3 len({user}) != len({level,price,user}). "
        "Sent extra: {}. Missing but required: {level,price}.",
    ),
    "another input": (
        {"inputs": {**rows(), "prize": [1.0]}},
        "input size does not match signature: 4!=3 len({level,price,prize,user}) != "
        "len({level,price,user}). Sent extra: {prize}. Missing but required: {}.",
    ),
    "an input by another name": (
        {"inputs": {"user": ["a"], "prize": [1.0], "level": [1]}},
        "input tensor alias not found in signature: prize. "
        "Inputs expected to be in the set {level,price,user}.",
    ),
    "another type": (
        {"inputs": rows(price=["1", "2"])},
        "Expects arg[1] to be float but string is provided",
    ),
    "another output": (
        {"inputs": rows(), "output_filter": ["cost"]},
        "output tensor alias not found in signature: cost "
        "Outputs expected to be in the set {name,probs}.",
    ),
    "an output twice": (
        {"inputs": rows(), "output_filter": ["name", "name"]},
        "duplicate output tensor alias: name",
    ),
    "no name": ({"inputs": rows(), "name": ""}, "ModelSpec has no name specified."),
    "a label": (
        {"inputs": rows(), "label": "new"},
        "Unrecognized servable version label: new",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_requests_are_told(stub, case):
    asked, message = WRONG[case]
    assert refused(stub.Predict, predict_request(**asked)) == message


def test_a_signature_that_there_is_not(stub):
    said = refused(
        stub.Predict, predict_request(rows(), "none"), grpc.StatusCode.FAILED_PRECONDITION
    )
    assert said == 'Serving signature key "none" not found.'


def test_a_model_that_there_is_not(stub):
    said = refused(stub.Predict, predict_request(rows(), version=8), grpc.StatusCode.NOT_FOUND)
    assert said == "Servable not found for request: Specific(m, 8)"


def test_nobody_is_asked(stub):
    assert refused(stub.Predict, predict_pb2.PredictRequest()) == "Missing ModelSpec"


@pytest.mark.parametrize("sizes", [[5], [-1], [2**40]])
def test_tensors_that_are_none(stub, sizes):
    request = predict_request(rows())
    tensor = request.inputs["price"]
    tensor.tensor_content = b"123"
    del tensor.tensor_shape.dim[:]
    for size in sizes:
        tensor.tensor_shape.dim.add().size = size
    assert refused(stub.Predict, request) == "tensor parsing error: price"


def test_a_fault_of_the_servers_own_is_internal(stub):
    request = predict_request({"x": [[1.0]]}, "broken")
    assert refused(stub.Predict, request, grpc.StatusCode.INTERNAL).startswith("KeyError")


def test_classify(stub):
    request = classification_pb2.ClassificationRequest(
        model_spec=spec(signature_name="classify"), input=given()
    )
    response = stub.Classify(request, timeout=PATIENCE)
    told = [
        [(each.label, each.score) for each in row.classes]
        for row in response.result.classifications
    ]
    assert told == [[("cheap", 1.5), ("dear", 6.0)], [("cheap", 0.25), ("dear", 1.0)]]
    assert response.model_spec.version.value == 7


def test_classes_without_names(stub):
    request = classification_pb2.ClassificationRequest(
        model_spec=spec(signature_name="scores"), input=given([2.0])
    )
    (row,) = stub.Classify(request, timeout=PATIENCE).result.classifications
    assert [(each.label, each.score) for each in row.classes] == [("", 1.0), ("", 4.0)]


def test_regress(stub):
    request = regression_pb2.RegressionRequest(
        model_spec=spec(signature_name="regress"), input=given()
    )
    response = stub.Regress(request, timeout=PATIENCE)
    assert [each.value for each in response.result.regressions] == PRICES


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("none", "No signature was found with the name: none"),
        ("serving_default", "Expected one input Tensor."),
        ("texts", "No regression inputs found in SignatureDef"),
        ("classify", "Expected one output Tensor."),
        ("scores", "No regression outputs found in SignatureDef"),
    ],
)
def test_signatures_that_are_no_regression(stub, signature, message):
    request = regression_pb2.RegressionRequest(
        model_spec=spec(signature_name=signature), input=given()
    )
    said = refused(stub.Regress, request)
    assert said.startswith(message)


def test_no_rows(stub):
    for given_rows in (input_pb2.Input(), given([])):
        request = regression_pb2.RegressionRequest(
            model_spec=spec(signature_name="regress"), input=given_rows
        )
        assert refused(stub.Regress, request) == "Input is empty."


def tasks(*asked, rows=None):
    request = inference_pb2.MultiInferenceRequest(input=rows or given())
    for name, method, model in asked:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.CopyFrom(spec(model, signature_name=name))
    return request


def test_rows_are_counted_once_whatever_is_asked_of_them(tmp_path):
    service, metrics = service_of(tmp_path / "m")
    asked = tasks(("classify", "classify", "m"), ("regress", "regress", "m"))
    service.multi_inference(asked)
    service.regress(
        regression_pb2.RegressionRequest(
            model_spec=spec(signature_name="regress"), input=given([1.0, 2.0, 3.0])
        )
    )
    assert ':tensorflow:serving:request_example_count_total{model="m"} 5\n' in metrics.text()


def test_several_signatures_answer_the_same_rows(stub):
    asked = tasks(("classify", "classify", "m"), ("regress", "regress", "m"))
    classes, numbers = stub.MultiInference(asked, timeout=PATIENCE).results
    assert classes.classification_result.classifications[1].classes[1].score == 1.0
    assert [each.value for each in numbers.regression_result.regressions] == PRICES
    assert numbers.model_spec == spec(version=7, signature_name="regress")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([], "ModelSpec has no name specified."),
        ([("regress", "regress", "m")] * 2, "Duplicate evaluation of signature: regress"),
        (
            [("regress", "regress", "m"), ("classify", "classify", "n")],
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
    ],
)
def test_signatures_that_cannot_be_asked_together(stub, asked, message):
    assert refused(stub.MultiInference, tasks(*asked)) == message


def test_a_method_that_is_not_known(stub):
    said = refused(
        stub.MultiInference, tasks(("regress", "guess", "m")), grpc.StatusCode.UNIMPLEMENTED
    )
    assert said == "Unsupported signature method_name: tensorflow/serving/guess"


def test_metadata(stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec(), metadata_field=["signature_def"]
    )
    response = stub.GetModelMetadata(request, timeout=PATIENCE)
    told = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(told)
    assert told.signature_def["one"].inputs["x"].name == "x:0"
    assert response.model_spec.version.value == 7


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "GetModelMetadataRequest must specify at least one metadata_field"),
        (["graph"], "Metadata field graph is not supported"),
    ],
)
def test_metadata_that_there_is_not(stub, fields, message):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec(), metadata_field=fields
    )
    assert refused(stub.GetModelMetadata, request) == message


def test_other_models_are_served_on_request(models, base):
    (base / "8").mkdir(exist_ok=True)
    request = model_management_pb2.ReloadConfigRequest(config=model_config(config_text(base)))
    assert models.HandleReloadConfigRequest(request, timeout=PATIENCE).status.error_code == 0
    status = get_model_status_pb2.GetModelStatusRequest(model_spec=spec())

    def states():
        told = models.GetModelStatus(status, timeout=PATIENCE).model_version_status
        return {each.version: each.State.Name(each.state) for each in told}

    assert states()[8] == "AVAILABLE"
    wait_for(lambda: states()[7] == "END")  # Before that it would not be loaded again.
    (base / "8").rmdir()
    models.HandleReloadConfigRequest(request, timeout=PATIENCE)
    assert states()[7] == "AVAILABLE"
    assert refused(models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())


def test_an_address_that_is_taken_is_told(base):
    address = f"127.0.0.1:{free_port()}"
    service, _ = service_of(base.with_name("taken"))
    server = grpc_services.start(service, address, 1, None, [])
    with pytest.raises(OSError, match="it cannot be had"):
        grpc_services.start(service, address, 1, None, [])
    server.stop(None).wait()


@pytest.fixture(scope="module")
def health(channel):
    return health_pb2_grpc.HealthStub(channel)


def test_the_server_says_that_it_serves(health):
    assert (
        health.Check(HealthCheckRequest(), timeout=PATIENCE).status == HealthCheckResponse.SERVING
    )


def test_the_health_of_a_service_is_not_known(health):
    refused(health.Check, HealthCheckRequest(service="m"), grpc.StatusCode.NOT_FOUND)


def test_who_watches_is_told_that_the_server_serves_and_that_it_ends(base):
    service, health = service_of(base.parent / "watched")[0], HealthServicer()
    address = f"127.0.0.1:{free_port()}"
    server = grpc_services.start(service, address, 1, None, [], health)
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watched = [stub.Watch(HealthCheckRequest(), timeout=PATIENCE) for _ in range(3)]
        # More watch than there are threads, and calls are answered all the same.
        told = [next(each).status for each in watched]
        assert (
            stub.Check(HealthCheckRequest(), timeout=PATIENCE).status == HealthCheckResponse.SERVING
        )
        health.enter_graceful_shutdown()
        told += [next(each).status for each in watched]
    server.stop(None).wait()
    assert told == [HealthCheckResponse.SERVING] * 3 + [HealthCheckResponse.NOT_SERVING] * 3

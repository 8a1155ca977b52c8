"""The JSON of REST, and what is said of bodies that are none: words and codes are the server's."""

import json

import pytest
import tensorflow as tf
from fake_model import FakeModel, service_of

from tfmtl.serving.server import json_text, rest_calls, statuses

ROW = {"user": "a", "price": 1.5, "level": 2}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return service_of(tmp_path_factory.mktemp("json") / "m")[0]


@pytest.fixture(scope="module")
def post(service):
    def post(body, path="/v1/models/m:predict"):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return json.loads(rest_calls.answer(service, "POST", path, text))

    return post


def ask(post, signature, **body):
    return post({"signature_name": signature, **body})


def test_rows_are_answered_in_rows(post):
    other = {"level": 0, "price": 3, "user": "é"}
    assert post({"instances": [ROW, other]}) == {
        "predictions": [{"name": "a", "probs": 2.15}, {"name": "é", "probs": 0.3}]
    }


def test_columns_are_answered_in_columns(post):
    inputs = {"user": ["a", "b"], "price": [1.5, 3.0], "level": [2, 0], "unknown": [1]}
    assert post({"inputs": inputs}) == {"outputs": {"name": ["a", "b"], "probs": [2.15, 0.3]}}


def test_the_one_input_and_the_one_output_need_no_names(post):
    assert ask(post, "one", instances=[[1, 2], [3, 4.5]]) == {"predictions": [3.0, 7.5]}
    assert ask(post, "one", inputs=[[1, 2], [3, 4.5]]) == {"outputs": [3.0, 7.5]}
    assert ask(post, "one", instances=[{"x": [1, 2, 3]}]) == {"predictions": [6.0]}


def test_bytes_come_and_go_as_base64(post):
    binary = {"b64": "//79"}
    answer = ask(post, "texts", instances=["é", {"b64": "w6k="}, {"b64": "w6k"}])
    assert answer["predictions"] == [{"copy": "é", "copy_bytes": {"b64": "w6k="}}] * 3
    with pytest.raises(tf.errors.InvalidArgumentError, match="Tensor name: copy has text that"):
        ask(post, "texts", inputs=[binary])


def test_numbers_without_end_are_read_and_written(post):
    assert ask(post, "one", inputs=[[float("inf"), 1], [1e39, 1]])["outputs"] == [float("inf")] * 2
    assert ask(post, "one", inputs=[[float("nan")]])["outputs"][0] != 0


def test_floats_are_written_with_their_own_shortest_digits(service):
    body = b'{"signature_name": "one", "instances": [[0.1], [1], [16777216]]}'
    text = rest_calls.answer(service, "POST", "/v1/models/m:predict", body)
    assert text == '{\n    "predictions": [0.1, 1.0, 16777216.0]\n}'


WRONG_BODIES = {
    b"": "JSON Parse error: The document is empty. at offset: 0",
    b'{"instances": [1 2]}': "JSON Parse error: Missing a comma or ']' after an array element. at "
    "offset: 17",
    b'{"instances": nul}': "JSON Parse error: Invalid value. at offset: 17",
    b'{"instances": [1.]}': "JSON Parse error: Miss fraction part in number. at offset: 17",
    b'{"a": 1} x': "JSON Parse error: The document root must not be followed by other values. at "
    "offset: 9",
    b'{"a": "\xff"}': "JSON Parse error: Invalid encoding in string. at offset: 7",
    b"[" * 100_000: "JSON Parse error: Maximum parse recursion depth exceeded! at offset: ",
    b'{"signature_name": "one", "inputs": [[1%s]]}'
    % (b"0" * 400): "Number too big to be stored in double.",
    b'{"instances": 1%s}' % (b"0" * 9000): "JSON Parse error: ",
    b"[1]": "JSON Value: [1] Is not object",
    b"{}": "Missing 'inputs' or 'instances' key",
    b'{"signature_name": 5, "inputs": 1}': "'signature_name' key must be a string value.",
    b'{"signature_name": "none", "inputs": 1}': 'Serving signature name: "none" not found in '
    "signature def",
    b'{"instances": {"user": "a"}}': "Excepting 'instances' to be an list/array",
    b'{"inputs": [1]}': "inputs is a plain value/list, but expecting an object as multiple input "
    "tensors required as per tensorinfo_map",
    b'{"inputs": {"user": ["a"], "price": [1]}}': "Missing named input: level in 'inputs' object.",
    b'{"instances": [1]}': "instances is a plain list, but expecting list of objects as multiple "
    "input tensors required as per tensorinfo_map",
}


@pytest.mark.parametrize("body", WRONG_BODIES)
def test_a_wrong_body_is_told(post, body):
    with pytest.raises(tf.errors.InvalidArgumentError) as failure:
        post(body)
    assert failure.value.message.startswith(WRONG_BODIES[body])


WRONG_ROWS = {
    "a key too few": (
        [ROW, {"user": "a", "price": 1}],
        'Failed to process element: 1 of \'instances\' list. JSON object: {\n    "user": "a",\n'
        '    "price": 1\n} keys must be equal to: level,price,user',
    ),
    "a key too many": (
        [{**ROW, "prize": 1}],
        "Failed to process element: 0 key: prize of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: prize",
    ),
    "a text for a number": (
        [{**ROW, "price": "1"}],
        "Failed to process element: 0 key: price of 'instances' list. Error: INVALID_ARGUMENT: "
        'JSON Value: "1" Type: String is not of expected type: float',
    ),
    "a fraction for a whole number": (
        [{**ROW, "level": 1.0}],
        "Failed to process element: 0 key: level of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON Value: 1.0 Type: Number is not of expected type: int32",
    ),
    "a whole number that is too large": (
        [{**ROW, "level": 2**31}],
        "Failed to process element: 0 key: level of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON Value: 2147483648 Type: Number is not of expected type: int32",
    ),
    "nothing": (
        [{**ROW, "user": None}],
        "Failed to process element: 0 key: user of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON Value: null Type: Null is not of expected type: string",
    ),
    "a list in one row": (
        [ROW, {**ROW, "price": [1]}],
        "Failed to process element: 1 key: price of 'instances' list. Error: INVALID_ARGUMENT: "
        "Encountered list at unexpected level: 0 expected < 0",
    ),
    "a value among objects": (
        [ROW, 3],
        "Expecting object value but got non-object at list index: 1",
    ),
    "rows of lists where each has one value": (
        [{name: [value] for name, value in ROW.items()}],
        "Input level should have the shape (None,) but (1, 1) is provided",
    ),
    "no rows": ([], "No values in 'instances' list"),
}


@pytest.mark.parametrize("case", WRONG_ROWS)
def test_wrong_rows_are_told(post, case):
    rows, message = WRONG_ROWS[case]
    with pytest.raises(tf.errors.InvalidArgumentError) as failure:
        post({"instances": rows})
    assert failure.value.message == message


WRONG_LISTS = {
    "ragged": (
        [[1, 2], [3]],
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
    ),
    "too deep": ([[1], [[3]]], "Encountered list at unexpected level: 2 expected < 2"),
    "too flat": (
        [[1], 3],
        "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
    ),
    "binary": (
        [[{"b64": "AA=="}]],
        'JSON Value: {\n    "b64": "AA=="\n} Type: Object is not of expected type: float',
    ),
    "no list": (3, "Input x should have the shape (None, None) but () is provided"),
    "true": ([[True]], "JSON Value: true Type: True is not of expected type: float"),
}


@pytest.mark.parametrize("case", WRONG_LISTS)
def test_wrong_lists_are_told(post, case):
    values, message = WRONG_LISTS[case]
    with pytest.raises(tf.errors.InvalidArgumentError) as failure:
        ask(post, "one", inputs=values)
    assert failure.value.message == message


def test_what_is_no_base64_is_told(post):
    for value in ("é", "a*b=", "a"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Unable to base64 decode"):
            ask(post, "texts", inputs=[{"b64": value}])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Type: Number is not of expected"):
        ask(post, "texts", inputs=[{"b64": 1}])


def test_types_that_json_has_not_are_unimplemented(post):
    with pytest.raises(tf.errors.UnimplementedError, match="JSON Value: 1 to type: half"):
        ask(post, "kinds", inputs={"flag": [True], "half": [1]})


def test_what_the_graph_says_is_told(post):
    with pytest.raises(tf.errors.OutOfRangeError, match="thirteen rows"):
        ask(post, "one", instances=[[1]] * 13)


def test_a_fault_of_the_servers_own_is_internal(post):
    with pytest.raises(tf.errors.InternalError, match="KeyError"):
        ask(post, "broken", instances=[[1]])


def test_the_model_is_given_the_time_that_is_left(tmp_path):
    model = FakeModel()
    service, _ = service_of(tmp_path / "m", model)
    body = json.dumps({"signature_name": "one", "inputs": [[1]]}).encode()
    rest_calls.answer(service, "POST", "/v1/models/m:predict", body, timeout=1.5)
    assert model.timeouts == [1.5]


EXAMPLES = [{"price": 3.0, "user": "a", "tags": ["x", {"b64": "AA=="}]}, {"price": [0.1]}]


def test_classes_of_examples(post):
    answer = post({"signature_name": "classify", "examples": EXAMPLES}, "/v1/models/m:classify")
    assert answer == {
        "results": [[["cheap", 1.5], ["dear", 6.0]], [["cheap", 0.05], ["dear", 0.2]]]
    }


def test_numbers_of_examples(post):
    body = {"signature_name": "regress", "examples": EXAMPLES}
    assert post(body, "/v1/models/m:regress") == {"results": [3.0, 0.1]}


def test_what_examples_have_in_common_is_said_once(post):
    body = {"signature_name": "regress", "context": {"price": 2.5}, "examples": [{}, {"user": "a"}]}
    assert post(body, "/v1/models/m:regress") == {"results": [2.5, 2.5]}


WRONG_EXAMPLES = {
    "none": ({}, "When method is classify, key 'examples' is expected and was not found"),
    "an object": ({"examples": {}}, "Expecting 'examples' value to be an list/array"),
    "no rows": ({"examples": []}, "Expecting 'examples' value to be a non-empty list/array"),
    "values": ({"examples": [1]}, "Example must be JSON object but got JSON Type: Number"),
    "null": (
        {"examples": [{"a": None}]},
        "Feature: a has JSON Value: null of unsupported JSON Type: Null",
    ),
    "nested": (
        {"examples": [{"a": [[1]]}]},
        "Feature: a has JSON Value: [1] of unsupported JSON Type: Array",
    ),
    "mixed": (
        {"examples": [{"a": [1, 2.5]}]},
        "Unexpected element type in list of Feature: a expecting type: int64 "
        "but got JSON Value: 2.5",
    ),
    "too large": (
        {"examples": [{"a": 2**64}]},
        "Feature: a has JSON Value: 18446744073709551616 out of range of int64",
    ),
    "a whole number for a float": (
        {"examples": [{"price": 1}]},
        "Key: price. Data types don't match.",
    ),
    "a context that is none": (
        {"examples": [{}], "context": 1},
        "Example context must be JSON object but got JSON Type: Number",
    ),
    "another signature": (
        {"examples": [{}], "signature_name": "none"},
        "No signature was found with the name: none",
    ),
    "a signature of another kind": (
        {"examples": [{}], "signature_name": "serving_default"},
        "Expected one input Tensor.",
    ),
}


@pytest.mark.parametrize("case", WRONG_EXAMPLES)
def test_wrong_examples_are_told(post, case):
    body, message = WRONG_EXAMPLES[case]
    with pytest.raises(tf.errors.InvalidArgumentError) as failure:
        post({"signature_name": "classify", **body}, "/v1/models/m:classify")
    assert failure.value.message == message


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("POST", "/v1/models/m", "Malformed request: POST /v1/models/m"),
        ("POST", "/v1/models/m:guess", "Malformed request: POST /v1/models/m:guess"),
        ("GET", "/v1/models/m:predict", "Malformed request: GET /v1/models/m:predict"),
        ("PUT", "/v1/models/m", "Malformed request: PUT /v1/models/m"),
        ("GET", "/v1/models/m/versions/x", "Malformed request: GET /v1/models/m/versions/x"),
        (
            "GET",
            f"/v1/models/m/versions/{2**63}",
            f"Failed to convert version: {2**63} to numeric.",
        ),
        (
            "GET",
            f"/v1/models/m/versions/{'9' * 5000}",
            f"Failed to convert version: {'9' * 5000} to numeric.",
        ),
        ("GET", "/v1/models/m/labels/new", "Unrecognized servable version label: new"),
    ],
)
def test_paths_that_there_are_not(service, method, path, message):
    with pytest.raises(tf.errors.InvalidArgumentError) as failure:
        rest_calls.answer(service, method, path, b"{}")
    assert failure.value.message == message
    assert statuses.http_status(failure.value) == 400


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("POST", "/v1/models/n:predict", "Servable not found for request: Latest(n)"),
        (
            "POST",
            "/v1/models/m/versions/8:predict",
            "Servable not found for request: Specific(m, 8)",
        ),
        ("GET", "/v1/models/n/metadata", "Servable not found for request: Latest(n)"),
        ("GET", "/v1/models/n", "Could not find any versions of model n"),
        ("GET", "/v1/models/m/versions/8", "Could not find version 8 of model m"),
    ],
)
def test_models_that_there_are_not(service, method, path, message):
    with pytest.raises(tf.errors.NotFoundError) as failure:
        rest_calls.answer(service, method, path, b'{"inputs": 1}')
    assert failure.value.message == message
    assert statuses.http_status(failure.value) == 404


def test_paths_may_be_written_in_capitals_and_name_the_version(service):
    body = b'{"signature_name": "one", "inputs": [[2]]}'
    answer = rest_calls.answer(service, "POST", "/V1/Models/m/Versions/7:PREDICT", body)
    assert json.loads(answer) == {"outputs": [2.0]}


def test_the_state_of_versions(service):
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": "7", "state": "AVAILABLE", "status": status}
    expected = {"model_version_status": [version]}
    for path in ("/v1/models/m", "/v1/models/m/versions/7"):
        assert json.loads(rest_calls.answer(service, "GET", path, b"")) == expected


def test_metadata(service):
    told = json.loads(rest_calls.answer(service, "GET", "/v1/models/m/metadata", b""))
    assert told["model_spec"] == {"name": "m", "signature_name": "", "version": "7"}
    signatures = told["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == set(FakeModel.signatures)
    assert signatures["one"]["inputs"]["x"] == {
        "name": "x:0",
        "dtype": "DT_FLOAT",
        "tensor_shape": {
            "dim": [{"size": "-1", "name": ""}, {"size": "-1", "name": ""}],
            "unknown_rank": False,
        },
    }


def test_an_error_is_one_object(post):
    assert json.loads(json_text.error_body('a "b"\n')) == {"error": 'a "b"\n'}

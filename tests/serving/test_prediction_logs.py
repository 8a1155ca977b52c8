"""Our files of requests are TensorFlow Serving's own."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ExportError
from tfmtl.protos import prediction_log_pb2 as ours
from tfmtl.serving.prediction_logs import Record, read_records, write_records

RECORDS = [
    Record(
        "rank",
        {
            "user": np.array([b"u1", b"\xff\x00"], dtype=object),
            "price": np.array([[1.5, np.nan, 3.0], [4.0, 5.0, 6.0]], dtype=np.float32),
            "level": np.array([-1, 2**31 - 1], dtype=np.int32),
            "member": np.array([True, False]),
        },
        {"probs": np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], dtype=np.float32)},
    ),
    Record("examples", {"examples": np.array([b""], dtype=object)}),
]


def assert_same(received, expected):
    assert received.keys() == expected.keys()
    for name, value in expected.items():
        assert received[name].dtype == value.dtype
        np.testing.assert_array_equal(received[name], value)


def test_what_is_written_is_read(tmp_path):
    write_records(tmp_path / "log", RECORDS, "m")
    for received, expected in zip(read_records(tmp_path / "log"), RECORDS, strict=True):
        assert received.signature == expected.signature
        assert_same(received.inputs, expected.inputs)
        assert_same(received.outputs, expected.outputs)
    assert [record.rows for record in RECORDS] == [2, 1]


def test_a_broken_file_is_told(tmp_path):
    path = tmp_path / "log"
    write_records(path, RECORDS, "m")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ExportError, match="should be a TFRecord file of PredictionLog messages"):
        read_records(path)
    with tf.io.TFRecordWriter(str(path)) as file:
        file.write(ours.PredictionLog().SerializeToString())
    with pytest.raises(ExportError, match="Received: another kind of record."):
        read_records(path)


# With TensorFlow Serving's own package.


@pytest.fixture(scope="module")
def theirs():
    return pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")


def test_tensorflow_serving_reads_what_is_written(theirs, tmp_path):
    write_records(tmp_path / "log", RECORDS, "m")
    data = list(tf.data.TFRecordDataset(str(tmp_path / "log")).as_numpy_iterator())
    for text, expected in zip(data, RECORDS, strict=True):
        log = theirs.PredictionLog.FromString(text).predict_log
        assert log.request.model_spec.name == "m"
        assert log.request.model_spec.signature_name == expected.signature
        assert_same({n: tf.make_ndarray(v) for n, v in log.request.inputs.items()}, expected.inputs)
        outputs = {name: tf.make_ndarray(value) for name, value in log.response.outputs.items()}
        assert_same(outputs, expected.outputs)


def test_what_tensorflow_serving_writes_is_read(theirs, tmp_path):
    log = theirs.PredictionLog()
    log.predict_log.request.model_spec.name = "m"
    for name, value in RECORDS[0].inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    with tf.io.TFRecordWriter(str(tmp_path / "log")) as file:
        file.write(log.SerializeToString())
    (received,) = read_records(tmp_path / "log")
    assert received.signature == "serving_default"
    assert_same(received.inputs, RECORDS[0].inputs)


def test_every_field_has_tensorflow_servings_name_number_and_kind(theirs):
    pairs = [(ours.PredictionLog.DESCRIPTOR, theirs.PredictionLog.DESCRIPTOR)]
    seen = set()
    while pairs:
        mine, real = pairs.pop()
        seen.add(mine.name)
        for field in mine.fields:
            other = real.fields_by_name[field.name]
            assert (field.number, field.is_repeated) == (other.number, other.is_repeated)
            if field.message_type:
                pairs.append((field.message_type, other.message_type))
            elif other.message_type:  # A tensor, whose bytes are the message's.
                assert field.type == field.TYPE_BYTES
                assert other.message_type.full_name == "tensorflow.TensorProto"
            else:
                assert field.type == other.type
    assert seen >= {"PredictionLog", "PredictLog", "PredictRequest", "PredictResponse", "ModelSpec"}

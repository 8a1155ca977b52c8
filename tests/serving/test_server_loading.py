"""A SavedModel in the server's session: what it says of itself, of requests, and of broken ones."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from toy import ROWS, Toy, toy_servable

from tfmtl.serving.prediction_logs import Record, write_records
from tfmtl.serving.server import json_text, predicting
from tfmtl.serving.server.loaded_model import LoadedModel
from tfmtl.serving.server.warm_ups import warm_up
from tfmtl.serving.warmup import WARMUP_FILE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy") / "1"
    servable = toy_servable()
    tf.saved_model.save(servable.module, str(folder), signatures=dict(servable.signatures))
    (folder / "assets.extra").mkdir()
    return folder


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x80", b"\xed\xa0\x80", b"\x00"])
def test_bytes_that_no_text_has_are_told_in_json(model, garbage):
    with pytest.raises(tf.errors.InvalidArgumentError) as failure:
        predicting.predict(model, "examples", {"examples": np.array([garbage], object)})
    told = json_text.error_body(failure.value.message)
    assert json.loads(told.encode("utf-8"))["error"] == failure.value.message


@pytest.fixture(scope="module")
def model(folder):
    model = LoadedModel(folder)
    yield model
    model.close()


def test_it_answers_as_the_module(model):
    answer = predicting.predict(model, "", ROWS)
    expected = tf.sigmoid(Toy().score(tf.constant(ROWS["user"]), tf.constant(ROWS["price"])))
    np.testing.assert_allclose(answer["probs"], expected, rtol=1e-6)


def test_the_graphs_words_come_without_python(model):
    with pytest.raises(tf.errors.InvalidArgumentError) as failure:
        predicting.predict(model, "examples", {"examples": np.array([b"?"], object)})
    assert failure.value.message.startswith("Could not parse example input")
    assert "Original stack" not in failure.value.message
    assert "File " not in failure.value.message


def test_time_that_is_up(model):
    with pytest.raises(tf.errors.DeadlineExceededError):
        rows = {
            "user": np.repeat(ROWS["user"], 200_000),
            "price": np.repeat(ROWS["price"], 200_000),
        }
        for _ in range(100):
            predicting.predict(model, "", rows, timeout=1e-4)


def test_folders_that_hold_no_model(folder, tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="Could not find SavedModel .pb or .pbtxt at"):
        LoadedModel(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff")
    with pytest.raises(tf.errors.DataLossError, match="Can't parse .* as binary proto"):
        LoadedModel(tmp_path)
    with pytest.raises(tf.errors.NotFoundError, match="supplied tags: { serve gpu }"):
        LoadedModel(folder, ["serve", "gpu"])
    halved = shutil.copytree(folder, tmp_path / "halved")
    (halved / "variables" / "variables.data-00000-of-00001").unlink()
    with pytest.raises(tf.errors.OpError):
        LoadedModel(halved)


def write(folder, records):
    write_records(folder / "assets.extra" / WARMUP_FILE, records, "any")


def test_warm_up_requests_are_asked_as_often_as_is_wanted(model, folder, monkeypatch):
    write(folder, [Record("serving_default", ROWS), Record("rank", {**ROWS, "price": PAIRS})])
    asked = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda *args: asked.append(args) or run(*args))
    assert warm_up(model, folder, times=3) == 2
    assert len(asked) == 6


PAIRS = np.ones((5, 2), np.float32)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([Record("serving_default", {"user": ROWS["user"]})], "input size does not match"),
        ([Record("none", ROWS)], 'Serving signature key "none" not found.'),
        ([Record("serving_default", ROWS)] * 1001, r"exceeds the maximum \(1000\) at"),
    ],
)
def test_a_wrong_warm_up_file_is_a_failure(model, folder, monkeypatch, records, message):
    monkeypatch.setattr(model, "run", lambda *args: [np.zeros(5)])
    write(folder, records)
    with pytest.raises(tf.errors.OpError, match=message):
        warm_up(model, folder)


def test_a_broken_warm_up_file_is_a_failure(model, folder):
    (folder / "assets.extra" / WARMUP_FILE).write_bytes(b"no records" * 9)
    with pytest.raises(tf.errors.DataLossError):
        warm_up(model, folder)


def test_a_version_needs_no_warm_up_file(model, tmp_path):
    assert warm_up(model, tmp_path) == 0

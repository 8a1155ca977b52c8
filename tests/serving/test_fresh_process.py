"""The fresh process has TensorFlow's C library and nothing else."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from toy import ROWS, number, servable, toy_servable, write_version

from tfmtl.errors import ExportError
from tfmtl.serving import c_runtime, fresh_process
from tfmtl.serving.fresh_process import replay
from tfmtl.serving.golden import record_answers
from tfmtl.serving.prediction_logs import Record
from tfmtl.serving.saved_graph import SavedGraph

RUNTIME = pathlib.Path(c_runtime.__file__)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return write_version(toy_servable(), tmp_path_factory.mktemp("toy") / "1")


def test_it_answers_as_tensorflow_in_python_of_every_type_and_shape(toy):
    records = record_answers(toy_servable(), ROWS)
    told = replay(toy, SavedGraph(toy), records)
    assert told.load_ms > 0
    for record, answered in zip(records, told.answers, strict=True):
        assert answered.same
        assert answered.outputs.keys() == record.outputs.keys()
        for name, expected in record.outputs.items():
            received = answered.outputs[name]
            assert received.dtype.kind == expected.dtype.kind
            if expected.dtype == object:
                np.testing.assert_array_equal(received, expected)
            else:
                np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_it_imports_pythons_own_library_alone():
    program = f"""
import runpy, sys
sys.argv = ["c_runtime.py"]
runpy.run_path({str(RUNTIME)!r}, run_name="other")
print(sorted({{"tensorflow", "numpy", "tfmtl", "google"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


@pytest.mark.slow
def test_every_type_of_a_signature_goes_there_and_back(tmp_path):
    dtypes = [tf.bool, tf.int8, tf.uint8, tf.int16, tf.int32, tf.int64, tf.float64]
    specs = {each.name: tf.TensorSpec([None, 2], each, each.name) for each in dtypes}

    def identity(raw):
        return {f"{name}_out": tf.identity(value) for name, value in raw.items()}

    model = servable(tf.Module(), {"serving_default": specs}, [identity])
    tf.saved_model.save(model.module, str(tmp_path / "1"), signatures=dict(model.signatures))
    inputs = {
        each.name: np.array([[0, 1], [1, 0], [1, 1]]).astype(each.as_numpy_dtype) for each in dtypes
    }
    told = replay(tmp_path / "1", SavedGraph(tmp_path / "1"), [Record("serving_default", inputs)])
    for name, value in inputs.items():
        received = told.answers[0].outputs[f"{name}_out"]
        assert received.dtype == value.dtype
        np.testing.assert_array_equal(received, value)


@pytest.mark.slow
def test_an_answer_that_is_drawn_at_random_is_not_the_same(tmp_path):
    inputs = {"serving_default": {"price": number(None, name="price")}}

    def noisy(raw):
        return {"noise": raw["price"] + tf.random.normal(tf.shape(raw["price"]))}

    model = servable(tf.Module(), inputs, [noisy])
    tf.saved_model.save(model.module, str(tmp_path / "1"), signatures=dict(model.signatures))
    request = Record("serving_default", {"price": np.zeros(3, np.float32)})
    told = replay(tmp_path / "1", SavedGraph(tmp_path / "1"), [request])
    assert not told.answers[0].same


def test_it_asks_a_copy_and_leaves_nothing_behind(toy, monkeypatch):
    asked = []

    def look(plan, answers):
        (place,) = toy.parent.glob(".tmp-gate-*")
        asked.append((place / "model" / "saved_model.pb").samefile(toy / "saved_model.pb"))
        asked.append(oct((place / "model" / "variables").stat().st_mode)[-3:])
        raise ExportError("Seen.")

    monkeypatch.setattr(fresh_process, "_run", look)
    with pytest.raises(ExportError, match="Seen."):
        replay(toy, SavedGraph(toy), [])
    assert asked == [True, "555"]
    assert os.listdir(toy.parent) == ["1"]


def test_a_platform_without_the_library_is_told(toy, monkeypatch, tmp_path):
    monkeypatch.setattr(fresh_process.tf, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(ExportError) as error:
        replay(toy, SavedGraph(toy), [])
    assert str(error.value).startswith(
        "The export should load and answer in a process that has only TensorFlow's C library. It "
        f"failed there: TensorFlow's C library should be in `{tmp_path}`, as "
    )
    assert str(error.value).endswith("Received: no such files.")

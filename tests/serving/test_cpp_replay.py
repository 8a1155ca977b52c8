"""The warm-up file passes through the very function that TensorFlow Serving loads a model with."""

import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2
from toy import toy_servable, write_version

from tfmtl.protos import prediction_log_pb2
from tfmtl.serving.prediction_logs import Record, read_records, write_records
from tfmtl.serving.warmup import WARMUP_FILE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++"),
]

SOURCE = pathlib.Path(__file__).with_name("replay.cc")


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    """Compiles the program, and runs it over a version and a file of records."""
    folder = tmp_path_factory.mktemp("replay")
    home = pathlib.Path(tf.__file__).parent
    flags = [*tf.sysconfig.get_compile_flags(), "-std=c++17", "-O1", "-w", "-DNDEBUG"]
    libraries = [f"-L{home}", "-Wl,--no-as-needed", f"-Wl,-rpath,{home}"]
    libraries += ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"]
    program = folder / "replay"
    subprocess.run(["g++", SOURCE, "-o", program, *flags, *libraries], check=True)
    files = descriptor_pb2.FileDescriptorSet()
    prediction_log_pb2.DESCRIPTOR.CopyToProto(files.file.add())
    (folder / "descriptors").write_bytes(files.SerializeToString())

    def replay(model, records):
        command = [program, model, folder / "descriptors", records]
        return subprocess.run(command, capture_output=True, text=True)

    return replay


def test_every_warm_up_request_is_answered(replay, tmp_path):
    version = write_version(toy_servable(), tmp_path / "1")
    path = version / "assets.extra" / WARMUP_FILE
    done = replay(version, path)
    assert done.returncode == 0, done.stderr
    outputs = {"serving_default": 1, "rank": 1, "examples": 1, "classify": 2}
    records = read_records(path)
    assert done.stdout.splitlines() == [f"{r.signature} {outputs[r.signature]}" for r in records]

    first = records[0]
    wrong = Record(first.signature, {**first.inputs, "price": np.array([b"a"], dtype=object)})
    write_records(tmp_path / "wrong", [wrong], "m")
    done = replay(version, tmp_path / "wrong")
    assert done.returncode == 1
    assert "string" in done.stderr

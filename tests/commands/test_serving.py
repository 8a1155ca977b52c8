"""What `python -m tfmtl.serve` makes of the flags of tensorflow_model_server."""

import dataclasses
import importlib
import os
import signal
import socket
import threading

import pytest

from tfmtl import commands
from tfmtl.serving import extra
from tfmtl.serving.server import server

command = importlib.import_module("tfmtl.serve")


@pytest.fixture
def served(monkeypatch):
    """Stands for the server, and keeps how it was asked to serve."""
    served = []
    monkeypatch.setattr(commands, "load_api", lambda args: None)
    monkeypatch.setattr(server, "serve", served.append)
    return served


def test_flags_become_options_and_others_keep_their_defaults(served):
    argv = "--model_name m --model_base_path=b --port 9000 --rest_api_port=0 --host 0.0.0.0"
    assert command.main([*argv.split(), "--enable_model_warmup=false"]) == 0
    expected = server.Options(
        model_name="m",
        model_base_path="b",
        port=9000,
        rest_api_port=0,
        host="0.0.0.0",
        enable_model_warmup=False,
    )
    assert served == [expected]
    assert server.Options().host == "127.0.0.1"


@pytest.mark.parametrize("field", dataclasses.fields(server.Options), ids=lambda f: f.name)
def test_every_option_has_a_flag_of_its_type(served, field):
    value = {str: "x", int: 7, bool: True}[type(field.default)]
    assert command.main([f"--{field.name}={value}"]) == 0
    assert getattr(served[0], field.name) == value


def test_a_boolean_flag_needs_no_value(served):
    assert command.main(["--allow_version_labels_for_unavailable_models", "--port=1"]) == 0
    assert served[0].allow_version_labels_for_unavailable_models is True


def test_flags_that_mean_nothing_here_are_told_in_a_line(served, capsys):
    assert command.main(["--enable_profiler", "--num_load_threads=4"]) == 0
    assert len(served) == 1
    assert capsys.readouterr().err == (
        "--enable_profiler is left out of account: there is no profiler here.\n"
        "--num_load_threads is left out of account: threads here are Python's.\n"
    )


def test_flags_without_which_it_would_be_another_server_are_refused(served, capsys):
    assert command.main(["--ssl_config_file=x", "--mixed_precision=bfloat16"]) == 2
    assert served == []
    assert capsys.readouterr().err == (
        "--mixed_precision is refused: the development server answers as the model was exported.\n"
        "--ssl_config_file is refused: the development server speaks in the clear; keep it on this "
        "machine.\n"
    )


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--port=-1", "should be a port, 0 to 65535; received: -1"),
        ("--rest_api_port=80000", "should be a port, 0 to 65535; received: 80000"),
        ("--grpc_max_threads=-1", "should be a whole number from 0; received: -1"),
        ("--enable_model_warmup=maybe", "should be true or false; received: maybe"),
        ("--prot=1", "unrecognized arguments: --prot=1"),
    ],
)
def test_mistaken_flags_are_told(served, capsys, flag, message):
    with pytest.raises(SystemExit) as ended:
        command.main([flag])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_extra_that_is_missing_is_named(served, monkeypatch, capsys):
    there = extra.importlib.util.find_spec
    absent = ("grpc", "tensorflow_serving")
    monkeypatch.setattr(
        extra.importlib.util, "find_spec", lambda name: None if name in absent else there(name)
    )
    assert command.main(["--model_base_path=b"]) == 2
    assert capsys.readouterr().err == (
        'Serving and asking models should have the extra `serving`: pip install "tfmtl[serving]". '
        "Missing: grpc, tensorflow_serving.\n"
    )


@pytest.fixture
def started(monkeypatch):
    """Starts a real server in this process, which ends where it would begin to wait."""
    monkeypatch.setattr(commands, "load_api", lambda args: None)
    monkeypatch.setattr(server.Server, "watch", lambda self: None)


def test_a_server_ends_when_nobody_can_write_what_it_reads_any_more(monkeypatch):
    signals = []
    monkeypatch.setattr(server.os, "kill", lambda process, number: signals.append(number))
    reads, writes = os.pipe()
    os.write(writes, b"It is held open.")
    waiting = threading.Thread(target=server.end_with, args=(reads,))
    waiting.start()
    assert signals == []
    os.close(writes)
    waiting.join()
    os.close(reads)
    assert signals == [signal.SIGTERM]


def test_a_server_without_models_is_told(started, capsys):
    assert command.main([]) == 2
    assert capsys.readouterr().err == (
        "A server should have models: --model_base_path DIR, or --model_config_file FILE.\n"
    )


def test_an_address_that_cannot_be_had_is_told_before_models_are_loaded(
    started, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(server.Models, "configure", lambda *args: pytest.fail("It loads."))
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        own = "should have an address of its own. Received: "
        cases = {
            f"--port={taken} --rest_api_port=0": (
                f"gRPC {own}127.0.0.1:{taken} (Address already in use). `--port N` takes another "
                "port, or 0 for none."
            ),
            f"--port=0 --rest_api_port={taken}": (
                f"REST {own}127.0.0.1:{taken} (Address already in use). `--rest_api_port N` takes "
                "another port, or 0 for none."
            ),
            "--port=9000 --rest_api_port=9000": (
                "gRPC and REST should have a port each. Received: 9000 for both. "
                "`--rest_api_port N` takes another, or 0 for none."
            ),
            "--host=192.0.2.1": (  # Of the addresses that stand in documents, and nowhere else.
                "`--host` should be an address of this machine. Received: 192.0.2.1 (Cannot assign "
                "requested address). `--host 0.0.0.0` listens on all of them."
            ),
            "--host=é..b": (
                "`--host` should be an address of this machine. Received: é..b (no name of a "
                "host). `--host 0.0.0.0` listens on all of them."
            ),
        }
        for flags, message in cases.items():
            assert command.main([f"--model_base_path={tmp_path}", *flags.split()]) == 2
            assert capsys.readouterr().err == f"{message}\n"


def test_files_that_are_none_are_told(started, tmp_path, capsys):
    path = tmp_path / "f"
    path.write_text("nonsense")
    for flags, kind in (
        ([f"--model_config_file={path}"], "ModelServerConfig"),
        ([f"--model_base_path={tmp_path}", f"--monitoring_config_file={path}"], "MonitoringConfig"),
        (
            [f"--model_base_path={tmp_path}", "--enable_batching=1"]
            + [f"--batching_parameters_file={path}"],
            "BatchingParameters",
        ),
    ):
        assert command.main(flags) == 2
        assert f"`{path}` should be text of {kind}. Received: " in capsys.readouterr().err


def test_models_that_cannot_be_served_are_told(started, tmp_path, capsys):
    path = tmp_path / "models.config"
    path.write_text('model_config_list { config { name: "m" base_path: "m" model_type: 1 } }')
    assert command.main([f"--model_config_file={path}"]) == 2
    assert "Expected model m to have an absolute path or URI" in capsys.readouterr().err

"""What `python -m tfmtl.export` and `train` make of the options of exports."""

import importlib
import types
from pathlib import Path

import pytest

from tfmtl import commands
from tfmtl.edits import edits_of
from tfmtl.errors import ExportError
from tfmtl.protos.pipeline_pb2 import Pipeline

# The package's own names are functions.
export, train = (importlib.import_module(f"tfmtl.{name}") for name in ("export", "train"))


@pytest.fixture
def asked(monkeypatch):
    """Stands for the rooms behind the commands, and keeps what they were asked."""
    asked = {}

    def run_export(pipeline, directory, checkpoint, keep):
        asked["export"] = (directory and str(directory), checkpoint, keep)
        return Path("7")

    def check_export(directory):
        if directory == "broken":
            raise ExportError("One rule.\nAnother.")
        return types.SimpleNamespace(lines=lambda: ["Checked `7`:", "  A rule."])

    def load_pipeline(args, needs=None):
        asked["edits"] = edits_of(args)
        pipeline = Pipeline(model_dir="m")
        pipeline.export_config.exports_to_keep = 3
        return pipeline

    api = types.SimpleNamespace(
        export=run_export,
        check_export=check_export,
        train=lambda pipeline, continue_train: types.SimpleNamespace(interrupted=False),
        serving=types.SimpleNamespace(export_base=lambda folder, kind: Path(folder, kind)),
    )
    monkeypatch.setattr(commands, "load_api", lambda args: api)
    monkeypatch.setattr(commands, "load_pipeline", load_pipeline)
    return asked


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], (None, "latest", None)),
        (["--exports_to_keep", "2"], (None, "latest", 2)),
        (["--checkpoint", "best", "--export_dir", "d"], ("d", "best", None)),
        (["--export_best"], ("m/best", "best", 3)),
        (["--export_latest", "--exports_to_keep", "1"], ("m/latest", "latest", 1)),
        (["--export_best", "--export_dir", "d"], ("d", "best", 3)),
    ],
)
def test_options_say_what_is_exported_where_and_how_many_are_kept(asked, options, expected):
    assert export.main(["--model_dir", "m", *options]) == 0
    assert asked["export"] == expected


@pytest.mark.parametrize(
    ("options", "edits"),
    [
        ([], []),
        (["--export_best"], [("export_config.exporter_type", "best")]),
        (
            ["--export_latest", "--exports_to_keep", "4"],
            [("export_config.exporter_type", "latest"), ("export_config.exports_to_keep", 4)],
        ),
    ],
)
def test_in_training_they_change_the_config(asked, options, edits):
    assert train.main(["--pipeline_config_path", "c", *options]) == 0
    assert asked["edits"] == edits


def test_a_check_needs_no_config_and_tells_what_it_looked_at(asked, capsys):
    assert export.main(["--check", "fine"]) == 0
    assert capsys.readouterr().out == "Checked `7`:\n  A rule.\n"
    assert "edits" not in asked


def test_what_is_broken_ends_with_2_and_a_line_each(asked, capsys):
    assert export.main(["--check", "broken"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "One rule.\nAnother.\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--exports_to_keep", "0"], "should be a whole number above 0; received: '0'"),
        (["--export_best", "--export_latest"], "not allowed with argument --export_best"),
        (["--export_best", "--checkpoint", "c"], "not allowed with argument --export_best"),
        (["--check", "d", "--checkpoint", "best"], "not allowed with argument --check"),
    ],
)
def test_wrong_options_are_told(asked, options, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        export.main(options)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err

"""Mistakes of the user's end with 2 and one clean message, in a process of its own."""

import pytest

pytestmark = pytest.mark.slow


def broken(make_config, old, new):
    path = make_config()
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize("command", ["validate", "train", "evaluate", "export", "benchmark"])
def test_all_problems_of_a_config_are_told_at_once(make_config, tfmtl, command):
    path = broken(make_config, 'label_name: "buy"', 'label_name: "bay"')
    path.write_text(path.read_text().replace("num_expert: 2", "num_expert: 0"))
    done = tfmtl(command, "--pipeline_config_path", path, check=2)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 2
    assert "num_expert` should be at least 1. Received: 0." in done.stderr
    assert 'Received: "bay". Did you mean `buy`?' in done.stderr


def test_a_good_config_is_ok(make_config, tfmtl):
    done = tfmtl("validate", make_config())
    assert done.stderr == ""
    assert done.stdout == (
        "OK: mmoe\n"
        "tasks (and labels): ctr (click), cvr (buy)\n"
        "features: 5 (user, item, hour, tags, price)\n"
    )


@pytest.mark.parametrize("command", ["train", "validate"])
def test_a_config_that_is_not_there_is_one_line(tfmtl, tmp_path, command):
    done = tfmtl(command, "--pipeline_config_path", tmp_path / "no.config", check=2)
    assert done.stderr == f"{tmp_path}/no.config: No such file or directory.\n"


def test_debug_shows_the_traceback_too(tfmtl, tmp_path):
    done = tfmtl("train", "--debug", "--pipeline_config_path", tmp_path / "no.config", check=2)
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("no.config: No such file or directory.\n")


def test_data_that_is_not_there_is_one_line(make_config, tfmtl, tmp_path):
    done = tfmtl(
        "train",
        "--pipeline_config_path",
        make_config(),
        "--train_input_path",
        tmp_path / "*.csv",
        check=2,
    )
    assert done.stderr.startswith(f"{tmp_path}/*.csv: should match a file.")
    assert len(done.stderr.splitlines()) == 1


def test_a_bad_row_is_named_by_file_line_and_column(make_config, tfmtl, data, tmp_path):
    lines = (data / "eval.csv").read_text().splitlines()
    cells = lines[150].split(",")
    cells[2] = "noon"
    lines[150] = ",".join(cells)
    (tmp_path / "bad.csv").write_text("\n".join(lines) + "\n")
    arguments = ["--pipeline_config_path", make_config(), "--train_input_path", tmp_path]
    done = tfmtl("train", *arguments, check=2)
    assert f"{tmp_path}/bad.csv:151: " in done.stderr.splitlines()[-1]
    assert "`hour`" in done.stderr.splitlines()[-1]
    assert "noon" in done.stderr.splitlines()[-1]
    done = tfmtl(
        "train", *arguments, "--set", "data_config.bad_rows=SKIP", "--train_config.num_steps=12"
    )
    assert "bad row" in done.stderr


def test_a_checkpoint_that_is_not_there_is_told(make_config, tfmtl):
    path = make_config()
    for command in ("evaluate", "export"):
        done = tfmtl(command, "--pipeline_config_path", path, check=2)
        assert "should hold the latest checkpoint" in done.stderr


def test_an_export_that_is_not_there_is_told(make_config, tfmtl, data, tmp_path):
    done = tfmtl(
        "predict",
        "--pipeline_config_path",
        make_config(),
        "--input_path",
        data / "eval.csv",
        "--output_path",
        tmp_path / "out.csv",
        check=2,
    )
    assert "should be an exported model or a folder of its versions" in done.stderr


def test_a_model_that_could_not_be_exported_is_told_before_it_is_trained(make_config, tfmtl):
    path = broken(
        make_config, "model_config {", 'export_config { asset_files: "no" }\nmodel_config {'
    )
    done = tfmtl("train", "--pipeline_config_path", path, check=2)
    assert done.stderr == (
        "`export_config.asset_files` should name files that exist. Received: `no`.\n"
    )
    assert not (path.parent / "model").exists()


def test_another_keras_is_told(make_config, tfmtl, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    done = tfmtl("train", "--pipeline_config_path", make_config(), check=2)
    assert done.stderr.startswith("The environment variable TF_USE_LEGACY_KERAS should be 1")
    assert len(done.stderr.splitlines()) == 1

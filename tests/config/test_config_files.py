import os
import pathlib

import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError


@pytest.mark.parametrize("name", ["c.yaml", "c", "c.CONFIG"])
def test_other_extensions_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text(GOOD_CONFIG)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert caught.value.problems == [
        f"{path}: A config's name should end in .config, .pbtxt, .prototxt or .json."
    ]


def test_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "none.config")
    assert caught.value.problems == [f"{tmp_path}/none.config: No such file or directory."]


def test_directory_is_told(tmp_path):
    (tmp_path / "c.config").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        config.load(tmp_path / "c.config")


def test_bytes_that_are_no_text_are_told(tmp_path):
    path = tmp_path / "c.config"
    path.write_bytes(b'model_dir: "\xff"')
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert caught.value.problems == [f"{path}: A config should be UTF-8 text. Byte 12 is not."]


def test_byte_order_mark_is_not_read(tmp_path, good):
    path = tmp_path / "c.config"
    path.write_text("\ufeff" + GOOD_CONFIG, encoding="utf-8")
    assert config.load(path) == good


def test_saved_config_is_loaded_equal(tmp_path, good):
    good.data_config.separator = "\x01"
    good.data_config.input_fields[2].default_val = "Zürich"
    good.model_config.embedding_regularization = 0.1
    path = tmp_path / "made" / "pipeline.config"
    config.save(good, path)
    assert config.load(path) == good
    assert "Zürich" in path.read_text(encoding="utf-8")


def test_saved_config_leaves_nothing_aside(tmp_path, good):
    config.save(good, tmp_path / "pipeline.config")
    config.save(good, tmp_path / "pipeline.config")
    assert os.listdir(tmp_path) == ["pipeline.config"]


def test_two_processes_may_write_a_file_at_the_same_time(tmp_path, monkeypatch):
    """The other one, of another container and the same number, is done before this one renames."""
    path, replace = tmp_path / "eval_result.json", pathlib.Path.replace

    def replace_after_the_other(aside, target):
        monkeypatch.undo()
        config.write_text("the other's", path)
        return replace(aside, target)

    monkeypatch.setattr(pathlib.Path, "replace", replace_after_the_other)
    config.write_text("this one's", path)
    assert path.read_text() == "this one's"
    assert os.listdir(tmp_path) == ["eval_result.json"]


def test_file_that_cannot_be_written_stays_as_it_was(tmp_path, good, monkeypatch):
    path = tmp_path / "pipeline.config"
    path.write_text("old")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(pathlib.Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        config.save(good, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["pipeline.config"]

"""A dead line and a stop file end a training as its last step would."""

import logging
import time

import pytest
from small_pipeline import make_pipeline, make_rows

from tfmtl.config.dead_line import parse_dead_line
from tfmtl.training.requests_to_stop import DeadLine, StopFile, build_requests
from tfmtl.training.run import train


def clock(*times):
    return iter(times).__next__


@pytest.mark.parametrize("text", ["20300102 03:04:05", " 20300102 03:04:05 "])
def test_a_dead_line_is_a_time_of_this_machines_clock(text):
    assert parse_dead_line(text) == time.mktime((2030, 1, 2, 3, 4, 5, 0, 0, -1))


def test_a_dead_line_may_be_seconds():
    assert parse_dead_line("1893456000.5") == 1893456000.5


@pytest.mark.parametrize("text", ["", "soon", "2030-01-02", "20301302 00:00:00", "nan", "inf"])
def test_other_text_is_no_time(text):
    assert parse_dead_line(text) is None


def test_training_goes_on_up_to_the_dead_line(caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    line = DeadLine("100", now=clock(98.0, 99.9, 100.0))
    assert [line.wants_stop for _ in range(3)] == [False, False, True]
    assert caplog.messages == ["Training ends: it is past `train_config.dead_line`, 100."]


def test_a_file_is_looked_for_every_ten_seconds(tmp_path, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    times = [0.0]
    request = StopFile(str(tmp_path), now=lambda: times[0])
    assert not request.wants_stop
    (tmp_path / "OSS_STOP_SIGNAL").touch()
    times[0] = 9.0
    assert not request.wants_stop
    times[0] = 10.0
    assert request.wants_stop
    assert caplog.messages == [
        f"Training ends: there is `{tmp_path}/OSS_STOP_SIGNAL`. Delete it to go on."
    ]


def test_nobody_asks_by_default(tmp_path):
    pipeline = make_pipeline(tmp_path)
    assert build_requests(pipeline) == []
    pipeline.train_config.enable_oss_stop_signal = True
    pipeline.train_config.dead_line = "20300102 03:04:05"
    assert [type(each) for each in build_requests(pipeline)] == [DeadLine, StopFile]


def test_a_training_that_is_asked_to_stop_evaluates_and_is_not_interrupted(tmp_path):
    pipeline = make_pipeline(tmp_path)
    pipeline.train_config.dead_line = "1"
    rows = make_rows(40, 1)
    result = train(pipeline, train_data=rows, eval_data=rows)
    assert (result.global_step, result.interrupted) == (0, False)
    assert result.metrics["rows_ctr"] == 40

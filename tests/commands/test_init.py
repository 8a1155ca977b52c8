"""`python -m tfmtl.init`: a config on stdout, a mistake in one line on stderr."""

import pytest

from tfmtl import config, init


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.csv"
    rows = [f"{row % 2},u{row % 7}" for row in range(40)]
    path.write_text("\n".join(["click,user", *rows]))
    return path


def test_a_proposal_is_printed_and_can_be_loaded(log, capsys):
    arguments = ["--data", str(log), "--labels", "click", "--model", "shared_bottom"]
    assert init.main([*arguments, "--rows", "30"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# Proposed by `python -m tfmtl.init` from the first 30 rows of")
    pipeline = config.load_text(text)
    assert pipeline.train_input_path == str(log)
    assert config.architecture(pipeline) == "shared_bottom"


def test_a_mistake_is_one_line_and_prints_no_config(log, capsys):
    assert init.main(["--data", str(log), "--labels", "clicks"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        '`--labels` should name columns of the data. Received: "clicks". Did you mean `click`? '
        "Known: click, user.\n"
    )


def test_rows_are_counted_from_one(log, capsys):
    with pytest.raises(SystemExit):
        init.main(["--data", str(log), "--labels", "click", "--rows", "0"])
    assert "should be a whole number above 0; received: '0'" in capsys.readouterr().err

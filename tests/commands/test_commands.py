"""What all commands share: options, exit codes, messages."""

import argparse
import importlib
import logging
import os
import signal
import subprocess
import sys

import pytest

from tfmtl import __main__, commands
from tfmtl.edits import edits_of, parse
from tfmtl.errors import ConfigError, DataError


def edits(*argv):
    parser = commands.new_parser("try", "Tries.")
    commands.add_config_options(parser)
    return edits_of(parse(parser, argv))


def exit_code(command, *argv):
    return commands.run(command, commands.new_parser("try", "Tries."), argv)


def test_options_become_edits_in_the_order_in_which_they_apply():
    assert edits(
        "--data_config.batch_size=64",
        "--set",
        "train_config.num_steps=50",
        "--edit_config_json",
        '{"train_config.seed": 7, "model_dir": "c"}',
        "--eval_input_path",
        "e",
        "--train_input_path",
        "a",
        "b",
        "--model_dir",
        "m",
        "--set",
        "export_config.exporter_type=a=b",
    ) == [
        ("model_dir", "m"),
        ("train_input_path", "a,b"),
        ("eval_input_path", "e"),
        ("train_config.seed", 7),
        ("model_dir", "c"),
        ("train_config.num_steps", "50"),
        ("export_config.exporter_type", "a=b"),
        ("data_config.batch_size", "64"),
    ]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--data_config.batch_size", "64"], ("data_config.batch_size", "64")),
        (
            ["--feature_configs[input_names[0]=brand].embedding_dim=8"],
            ("feature_configs[input_names[0]=brand].embedding_dim", "8"),
        ),
        (
            ["--feature_configs[input_names[0]=brand].embedding_dim", "8"],
            ("feature_configs[input_names[0]=brand].embedding_dim", "8"),
        ),
        (["--data_config.separator=="], ("data_config.separator", "=")),
        (["--data_config.separator="], ("data_config.separator", "")),
    ],
)
def test_flags_of_fields_are_edits(argv, expected):
    assert edits(*argv) == [expected]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--data_config.batch_size"], "argument --data_config.batch_size: expected a value"),
        (["--model_dri", "x"], "unrecognized arguments: --model_dri x"),
        (["--model", "x"], "unrecognized arguments: --model x"),
    ],
)
def test_wrong_arguments_end_with_2(argv, said, capsys):
    with pytest.raises(SystemExit) as end:
        edits(*argv)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("evaluate", "--eval_result_path"),
        ("benchmark", "--json"),
        ("convert", "--output_path"),
        ("predict", "--output_path"),
    ],
)
def test_a_path_that_cannot_be_written_is_told_before_the_work(command, option, capsys):
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"tfmtl.{command}").main([option, "nowhere/x.json"])
    assert end.value.code == 2
    rule = "should be in a folder that exists; received: 'nowhere/x.json'"
    assert f"argument {option}: {rule}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["--set", "train_config.num_steps"],
            "`--set` should be FIELD=VALUE, as train_config.num_steps=50. "
            "Received: train_config.num_steps.",
        ),
        (
            ["--edit_config_json", "{num_steps}"],
            "`--edit_config_json` should be JSON. Received: {num_steps} (Expecting property name "
            "enclosed in double quotes: line 1 column 2 (char 1)).",
        ),
        (
            ["--edit_config_json", "[1]"],
            "`--edit_config_json` should be an object of fields and values. Received: [1].",
        ),
    ],
)
def test_edits_that_cannot_be_read_are_config_errors(argv, said):
    with pytest.raises(ConfigError) as error:
        edits(*argv)
    assert str(error.value) == said


def test_a_config_is_needed(capsys):
    parser = commands.new_parser("try", "Tries.")
    commands.add_config_options(parser)
    assert commands.run(commands.load_pipeline, parser, []) == 2
    assert capsys.readouterr().err == (
        "A config is needed: --pipeline_config_path FILE, or --model_dir DIR.\n"
    )


def test_a_command_that_ends_well_returns_0_or_its_own_code():
    assert exit_code(lambda args: None) == 0
    assert exit_code(lambda args: commands.INTERRUPTED) == 130


def fail_with(error):
    def command(args):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("a.csv:3: a number."), "a.csv:3: a number.\n"),
        (ConfigError(["One.", "Two."]), "One.\nTwo.\n"),
        (PermissionError(13, "Permission denied", "/x/y"), "`/x/y`: Permission denied.\n"),
        (OSError("odd"), "odd\n"),
    ],
)
def test_a_mistake_is_its_message_and_2(error, said, capsys):
    assert exit_code(fail_with(error)) == 2
    assert capsys.readouterr().err == said


def test_debug_shows_the_traceback_as_well(capsys):
    assert exit_code(fail_with(DataError("Bad.")), "--debug") == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("\nBad.\n")


def test_an_interrupt_is_130(capsys):
    assert exit_code(fail_with(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_sigterm_is_an_interrupt_too(capsys):
    assert exit_code(lambda args: signal.raise_signal(signal.SIGTERM)) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_sigterm_that_was_there_stays(capsys):
    received = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        assert exit_code(lambda args: signal.raise_signal(signal.SIGTERM)) == 0
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert received == [signal.SIGTERM]


def run_in_shell(end_of_line, words=99999):
    """Runs a command that says something, its output buffered as where nothing asks for other."""
    program = f"print('said ' * {words})"
    run = f"commands.run(lambda args: {program}, commands.new_parser('try', 'Tries.'), [])"
    line = f'{sys.executable} -c "import sys; from tfmtl import commands; sys.exit({run})"'
    return subprocess.run(
        ["bash", "-c", f"{line} {end_of_line}"],
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_output_that_nobody_reads_is_141_without_a_word():
    done = run_in_shell("| true; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(closed):
    done = run_in_shell(closed)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [1, 99999])
def test_output_that_cannot_be_written_is_a_mistake(words):
    done = run_in_shell("> /dev/full", words)
    assert done.returncode == 2
    assert done.stderr == "[Errno 28] No space left on device\n"


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        exit_code(fail_with(ZeroDivisionError()))


def test_the_log_goes_to_stderr_as_plain_lines(capsys):
    def command(args):
        logging.getLogger("tfmtl.room").info("One line.")

    exit_code(command)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "One line.\n")


def test_every_command_has_a_main_and_help(capsys):
    for command in __main__.COMMANDS:
        with pytest.raises(SystemExit) as end:
            __main__.main([command, "--help"])
        assert end.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: tfmtl {command} ")


def test_no_command_shows_the_list_of_them(capsys):
    assert __main__.main([]) == 0
    said = capsys.readouterr().out
    assert all(f"  {command} " in said for command in __main__.COMMANDS)


def test_an_unknown_command_is_2_and_the_nearest_is_named(capsys):
    assert __main__.main(["trian"]) == 2
    assert capsys.readouterr().err == (
        "The command should be one of train, evaluate, export, predict, serve, init, "
        "statistics, convert, validate, benchmark. Received: `trian`. Did you mean `train`?\n"
    )


def test_the_version_is_told(capsys):
    assert __main__.main(["--version"]) == 0
    assert capsys.readouterr().out == "tfmtl 0.1.0\n"


def test_parsers_have_no_abbreviations():
    parser = commands.new_parser("try", "Tries.")
    assert isinstance(parser, argparse.ArgumentParser)
    assert not parser.allow_abbrev

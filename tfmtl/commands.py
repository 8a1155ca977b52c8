"""What all commands have in common: their options, their exit codes, what they say of a mistake.

A command ends with 0; with 2 for a mistake of the user's, told in one clean message on stderr; with
130 if it was interrupted; with 141, as other tools, if nobody reads its output any more. Anything
else is a fault of tfmtl's own and shows its traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

from tfmtl import config
from tfmtl.edits import edits_of, parse
from tfmtl.errors import ConfigError, TfmtlError
from tfmtl.protos.pipeline_pb2 import Pipeline

MISTAKE = 2
INTERRUPTED = 130
UNREAD = 141


def new_parser(command: str, description: str) -> argparse.ArgumentParser:
    """A parser for `tfmtl <command>`, which is `python -m tfmtl.<command>` too."""
    parser = argparse.ArgumentParser(
        prog=f"tfmtl {command}", description=description, allow_abbrev=False
    )
    parser.add_argument(
        "--debug", action="store_true", help="show tracebacks and what TensorFlow itself logs"
    )
    return parser


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which config, and what to change in it."""
    group = parser.add_argument_group(
        "config",
        "Besides these, --data_config.X V, --train_config.X V and the like set any field: "
        "--train_config.num_steps 50",
    )
    group.add_argument("--pipeline_config_path", metavar="FILE", help="the config")
    group.add_argument(
        "--model_dir", metavar="DIR", help="sets model_dir; alone, says where the config is"
    )
    for path in ("train_input_path", "eval_input_path"):
        group.add_argument(f"--{path}", nargs="+", metavar="PATH", help=f"sets {path}")
    group.add_argument(
        "--edit_config_json", metavar="JSON", help="""'{"train_config.num_steps": 50, ...}'"""
    )
    group.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="sets a field; repeatable"
    )
    parser.set_defaults(edit_flags=[])


def add_checkpoint_option(options: argparse._ActionsContainer) -> None:
    """The option that says which checkpoint.

    Args:
        options: A parser, or a group of its options.
    """
    options.add_argument(
        "--checkpoint",
        "--checkpoint_path",
        default="latest",
        metavar="C",
        help="latest, best or a path (default: latest)",
    )


def add_input_option(parser: argparse.ArgumentParser) -> None:
    """The option that says which files to go through, other than the config's own."""
    parser.add_argument(
        "--input_path",
        nargs="+",
        required=True,
        metavar="PATH",
        help="files, globs or folders, read as the training data is, unless --set "
        "data_config.input_type=... or the like says otherwise; labels may be absent",
    )


def add_rolling_options(
    parser: argparse.ArgumentParser, best: str, latest: str
) -> argparse._ActionsContainer:
    """The options that say which models are exported one after the other, and how many are kept.

    Args:
        parser: Takes them.
        best: What `--export_best` does.
        latest: What `--export_latest` does.

    Returns:
        The group of `--export_best` and `--export_latest`, of whose options one at most is given.
    """
    kinds = parser.add_mutually_exclusive_group()
    for kind, told in (("best", best), ("latest", latest)):
        kinds.add_argument(
            f"--export_{kind}", dest="rolling", action="store_const", const=kind, help=told
        )
    parser.add_argument(
        "--exports_to_keep", type=positive, metavar="N", help="leaves the N newest versions"
    )
    return kinds


def new_path(text: str) -> str:
    """The type of an argument that names what to write: told before the work, not after it."""
    if not Path(text).parent.is_dir():
        raise argparse.ArgumentTypeError(f"should be in a folder that exists; received: {text!r}")
    return text


def positive(text: str) -> int:
    """The type of an argument that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"should be a whole number above 0; received: {text!r}")
    return int(text)


def run(
    command: Callable[[argparse.Namespace], int | None],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None = None,
) -> int:
    """Parses the arguments, runs the command and returns its exit code."""
    _open_closed_streams()
    args = parse(parser, sys.argv[1:] if argv is None else argv)
    _set_up_logging(args.debug)
    try:
        with _sigterm_as_interrupt():
            return _run(command, args)
    except BrokenPipeError:
        return UNREAD
    finally:
        _drop_unwritten()


def load_pipeline(
    args: argparse.Namespace, needs: Sequence[str] | None = None, fitted: bool = True
) -> Pipeline:
    """The config that the options of `add_config_options` ask for.

    Args:
        args: The options.
        needs: The paths that the config must give; by default those that training needs.
        fitted: Whether to fill in what features take from statistics.

    Raises:
        ConfigError: With all its problems.
    """
    if args.pipeline_config_path:
        path = args.pipeline_config_path
    elif args.model_dir:
        path = Path(args.model_dir, config.SAVED)
    else:
        raise ConfigError(["A config is needed: --pipeline_config_path FILE, or --model_dir DIR."])
    needs = config.TO_TRAIN if needs is None else needs
    return config.load(path, overrides=edits_of(args), needs=needs, fitted=fitted)


def load_api(args: argparse.Namespace) -> ModuleType:
    """`tfmtl.api` and TensorFlow with it, without what TensorFlow says while it is loaded."""
    if args.debug:
        from tfmtl import api

        return api
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _silent_stderr():
        from tfmtl import api

        api.find_devices()
    return api


def _run(command: Callable[[argparse.Namespace], int | None], args: argparse.Namespace) -> int:
    try:
        status = command(args) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        raise
    except (TfmtlError, OSError) as error:
        if args.debug:
            traceback.print_exception(error)
        print(_message(error), file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _open_closed_streams() -> None:
    """Lets standard streams that came closed lead nowhere, so that no file gets their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)
    sys.stderr = sys.stderr or open(2, "w", closefd=False)


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Makes SIGTERM what Ctrl-C is, so that it, too, leaves nothing half-written behind."""
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _drop_unwritten() -> None:
    """Lets streams that cannot be written lead nowhere, or Python would complain at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())


def _message(error: TfmtlError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"`{error.filename}`: {error.strerror}."
    return str(error)


def _set_up_logging(debug: bool) -> None:
    """Shows the package's own log as plain lines on stderr."""
    logger = logging.getLogger("tfmtl")
    logger.handlers = [logging.StreamHandler()]
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Holds back what is written to file descriptor 2, and shows it only if the block fails.

    TensorFlow's libraries write there before any setting of theirs is read.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held, contextlib.ExitStack() as undo:
        original = os.dup(2)
        undo.callback(os.close, original)
        undo.callback(os.dup2, original, 2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except TfmtlError:
            raise
        except Exception:
            held.seek(0)
            os.write(original, held.read())
            raise

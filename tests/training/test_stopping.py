"""Signals ask to stop; the second one does not ask."""

import signal
import subprocess
import sys
import threading

import pytest

from tfmtl.training import stopping
from tfmtl.training.stopping import StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_received_and_training_is_not_killed(number):
    with StopSignals() as signals:
        assert not signals.received
        signal.raise_signal(number)
        assert signals.received


def test_the_handlers_from_before_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_thread_listens_to_no_signals():
    seen = []

    def listen():
        with StopSignals() as signals:
            seen.append(signals.received)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [False]


def test_the_second_signal_kills():
    # Run as a file, because the package would load TensorFlow.
    code = f"""
import runpy, signal
StopSignals = runpy.run_path({stopping.__file__!r})["StopSignals"]
with StopSignals():
    signal.raise_signal(signal.SIGTERM)
    print("still here", flush=True)
    signal.raise_signal(signal.SIGTERM)
    print("not here")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "still here\n"
    assert done.returncode == -signal.SIGTERM
    assert "SIGTERM: finishing the step and saving a checkpoint; once more kills." in done.stderr

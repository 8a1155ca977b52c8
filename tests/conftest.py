"""What holds for all tests: random numbers are always the same, and graphs go with their file."""

import gc
import sys

import pytest


def pytest_collection():
    gc.disable()


def pytest_collection_finish():
    """Modules stay: garbage is not looked for among them, which takes a tenth of the time."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Seeds, before fixtures of any scope, so that no test fails by chance."""
    if keras := sys.modules.get("tf_keras"):  # Tests of configs alone do without.
        keras.utils.set_random_seed(1)


@pytest.fixture(scope="module", autouse=True)
def graphs_of_a_file():
    """Lets go of graphs that only refer to one another, which may be gigabytes."""
    yield
    if keras := sys.modules.get("tf_keras"):
        keras.backend.clear_session()
        gc.collect()

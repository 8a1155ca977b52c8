"""What holds for all tests: each file starts from the same random numbers."""

import gc
import sys

import pytest


def pytest_collection():
    gc.disable()


def pytest_collection_finish():
    """Modules stay: garbage is not looked for among them, which takes a tenth of the time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def equal_random_numbers():
    """Keeps tests from failing by chance.

    Not before each test: TensorFlow would forget its kernels, and make them again.
    """
    if keras := sys.modules.get("tf_keras"):
        keras.utils.set_random_seed(1)
    elif tensorflow := sys.modules.get("tensorflow"):  # Tests of data do without Keras.
        tensorflow.random.set_seed(1)

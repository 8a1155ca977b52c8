"""The package's front: what importing it does, and what its names are."""

import os
import subprocess
import sys
import textwrap

import pytest


def run(code, **environment):
    inherited = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
    )


def output(code, **environment):
    done = run(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_no_tensorflow_and_asks_for_keras_2():
    said = output(
        """
        import sys, os, tfmtl
        heavy = [name for name in ("tensorflow", "numpy", "pandas") if name in sys.modules]
        print(heavy, os.environ["TF_USE_LEGACY_KERAS"], tfmtl.__version__)
        """
    )
    assert said == "[] 1 0.1.0"


def test_errors_are_there_without_tensorflow():
    said = output(
        """
        import sys, tfmtl
        print(issubclass(tfmtl.ConfigError, tfmtl.TfmtlError), "tensorflow" in sys.modules)
        """
    )
    assert said == "True False"


def test_a_name_that_is_not_there_is_an_attribute_error():
    said = output(
        """
        import tfmtl
        try:
            tfmtl.trian
        except AttributeError as error:
            print(error)
        """
    )
    assert said == "module 'tfmtl' has no attribute 'trian'"


@pytest.mark.slow
def test_every_public_name_is_there():
    said = output(
        """
        import tfmtl
        absent = [name for name in tfmtl.__all__ if getattr(tfmtl, name) is None]
        print(absent, set(tfmtl.__all__) <= set(dir(tfmtl)))
        """
    )
    assert said == "[] True"


@pytest.mark.slow
def test_train_stays_the_function_when_the_command_is_imported():
    said = output(
        """
        import sys
        import tfmtl.train, tfmtl.evaluate
        from tfmtl.train import main
        from tfmtl import train
        print(type(train).__name__, type(tfmtl.evaluate).__name__)
        print(sys.modules["tfmtl.train"].main is main)
        """
    )
    assert said == "function function\nTrue"


@pytest.mark.slow
@pytest.mark.parametrize(
    "touch",
    ["tf.keras.layers", "from tensorflow import keras; keras.Model", "import tensorflow.keras"],
)
def test_keras_3_that_came_first_is_told(touch):
    done = run(
        f"import tensorflow as tf\n{touch}\nimport tfmtl\ntfmtl.train", TF_CPP_MIN_LOG_LEVEL="3"
    )
    assert done.returncode == 1
    last_line = done.stderr.strip().splitlines()[-1]
    assert last_line.endswith(
        "`tf.keras` should be Keras 2 (the package tf_keras) in a process that uses tfmtl. "
        "Received: Keras 3, because TensorFlow's Keras was used before tfmtl was imported. Put "
        "`import tfmtl` before the first use of `tf.keras`, or set TF_USE_LEGACY_KERAS=1 in the "
        "environment before Python starts."
    )


@pytest.mark.slow
def test_tensorflow_may_come_first_if_its_keras_was_not_used():
    said = output("import tensorflow as tf, tfmtl\ntfmtl.train\nprint(tf.keras.__name__)")
    assert said.startswith("tf_keras")


@pytest.mark.slow
def test_another_value_of_the_variable_is_told():
    done = run(
        """
        import tfmtl
        try:
            tfmtl.train
        except ImportError as error:
            print(error)
        """,
        TF_USE_LEGACY_KERAS="0",
    )
    assert done.stdout.strip() == (
        "The environment variable TF_USE_LEGACY_KERAS should be 1: tensorflow-recommenders needs "
        "Keras 2. Received: '0'. Set it to 1, or leave it unset: tfmtl sets it."
    )

"""What the tests of losses share: rows of sessions, and a loss with its gradient."""

import types

import numpy as np
import pytest
import tensorflow as tf

# Sessions of four rows, three (one of them out of space), one and one; a row without; two labels
# that are equal in `a`, logits that are equal in `b`.
SESSION = ["a", "b", "a", "", "b", "c", "a", "b", "a", "d"]
LABEL = [1, 1, 0, 1, 0, 1, 0, 0, 1, 0]
WEIGHT = [2.0, 1.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.0, 1.5, 3.0]
LOGIT = [0.7, -1.2, 0.1, 2.0, -1.2, 0.3, 1.4, 0.9, -0.4, 0.2]


@pytest.fixture
def rows():
    """The rows above, as arrays, and logits of three units, the first of which are those above."""
    random = np.random.default_rng(3)
    logits = random.normal(size=(len(LABEL), 3)).astype(np.float32)
    logits[:, 0] = LOGIT
    return types.SimpleNamespace(
        session=np.array(SESSION),
        label=np.array(LABEL, np.float32),
        weight=np.array(WEIGHT, np.float32),
        logit=np.array(LOGIT, np.float32)[:, None],
        logits=logits,
    )


@pytest.fixture(scope="session")
def run():
    """Computes a loss, with its gradient by the logits, which must be finite."""

    def run(loss, label, logits, weight, session=None):
        targets = {} if session is None else {"user": tf.constant(session)}

        logits = tf.Variable(logits, dtype=tf.float32)
        with tf.GradientTape() as tape:
            value = loss(tf.constant(label, tf.float32), logits, tf.constant(weight), targets)
        slope = tape.gradient(value, logits, unconnected_gradients="zero").numpy()
        assert value.shape == ()
        assert np.all(np.isfinite(slope))
        return float(value), slope

    return run

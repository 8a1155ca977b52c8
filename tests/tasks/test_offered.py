"""What is true of every metric that any kind of task offers."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.offered import BINARY, CLASSES, RANKING, REGRESSION, TWO_CLASSES

UNITS = {"binary": 1, "classes": 3, "two classes": 2, "number": 1, "order": 1}
OFFERED = {
    (kind, name): metric
    for kind, metrics in zip(
        UNITS, [BINARY, CLASSES, TWO_CLASSES, REGRESSION, RANKING], strict=True
    )
    for name, metric in metrics.items()
    if name != "mean_label"  # It reads no prediction.
}


def measured(kind, name, logits, weight):
    metric = OFFERED[kind, name]
    column = {"column": "user"} if metric.grouped_by else {}
    group = [tf.constant([7, 7, 8, 8])] if metric.grouped_by else []
    made = metric.kind(name=name, **column)
    label = tf.constant([1.0, 0.0, 1.0, 0.0])
    made.update_state(label, metric.reads(tf.constant(logits)), tf.constant(weight), *group)
    return float(made.result())


@pytest.mark.parametrize(("kind", "name"), OFFERED)
def test_an_answer_that_is_not_a_number_has_no_value_unless_it_does_not_count(kind, name):
    logits = np.linspace(-1, 2, 4 * UNITS[kind], dtype=np.float32).reshape(4, -1)
    logits[3] = np.nan
    assert np.isnan(measured(kind, name, logits, [1.0, 1.0, 1.0, 1.0]))
    assert np.isfinite(measured(kind, name, logits, [1.0, 1.0, 1.0, 0.0]))

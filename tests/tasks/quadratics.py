"""Tasks whose losses are quadratics, so that gradients and Pareto points are known.

L_k(x) = scale_k·‖x − centre_k‖² / 2 + floor,  g_k(x) = scale_k·(x − centre_k)

The Pareto points of two such tasks are the segment between their centres.
"""

import numpy as np
import tensorflow as tf

from tfmtl.tasks.balancing import Observed


class Quadratics:
    def __init__(self, centres, scales=None, floor=0.1):
        self.centres = np.array(centres, "float64")
        self.scales = np.ones(len(centres)) if scales is None else np.array(scales, "float64")
        self.floor = floor

    def descend(self, balancer, start, rate=0.1, steps=100):
        """Where a balancer leads."""
        x = tf.Variable(start, dtype=tf.float32)
        centres, scales = (tf.constant(a, tf.float32) for a in (self.centres, self.scales))

        def losses():
            return scales * tf.reduce_sum((x - centres) ** 2, axis=1) / 2 + self.floor

        @tf.function(autograph=False)
        def step():
            g = scales[:, None] * (x - centres)
            gram = tf.matmul(g, g, transpose_b=True)
            seen = Observed(losses(), gram, losses)
            weights = balancer.weights(seen.values, gram).shared
            x.assign_sub(rate * tf.linalg.matvec(g, weights, transpose_a=True))
            balancer.update(seen)

        for _ in range(steps):
            step()
        return x.numpy()


def seen(values, gram=None, after=None):
    """What a step saw, from numbers."""
    gram = np.eye(len(values)) if gram is None else gram
    after = values if after is None else after
    return Observed(
        tf.constant(values, tf.float32),
        tf.constant(gram, tf.float32),
        lambda: tf.constant(after, tf.float32),
    )


def gram_of(gradients):
    g = np.array(gradients, "float64")
    return g, tf.constant(g @ g.T, tf.float32)


def repeat(balancer, what, times):
    """Lets a balancer learn from the same step many times."""
    step = tf.function(lambda: balancer.update(what), autograph=False)
    for _ in range(times):
        step()

"""Cross entropy of an event that weighs rows by what the model says of them."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.tasks.losses.means import mean, mean_of_hardest
from tfmtl.tasks.losses.rows import sigmoid_cross_entropy
from tfmtl.tasks.space import Targets

# A power's slope may be infinite at 0. Smaller than any 1 - p of a logit up to 60.
_TINY = 1e-30


class FocalLoss:
    """Cross entropy that looks away from easy rows:  l = α_y · (1 - p_y)^γ · CE(y, c).

    `p_y = y·p + (1 - y)·(1 - p)` is the probability of the right answer, `α_y` is α for a positive
    row and 1 - α for a negative one.

    Args:
        gamma: γ.
        alpha: α; None for no such factor.
        hardest: The share of the rows to keep, as of `mean_of_hardest`.
        label_smoothing: Moves the label of CE towards ½ by this share.

    References:
        Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017,
        https://arxiv.org/abs/1708.02002
    """

    is_squared = False
    variables: Sequence[tf.Variable] = ()

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float | None = None,
        hardest: float = 1.0,
        label_smoothing: float = 0.0,
    ) -> None:
        self.columns: list[str] = []
        self.gamma, self.alpha = gamma, alpha
        self.hardest, self.label_smoothing = hardest, label_smoothing

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        c = tf.squeeze(logits, axis=-1)
        wrong = label * tf.sigmoid(-c) + (1.0 - label) * tf.sigmoid(c)
        factor = tf.pow(tf.maximum(wrong, _TINY), self.gamma)
        if self.alpha is not None:
            factor *= label * self.alpha + (1.0 - label) * (1.0 - self.alpha)
        losses = factor * sigmoid_cross_entropy(smoothed(label, self.label_smoothing), c)
        return mean_of_hardest(losses, weight, self.hardest)


class F1ReweightedLoss:
    """Cross entropy that weighs recall against precision, by way of the negative rows' weight.

        l = CE(y, c) for y = 1,  v·CE(y, c) for y = 0
        v = t / (β²·P + N - (B - t)) = t / ((β² - 1)·P + t),  t = Σ p

    P and N are the numbers of positive and negative rows of the sample space, B is their sum. Where
    the model predicts as many positives as there are, v is 1/β²; for β² below 1 that is also the
    most it can be, because the denominator would come to 0 and below.

    Args:
        beta_square: β² of the F-measure; above 1 favours recall.
        label_smoothing: Moves the label of CE towards ½ by this share.

    References:
        Lin et al., "Adaptive Scaling for Sparse Detection in Information Extraction", ACL 2018,
        https://arxiv.org/abs/1805.00250. EasyRec, whose formula this is, has Σ p over all rows in
        place of that over positive ones.
    """

    is_squared = False
    variables: Sequence[tf.Variable] = ()

    def __init__(self, beta_square: float = 1.0, label_smoothing: float = 0.0) -> None:
        self.columns: list[str] = []
        self.beta_square, self.label_smoothing = beta_square, label_smoothing

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        c = tf.squeeze(logits, axis=-1)
        negative = self._negative_weight(label, c, tf.cast(weight != 0.0, c.dtype))
        factor = label + (1.0 - label) * negative
        losses = factor * sigmoid_cross_entropy(smoothed(label, self.label_smoothing), c)
        return mean(losses, weight)

    def _negative_weight(self, label: tf.Tensor, c: tf.Tensor, inside: tf.Tensor) -> tf.Tensor:
        predicted = tf.reduce_sum(tf.math.multiply_no_nan(tf.sigmoid(c), inside))
        positives = tf.reduce_sum(inside * label)
        denominator = (self.beta_square - 1.0) * positives + predicted
        if self.beta_square < 1.0:
            denominator = tf.maximum(denominator, self.beta_square * predicted)
        return predicted / (denominator + 1e-8)


def smoothed(label: tf.Tensor, share: float) -> tf.Tensor:
    """A label `(batch,)` moved towards ½ by a share."""
    return label * (1.0 - share) + 0.5 * share

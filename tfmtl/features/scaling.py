"""How numbers are scaled.

x' = (t(x) - center) / scale        t(x) = x, or sign(x) log(1 + |x|)
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfmtl.errors import ConfigError
from tfmtl.protos.feature_pb2 import FeatureConfig, Normalization

_LOGARITHMIC = (Normalization.LOG1P, Normalization.LOG1P_Z_SCORE)


@dataclasses.dataclass(frozen=True)
class Scaling:
    """Scales numbers, of any shape; without arguments it leaves them as they are.

    Args:
        center: What is subtracted.
        scale: What divides then.
        logarithmic: Whether sign(x) log(1 + |x|) is taken before.
    """

    center: float = 0.0
    scale: float = 1.0
    logarithmic: bool = False

    def __call__(self, numbers: tf.Tensor) -> tf.Tensor:
        if self.logarithmic:
            numbers = tf.sign(numbers) * tf.math.log1p(tf.abs(numbers))
        if (self.center, self.scale) == (0.0, 1.0):
            return numbers
        return (numbers - self.center) / self.scale

    @classmethod
    def from_config(cls, config: FeatureConfig) -> Scaling:
        """What a feature asks for: `normalization`, or its range mapped to 0 and 1.

        Raises:
            ConfigError: If it is to come from statistics, and has not.
        """
        if config.HasField("normalization"):
            return _normalization(config.normalization)
        if config.max_val > config.min_val:
            return cls(config.min_val, config.max_val - config.min_val)
        return cls()


def not_fitted(field: str, lacks: str) -> str:
    """The problem of a field that was not filled in from statistics."""
    return (
        f"`{field}` should have {lacks} from statistics. Received: none. `tfmtl.load_config` "
        "fills them in from `statistics_path`."
    )


def _normalization(its: Normalization) -> Scaling:
    logarithmic = its.method in _LOGARITHMIC
    if its.method == Normalization.LOG1P:
        return Scaling(logarithmic=True)
    if not its.HasField("scale"):
        raise ConfigError([not_fitted("normalization", "center and scale")])
    return Scaling(its.center, its.scale, logarithmic)

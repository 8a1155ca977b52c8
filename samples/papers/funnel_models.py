"""The methods that the experiment on funnels compares: their configs, and what they predict.

All have the same features, embeddings of the same width, and a tower of the same layers for each
probability that they learn. They differ in what they share, in which rows they see, and in their
losses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

BUCKETS = {
    "user_id": 20_000,
    "item_id": 5_000,
    **dict.fromkeys(("age_level", "city", "category", "brand", "hour", "position", "scene"), 500),
}
PROPENSITY = "probs_ctr"  # The column of the click model's answers, called as they are.
MIN_PROPENSITY = 0.01

Answers = Mapping[str, np.ndarray]  # By the output's name, (rows,).


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the networks.

    Args:
        embedding_dim: Of every feature.
        tower: Units of a tower's layers.
    """

    embedding_dim: int
    tower: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to learn p(buy given click), or p(click).

    Args:
        name: What the tables call it.
        architecture: The field of `model_config`.
        towers: Its towers: field, name and label.
        options: What else is said of the architecture.
        sampling: How often it sees a row, as fields of `data_config`.
        rate: The share of unclicked rows that it sees.
    """

    name: str
    architecture: str
    towers: tuple[tuple[str, str, str], ...]
    options: str = ""
    sampling: str = ""
    rate: float = 1.0

    @property
    def of_clicks(self) -> bool:
        """Whether it sees clicked rows alone."""
        return self.rate == 0

    def model(self, sizes: Sizes) -> str:
        """The architecture's message."""
        units = ", ".join(map(str, sizes.tower))
        towers = " ".join(
            f'{field} {{ tower_name: "{name}" label_name: "{label}" '
            f"dnn {{ hidden_units: [{units}] }} metrics_set {{ logloss {{}} }} }}"
            for field, name, label in self.towers
        )
        return f"{self.architecture} {{ {towers} {self.options} l2_regularization: 1e-6 }}"


_CTR = ("ctr_tower", "ctr", "click")
_ESMM = (_CTR, ("cvr_tower", "cvr", "buy"))


def _alone(name: str, *, label: str = "buy", sampling: str = "", rate: float = 0.0) -> Method:
    """A model of one probability."""
    tower = ("task_towers", "ctr" if label == "click" else "cvr", label)
    return Method(name, "simple_multi_task", (tower,), "", sampling, rate)


CLICK = _alone("CTR", label="click", rate=1.0)
BASE = _alone("base")
UNBIASED = _alone(
    "unbiased",
    sampling=f'input_fields {{ input_name: "{PROPENSITY}" input_type: FLOAT }} '
    f'rejection_sampling {{ label_name: "click" propensity_name: "{PROPENSITY}" '
    f"min_propensity: {MIN_PROPENSITY} }}",
)
JOINT = (
    Method("division", "division", (_CTR, ("ctcvr_tower", "ctcvr", "buy"))),
    Method("ESMM-NS", "esmm", _ESMM, "share_embedding: false"),
    Method("ESMM", "esmm", _ESMM),
    Method(
        "ESM²",
        "esm2",
        (
            ("click_tower", "ctr", "click"),
            ("action_tower", "cart_rate", "cart"),
            ("buy_after_action_tower", "buy_of_cart", "buy"),
            ("buy_after_other_tower", "buy_of_other", "buy"),
        ),
    ),
)


def aman(rate: float) -> Method:
    """All missing as negative: unclicked rows, at a rate, as negatives of the conversion."""
    sampling = f'undersampling {{ label_name: "click" rate: {rate} }}'
    return _alone(f"AMAN {rate:.0%}", sampling=sampling, rate=rate)


def oversampling(factor: int) -> Method:
    """Copies of the conversions."""
    sampling = f'oversampling {{ label_name: "buy" factor: {factor} }}'
    return _alone(f"oversampling {factor}", sampling=sampling)


def config_text(
    method: Method, sizes: Sizes, *, passes: int, batch_size: int, learning_rate: float
) -> str:
    """The config of a method.

    Args:
        method: The method.
        sizes: Sizes of the networks.
        passes: Times that the sampled rows are read.
        batch_size: Rows of a step.
        learning_rate: Adam's.
    """
    columns = "\n".join(f'  input_fields {{ input_name: "{name}" }}' for name in BUCKETS)
    features = "\n".join(
        f'  features {{ input_names: "{name}" feature_type: IdFeature '
        f"hash_bucket_size: {buckets} embedding_dim: {sizes.embedding_dim} }}"
        for name, buckets in BUCKETS.items()
    )
    names = ", ".join(f'"{name}"' for name in BUCKETS)
    return f"""
train_config {{
  optimizer_config {{
    adam_optimizer {{
      learning_rate {{ constant_learning_rate {{ learning_rate: {learning_rate} }} }}
    }}
  }}
  save_checkpoints_steps: {10**9}  # One evaluation, in the end.
}}
data_config {{
  batch_size: {batch_size}
  num_epochs: {passes}
  shuffle: true
  label_fields: ["click", "cart", "buy"]
  input_fields {{ input_name: "click" input_type: INT32 }}
  input_fields {{ input_name: "cart" input_type: INT32 }}
  input_fields {{ input_name: "buy" input_type: INT32 }}
{columns}
  {method.sampling}
}}
feature_config {{
{features}
}}
model_config {{
  feature_groups {{ group_name: "all" feature_names: [{names}] wide_deep: DEEP }}
  {method.model(sizes)}
  embedding_regularization: 1e-4
}}
"""


def conversion(answers: Answers) -> np.ndarray:
    """p(buy given click) of what a method predicts, (rows,)."""
    if "probs_cvr" in answers:
        return answers["probs_cvr"]
    cart = answers["probs_cart_rate"]
    return cart * answers["probs_buy_of_cart"] + (1 - cart) * answers["probs_buy_of_other"]


def product(answers: Answers, click: np.ndarray) -> np.ndarray:
    """p(click and buy), (rows,).

    Args:
        answers: What a method predicts.
        click: p(click) of the click model, (rows,); it stands in for methods that have none.
    """
    joint = answers.get("probs_ctcvr")
    return conversion(answers) * click if joint is None else joint

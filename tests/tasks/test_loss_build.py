"""From the messages of losses to the terms of a task: which losses, and what they are called."""

import pytest
from six_rows import LABEL, LOGITS, TARGETS, WEIGHT, build

from tfmtl.errors import ConfigError
from tfmtl.tasks import losses
from tfmtl.tasks.losses import jrc, lists
from tfmtl.tasks.offered import only
from tfmtl.tasks.terms import RowLoss


def on_logit(rows):
    return RowLoss(lambda label, logits: rows(label, only(logits)))


USER, ALL = losses.Sessions("user_id"), losses.Sessions()
# A loss's text, beside `loss_type`, and what it should be.
CASES = {
    "CLASSIFICATION": ("", on_logit(losses.sigmoid_cross_entropy)),
    "BINARY_CROSS_ENTROPY_LOSS": ("", on_logit(losses.sigmoid_cross_entropy)),
    "L2_LOSS": ("", on_logit(losses.squared_error)),
    "SIGMOID_L2_LOSS": ("", on_logit(losses.sigmoid_squared_error)),
    "L1_LOSS": ("", on_logit(losses.absolute_error)),
    "HUBER_LOSS": (
        "huber_loss { delta: 0.3 }",
        on_logit(lambda y, c: losses.huber_error(y, c, 0.3)),
    ),
    "QUANTILE_LOSS": (
        "quantile_loss { quantile: 0.8 }",
        on_logit(lambda y, c: losses.quantile_error(y, c, 0.8)),
    ),
    "F1_REWEIGHTED_LOSS": (
        "f1_reweighted_loss { f1_beta_square: 3 label_smoothing: 0.1 }",
        losses.F1ReweightedLoss(3.0, 0.1),
    ),
    "BINARY_FOCAL_LOSS": (
        "binary_focal_loss { gamma: 1.5 alpha: 0.3 ohem_ratio: 0.6 label_smoothing: 0.2 }",
        losses.FocalLoss(1.5, 0.3, 0.6, 0.2),
    ),
    "PAIR_WISE_LOSS": (
        'pairwise_loss { margin: 0.2 session_name: "user" temperature: 0.5 }',
        losses.PairwiseLoss(losses.logistic(0.2), USER, 0.5),
    ),
    "PAIRWISE_FOCAL_LOSS": (
        'pairwise_focal_loss { gamma: 1 alpha: 0.4 hinge_margin: 0.8 session_name: "user" '
        "ohem_ratio: 0.7 temperature: 0.5 }",
        losses.PairwiseLoss(losses.focal(1.0, 0.4), USER, 0.5, 0.7, 0.8),
    ),
    "PAIRWISE_LOGISTIC_LOSS": (
        "pairwise_logistic_loss { temperature: 2 hinge_margin: 0.3 ohem_ratio: 0.4 }",
        losses.PairwiseLoss(losses.logistic(0.3), ALL, 2.0, 0.4),
    ),
    "PAIRWISE_HINGE_LOSS": (
        "pairwise_hinge_loss { temperature: 2 margin: 3 use_label_margin: false ohem_ratio: 0.8 }",
        losses.PairwiseLoss(losses.hinge(3.0), ALL, 2.0, 0.8),
    ),
    "LISTWISE_RANK_LOSS": (
        'listwise_rank_loss { temperature: 2 session_name: "user_id" label_is_logits: true }',
        losses.ListwiseLoss(lists.label_softmax(2.0), USER, 2.0),
    ),
    "LISTWISE_DISTILL_LOSS": (
        'listwise_distill_loss { temperature: 2 session_name: "user" label_clip_max_value: 9 }',
        losses.ListwiseLoss(lists.rank_gain(9.0), USER, 2.0),
    ),
    "JRC_LOSS": (
        'jrc_loss { session_name: "user" alpha: 0.2 same_label_loss: false }',
        losses.JRCLoss(USER, jrc.fixed(0.2), same_label=False),
    ),
    "ZILN_LOSS": (
        "ziln_loss { mu_regularization: 0.2 sigma_regularization: 0.3 max_sigma: 0.7 "
        "classification_weight: 2 regression_weight: 3 }",
        losses.ZILNLoss(0.7, 2.0, 3.0, 0.2, 0.3),
    ),
    "ORDINAL_LOSS": ("", RowLoss(losses.ordinal_cross_entropy)),
}
CLASSES = {"JRC_LOSS": 2, "ZILN_LOSS": 3, "ORDINAL_LOSS": 4}
DEFAULTS = {
    "F1_REWEIGHTED_LOSS": losses.F1ReweightedLoss(1.0),
    "BINARY_FOCAL_LOSS": losses.FocalLoss(2.0),
    "PAIR_WISE_LOSS": losses.PairwiseLoss(losses.logistic(), ALL),
    "PAIRWISE_FOCAL_LOSS": losses.PairwiseLoss(losses.focal(2.0), ALL),
    "PAIRWISE_LOGISTIC_LOSS": losses.PairwiseLoss(losses.logistic(), ALL),
    "PAIRWISE_HINGE_LOSS": losses.PairwiseLoss(losses.hinge(None), ALL),
    "LISTWISE_RANK_LOSS": losses.ListwiseLoss(lists.label_itself, ALL),
    "LISTWISE_DISTILL_LOSS": losses.ListwiseLoss(lists.rank_gain(512.0), ALL),
    "JRC_LOSS": losses.JRCLoss(ALL, jrc.fixed(0.5)),
    "ZILN_LOSS": losses.ZILNLoss(5.0, 1.0, 1.0, 0.01, 0.01),
    "HUBER_LOSS": on_logit(lambda y, c: losses.huber_error(y, c, 1.0)),
    "QUANTILE_LOSS": on_logit(lambda y, c: losses.quantile_error(y, c, 0.5)),
}


def value_of(loss, task):
    return float(loss(LABEL, LOGITS[:, : task.units], WEIGHT, TARGETS))


def classes_of(loss_type):
    return f"num_class: {CLASSES.get(loss_type, 1)}"


@pytest.mark.parametrize("loss_type", CASES)
def test_a_loss_has_its_parameters(loss_type):
    text, expected = CASES[loss_type]
    task = build(f"{classes_of(loss_type)} losses {{ loss_type: {loss_type} {text} }}")
    (term,) = task.terms
    assert value_of(term.loss, task) == pytest.approx(value_of(expected, task), rel=1e-6)
    assert term.loss.columns == expected.columns
    logits = LOGITS[:, : task.units]
    assert float(task.loss(logits, TARGETS)) == pytest.approx(value_of(expected, task), rel=1e-6)


@pytest.mark.parametrize("loss_type", DEFAULTS)
def test_a_plain_loss_type_means_its_defaults(loss_type):
    task = build(f"{classes_of(loss_type)} loss_type: {loss_type}")
    expected = value_of(DEFAULTS[loss_type], task)
    assert value_of(task.terms[0].loss, task) == pytest.approx(expected, rel=1e-6)


def test_a_margin_may_be_that_of_the_labels():
    task = build(
        "losses { loss_type: PAIRWISE_LOGISTIC_LOSS pairwise_logistic_loss { use_label_margin: true"
        " hinge_margin: 9 } }"
    )
    expected = losses.PairwiseLoss(losses.logistic(None), ALL)
    assert value_of(task.terms[0].loss, task) == pytest.approx(value_of(expected, task))


@pytest.mark.parametrize(("are_logits", "scale"), [("true", 0.25), ("false", 1.0)])
def test_labels_that_are_logits_have_the_temperature_too(are_logits, scale):
    task = build(
        "losses { loss_type: PAIRWISE_HINGE_LOSS "
        f"pairwise_hinge_loss {{ temperature: 4 label_is_logits: {are_logits} }} }}"
    )
    expected = losses.PairwiseLoss(losses.hinge(None, scale), ALL, 4.0)
    assert value_of(task.terms[0].loss, task) == pytest.approx(value_of(expected, task))


@pytest.mark.parametrize("strategy", ["random_uniform", "random_normal", "random_bernoulli"])
def test_parts_of_jrc_may_be_weighed_at_random(strategy):
    tower = 'num_class: 2 losses { loss_type: JRC_LOSS jrc_loss { alpha: 0.1 session_name: "user"'
    task = build(f'{tower} loss_weight_strategy: "{strategy}" }} }}')
    parts = [value_of(losses.JRCLoss(USER, jrc.fixed(alpha)), task) for alpha in (0.0, 1.0)]
    values = {value_of(task.terms[0].loss, task) for _ in range(40)}
    assert len(values) > 1
    assert all(min(parts) - 1e-6 <= value <= max(parts) + 1e-6 for value in values)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("LISTWISE_RANK_LOSS listwise_rank_loss { scale_logits: true }", "scale"),
        ("LISTWISE_DISTILL_LOSS listwise_distill_loss { scale_logits: true }", "scale"),
        ('JRC_LOSS jrc_loss { loss_weight_strategy: "uncertainty" }', "uncertainty"),
    ],
)
def test_what_a_loss_learns_is_named_by_its_term(loss, name):
    classes = classes_of(loss.split()[0])
    (variable,) = build(f"{classes} losses {{ loss_type: {loss} }}").variables
    assert variable.name == f"loss_ctr/{name}:0"


def test_losses_learn_nothing_themselves_unless_they_are_told_to():
    assert all(not build(f"{classes_of(name)} loss_type: {name}").variables for name in CASES)


def test_squared_losses_are_told():
    squared = {
        name
        for name in CASES
        if build(f"{classes_of(name)} loss_type: {name}").terms[0].loss.is_squared
    }
    assert squared == {"L2_LOSS", "SIGMOID_L2_LOSS"}


SEVERAL = """
losses { loss_type: CLASSIFICATION weight: 0.5 }
losses { loss_type: PAIR_WISE_LOSS pairwise_loss { session_name: "user" } learn_loss_weight: true }
losses { loss_type: BINARY_FOCAL_LOSS loss_name: "hard" weight: 3 }
"""


def test_terms_have_names_weights_and_whether_these_are_learned():
    terms = build(SEVERAL).terms
    assert [term.name for term in terms] == [
        "cross_entropy_loss_ctr",
        "pair_wise_loss_ctr",
        "hard_ctr",
    ]
    assert [term.weight for term in terms] == [0.5, 1.0, 3.0]
    assert [term.learns_weight for term in terms] == [False, True, False]


def test_the_loss_of_a_task_is_the_weighted_sum_of_its_terms():
    task = build(SEVERAL)
    parts = [
        value_of(CASES["CLASSIFICATION"][1], task),
        value_of(losses.PairwiseLoss(losses.logistic(), USER), task),
        value_of(losses.FocalLoss(2.0), task),
    ]
    found = {name: float(value) for name, value in task.losses(LOGITS[:, :1], TARGETS).items()}
    assert found == pytest.approx(
        {
            "loss_ctr": 0.5 * parts[0] + parts[1] + 3 * parts[2],
            "loss_cross_entropy_loss_ctr": parts[0],
            "loss_pair_wise_loss_ctr": parts[1],
            "loss_hard_ctr": parts[2],
        },
        rel=1e-6,
    )


def test_the_only_term_is_called_as_the_task():
    task = build('losses { loss_type: CLASSIFICATION loss_name: "x" weight: 2 }')
    assert [(term.name, term.weight) for term in task.terms] == [("ctr", 2.0)]
    assert list(task.losses(LOGITS[:, :1], TARGETS)) == ["loss_ctr"]


def test_the_column_of_a_session_is_one_of_the_tasks():
    assert build(SEVERAL).target_columns == ["click", "user_id"]


def test_a_session_that_is_neither_column_nor_feature_is_refused():
    with pytest.raises(ConfigError) as error:
        build('losses { loss_type: PAIR_WISE_LOSS pairwise_loss { session_name: "nobody" } }')
    assert str(error.value) == (
        "`session_name` of task `ctr` should name an input field or a feature. Received: `nobody`."
    )

"""The score: against NumPy, and where NumPy has no number."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.config.expressions import SMALLEST, Scope, Type, Variable, parse, resolve
from tfmtl.config.score import SCORE_FUNCTIONS
from tfmtl.features.column import Column
from tfmtl.tasks import (
    BinaryHead,
    Judge,
    MultiClassHead,
    RegressionHead,
    SampleSpace,
    Score,
    Task,
    answers_of,
)
from tfmtl.tasks.space import ColumnIndicator, ColumnLabel

NAN, INF = float("nan"), float("inf")
COLUMNS = [
    Column("price", tf.float32, "2.5"),
    Column("age", tf.int32),
    Column("time", tf.int64),
    Column("is_new", tf.bool),
]
RAW = {
    "price": np.array([0.0, 12.5, 3.25], np.float32),
    "age": np.array([18, 30, 65], np.int32),
    "time": np.array([1_700_000_001, 1_700_000_002, 1_700_000_004], np.int64),
    "is_new": np.array([True, False, True]),
}
ANSWERS = {
    "ctr": np.array([0.1, 0.25, 0.9], np.float32),
    "cvr": np.array([0.5, 1e-3, 0.2], np.float32),
    "stay": np.array([-2.0, 0.0, 7.5], np.float32),
    "level": np.array([[0.2, 0.3, 0.5, 0.0], [1, 0, 0, 0], [0.25] * 4], np.float32),
}
SCOPE = Scope(
    {
        "task": {
            "ctr": Variable(),
            "cvr": Variable(),
            "stay": Variable(),
            "level": Variable(Type.CLASSES, 4),
        },
        "column": {
            "price": Variable(),
            "age": Variable(),
            "time": Variable(),
            "is_new": Variable(Type.BOOLEAN),
        },
        "weight": {"a": Variable(), "b": Variable()},
    },
    SCORE_FUNCTIONS,
)


def make_score(text, **weights):
    return Score(resolve(parse(text, SCOPE.kinds), SCOPE), COLUMNS, weights)


def score_of(text, raw=RAW, answers=ANSWERS, given=None, **weights):
    answers, raw, given = (
        {name: tf.constant(value) for name, value in each.items()}
        for each in (answers, raw, given or {})
    )
    score = make_score(text, **weights)(answers, raw, given)
    assert score.dtype == tf.float32 and score.shape == (len(ANSWERS["ctr"]),)
    return score.numpy()


def names():
    values = {**ANSWERS, **{name: column for name, column in RAW.items()}}
    return {
        name: value.astype(float if value.dtype != bool else bool) for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("ctr * cvr * log(price + 1) ^ 0.5", lambda n: n.ctr * n.cvr * np.log(n.price + 1) ** 0.5),
        ("ctr ^ 2 ^ 0.5 - -cvr / 4", lambda n: n.ctr ** (2**0.5) + n.cvr / 4),
        ("-stay ^ 2", lambda n: -(n.stay**2)),
        ("stay ^ 3 + stay ^ 2", lambda n: n.stay**3 + n.stay**2),
        ("age ^ -ctr", lambda n: n.age**-n.ctr),
        ("log1p(price) + exp(-ctr)", lambda n: np.log1p(n.price) + np.exp(-n.ctr)),
        ("sqrt(price) * abs(stay)", lambda n: np.sqrt(n.price) * np.abs(n.stay)),
        ("sigmoid(stay)", lambda n: 1 / (1 + np.exp(-n.stay))),
        ("min(ctr, cvr, 0.3)", lambda n: np.minimum(np.minimum(n.ctr, n.cvr), 0.3)),
        ("max(ctr, cvr)", lambda n: np.maximum(n.ctr, n.cvr)),
        ("clip(stay, -1, ctr)", lambda n: np.minimum(np.maximum(n.stay, -1), n.ctr)),
        ("where(is_new, ctr, cvr)", lambda n: np.where(n.is_new, n.ctr, n.cvr)),
        ("where(age >= 30, 1, 0) + ctr", lambda n: (n.age >= 30) + n.ctr),
        ("where(age <= 30, 1, 0) + ctr", lambda n: (n.age <= 30) + n.ctr),
        ("where(age > 30, 1, 0) + ctr", lambda n: (n.age > 30) + n.ctr),
        ("where(age < 30, 1, 0) + ctr", lambda n: (n.age < 30) + n.ctr),
        ("where(age == 30, 1, 0) + ctr", lambda n: (n.age == 30) + n.ctr),
        ("where(age != 30, 1, 0) + ctr", lambda n: (n.age != 30) + n.ctr),
        (
            "where(is_new and not price > 1 or age == 30, 1, 2) * ctr",
            lambda n: np.where(n.is_new & ~(n.price > 1) | (n.age == 30), 1, 2) * n.ctr,
        ),
        ("level[2] + ctr", lambda n: n.level[:, 2] + n.ctr),
        ("expected(level)", lambda n: n.level @ np.arange(4)),
        ("ctr * 0 + 3", lambda n: np.full(3, 3.0)),
        ("time - 1700000000 + 0 * ctr", lambda n: np.array([1.0, 2.0, 4.0])),
    ],
)
def test_a_score_is_what_its_expression_says(text, formula):
    values = type("Names", (), names())
    np.testing.assert_allclose(score_of(text), formula(values), rtol=1e-6, atol=1e-12)


def test_a_product_of_many_small_probabilities_is_not_0():
    answers = {
        **ANSWERS,
        "ctr": np.full(3, 1e-30, np.float32),
        "cvr": np.full(3, 1e-35, np.float32),
    }
    np.testing.assert_allclose(score_of("(ctr * cvr) ^ 0.1", answers=answers), 10**-6.5, rtol=1e-5)


LEAST = np.log(SMALLEST)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("log(0 * ctr)", LEAST),
        ("log(-1 - ctr)", LEAST),
        ("log1p(-1 + 0 * ctr)", LEAST),
        ("log1p(-7 - ctr)", LEAST),
        ("log(1e-30 + 0 * ctr)", np.log(1e-30)),
        ("log1p(1e-20 + 0 * ctr) * 1e20", 1.0),
        ("ctr / 0", 0.0),
        ("(ctr - ctr) / (ctr - ctr)", 0.0),
        ("sqrt(-ctr)", 0.0),
        ("(-ctr) ^ 0.5", 0.0),
        ("(0 * ctr) ^ -1", 0.0),
        ("(0 * ctr) ^ 0", 1.0),
        ("(0 * ctr - 2) ^ 3", -8.0),
        ("(0 * ctr - 2) ^ -1", -0.5),
        ("exp(1000 + ctr)", np.finfo(np.float32).max),
        ("-exp(1000 + ctr)", -np.finfo(np.float32).max),
        ("exp(1000 + ctr) - exp(1000 + ctr)", 0.0),
        ("0 * exp(1000 + ctr)", 0.0),
        ("1e38 ^ 30 * (ctr - ctr)", 0.0),
        ("sigmoid(-900 - ctr)", 0.0),
    ],
)
def test_what_has_no_value_has_one_here(text, value):
    np.testing.assert_allclose(score_of(text), np.full(3, value), rtol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "ctr + 1",
        "log(ctr)",
        "sqrt(ctr)",
        "ctr ^ 0.5",
        "min(ctr, 0)",
        "max(ctr, 0)",
        "clip(ctr, 0, 1)",
        "log1p(ctr)",
        "sigmoid(ctr)",
    ],
)
def test_a_prediction_that_is_no_number_is_not_hidden(text):
    answers = {**ANSWERS, "ctr": np.array([0.5, NAN, 0.5], np.float32)}
    assert np.isnan(score_of(text, answers=answers)).tolist() == [False, True, False]


def test_a_missing_value_of_a_column_is_its_default():
    raw = {**RAW, "price": np.array([NAN, INF, 4.0], np.float32)}
    assert score_of("price + 0 * ctr", raw=raw).tolist() == [2.5, 2.5, 4.0]


def test_weights_are_defaults_unless_they_are_given():
    text, expected = "ctr * a + b", ANSWERS["ctr"].astype(float)
    defaults = {"a": 3.0, "b": 0.5}
    np.testing.assert_allclose(score_of(text, **defaults), expected * 3 + 0.5, rtol=1e-6)
    given = {"weight_a": np.array([1.0, NAN, INF], np.float32)}
    weights = np.array([1.0, 3.0, 3.0])
    np.testing.assert_allclose(
        score_of(text, given=given, **defaults), expected * weights + 0.5, rtol=1e-6
    )
    one = {"weight_b": np.array([-2.0], np.float32)}
    np.testing.assert_allclose(score_of(text, given=one, **defaults), expected * 3 - 2, rtol=1e-6)


def test_one_weight_for_all_rows_may_be_all_there_is_to_an_expression():
    assert score_of("where(a > 1, a, ctr * 0)", a=2.0).tolist() == [2.0, 2.0, 2.0]


def test_columns_are_those_that_the_expression_names():
    score = make_score("ctr * price + time", a=1.0)
    assert score.columns == ["price", "time"]
    assert [column.spec for column in score.read_columns] == [
        tf.TensorSpec([None], tf.float32, "price"),
        tf.TensorSpec([None], tf.int64, "time"),
    ]
    assert score.weight_signature() == {"weight_a": tf.TensorSpec([None], tf.float32, "weight_a")}


def test_a_task_answers_with_its_probability_its_value_or_those_of_its_classes():
    tasks = [
        Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click"))),
        Task("stay", RegressionHead(), SampleSpace(ColumnLabel("stay"))),
        Task("level", MultiClassHead(3), SampleSpace(ColumnLabel("level"))),
    ]
    logits = {
        "ctr": tf.constant([[0.0], [2.0]]),
        "stay": tf.constant([[5.0], [-1.0]]),
        "level": tf.constant([[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]]),
    }
    answers = answers_of(tasks, logits)
    np.testing.assert_allclose(answers["ctr"], [0.5, 1 / (1 + np.exp(-2))], rtol=1e-6)
    np.testing.assert_allclose(answers["stay"], [5.0, -1.0])
    softmax = np.exp([0.0, 1.0, 2.0]) / np.exp([0.0, 1.0, 2.0]).sum()
    np.testing.assert_allclose(answers["level"], [[1 / 3] * 3, softmax], rtol=1e-6)


def test_who_has_a_probability_and_a_value_answers_with_the_value():
    class Both(BinaryHead):
        def predictions(self, task, logits):
            return {f"probs_{task}": tf.sigmoid(logits[:, 0]), f"y_{task}": 9 * logits[:, 0]}

    task = Task("ltv", Both(), SampleSpace(ColumnLabel("click")))
    assert answers_of([task], {"ltv": tf.constant([[2.0]])})["ltv"].numpy().tolist() == [18.0]


CLICK = np.array([1, 0, 0, 1, 1, 0], np.float32)
MEN = np.array([1, 1, 1, 1, 0, 1], np.int32)
ROWS = {"click": CLICK, "sex": MEN, "user": np.array([1, 1, 2, 2, 2, 2], np.int64)}


def make_judge(text, metrics, head=None):
    """Judges by clicks, among those of `sex` 1."""
    space = SampleSpace(ColumnLabel("click"), [ColumnIndicator("sex", 1, 1.0, 0.0)])
    task = Task("ctr", head or BinaryHead(), space)
    return Judge(task, "ctr_by_score", make_score(text), metrics)


def measured(judge, ctr, **columns):
    targets = {name: tf.constant(value) for name, value in {**ROWS, **columns}.items()}
    prediction = judge.judged({"ctr": tf.constant(ctr, tf.float32)}, targets)
    metrics = judge.new_metrics()
    judge.update_metrics(metrics, prediction, targets)
    return {metric.name: float(metric.result()) for metric in metrics}


def test_auc_of_a_score_is_exact_in_any_range_and_in_the_tasks_space():
    ctr = [0.9, 0.1, 0.7, 0.3, 0.0, 0.3]
    results = measured(make_judge("1e9 + 100 * ctr", {"auc": {"num_thresholds": 100}}), ctr)
    # In single precision it has steps of 64 there.
    kept = np.float32(1e9 + 100 * np.float64(np.float32(ctr)))[MEN == 1]
    label = CLICK[MEN == 1]
    pairs = kept[label == 1][:, None] - kept[label == 0][None, :]
    assert results == {"auc_ctr_by_score": np.mean((pairs > 0) + 0.5 * (pairs == 0))}


@pytest.mark.parametrize("text", ["ctr", "100 * ctr - 3", "log(ctr)", "1e30 * ctr ^ 9"])
def test_auc_of_a_score_is_that_of_its_order(text):
    generator = np.random.default_rng(2)
    ctr = generator.random(6)
    space = MEN == 1
    pairs = ctr[space & (CLICK == 1)][:, None] > ctr[space & (CLICK == 0)][None, :]
    assert measured(make_judge(text, {"auc": {}}), ctr) == {"auc_ctr_by_score": np.mean(pairs)}


def test_what_a_binary_task_measures_of_its_logit_is_of_the_probability():
    ctr = np.array([0.9, 0.1, 1.0, 0.3, 0.5, 1e-20])
    results = measured(
        make_judge("ctr", {"logloss": {}, "mean_prediction": {}, "mean_label": {}, "accuracy": {}}),
        ctr,
    )
    space = MEN == 1
    click, p = CLICK[space], np.clip(ctr[space], 1e-300, 1 - 2.0**-53)
    loss = -(click * np.log(p) + (1 - click) * np.log1p(-p))
    assert results == {
        "logloss_ctr_by_score": pytest.approx(loss.mean(), rel=1e-5),
        "mean_prediction_ctr_by_score": pytest.approx(p.mean(), rel=1e-5),
        "mean_label_ctr_by_score": pytest.approx(click.mean()),
        "accuracy_ctr_by_score": pytest.approx(np.mean((p >= 0.5) == (click > 0))),
    }


def test_metrics_inside_groups_take_any_score():
    judge = make_judge("100 * ctr - 7", {"gauc": {"uid_field": "user"}})
    assert {"click", "sex", "user"} == {*judge.target_columns, *judge.group_columns}
    # User 1: right. User 2, in space: positive 0.3 against 0.7 and 0.1.
    results = measured(judge, [0.9, 0.1, 0.7, 0.3, 0.0, 0.1])
    assert results == {"gauc_ctr_by_score": pytest.approx((1 + 0.5) / 2)}


def test_a_regression_judges_the_score_as_a_value():
    judge = make_judge("ctr * price", {"mean_squared_error": {}}, head=RegressionHead())
    assert set(judge.target_columns) == {"click", "sex", "price"}
    ctr, price = np.array([0.9, 0.1, 0.7, 0.3, 0.0, 0.3]), np.arange(6, dtype=np.float32)
    results = measured(judge, ctr, price=price)
    error = ((ctr * price - CLICK) ** 2)[MEN == 1]
    expected = {"mean_squared_error_ctr_by_score": pytest.approx(error.mean(), rel=1e-5)}
    assert results == expected


def test_a_judge_learns_and_serves_nothing():
    judge = make_judge("ctr", {"auc": {}})
    assert judge.terms == [] and not judge.trained
    assert judge.predictions(tf.zeros((2, 1))) == {}

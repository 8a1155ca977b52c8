"""Metrics by the values of columns, against the same metrics of those rows alone."""

import logging

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score
from small_pipeline import make_pipeline

from tfmtl.tasks import BinaryHead, LabelIndicator, MultiClassHead, SampleSpace, Task
from tfmtl.tasks.space import ColumnLabel
from tfmtl.training.slices import Slice, Slices, build_slices, slices_table

RANDOM = np.random.default_rng(1)
ROWS = 120
CITY = RANDOM.choice(["oslo", "rome", "", "bern"], ROWS, p=[0.5, 0.3, 0.15, 0.05])
AGE = RANDOM.integers(0, 3, ROWS)
CLICK = RANDOM.integers(0, 2, ROWS).astype(np.float32)
BUY = RANDOM.integers(0, 2, ROWS).astype(np.float32)
USER = RANDOM.integers(0, 4, ROWS)
LOGITS = {
    "ctr": RANDOM.normal(size=(ROWS, 1)).astype(np.float32),
    "cvr": RANDOM.normal(size=(ROWS, 1)).astype(np.float32),
    "level": RANDOM.normal(size=(ROWS, 3)).astype(np.float32),
}
COLUMNS = {"click": CLICK, "buy": BUY, "city": CITY, "age": AGE, "user": USER, "price": AGE / 2}


def clicked():
    return LabelIndicator(ColumnLabel("click"), inside=1.0, outside=0.0)


TASKS = [
    Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click")), metrics={"auc": {"exact": True}}),
    Task(
        "cvr",
        BinaryHead(),
        SampleSpace(ColumnLabel("buy"), [clicked()]),
        metrics={"logloss": {}, "gauc": {"uid_field": "user"}},
    ),
    Task("served", BinaryHead(), SampleSpace(ColumnLabel("buy")), trained=False, metrics={}),
]


def measure(*slices, max_values=20, tasks=TASKS, parts=4):
    """The metrics by slice of all rows, added in several batches from inside of a graph."""
    return measured(*slices, max_values=max_values, tasks=tasks, parts=parts)[0]


def measured(*slices, max_values=20, tasks=TASKS, parts=4, bins=0):
    """Metrics and reliability tables by slice."""
    measured = Slices(tasks, [Slice(by, by.split("*")) for by in slices], max_values, bins)
    logits = {task.name: LOGITS.get(task.name, LOGITS["cvr"]) for task in tasks}

    @tf.function(autograph=False)
    def add(logits, columns):
        measured.update(logits, columns)

    for rows in np.array_split(np.arange(ROWS), parts):
        add(
            {name: tf.constant(each[rows]) for name, each in logits.items()},
            {name: tf.constant(each[rows]) for name, each in COLUMNS.items()},
        )
    return measured.results()


def expected(rows):
    """What is measured of some rows, `(rows,)` booleans."""
    bought = rows & (CLICK == 1)
    users = [bought & (USER == user) for user in range(4)]
    both = [mask for mask in users if len(set(BUY[mask])) == 2]
    areas = [roc_auc_score(BUY[mask], LOGITS["cvr"][mask, 0]) for mask in both]
    probability = 1 / (1 + np.exp(-LOGITS["cvr"][bought, 0].astype(np.float64)))
    return {
        "rows_ctr": rows.sum(),
        "auc_ctr": roc_auc_score(CLICK[rows], LOGITS["ctr"][rows, 0]),
        "rows_cvr": bought.sum(),
        "logloss_cvr": log_loss(BUY[bought], probability, labels=[0, 1]),
        "gauc_cvr": np.mean(areas) if areas else None,
    }


def assert_told(actual, rows):
    wanted = expected(rows)
    assert list(actual) == list(wanted)
    for name, value in wanted.items():
        assert actual[name] == (value if value is None else pytest.approx(value, rel=1e-5)), name


def test_a_slice_is_measured_as_its_rows_alone_the_most_frequent_value_first():
    told = measure("city")["city"]
    by_count = sorted(set(CITY), key=lambda city: -(city == CITY).sum())
    assert list(told) == by_count == ["oslo", "rome", "", "bern"]
    for city in told:
        assert_told(told[city], city == CITY)


def test_all_but_the_most_frequent_values_are_told_together(caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    told = measure("city", max_values=2)["city"]
    assert list(told) == ["oslo", "rome", "other"]
    assert_told(told["other"], (CITY == "") | (CITY == "bern"))
    assert caplog.messages == [
        "Slices by `city`: the 2 most frequent of 4 values are told apart, the others as `other`."
    ]


def test_a_value_called_other_is_not_mixed_up_with_the_others(monkeypatch):
    monkeypatch.setitem(COLUMNS, "city", np.where(CITY == "oslo", "other", CITY))
    assert list(measure("city", max_values=1)["city"]) == ["other", "(other)"]


def test_values_of_two_columns_are_told_together():
    told = measure("city*age", "age")
    assert list(told) == ["city*age", "age"]
    assert set(told["age"]) == {"0", "1", "2"}
    assert_told(told["city*age"]["oslo*2"], (CITY == "oslo") & (AGE == 2))
    assert sum(its["rows_ctr"] for its in told["city*age"].values()) == ROWS


def test_numbers_are_told_as_they_are_written():
    assert set(measure("price")["price"]) == {"0", "0.5", "1"}


def test_several_classes_can_be_sliced():
    level = Task("level", MultiClassHead(3), SampleSpace(ColumnLabel("age")))
    told = measure("city", tasks=[level])["city"]
    rows = CITY == "rome"
    accuracy = np.mean(LOGITS["level"][rows].argmax(axis=1) == AGE[rows])
    assert told["rome"]["accuracy_level"] == pytest.approx(accuracy)


def test_a_slice_without_a_row_in_space_has_no_value(monkeypatch):
    monkeypatch.setitem(COLUMNS, "click", np.where(CITY == "bern", 0, CLICK).astype(np.float32))
    told = measure("city")["city"]["bern"]
    assert (told["rows_cvr"], told["logloss_cvr"], told["gauc_cvr"]) == (0, None, None)
    assert told["auc_ctr"] is None  # One class.


def test_each_value_has_a_reliability_table_of_its_rows_in_space():
    metrics, tables = measured("city", "age", bins=3)
    assert metrics == measure("city", "age")
    assert set(tables) == {"city", "age"} and set(tables["city"]) == set(CITY)
    bins = tables["city"]["rome"]["cvr"]
    rows = (CITY == "rome") & (CLICK == 1)
    probability = 1 / (1 + np.exp(-LOGITS["cvr"][rows, 0].astype(np.float64)))
    order, edges = np.argsort(probability), np.cumsum([each["rows"] for each in bins])[:-1]
    assert len(bins) == 3
    for its, places in zip(bins, np.split(order, edges), strict=True):
        assert its["mean_prediction"] == pytest.approx(probability[places].mean(), rel=1e-5)
        assert its["mean_label"] == pytest.approx(BUY[rows][places].mean())
    # What is served without a metric has a table as well.
    assert set(tables["city"]["rome"]) == {"ctr", "cvr", "served"}


def test_a_value_without_rows_in_space_and_several_classes_have_no_table(monkeypatch):
    monkeypatch.setitem(COLUMNS, "click", np.where(CITY == "bern", 0, CLICK).astype(np.float32))
    level = Task("level", MultiClassHead(3), SampleSpace(ColumnLabel("age")))
    _, tables = measured("city", tasks=[TASKS[0], TASKS[1], level], bins=2)
    assert set(tables["city"]["bern"]) == {"ctr"} and set(tables["city"]["oslo"]) == {"ctr", "cvr"}


def test_a_reset_forgets_rows_and_values():
    slices = Slices(TASKS, [Slice("city", ["city"])], 20)
    slices.update(
        {name: tf.constant(each) for name, each in {**LOGITS, "served": LOGITS["cvr"]}.items()},
        {name: tf.constant(each) for name, each in COLUMNS.items()},
    )
    slices.reset()
    assert slices.results() == ({"city": {}}, {})


def test_slices_come_from_the_config_by_column_or_by_feature(tmp_path):
    pipeline = make_pipeline(tmp_path)
    assert build_slices(pipeline, TASKS) is None
    pipeline.feature_config.features[0].feature_name = "who"
    pipeline.eval_config.slice_by.extend(["who*click", "tags"])
    pipeline.eval_config.max_slice_values = 3
    slices = build_slices(pipeline, TASKS)
    assert [(v.name, v._columns, v._max_values) for v in slices._values] == [
        ("who*click", ["user", "click"], 3),
        ("tags", ["tags"], 3),
    ]


def test_the_table_has_a_line_for_each_value():
    sliced = {
        "city": {
            "oslo": {"rows_ctr": 1234, "auc_ctr": 0.71},
            "": {"rows_ctr": 5, "auc_ctr": None},
        }
    }
    assert slices_table(sliced).splitlines() == [
        "slices by city",
        "  value  rows_ctr  auc_ctr",
        "  oslo      1,234   0.7100",
        '  ""            5     none',
    ]

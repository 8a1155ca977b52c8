"""Tasks from the messages of a config."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfmtl import config
from tfmtl.errors import ConfigError
from tfmtl.protos import dataset_pb2, pipeline_pb2
from tfmtl.tasks import (
    BinaryHead,
    MultiClassHead,
    RegressionHead,
    build_calibrators,
    build_task,
)
from tfmtl.tasks.calibrators import Isotonic, Platt, Temperature

NAN = float("nan")
LABEL, OTHER = [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]
DATA = """
data_config {
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "buy" input_type: FLOAT }
  input_fields { input_name: "importance" input_type: FLOAT }
  input_fields { input_name: "page" input_type: STRING default_val: "feed" }
  input_fields { input_name: "slot" input_type: INT64 }
  input_fields { input_name: "premium" input_type: BOOL }
  label_fields: "click" label_fields: "buy"
  sample_weight: "importance"
}
feature_config { features { feature_name: "place" input_names: "page" feature_type: IdFeature } }
"""


def pipeline(tower, other=""):
    towers = f"task_towers {{ {tower} }} task_towers {{ {other} }}"
    text = f"{DATA} model_config {{ simple_multi_task {{ {towers} }} }}"
    return text_format.Parse(text, pipeline_pb2.Pipeline())


def build(tower, other='tower_name: "cvr"'):
    parsed = pipeline(f'tower_name: "ctr" {tower}', other)
    return build_task(config.towers(parsed)[0], parsed)


def weights(task, **columns):
    everything = {
        "click": tf.constant(LABEL),
        "buy": tf.constant(OTHER),
        "importance": tf.ones(3),
        "page": tf.constant(["search", "feed", ""]),
        "slot": tf.constant([7, 8, 7], tf.int64),
        "premium": tf.constant([True, False, True]),
    }
    return task.space.rows({**everything, **columns})[1].numpy()


@pytest.mark.parametrize(
    ("tower", "head", "units"),
    [
        ("", BinaryHead, 1),
        ("num_class: 5", MultiClassHead, 5),
        ("loss_type: L2_LOSS", RegressionHead, 1),
    ],
)
def test_the_head_follows_loss_and_classes(tower, head, units):
    task = build(tower)
    assert isinstance(task.head, head)
    assert task.units == units


@pytest.mark.parametrize("tower", ["", "num_class: 2", "num_class: 3", "loss_type: L2_LOSS"])
def test_the_config_language_knows_the_metrics_of_each_head_its_defaults_first(tower):
    parsed = pipeline(f'tower_name: "ctr" {tower}')
    head, known = build(tower).head, config.head_metrics(config.towers(parsed)[0])
    assert set(head.metrics) == set(known)
    assert tuple(head.default_metrics) == tuple(known[:2])


def test_name_label_and_weight_are_those_of_the_tower():
    task = build('weight: 0.25 label_name: "buy"')
    assert (task.name, task.weight, task.target_columns) == ("ctr", 0.25, ["buy", "importance"])


def test_the_declared_missing_label_is_missing_even_if_it_is_0():
    np.testing.assert_array_equal(weights(build("missing_label: 0")), [1.0, 0.0, 1.0])


def test_sample_weights_can_be_switched_off():
    importance = tf.constant([2.0, 3.0, 0.0])
    np.testing.assert_array_equal(weights(build(""), importance=importance), importance)
    off = build("use_sample_weight: false")
    np.testing.assert_array_equal(weights(off, importance=importance), [1.0, 1.0, 1.0])


def test_the_label_rule_weighs_by_another_label():
    task = build('task_space_indicator_label: "buy" out_task_space_weight: 0.5')
    np.testing.assert_array_equal(weights(task), [0.5, 1.0, 1.0])


def test_the_label_rule_knows_the_missing_label_of_the_task_that_learns_it():
    rule = 'task_space_indicator_label: "buy" out_task_space_weight: 0'
    task = build(rule, other='tower_name: "cvr" missing_label: 9')
    np.testing.assert_array_equal(weights(task, buy=tf.constant([9.0, 1.0, NAN])), [0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("page", "search", [3.0, 0.0, 0.0]),
        ("place", "feed", [0.0, 3.0, 3.0]),
        ("slot", "7", [3.0, 0.0, 3.0]),
        ("buy", "1", [0.0, 3.0, 3.0]),
        ("premium", "True", [3.0, 0.0, 3.0]),
    ],
)
def test_the_feature_rule_weighs_by_a_column_or_the_column_of_a_feature(name, value, expected):
    task = build(
        f'task_space_indicator_name: "{name}" task_space_indicator_value: "{value}" '
        "in_task_space_weight: 3 out_task_space_weight: 0"
    )
    np.testing.assert_array_equal(weights(task), expected)


@pytest.mark.parametrize(("kind", "value"), [("STRING", "1.0"), ("BOOL", "true"), ("BOOL", "1")])
def test_the_feature_rule_reads_a_label_as_a_number_whatever_its_type(kind, value):
    parsed = pipeline(
        f'tower_name: "ctr" task_space_indicator_name: "buy" task_space_indicator_value: "{value}" '
        "out_task_space_weight: 0"
    )
    field = next(f for f in parsed.data_config.input_fields if f.input_name == "buy")
    field.input_type = dataset_pb2.DatasetConfig.FieldType.Value(kind)
    task = build_task(config.towers(parsed)[0], parsed)
    np.testing.assert_array_equal(weights(task), OTHER)


def test_a_value_of_another_type_than_its_column_is_refused():
    with pytest.raises(ConfigError) as error:
        build('task_space_indicator_name: "slot" task_space_indicator_value: "top"')
    assert str(error.value) == (
        "`task_space_indicator_value` of task `ctr` should be of the type of column `slot`, INT64. "
        'Received: "top".'
    )


def test_an_indicator_that_is_neither_column_nor_feature_is_refused():
    with pytest.raises(ConfigError) as error:
        build('task_space_indicator_name: "screen" task_space_indicator_value: "1"')
    assert str(error.value) == (
        "`task_space_indicator_name` of task `ctr` should name an input field or a feature. "
        "Received: `screen`."
    )


def test_metrics_are_those_of_the_config_with_their_parameters():
    task = build("metrics_set { auc { num_thresholds: 55 } } metrics_set { mean_label {} }")
    auc, mean_label = task.new_metrics()
    assert (auc.name, auc.num_thresholds, mean_label.name) == ("auc_ctr", 55, "mean_label_ctr")


def test_metrics_take_the_defaults_of_the_config_language():
    (auc,) = build("metrics_set { auc {} }").new_metrics()
    assert auc.num_thresholds == 10_000


def test_without_metrics_those_of_the_head_are_measured():
    names = [metric.name for metric in build("num_class: 3").new_metrics()]
    assert names == ["accuracy_ctr", "logloss_ctr"]


@pytest.mark.parametrize(
    "name", ["logloss", "accuracy", "mean_prediction", "root_mean_squared_error"]
)
def test_every_metric_of_a_binary_head_can_be_named(name):
    (metric,) = build(f"metrics_set {{ {name} {{}} }}").new_metrics()
    assert metric.name == f"{name}_ctr"


def test_a_metric_the_head_does_not_have_is_refused():
    with pytest.raises(ConfigError) as error:
        build("num_class: 3 metrics_set { auc {} }")
    assert str(error.value) == (
        "`metrics_set` of task `ctr` should be one of accuracy, logloss, recall_at_topk. "
        "Received: auc."
    )


@pytest.mark.parametrize("field", ["page", "place"])
def test_a_metric_of_groups_reads_the_column_of_a_name_or_of_a_feature(field):
    task = build(f'label_name: "click" metrics_set {{ gauc {{ uid_field: "{field}" }} }}')
    assert task.target_columns == ["click", "importance"]  # Training needs no groups.
    assert task.group_columns == ["page"]
    (metric,) = task.new_metrics()
    columns = {
        "click": tf.constant([1.0, 0.0, 0.0, 1.0]),
        "importance": tf.ones(4),
        "page": tf.constant(["a", "a", "b", "b"]),
    }
    task.update_metrics([metric], np.array([[2.0], [1.0], [2.0], [1.0]]), columns)
    assert (metric.name, float(metric.result())) == ("gauc_ctr", 0.5)


def test_a_column_of_groups_that_is_not_there_is_refused():
    with pytest.raises(ConfigError) as error:
        build('metrics_set { gauc { uid_field: "user" } }')
    assert str(error.value) == (
        "`uid_field` of `gauc` of task `ctr` should name an input field or a feature. "
        "Received: `user`."
    )


def test_auc_is_exact_on_request():
    (auc,) = build("metrics_set { auc { exact: true } }").new_metrics()
    assert type(auc).__name__ == "ExactAUC"


@pytest.mark.parametrize(
    ("tower", "metrics"),
    [
        ("", "max_f1 {} | precision { threshold: 0.3 } | recall {} | session_auc | ndcg_at_k"),
        ("num_class: 2", "gauc | recall_at_topk { topk: 1 } | precision_at_k | recall_at_k"),
        ("num_class: 5", "recall_at_topk {}"),
        ("loss_type: L2_LOSS", "ndcg_at_k"),
    ],
)
def test_every_metric_of_a_head_can_be_measured(tower, metrics):
    fields = {"gauc": "uid_field", "session_auc": "session_id_field"}
    sets = [
        text if "{" in text else f'{text} {{ {fields.get(text, "group_field")}: "slot" }}'
        for text in metrics.split(" | ")
    ]
    task = build(f'{tower} label_name: "click" ' + "".join(f"metrics_set {{ {s} }}" for s in sets))
    measured = task.new_metrics()
    logits = np.random.default_rng(0).normal(size=(3, task.units))
    columns = {"click": tf.constant([1.0, 0.0, 1.0]), "importance": tf.ones(3)}
    task.update_metrics(measured, logits, {**columns, "slot": tf.constant([7, 7, 7])})
    assert [m.name for m in measured] == [f"{s.split()[0]}_ctr" for s in sets]
    assert all(0 <= float(m.result()) <= 1 for m in measured if "precision" not in m.name)


def test_a_metric_named_twice_is_refused():
    with pytest.raises(ConfigError) as error:
        build("metrics_set { auc {} } metrics_set { auc { num_thresholds: 9 } }")
    assert str(error.value) == (
        "`metrics_set` of task `ctr` should name a metric once. Received: auc."
    )


def test_a_loss_that_has_no_head_is_refused():
    with pytest.raises(ConfigError) as error:
        build("loss_type: CIRCLE_LOSS")
    assert str(error.value) == (
        "Losses of task `ctr` should be losses of the same logits. Received: CIRCLE_LOSS."
    )


def test_calibrators_are_made_of_their_messages():
    parsed = pipeline('tower_name: "ctr"', 'tower_name: "cvr"')
    text_format.Merge(
        """export_config {
          calibration { task_name: "cvr" isotonic { max_blocks: 7 } } calibration { platt {} }
        }""",
        parsed,
    )
    made = build_calibrators(parsed)
    assert {task: type(each) for task, each in made.items()} == {"ctr": Platt, "cvr": Isotonic}
    assert made["cvr"].max_blocks == 7
    text_format.Merge('export_config { calibration { task_name: "ctr" temperature {} } }', parsed)
    assert isinstance(build_calibrators(parsed)["ctr"], Temperature)


def test_without_calibration_there_are_no_calibrators():
    assert build_calibrators(pipeline('tower_name: "ctr"')) == {}


def test_metrics_of_calibration_take_their_parameters():
    task = build("metrics_set { ece { num_bins: 7 equal_width: true } } metrics_set { copc {} }")
    ece, copc = task.new_metrics()
    assert (ece.name, ece.num_bins, ece.equal_width) == ("ece_ctr", 7, True)
    assert copc.name == "copc_ctr"

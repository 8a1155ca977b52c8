"""Which tasks can be calibrated, and how a config wants it."""

import pytest
from google.protobuf import text_format

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError
from tfmtl.protos import pipeline_pb2

TOWERS = {
    "binary": "",
    "classes": "num_class: 3",
    "value": "loss_type: L2_LOSS",
}


def funnel_of(labels):
    """A funnel of click, cart and buy, of whose towers some have a label."""
    towers = "".join(
        f'task_towers {{ tower_name: "{name}"'
        + (f' label_name: "{name}_label"' if name in labels else "")
        + " }"
        for name in ("click", "cart", "buy", "like")
    )
    return text_format.Parse(
        f"""data_config {{ label_fields: ["click_label", "cart_label", "buy_label", "like_label"] }}
        model_config {{
          shared_bottom {{ {towers} }}
          funnel {{
            steps {{ from_event: "seen" outcomes {{ event_name: "clicked" tower_name: "click" }} }}
            steps {{ from_event: "clicked" outcomes {{ event_name: "put" tower_name: "cart" }} }}
            steps {{ from_event: "put" outcomes {{ event_name: "bought" tower_name: "buy" }} }}
          }}
        }}""",
        pipeline_pb2.Pipeline(),
    )


def test_binary_towers_can_be_calibrated():
    towers = "".join(
        f'task_towers {{ tower_name: "{name}" label_name: "y" {text} }}'
        for name, text in TOWERS.items()
    )
    text = f"model_config {{ simple_multi_task {{ {towers} }} }}"
    pipeline = text_format.Parse(text, pipeline_pb2.Pipeline())
    assert config.calibratable_tasks(pipeline) == ["binary"]


@pytest.mark.parametrize(
    ("loss", "tasks"), [("CLASSIFICATION", ["ctr", "cvr", "ctcvr"]), ("L2_LOSS", ["ctr"])]
)
def test_the_product_of_esmm_can_be_calibrated_if_it_is_a_probability(loss, tasks):
    text = f"""model_config {{ esmm {{
      ctr_tower {{ tower_name: "ctr" }} cvr_tower {{ tower_name: "cvr" loss_type: {loss} }}
    }} }}"""
    assert config.calibratable_tasks(text_format.Parse(text, pipeline_pb2.Pipeline())) == tasks


@pytest.mark.parametrize(
    ("labels", "tasks"),
    [
        (
            ["click", "cart", "buy", "like"],
            ["click", "cart", "put", "buy", "bought", "like"],
        ),
        # Whether a cart was filled is not known, nor so whether a purchase was a step's.
        (["click", "buy", "like"], ["click", "bought", "like"]),
    ],
)
def test_steps_and_events_of_a_funnel_can_be_calibrated_if_labels_tell_of_them(labels, tasks):
    from tfmtl import models

    pipeline = funnel_of(labels)
    assert config.calibratable_tasks(pipeline) == tasks
    told = [each.name for each in models.build_tasks(pipeline) if each.new_metrics()]
    assert sorted(told) == sorted(tasks)


def calibrated(text):
    return config.load_text(GOOD_CONFIG.replace('exporter_type: "final"', text))


def test_a_calibration_without_a_name_is_of_all_that_no_other_names():
    pipeline = calibrated('calibration { platt {} } calibration { task_name: "cvr" isotonic {} }')
    methods = {
        task: each.WhichOneof("method") for task, each in config.calibrations(pipeline).items()
    }
    assert methods == {"ctr": "platt", "cvr": "isotonic"}


@pytest.mark.parametrize(
    ("classes", "loss"), [(3, "CLASSIFICATION"), (2, "CLASSIFICATION"), (2, "JRC_LOSS")]
)
@pytest.mark.parametrize(("method", "tasks"), [("temperature", ["ctr", "cvr"]), ("platt", ["ctr"])])
def test_a_temperature_is_of_tasks_of_several_classes_as_well(method, tasks, classes, loss):
    tower = f'tower_name: "cvr" num_class: {classes} loss_type: {loss}'
    text = GOOD_CONFIG.replace('tower_name: "cvr"', tower).replace(
        "dnn { hidden_units: 6 } metrics_set { auc {} }", "dnn { hidden_units: 6 }"
    )
    pipeline = config.load_text(
        text.replace('exporter_type: "final"', f"calibration {{ {method} {{}} }}")
    )
    assert list(config.calibrations(pipeline)) == tasks


def test_without_calibration_there_is_none(good):
    assert config.calibrations(good) == {}


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("calibration { platt {} }", config.TO_TRAIN),
        ("calibration { platt {} }", ["model_dir", config.CALIBRATION]),
        ('exporter_type: "none" calibration { platt {} }', [config.CALIBRATION]),
    ],
)
def test_calibration_needs_evaluation_data(text, needs):
    pipeline = calibrated(text)
    pipeline.ClearField("eval_input_path")
    assert config.validate(pipeline, needs=needs) == [
        "`eval_input_path` should name the files to evaluate on, as `export_config.calibration` is "
        "fitted to them. Received: nothing."
    ]


def test_a_training_that_exports_nothing_needs_no_data_to_calibrate_on():
    pipeline = calibrated('exporter_type: "none" calibration { platt {} }')
    pipeline.ClearField("eval_input_path")
    assert config.validate(pipeline) == []
    assert config.validate(calibrated(""), needs=["model_dir", config.CALIBRATION]) == []


def warnings_of(text, caplog):
    caplog.clear()
    with caplog.at_level("WARNING", "tfmtl"):
        config.load_text(text)
    return caplog.messages


def test_sampling_that_makes_probabilities_too_large_is_told(caplog):
    label = 'label_fields: "click"\n'
    sampling = 'undersampling { label_name: "click" rate: 0.25 }\n'
    text = GOOD_CONFIG.replace(label, label + sampling)
    (message,) = warnings_of(text, caplog)
    assert message.endswith(
        "`model_config.mmoe.task_towers[0]` (tower `ctr`) learns `click`, of whose negatives "
        "`data_config.undersampling` keeps 0.25; `negative_sampling_rate: 0.25` makes its "
        "probabilities those of all rows."
    )
    tower = 'tower_name: "ctr"'
    assert not warnings_of(text.replace(tower, f"{tower} negative_sampling_rate: 0.25"), caplog)


def test_best_model_is_not_chosen_by_copc():
    text = GOOD_CONFIG.replace("metrics_set { auc {} }", "metrics_set { copc {} }", 1).replace(
        'exporter_type: "final"', 'best_exporter_metric: "copc_ctr"'
    )
    with pytest.raises(ConfigError) as caught:
        config.load_text(text)
    assert caught.value.problems == [
        "`export_config.best_exporter_metric` should be a metric of which more, or less, is "
        'better; copc is best at 1. Received: "copc_ctr".'
    ]

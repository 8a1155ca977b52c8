"""`model_config.score` and `metrics_set { prediction }`, as far as a config can be judged."""

import pytest
from google.protobuf import text_format

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.config.expressions import OPERATORS, Call, Name, names_in, printed
from tfmtl.config.score import SCORE_FUNCTIONS, is_probability, read_score, score_tree
from tfmtl.config.task_names import probability_tasks, task_classes
from tfmtl.errors import ConfigError


def with_score(score, metrics="", text=GOOD_CONFIG):
    """The good config with a score; and with further metrics of its first tower."""
    place = "  embedding_regularization: 1e-6"
    text = text.replace(place, f"{score}\n{place}")
    return text.replace("metrics_set { auc {} }", f"metrics_set {{ auc {{}} }} {metrics}", 1)


def load(score, metrics=""):
    return config.load_text(with_score(score, metrics), source="c.config")


def problems(score, metrics=""):
    with pytest.raises(ConfigError) as caught:
        load(score, metrics)
    return caught.value.problems


def test_names_are_tasks_columns_and_weights():
    pipeline = load('score { expression: "ctr * age ^ a + cvr" weights { name: "a" } }')
    assert printed(read_score(pipeline)) == "task(ctr) * column(age) ^ weight(a) + task(cvr)"


def test_without_a_score_there_is_no_tree(good):
    assert score_tree(good) is None


def test_what_is_wrong_with_the_expression_stands_under_it():
    told = (
        "`model_config.score.expression` should be a number made of tasks, columns and weights. "
        "Received:\n"
        "  ctr * cvrr + click\n"
        "        ^ should be a task, a column or a weight. Did you mean `cvr`? Known: ctr, cvr, "
        "user_id, price, age.\n"
        "               ^ should be a column that is known when a row is scored; `click` is a "
        "label or a weight."
    )
    assert problems('score { expression: "ctr * cvrr + click" }') == [told]
    pipeline = load('score { expression: "ctr" }')
    pipeline.model_config.score.expression = "ctr * cvrr + click"
    with pytest.raises(ConfigError) as caught:
        score_tree(pipeline)
    assert caught.value.problems == [told]


def test_text_cannot_be_read():
    (told,) = problems('score { expression: "ctr * city" }')
    assert told.endswith("^ should be a column of numbers; `city` is STRING.")


def test_a_config_of_very_many_parentheses_is_refused():
    (told,) = problems(f'score {{ expression: "{"(" * 100_000}" }}')
    assert told.endswith("^ should be the end: an expression has at most 10,000 characters.")


def test_a_name_that_is_a_task_and_a_column_has_to_say_which():
    text = with_score('score { expression: "price * 2" }').replace('"ctr"', '"price"')
    with pytest.raises(ConfigError, match=r"\^ should be `task\(price\)` or `column\(price\)`"):
        config.load_text(text)
    pipeline = config.load_text(text.replace("price * 2", "task(price) * column(price)"))
    assert [name.kind for name in names_in(read_score(pipeline))] == ["task", "column"]


def test_functions_and_operators_are_those_of_the_graph():
    from tfmtl.features.expression_values import OPERATIONS

    assert set(OPERATIONS) == {*SCORE_FUNCTIONS, *OPERATORS}


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("ctr * cvr", True),
        ("ctr * cvr ^ a", True),
        ("(ctr + cvr) / 2", True),
        ("ctr + cvr", False),
        ("ctr * price", False),
        ("clip(ctr * price, 0, 1)", True),
    ],
)
def test_a_score_that_cannot_leave_0_to_1_is_a_probability(expression, answer):
    weights = 'weights { name: "a" default_value: 2 }' if "^ a" in expression else ""
    pipeline = load(f'score {{ expression: "{expression}" {weights} }}')
    assert is_probability(read_score(pipeline), pipeline) == answer


def test_the_value_of_a_regression_is_no_probability(good):
    good.model_config.mmoe.task_towers[1].loss_type = 1
    assert probability_tasks(good) == {"ctr"}
    assert not is_probability(Name("cvr", "task"), good)
    assert is_probability(Name("ctr", "task"), good)


def test_a_part_of_a_task_of_classes_is_a_probability(good):
    good.model_config.mmoe.task_towers[1].num_class = 4
    assert task_classes(good) == {"ctr": 1, "cvr": 4}
    assert is_probability(Name("cvr", "task", 3), good)
    assert not is_probability(Call("expected", (Name("cvr", "task"),)), good)


ESMM = """esmm {
  ctr_tower { tower_name: "ctr" label_name: "click" }
  cvr_tower { tower_name: "cvr" label_name: "buy" }
}"""
DIVISION = """division {
  ctr_tower { tower_name: "ctr" label_name: "click" }
  ctcvr_tower { tower_name: "ctcvr" label_name: "buy" }
}"""
ESM2 = """esm2 {
  click_tower { tower_name: "ctr" label_name: "click" }
  action_tower { tower_name: "act" label_name: "buy" }
  buy_after_action_tower { tower_name: "buy1" label_name: "buy" }
  buy_after_other_tower { tower_name: "buy2" label_name: "buy" }
}"""
FUNNEL = """shared_bottom {
  bottom_dnn { hidden_units: 4 }
  task_towers { tower_name: "ctr" label_name: "click" }
  task_towers { tower_name: "cvr" label_name: "buy" }
  task_towers { tower_name: "stars" label_name: "buy" num_class: 5 }
}
funnel {
  steps { from_event: "view" outcomes { event_name: "click" tower_name: "ctr" } }
  steps { from_event: "click" outcomes { event_name: "buy" tower_name: "cvr" } }
}"""


@pytest.mark.parametrize("model", ["", ESMM, DIVISION, ESM2, FUNNEL])
def test_tasks_are_those_of_the_model(good, model):
    from tfmtl import models

    if model:
        good.model_config.ClearField("mmoe")
        text_format.Merge(f"model_config {{ {model} }}", good)
    classes = {task.name: task.units for task in models.build_tasks(good)}
    assert task_classes(good) == classes
    assert probability_tasks(good) == {name for name in classes if name != "stars"}


def test_results_are_named_by_task_and_prediction():
    pipeline = load(
        'score { expression: "ctr * cvr" }',
        'metrics_set { auc {} prediction: "score" } metrics_set { logloss {} prediction: "cvr" }',
    )
    assert config.result_names(pipeline)[:4] == [
        "auc_ctr",
        "auc_cvr",
        "auc_ctr_by_score",
        "logloss_ctr_by_cvr",
    ]
    assert config.best_metric(pipeline) == "auc_ctr"
    assert config.bigger_is_better(pipeline, "logloss_ctr_by_cvr") is False


def test_other_predictions_leave_a_task_its_default_metrics():
    text = with_score('score { expression: "ctr" }').replace(
        "metrics_set { auc {} }", 'metrics_set { auc {} prediction: "score" }', 1
    )
    names = config.result_names(config.load_text(text))
    assert names[:4] == ["auc_ctr", "logloss_ctr", "auc_cvr", "auc_ctr_by_score"]


def test_a_step_of_a_funnel_judges_wherever_it_is_measured(good):
    good.model_config.ClearField("mmoe")
    text_format.Merge(f"model_config {{ {FUNNEL} }}", good)
    metric = good.model_config.shared_bottom.task_towers[1].metrics_set.add(prediction="ctr")
    metric.auc.SetInParent()
    names = [name for name in config.result_names(good) if "_by_" in name]
    assert names == ["auc_buy_by_ctr", "auc_cvr_masked_by_ctr"]

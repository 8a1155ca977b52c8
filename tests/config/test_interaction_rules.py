"""Interactions that work: nothing is told of them, or a word of what they leave out."""

import pytest

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.config.problems import Report
from tfmtl.config.stacks import placed_stacks, vector_groups
from tfmtl.config.validation import check

TOWERS = """
task_towers { tower_name: "ctr" label_name: "click" }
task_towers { tower_name: "cvr" label_name: "buy" }
"""
IDS = 'feature_groups { group_name: "ids" feature_names: ["user_id", "item_id", "tags"] }'


def parse(model):
    """The config that works, with another model; the group `all` is 4 + 4 + 3 + 4 + 1 + 2 wide."""
    before, _, _ = GOOD_CONFIG.replace('model_class: "MMoE"', "").partition("mmoe {")
    return config.load_text(f"{before} {IDS} {model} }}")


def told(pipeline):
    report = Report()
    check(pipeline, report, needs=())
    return [problem.text for problem in report.problems], report.warnings


@pytest.mark.parametrize("kind", ["wide", "fm"])
def test_a_group_that_an_interaction_reads_is_read(kind):
    interaction = f'interactions {{ {kind} {{ group_name: "ids" }} }}'
    model = f"shared_bottom {{ bottom_dnn {{ hidden_units: 5 {interaction} }} {TOWERS} }}"
    assert told(parse(model)) == ([], [])
    unread = parse(f"shared_bottom {{ bottom_dnn {{ hidden_units: 5 }} {TOWERS} }}")
    assert told(unread) == (
        [],
        ["`model_config.feature_groups[1]` (group `ids`) is read by nothing."],
    )


@pytest.mark.parametrize(
    ("interactions", "groups"),
    [
        ('interactions { wide { group_name: "ids" } }', ["all"]),
        ('interactions { fm { group_name: "ids" } }', ["all", "ids"]),
        (
            'interactions { wide { group_name: "ids" } } interactions { fm { group_name: "ids" } }',
            ["all", "ids"],
        ),
        ("interactions { wide {} }", ["all", "ids"]),
    ],
)
def test_groups_that_only_wide_parts_read_need_no_vectors(interactions, groups):
    model = f"shared_bottom {{ bottom_dnn {{ hidden_units: 5 {interactions} }} {TOWERS} }}"
    assert [group.group_name for group in vector_groups(parse(model))] == groups


@pytest.mark.parametrize(
    "interactions",
    ["wide {}", 'fm { group_name: "ids" }', "dcn {}", "dcn { structure: STACKED }"],
)
def test_a_bottom_of_interactions_alone_is_a_bottom(interactions):
    dnn = f"interactions {{ {interactions} }} interactions {{ wide {{ group_name: 'ids' }} }}"
    assert told(parse(f"shared_bottom {{ bottom_dnn {{ {dnn} }} {TOWERS} }}")) == ([], [])


def test_a_tower_of_feature_groups_alone_is_told_that_it_leaves_the_bottom_unread():
    towers = TOWERS.replace(
        '"click"', '"click" dnn { interactions { wide { group_name: "ids" } } }'
    )
    trunk = parse(f"shared_bottom {{ bottom_dnn {{ hidden_units: 5 }} {towers} }}")
    assert told(trunk) == (
        [],
        [
            "`model_config.shared_bottom.task_towers[0].dnn` (tower `ctr`) reads feature groups "
            "alone, because it has no `hidden_units`."
        ],
    )
    assert told(parse(f"simple_multi_task {{ {towers} }}")) == ([], [])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # Each adds what the other adds, or comes to the same width in another way.
        ("hidden_units: 5 interactions { dcn {} }", "hidden_units: 5 interactions { dcn {} }"),
        ("hidden_units: 5", "hidden_units: 5 interactions { dcn { structure: STACKED } }"),
        ("hidden_units: 18", "interactions { dcn {} }"),
        ("hidden_units: 18", "hidden_units: 0 interactions { dcn { structure: STACKED } }"),
        ("hidden_units: 3", "hidden_units: 1 interactions { wide { output_dim: 2 } }"),
        ("hidden_units: 3", 'hidden_units: 2 interactions { fm { group_name: "ids" } }'),
        (
            "hidden_units: 4",
            'interactions { fm { group_name: "ids" use_variant: true } }',
        ),
        (
            "hidden_units: [9, 6]",
            "hidden_units: 1 interactions { wide {} } "
            'interactions { fm { group_name: "ids" use_variant: true } }',
        ),
    ],
)
def test_bottoms_of_one_width_can_be_added(first, second):
    bottoms = f"""
    bottoms {{ bottom_name: "a" dnn {{ {first} }} }}
    bottoms {{ bottom_name: "b" dnn {{ {second} }} }}
    task_bottoms {{ tower_name: "ctr" bottom_names: ["a", "b"] join: SUM }}
    task_bottoms {{ tower_name: "cvr" bottom_names: ["b", "a"] join: MEAN }}
    """
    problems, _ = told(parse(f"asymmetric_sharing {{ {bottoms} {TOWERS} }}"))
    assert problems == []


def test_a_step_may_come_to_the_handed_width_by_interactions():
    pipeline = parse(
        """
        aitm {
          bottom_dnn { hidden_units: 6 interactions { wide {} } }
          transfer_mlp { hidden_units: 11 }
          task_towers { tower_name: "ctr" label_name: "click" dnn { interactions { dcn {} } } }
          task_towers {
            tower_name: "cvr" label_name: "buy" dnn { hidden_units: 4 interactions { dcn {} } }
          }
        }
        """
    )
    problems, _ = told(pipeline)
    assert problems == []


def test_stacks_know_where_they_stand_and_whose_they_are():
    pipeline = parse(
        """
        dbmtl {
          bottom_dnn { hidden_units: 5 }
          task_towers { tower_name: "ctr" label_name: "click" }
          task_towers { tower_name: "cvr" label_name: "buy" dnn {} relation_dnn {} }
        }
        """
    )
    assert [stack[:4] for stack in placed_stacks(pipeline)] == [
        ("model_config.dbmtl.bottom_dnn", "DBMTL.bottom_dnn", "dbmtl.bottom_dnn", ""),
        (
            "model_config.dbmtl.task_towers[1].dnn",
            "BayesTaskTower.dnn",
            "dbmtl.task_towers.dnn",
            "tower `cvr`",
        ),
        (
            "model_config.dbmtl.task_towers[1].relation_dnn",
            "BayesTaskTower.relation_dnn",
            "dbmtl.task_towers.relation_dnn",
            "tower `cvr`",
        ),
    ]

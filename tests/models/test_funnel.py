"""A funnel beside an architecture: towers become conditional steps."""

import numpy as np
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl import config
from tfmtl.config.funnels import Funnel, Outcome, Step, funnel_of
from tfmtl.models import build_tasks
from tfmtl.models._funnel import funnel_logits
from tfmtl.protos import pipeline_pb2

NAN = float("nan")
CHAIN = """
steps { from_event: "impression" outcomes { event_name: "click" tower_name: "ctr" } }
steps { from_event: "click" outcomes { event_name: "ctcvr" tower_name: "cvr" } }
"""
ESM2 = """
steps { from_event: "impression" outcomes { event_name: "click" tower_name: "ctr" } }
steps {
  from_event: "click"
  outcomes { event_name: "ctavr" tower_name: "y2" } outcomes { event_name: "other" }
}
steps { from_event: "ctavr" outcomes { event_name: "ctcvr" tower_name: "y3" } }
steps { from_event: "other" outcomes { event_name: "ctcvr" tower_name: "y4" } }
"""
# Like, share and none exclude each other; a click is another matter; follow comes of either.
SOCIAL = """
steps {
  from_event: "view"
  outcomes { event_name: "liked" tower_name: "like" }
  outcomes { event_name: "shared" tower_name: "share" }
}
steps { from_event: "view" outcomes { event_name: "clicked" tower_name: "click" } }
steps { from_event: "liked" outcomes { event_name: "follow" tower_name: "follow_liked" } }
steps { from_event: "shared" outcomes { event_name: "follow" tower_name: "follow_shared" } }
"""
LABELS = {
    "ctr": "click",
    "cvr": "buy",
    "y2": "cart",
    "y3": "buy",
    "y4": "buy",
    "like": "like",
    "share": "share",
    "click": "click",
    "follow_liked": "follow",
    "follow_shared": "follow",
    "stay": "stay",
}


def pipeline_of(funnel, tasks, unlabelled=()):
    towers = "".join(
        f'task_towers {{ tower_name: "{task}" metrics_set {{ mean_label {{}} }}'
        + ("" if task in unlabelled else f' label_name: "{LABELS[task]}"')
        + " }"
        for task in tasks
    )
    text = f"model_config {{ simple_multi_task {{ {towers} }} funnel {{ {funnel} }} }}"
    return text_format.Parse(text, pipeline_pb2.Pipeline())


def network_of(pipeline):
    """The funnel on logits that are given."""
    inputs = {tower.tower_name: keras.Input((1,)) for tower in config.towers(pipeline)}
    return keras.Model(inputs, funnel_logits(funnel_of(pipeline), inputs))


def logits_of(tasks, seed=3):
    random = np.random.default_rng(seed)
    return {task: random.normal(size=(4, 1)).astype(np.float32) for task in tasks}


def logit(p):
    return np.log(p / (1 - p))


def test_two_steps_are_esmm(nets):
    towers = 'tower_name: "ctr" }} {} {{ tower_name: "cvr"'
    esmm = nets.build("esmm", f"ctr_tower {{ {towers.format('cvr_tower')} }}")
    batch = nets.rows(esmm)
    answers = esmm(batch)
    funnel = network_of(pipeline_of(CHAIN, ["ctr", "cvr"]))
    nets.assert_same(funnel({task: answers[task] for task in ("ctr", "cvr")}), answers)


def test_tasks_of_two_steps_are_those_of_esmm():
    text = """
    data_config { label_fields: "buy" label_fields: "click" }
    model_config {
      esmm {
        ctr_tower { tower_name: "ctr" metrics_set { mean_label {} } }
        cvr_tower { tower_name: "cvr" metrics_set { mean_label {} } }
      }
    }
    """
    esmm = build_tasks(text_format.Parse(text, pipeline_pb2.Pipeline()))
    funnel = build_tasks(pipeline_of(CHAIN, ["ctr", "cvr"]))
    targets = {
        "click": tf.constant([0.0, 0.0, 1.0, 1.0, NAN]),
        "buy": tf.constant([0.0, NAN, 1.0, 0.0, 1.0]),
    }
    assert [task.name for task in funnel] == [task.name for task in esmm]
    for ours, theirs in zip(funnel, esmm, strict=True):
        assert ours.trained == theirs.trained
        for actual, expected in zip(
            ours.space.rows(targets), theirs.space.rows(targets), strict=True
        ):
            np.testing.assert_array_equal(actual, expected)
        names = [[metric.name for metric in task.new_metrics()] for task in (ours, theirs)]
        assert names[0] == names[1]


def test_ways_that_part_and_meet_are_esm2(nets):
    tasks = ["ctr", "y2", "y3", "y4"]
    beside = pipeline_of(ESM2, tasks)
    text = """model_config { esm2 {
      click_tower { tower_name: "ctr" label_name: "click" }
      action_tower { tower_name: "y2" label_name: "cart" }
      buy_after_action_tower { tower_name: "y3" label_name: "buy" }
      buy_after_other_tower { tower_name: "y4" label_name: "buy" }
    } }"""
    alone = text_format.Parse(text, pipeline_pb2.Pipeline())
    given = logits_of(tasks)
    nets.assert_same(network_of(beside)(given), network_of(alone)(given))
    assert [task.name for task in build_tasks(beside)] == [task.name for task in build_tasks(alone)]


def test_three_steps_in_a_row_are_products(nets):
    orders = (
        CHAIN + 'steps { from_event: "ctcvr" outcomes { event_name: "stay" tower_name: "y4" } }'
    )
    tasks = ["ctr", "cvr", "y4"]
    given = logits_of(tasks)
    p = np.cumprod([nets.sigmoid(given[task]) for task in tasks], axis=0)
    expected = {**given, "ctcvr": logit(p[1]), "stay": logit(p[2])}
    nets.assert_same(network_of(pipeline_of(orders, tasks))(given), expected)


def test_many_ways_that_part_and_meet_are_looked_at_once():
    """Of 2¹⁰⁰ ways from the first event to the last."""
    steps = []
    for n in range(100):
        parts = [Outcome(f"{n}a", f"to_{n}a"), Outcome(f"{n}b", "")]
        meets = [Step(f"{n}{way}", [Outcome(f"{n + 1}", f"from_{n}{way}")]) for way in "ab"]
        steps += [Step(f"{n}", parts), *meets]
    funnel = Funnel(steps, labelled=[tower for step in steps for tower in step.towers if tower])
    assert funnel.circle == []
    assert len(funnel.ancestors("100")) == 3 * 100
    assert len(funnel.branchings("100")) == 3 * 100
    assert funnel.is_observed("100")
    back = Funnel([*steps, Step("100", [Outcome("99", "back")])])
    assert back.circle == ["99", "99a", "100", "99"]


def test_outcomes_that_exclude_each_other_share_a_softmax(nets):
    tasks = ["like", "share", "click", "follow_liked", "follow_shared"]
    given = logits_of(tasks)
    shares = nets.softmax(np.hstack([given["like"], given["share"], np.zeros((4, 1))]))
    like, share = shares[:, :1], shares[:, 1:2]
    follow = like * nets.sigmoid(given["follow_liked"]) + share * nets.sigmoid(
        given["follow_shared"]
    )
    expected = {**given, "like": logit(like), "share": logit(share), "follow": logit(follow)}
    nets.assert_same(network_of(pipeline_of(SOCIAL, tasks))(given), expected)


def test_an_event_of_several_ways_happened_on_one_of_them():
    tasks = build_tasks(
        pipeline_of(SOCIAL, ["like", "share", "follow_liked", "follow_shared", "click"])
    )
    follow = tasks[-1]
    targets = {
        "like": tf.constant([1.0, 0.0, 0.0, 1.0]),
        "share": tf.constant([0.0, 1.0, 0.0, 0.0]),
        "follow": tf.constant([1.0, 1.0, 1.0, 0.0]),
    }
    assert (follow.name, follow.trained) == ("follow", True)
    label, weight = follow.space.rows(targets)
    np.testing.assert_array_equal(label, [1.0, 1.0, 0.0, 0.0])  # None without a way there.
    np.testing.assert_array_equal(weight, 1.0)


def test_towers_that_no_step_names_are_tasks_as_ever():
    pipeline = pipeline_of(CHAIN, ["ctr", "cvr", "stay"])
    given = logits_of(["ctr", "cvr", "stay"])
    answers = network_of(pipeline)(given)
    np.testing.assert_array_equal(answers["stay"], given["stay"])
    stay = next(task for task in build_tasks(pipeline) if task.name == "stay")
    assert stay.trained and stay.target_columns == ["stay"]


def test_a_step_without_a_label_is_learned_from_what_follows_it(nets):
    pipeline = pipeline_of(CHAIN, ["ctr", "cvr"], unlabelled=["ctr"])
    network = network_of(pipeline)
    ctr, cvr, ctcvr = build_tasks(pipeline)
    assert [task.trained for task in (ctr, cvr, ctcvr)] == [False, False, True]
    assert ctr.new_metrics() == cvr.new_metrics() == []
    targets = {"buy": tf.constant([1.0, 0.0, NAN, 1.0])}
    label, weight = ctcvr.space.rows(targets)
    np.testing.assert_array_equal(label, [1.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(weight, [1.0, 1.0, 0.0, 1.0])
    given = {task: tf.constant(each) for task, each in logits_of(["ctr", "cvr"]).items()}
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = ctcvr.loss(network(given)["ctcvr"], targets)
    assert all(np.any(slope) for slope in tape.gradient(loss, given).values())
    assert not np.any(ctr.space.rows(targets)[1])


def test_an_event_is_known_whichever_of_all_outcomes_led_there():
    targets = {
        "click": tf.constant([1.0, 1.0, 1.0, 0.0]),
        "cart": tf.constant([1.0, 0.0, NAN, 0.0]),
        "buy": tf.constant([1.0, 1.0, 1.0, 1.0]),
    }
    for unlabelled in [(), ["y2"]]:  # Whether the cart is logged or not.
        *_, buy = build_tasks(pipeline_of(ESM2, ["ctr", "y2", "y3", "y4"], unlabelled))
        label, weight = buy.space.rows(targets)
        assert buy.name == "ctcvr"
        np.testing.assert_array_equal(label, [1.0, 1.0, 1.0, 0.0])
        np.testing.assert_array_equal(weight, 1.0)


def test_results_are_named_as_the_tasks_measure_them():
    for funnel, tasks in [(CHAIN, ["ctr", "cvr", "stay"]), (SOCIAL, list(LABELS)[5:10])]:
        for unlabelled in [(), tasks[:1]]:
            pipeline = pipeline_of(funnel, tasks, unlabelled)
            built = build_tasks(pipeline)
            metrics = [metric.name for task in built for metric in task.new_metrics()]
            losses = [f"loss_{task.name}" for task in built if task.trained]
            assert sorted(config.result_names(pipeline)) == sorted([*metrics, "loss", *losses])

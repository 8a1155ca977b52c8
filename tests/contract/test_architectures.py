"""What is true of every architecture, from a sample config of it.

The oneof `model` says which there are.
"""

import importlib
import pathlib
import types

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfmtl import config
from tfmtl.config.funnels import Funnel, Outcome, Step
from tfmtl.config.views import Tower, architectures
from tfmtl.features import Columns
from tfmtl.models import build_network, build_tasks
from tfmtl.models._funnel import funnel_logits
from tfmtl.protos import interaction_pb2, loss_pb2
from tfmtl.serving.ranking import Ranker
from tfmtl.tasks import build_head

SAMPLES = pathlib.Path(__file__).parents[2] / "samples"
BATCH = 24
ARCHITECTURES = list(architectures())
UNCONVERTED = tf.autograph.experimental.do_not_convert  # There is nothing to.
# Where samples are not called as the architecture's field.
NAMES = {"model_params": "backbone"}


def samples(architecture):
    """Configs of an architecture; not those of the benchmark, whose networks are large."""
    name = NAMES.get(architecture, architecture)
    paths = sorted(SAMPLES.rglob(f"{name}_on_*.config"))
    return [path for path in paths if path.parent.name != "benchmark"]


def module(architecture):
    return importlib.import_module(f"tfmtl.models.{architecture}")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def built(request):
    """A sample's pipeline, encoder, network and tasks, with a batch."""
    pipeline = config.load(samples(request.param)[0])
    columns = Columns.from_pipeline(pipeline)
    keras.utils.set_random_seed(5)
    tasks = build_tasks(pipeline)
    raw = raw_batch(columns.raw_signature())
    return types.SimpleNamespace(
        pipeline=pipeline,
        columns=columns,
        network=build_network(pipeline, columns),
        tasks=tasks,
        raw=raw,
        encoded=columns.encode(raw),
        targets=target_batch(pipeline, tasks),
    )


def raw_batch(signature, seed=11):
    """Rows of any values: as text, they are small numbers."""
    random = np.random.default_rng(seed)
    numbers = {name: random.integers(0, 9, BATCH) for name in signature}
    return {
        name: tf.constant(numbers[name].astype(str))
        if spec.dtype == tf.string
        else tf.cast(numbers[name], spec.dtype)
        for name, spec in signature.items()
    }


def target_batch(pipeline, tasks, seed=12):
    """Labels, indicators and weights that put most rows into every space."""
    random = np.random.default_rng(seed)
    names = sorted({column for task in tasks for column in task.target_columns})
    targets = {name: tf.constant(random.integers(0, 2, BATCH), tf.float32) for name in names}
    fields = {field.input_name: field for field in pipeline.data_config.input_fields}
    for tower in config.towers(pipeline):
        name = tower.task_space_indicator_name
        if name in fields:
            targets[name] = tf.fill([BATCH], tower.task_space_indicator_value)
    return targets


def total_loss(built, network, training):
    logits = network(built.encoded, training=training)
    losses = [(task.weight, task.loss(logits[task.name], built.targets)) for task in built.tasks]
    return tf.add_n([weight * loss for weight, loss in losses if loss is not None])


def test_every_file_of_models_is_a_field_of_the_oneof():
    folder = pathlib.Path(importlib.import_module("tfmtl.models").__file__).parent
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert files == set(ARCHITECTURES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_sample_config_exists(architecture):
    assert samples(architecture)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_source_opens_with_its_equation_and_cites_its_source(architecture):
    text = module(architecture).__doc__
    assert "    " in text and "=" in text
    assert "References:" in text and "https://" in text


def test_there_are_logits_for_every_task(built):
    shapes = {task: output.shape.as_list() for task, output in built.network.output.items()}
    assert shapes == {task.name: [None, task.units] for task in built.tasks}


def test_layers_are_named_for_their_tasks_and_none_is_a_lambda(built):
    names = [layer.name for layer in built.network.layers]
    assert {f"{task.name}_logits" for task in built.tasks} <= set(names)
    assert not [name for name in names if name.startswith(("tf.", "lambda"))]


def test_a_finite_gradient_other_than_zero_reaches_every_weight(built):
    with tf.GradientTape() as tape:
        loss = total_loss(built, built.network, training=True)
    weights = built.network.trainable_weights
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert gradient is not None, weight.name
        values = tf.convert_to_tensor(getattr(gradient, "values", gradient)).numpy()
        assert np.isfinite(values).all() and values.any(), weight.name


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_tower_may_have_an_interaction(architecture):
    pipeline = config.load(samples(architecture)[0])
    towers = list(mutable_towers(getattr(pipeline.model_config, architecture)))
    for tower in towers:
        # It leaves the width as it is, on which other parts may depend.
        tower.dnn.interactions.add().dcn.structure = interaction_pb2.DCNInteraction.STACKED
    assert config.validate(pipeline) == []
    network = build_network(pipeline, Columns.from_pipeline(pipeline))
    names = {layer.name for layer in network.layers}
    assert towers and {f"{tower.tower_name}_tower_cross_2" for tower in towers} <= names


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_first_tower_may_have_lost_negatives_or_that_is_refused(architecture):
    pipeline = config.load(samples(architecture)[0])
    tower = next(mutable_towers(getattr(pipeline.model_config, architecture)))
    tower.negative_sampling_rate = 0.25
    if architecture == "division":
        (problem,) = config.validate(pipeline)
        assert "negative_sampling_rate` (tower `ctr`) should be 1 in division" in problem
        return
    assert config.validate(pipeline) == []
    network = build_network(pipeline, Columns.from_pipeline(pipeline))
    assert network.get_layer(f"{tower.tower_name}_correction").rate == 0.25


def test_tasks_that_can_be_calibrated_are_the_binary_ones_with_a_label(built):
    binary = [
        task.name for task in built.tasks if "copc" in task.head.metrics and task.target_columns
    ]
    assert sorted(config.calibratable_tasks(built.pipeline)) == sorted(binary)


def mutable_towers(message):
    """The towers in an architecture's message, at whatever depth, themselves and not copies."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if isinstance(each, Tower):
                yield each
            elif field.message_type:
                yield from mutable_towers(each)


def test_permuting_the_rows_permutes_the_answers(built):
    order = np.random.default_rng(13).permutation(BATCH)
    permuted = {name: tf.gather(rows, order) for name, rows in built.encoded.items()}
    answers, others = built.network(built.encoded), built.network(permuted)
    for task, logits in answers.items():
        np.testing.assert_allclose(others[task], logits.numpy()[order], rtol=1e-4, atol=1e-5)


def test_a_users_items_are_ranked_as_rows_of_their_own(built):
    raw_columns = built.columns.raw_columns
    ranker = Ranker(built.columns, built.network, raw_columns[: len(raw_columns) // 2])
    users, items = 4, BATCH // 4
    request = {
        name: built.raw[name][:users]
        if spec.shape.rank == 1
        else tf.reshape(built.raw[name], [users, items])
        for name, spec in ranker.inputs(built.columns.read_columns).items()
    }
    assert {each.shape.rank for each in request.values()} == {1, 2}
    tiled = {
        name: tf.repeat(each, items) if each.shape.rank == 1 else tf.reshape(each, [-1])
        for name, each in request.items()
    }
    answers = ranker.logits(*ranker.rows(request))
    expected = built.network(built.columns.encode(tiled), training=False)
    assert_equal(answers, expected)


@pytest.mark.slow
def test_saved_weights_give_the_same_answers(built, tmp_path):
    built.network.save_weights(tmp_path / "weights")
    copy = build_network(built.pipeline, built.columns)
    copy.load_weights(tmp_path / "weights").assert_consumed()
    assert_equal(copy(built.encoded), built.network(built.encoded))


@pytest.mark.slow
def test_a_saved_model_gives_the_same_answers(built, tmp_path):
    served = tf.Module()
    served.columns, served.weights = built.columns, built.network.weights
    served.answer = tf.function(
        UNCONVERTED(lambda raw: built.network(built.columns.encode(raw))),
        input_signature=[built.columns.raw_signature()],
    )
    tf.saved_model.save(served, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    assert_equal(loaded.answer(built.raw), built.network(built.encoded))


def test_two_of_its_binary_towers_can_be_steps_of_a_funnel(built):
    towers = [each for each in config.towers(built.pipeline) if build_head(each).units == 1]
    tasks = [each.tower_name for each in towers if each.loss_type == loss_pb2.CLASSIFICATION][:2]
    steps = [Step("start", [Outcome("first", tasks[0])]), Step("first", [Outcome("end", tasks[1])])]
    logits = funnel_logits(Funnel(steps), built.network.output)
    network = keras.Model(built.network.input, logits)
    answers = {task: np.float64(each) for task, each in network(built.encoded).items()}
    first, second = (1 / (1 + np.exp(-answers[task])) for task in tasks)
    end = 1 / (1 + np.exp(-answers["end"]))
    np.testing.assert_allclose(end, first * second, rtol=1e-4)


@pytest.mark.slow
def test_steps_on_one_batch_lower_its_loss(built):
    network = build_network(built.pipeline, built.columns)
    network.set_weights(built.network.get_weights())
    optimizer = keras.optimizers.legacy.Adam(1e-2)

    @tf.function
    @UNCONVERTED
    def step():
        with tf.GradientTape() as tape:
            loss = total_loss(built, network, training=True)
        weights = network.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    losses = [float(step()) for _ in range(6)]
    assert losses[-1] < losses[0]


def assert_equal(actual, expected):
    assert set(actual) == set(expected)
    for task, logits in expected.items():
        np.testing.assert_allclose(actual[task], logits, rtol=1e-5, atol=1e-6, err_msg=task)

"""The gradients of balanced steps: by their formula, row-sparse, safe where tasks are missing."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format
from small_network import make_batch, make_network, make_tasks

from tests.helpers_balancing import all_messages
from tfmtl.errors import ConfigError
from tfmtl.layers import BatchNormalization
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks.balancing import Balancer, Plan, Weights, build_plan, task_parts
from tfmtl.tasks.losses import ListwiseLoss, Sessions, lists
from tfmtl.tasks.terms import Term
from tfmtl.training import MultiTaskModel
from tfmtl.training.gradients import FixedGradients

SHARED, OWN = [0.7, -0.4], [1.5, 0.25]
MESSAGES = all_messages("cvr")


class Given(Balancer):
    """Says given weights, and keeps what it saw."""

    def __init__(self, needs_gradients=True, shared=SHARED, own=OWN):
        super().__init__(2)
        self.needs_gradients, self.shared, self.own = needs_gradients, shared, own
        self.seen, self.again = [], []

    def weights(self, values, gram=None):
        self.seen.append((values, gram))
        return Weights(tf.constant(self.shared), tf.constant(self.own))

    def update(self, observed):
        self.again.append((observed.values, observed.again()))


def make_model(balancer, at_parameters=False, network=None):
    tasks = make_tasks()
    plan = Plan("given", task_parts(tasks), balancer, at_parameters)
    return MultiTaskModel(network or make_network(), tasks, plan)


def slopes(model, batch, weights):
    """The gradients of `Σ w_k·L_k` of all variables, by name, without penalties."""
    with tf.GradientTape() as tape:
        losses = model.batch_losses(batch, training=True)
        # The second task has the weight 2.
        loss = weights[0] * losses["loss_ctr"] + weights[1] * 2 * losses["loss_cvr"]
    variables = model.network.trainable_variables
    return {
        v.name.split(":")[0]: tf.convert_to_tensor(g).numpy()
        for v, g in zip(variables, tape.gradient(loss, variables), strict=True)
    }


def found(model, batch):
    backward = model._backward(model.objective, batch)
    variables = model.network.trainable_variables
    return backward, {
        v.name.split(":")[0]: tf.convert_to_tensor(g).numpy()
        for v, g in zip(variables, backward.gradients, strict=True)
    }


def penalty(model):
    return 0.02 * model.network.get_layer("bottom").kernel.numpy()


@pytest.mark.parametrize("at_parameters", [False, True])
def test_what_is_shared_gets_the_shared_weights_and_towers_their_own(at_parameters):
    model, batch = make_model(Given(), at_parameters), make_batch()
    _, gradients = found(model, batch)
    shared = slopes(model, batch, SHARED)
    ctr, cvr = slopes(model, batch, [OWN[0], 0.0]), slopes(model, batch, [0.0, OWN[1]])
    expected = {
        **{name: g for name, g in shared.items() if name.startswith(("embeddings", "bottom"))},
        **{name: g for name, g in ctr.items() if name.startswith("ctr/")},
        **{name: g for name, g in cvr.items() if name.startswith("cvr/")},
    }
    expected["bottom/kernel"] = expected["bottom/kernel"] + penalty(model)
    assert set(expected) == set(gradients)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("at_parameters", [False, True])
def test_what_a_loss_learns_gets_the_weight_of_its_own_task(at_parameters):
    loss = ListwiseLoss(lists.label_itself, Sessions(), learns_scale=True)
    tasks = make_tasks()
    tasks[1].terms = [Term("cvr", loss)]
    plan = Plan("given", task_parts(tasks), Given(), at_parameters)
    model, batch = MultiTaskModel(make_network(), tasks, plan), make_batch()
    _, gradients = found(model, batch)
    slope = slopes(model, batch, [0.0, OWN[1]])["scale"]
    assert slope != 0.0
    np.testing.assert_allclose(gradients["scale"], slope, rtol=1e-5)


def test_weights_by_losses_make_one_sum():
    balancer = Given(needs_gradients=False, own=SHARED)
    model, batch = make_model(balancer), make_batch()
    backward, gradients = found(model, batch)
    expected = slopes(model, batch, SHARED)
    expected["bottom/kernel"] += penalty(model)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], atol=1e-6, err_msg=name)
    losses = backward.losses
    assert list(losses) == [
        "loss", "loss_ctr", "loss_cvr", "regularization_loss", "weight_ctr", "weight_cvr"
    ]  # fmt: skip
    total = SHARED[0] * losses["loss_ctr"] + SHARED[1] * 2 * losses["loss_cvr"]
    np.testing.assert_allclose(losses["loss"], total + losses["regularization_loss"], rtol=1e-5)
    np.testing.assert_allclose(losses["weight_cvr"], 2 * SHARED[1])
    ((values, gram),) = balancer.seen
    assert gram is None
    np.testing.assert_allclose(values, [losses["loss_ctr"], 2 * losses["loss_cvr"]])


def test_gradients_are_compared_at_the_bottoms_output():
    balancer = Given()
    model, batch = make_model(balancer), make_batch()
    found(model, batch)
    network = model.network
    split = keras.Model(network.input, network.get_layer("dropout").output)
    with tf.GradientTape(persistent=True) as tape:
        h = split(batch[0])
        tape.watch(h)
        losses = [
            task.weight * task.loss(network.get_layer(task.name)(h), batch[1])
            for task in model.tasks
        ]
    g = np.array([tf.reshape(tape.gradient(loss, h), [-1]) for loss in losses])
    np.testing.assert_allclose(balancer.seen[0][1], g @ g.T, rtol=1e-4)


def test_gradients_are_compared_at_all_shared_parameters_tables_included():
    balancer = Given()
    model, batch = make_model(balancer, at_parameters=True), make_batch()
    found(model, batch)
    rows = []
    for weights in ([1.0, 0.0], [0.0, 1.0]):
        each = slopes(model, batch, weights)
        parts = [g.ravel() for name, g in each.items() if name.startswith(("emb", "bottom"))]
        rows.append(np.concatenate(parts))
    np.testing.assert_allclose(balancer.seen[0][1], np.array(rows) @ np.array(rows).T, rtol=1e-4)


def test_what_gates_read_is_compared_without_what_goes_through_experts():
    """Partial gradients: those of `low` through the gates alone."""
    x = keras.Input([3], name="x")
    low = keras.layers.Dense(2, name="low")(x)
    high = keras.layers.Dense(2, "tanh", name="high")(low)
    logits = {}
    for task in ("ctr", "cvr"):
        gate = keras.layers.Dense(2, "sigmoid", name=f"gate_{task}")(low)
        logits[task] = keras.layers.Dense(1, name=task)(keras.layers.Multiply()([gate, high]))
    network = keras.Model({"x": x}, logits)
    balancer = Given()
    model = make_model(balancer, network=network)
    _, targets = make_batch()
    batch = {"x": tf.random.stateless_normal([5, 3], [3, 4])}, targets
    _, gradients = found(model, batch)
    layer = network.get_layer
    a = layer("low")(batch[0]["x"])
    b = layer("high")(a)
    rows = []
    for task in model.tasks:
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            c = layer(task.name)(layer(f"gate_{task.name}")(a) * b)
            loss = task.weight * task.loss(c, targets)
        rows.append(np.concatenate([np.ravel(g) for g in tape.gradient(loss, [a, b])]))
    np.testing.assert_allclose(balancer.seen[0][1], np.array(rows) @ np.array(rows).T, rtol=1e-4)
    shared = slopes(model, batch, SHARED)
    for name in ("low/kernel", "high/kernel"):
        np.testing.assert_allclose(gradients[name], shared[name], atol=1e-6)


def test_a_layer_that_is_called_on_both_sides_is_shared():
    x = keras.Input([2], name="x")
    twice = keras.layers.Dense(2, "tanh", name="twice")
    bottom = twice(x)
    inputs = {"ctr": bottom, "cvr": twice(bottom)}
    logits = {task: keras.layers.Dense(1, name=task)(each) for task, each in inputs.items()}
    model = make_model(Given(), network=keras.Model({"x": x}, logits))
    encoded, targets = make_batch()
    batch = {"x": encoded["x"]}, targets
    _, gradients = found(model, batch)
    for name in ("twice/kernel", "twice/bias"):
        np.testing.assert_allclose(gradients[name], slopes(model, batch, SHARED)[name], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("at_parameters", [False, True])
@pytest.mark.parametrize("needs_gradients", [False, True])
def test_tables_get_gradients_of_the_rows_that_were_looked_up(needs_gradients, at_parameters):
    model, batch = make_model(Given(needs_gradients), at_parameters), make_batch()
    kinds = []

    @tf.function
    def step():
        gradients = model._backward(model.objective, batch).gradients
        pairs = zip(model.network.trainable_variables, gradients, strict=True)
        kinds.extend((v.name, type(g)) for v, g in pairs)

    step()
    assert dict(kinds)["embeddings/width_4:0"] is tf.IndexedSlices


def test_the_losses_after_the_step_are_computed_when_asked_for():
    balancer = Given(needs_gradients=False, shared=[1.0, 1.0], own=[1.0, 1.0])
    model, batch = make_model(balancer), make_batch()
    model.compile(keras.optimizers.legacy.SGD(0.1))
    model.train_step(batch)
    ((before, after),) = balancer.again
    losses = model.batch_losses(batch, training=True)
    np.testing.assert_allclose(after, [losses["loss_ctr"], 2 * losses["loss_cvr"]], rtol=1e-6)
    assert (after.numpy() < before.numpy()).all()


def test_looking_again_leaves_moving_averages_as_the_step_made_them():
    x = keras.Input([2], name="x")
    normalized = BatchNormalization(momentum=0.75, name="bn")(x)
    heads = {task: keras.layers.Dense(1, name=task)(normalized) for task in ("ctr", "cvr")}
    network, balancer = keras.Model({"x": x}, heads), Given(needs_gradients=False)
    model, (encoded, targets) = make_model(balancer, network=network), make_batch()
    model.compile(keras.optimizers.legacy.SGD(0.1))
    tf.function(model.train_step)(({"x": encoded["x"]}, targets))
    assert balancer.again
    layer = network.get_layer("bn")
    mean, variance = encoded["x"].numpy().mean(axis=0), encoded["x"].numpy().var(axis=0)
    np.testing.assert_allclose(layer.moving_mean[0], 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance[0], 0.75 + 0.25 * variance, rtol=1e-5)


def test_fixed_weights_take_the_gradient_of_the_total_and_remember_nothing():
    model = MultiTaskModel(make_network(), make_tasks())
    assert isinstance(model._backward, FixedGradients)
    assert model.plan.balancer.variables == {}
    model.compile(keras.optimizers.legacy.SGD(0.1))
    assert not any(name.startswith("weight_") for name in model.train_step(make_batch()))


def test_tasks_that_share_nothing_have_no_gradients_to_compare():
    x = keras.Input([2], name="x")
    network = keras.Model({"x": x}, {t: keras.layers.Dense(1, name=t)(x) for t in ("ctr", "cvr")})
    with pytest.raises(ConfigError) as caught:
        make_model(Given(), network=network)
    assert caught.value.problems == [
        "`model_config.balancing.given` should be given to tasks that share parameters, because it "
        "compares their gradients there. Received: tasks ctr, cvr, which share none."
    ]


def planned(text):
    pipeline = pipeline_pb2.Pipeline()
    pipeline.data_config.batch_size = 5
    text_format.Parse(text, pipeline.model_config.balancing)
    tasks = make_tasks()
    model = MultiTaskModel(make_network(), tasks, build_plan(pipeline, tasks))
    model.compile(keras.optimizers.legacy.Adam(0.01))
    return model


AVERAGED = "db_mtl { balance_gradients: true level: PARAMETERS forgetting_rate: 0.8 }"


def of_logarithms(model, batch):
    """The gradients of the logarithms of both losses, by variable."""
    losses = [float(model.batch_losses(batch, True)[f"loss_{each}"]) for each in ("ctr", "cvr")]
    weights = [[1 / losses[0], 0.0], [0.0, 1 / losses[1] / 2]]
    return [slopes(model, batch, each) for each in weights]


def test_gradients_of_logarithms_are_averaged_but_for_tables():
    """β_t = β/√t of the average stays; dual balancing gives all tasks the longest."""
    model, averages = planned(AVERAGED), [{}, {}]
    for t in (1, 2, 3):
        batch = make_batch(seed=t)
        g, (backward, gradients), beta = (
            of_logarithms(model, batch),
            found(model, batch),
            0.8 / t**0.5,
        )
        for average, own in zip(averages, g, strict=True):
            for name in ("bottom/kernel", "bottom/bias"):
                average[name] = beta * average.get(name, 0.0) + (1 - beta) * own[name]
        table = next(name for name in gradients if name.startswith("embeddings"))
        used = [{**average, table: own[table]} for average, own in zip(averages, g, strict=True)]
        norms = [np.sqrt(sum(np.sum(each**2) for each in its.values())) for its in used]
        factors = max(norms) / norms
        for name in used[0]:
            expected = factors[0] * used[0][name] + factors[1] * used[1][name]
            expected = expected + (penalty(model) if name == "bottom/kernel" else 0.0)
            np.testing.assert_allclose(gradients[name], expected, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(gradients["ctr/kernel"], g[0]["ctr/kernel"], rtol=1e-4)
        backward.learn()
    saved = model.plan.balancer.variables
    np.testing.assert_allclose(
        saved["average_0/bottom/kernel"][1], averages[1]["bottom/kernel"], 1e-4
    )


def test_the_average_of_a_task_without_rows_stands_still_and_moves_nothing():
    model = planned(AVERAGED)
    encoded, targets = make_batch()
    model.train_step((encoded, targets))
    balancer = model.plan.balancer
    before = balancer.variables["average_0/bottom/kernel"].numpy()
    unknown = {**targets, "buy": tf.fill([5], float("nan"))}
    ctr, _ = of_logarithms(model, (encoded, targets))
    backward, gradients = found(model, (encoded, unknown))
    beta = 0.8 / 2**0.5
    moved = beta * before[0] + (1 - beta) * ctr["bottom/kernel"]
    np.testing.assert_allclose(
        gradients["bottom/kernel"] - penalty(model), moved, rtol=1e-3, atol=1e-6
    )
    backward.learn()
    after = balancer.variables["average_0/bottom/kernel"].numpy()
    np.testing.assert_array_equal(after[1], before[1])
    np.testing.assert_array_equal(balancer.variables["batches"], [2, 1])


def numbers(model):
    variables = [*model.network.variables, *model.plan.balancer.variables.values()]
    return [variable.numpy() for variable in variables]


@pytest.fixture(scope="module", params=MESSAGES)
def balanced(request):
    """A model that is balanced, and the graph of its step."""
    model = planned(MESSAGES[request.param])
    return model, tf.function(model.train_step)


@pytest.mark.slow
def test_a_space_that_is_empty_in_a_batch_breaks_no_strategy(balanced):
    model, step = balanced
    encoded, targets = make_batch()
    unknown = tf.fill([5], float("nan"))
    batches = [
        (encoded, targets),
        (encoded, {**targets, "buy": unknown}),
        (encoded, {"click": unknown, "buy": unknown}),
        (encoded, targets),
    ]
    for batch in batches:
        losses = step(batch)
        assert all(np.isfinite(value) for value in losses.values()), losses
    assert all(np.isfinite(each).all() for each in numbers(model))


@pytest.mark.slow
def test_a_loss_that_is_not_finite_changes_nothing(balanced):
    model, step = balanced
    encoded, targets = make_batch()
    step((encoded, targets))
    before = numbers(model)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Tensor had"):
        step(({**encoded, "x": encoded["x"] * np.nan}, targets))
    for actual, expected in zip(numbers(model), before, strict=True):
        np.testing.assert_array_equal(actual, expected)

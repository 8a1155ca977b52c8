"""Frozen weights keep their values, whatever else is trained."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from small_network import make_batch, make_tasks

from tfmtl.errors import ConfigError
from tfmtl.layers import AutoDis, Lookup, PackedEmbedding, Table
from tfmtl.training import LazyAdam, MultiTaskModel
from tfmtl.training.freezing import Frozen
from tfmtl.training.optimizers import Adagrad
from tfmtl.training.pieces import weights_of
from tfmtl.training.row_sparse import EveryRow
from tfmtl.training.saved_variables import training_variables


def make_network():
    """Two tables, of 7 and 5 rows, in one storage; a bottom; two tasks."""
    keras.utils.set_random_seed(0)
    inputs = {
        "id": keras.Input([], dtype="int64", name="id"),
        "x": keras.Input([2], name="x"),
    }
    tables = [Table("item", rows=7, dim=3), Table("user", rows=5, dim=3)]
    ids = {"item": inputs["id"], "user": inputs["id"] % 5}
    embedded = PackedEmbedding(tables, [Lookup(t.name, t.name) for t in tables], name="embeddings")
    hidden = keras.layers.Concatenate()([*embedded(ids).values(), inputs["x"]])
    hidden = keras.layers.Dense(4, "tanh", name="bottom")(hidden)
    logits = {task: keras.layers.Dense(1, name=task)(hidden) for task in ("ctr", "cvr")}
    return keras.Model(inputs, logits)


def changed(patterns, optimizer=None):
    """Which weights two steps change, tables by their own names."""
    model = MultiTaskModel(make_network(), make_tasks(), frozen=patterns)
    model.compile(optimizer or LazyAdam(0.1))
    before = {name: v.numpy() for name, v in weights_of(model.network).items()}
    for seed in range(2):
        model.train_step(make_batch(seed=seed))
    moved = {
        n: np.any(v.numpy() != before[n], axis=-1) for n, v in weights_of(model.network).items()
    }
    storage = moved.pop("embeddings/width_3")
    moved |= {"embeddings/item": storage[:7], "embeddings/user": storage[7:]}
    return model, {name for name, rows in moved.items() if np.any(rows)}


EVERYTHING = {
    "embeddings/item",
    "embeddings/user",
    *(f"{layer}/{what}" for layer in ("bottom", "ctr", "cvr") for what in ("kernel", "bias")),
}


@pytest.mark.parametrize(
    ("patterns", "frozen"),
    [
        ([], set()),
        (["bottom"], {"bottom/kernel", "bottom/bias"}),
        (["^c.r/b", "bottom/k"], {"ctr/bias", "cvr/bias", "bottom/kernel"}),
        (["embeddings/user$"], {"embeddings/user"}),
        (["embeddings"], {"embeddings/item", "embeddings/user"}),
    ],
)
def test_what_a_pattern_finds_is_frozen_and_all_else_moves(patterns, frozen):
    assert changed(patterns)[1] == EVERYTHING - frozen


def test_two_optimizers_leave_frozen_weights_alone(caplog):
    caplog.set_level("INFO", "tfmtl")
    _, moved = changed(["item", "ctr/"], [LazyAdam(0.1), Adagrad(0.1)])
    assert moved == EVERYTHING - {"embeddings/item", "ctr/kernel", "ctr/bias"}
    assert caplog.messages == [
        "Frozen are 3 of 8 weights: `embeddings/item`, `ctr/kernel`, `ctr/bias`."
    ]


def test_optimizers_remember_nothing_of_frozen_weights():
    names = training_variables(changed(["bottom"])[0])
    assert "optimizer_0/m/ctr/kernel" in names
    assert "optimizer_0/m/bottom/kernel" not in names
    assert "model/bottom/kernel" in names


def test_gradient_of_a_whole_table_is_zero_in_frozen_rows():
    model = MultiTaskModel(make_network(), make_tasks(), frozen=["item"])
    (storage,) = model.embedding_variables()
    kept = model.frozen.without(tf.ones_like(storage), storage).numpy()
    np.testing.assert_array_equal(kept, np.repeat([[0.0], [1.0]], [7, 5], axis=0) * np.ones(3))


def test_frozen_weights_have_no_part_in_the_gradients_norm():
    batch = make_batch()
    norms = {}
    for patterns in ((), ("item", "bottom")):
        model = MultiTaskModel(make_network(), make_tasks(), frozen=patterns)
        model.compile(LazyAdam(0.1))
        norms[patterns] = float(model.train_step(batch)["gradient_norm"])
    assert 0 < norms["item", "bottom"] < norms[()]


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (
            ["bottom", "botom", "dense_7"],
            "`train_config.freeze_gradient[1]` should be found in the name of a weight. Received: "
            '"botom". Did you mean `bottom/bias`? Known: embeddings/item, embeddings/user, '
            "bottom/kernel, bottom/bias, ctr/kernel, ctr/bias, cvr/kernel, cvr/bias.",
        ),
        (
            [".", "bottom"],
            "`train_config.freeze_gradient` should leave something to train. Received: "
            '[".", "bottom"], which is all weights.',
        ),
    ],
)
def test_patterns_that_are_of_no_use_are_told(patterns, words):
    with pytest.raises(ConfigError) as error:
        MultiTaskModel(make_network(), make_tasks(), frozen=patterns)
    assert error.value.problems[0] == words


def test_an_optimizer_of_all_rows_cannot_leave_some_alone():
    kind = type("EveryRowAdam", (EveryRow, LazyAdam), {})
    model = MultiTaskModel(make_network(), make_tasks(), frozen=["user"])
    with pytest.raises(ConfigError, match="all tables of one width or none of them with `update_i"):
        model.compile(kind(0.1))
    _, moved = changed(["embeddings"], kind(0.1))
    assert moved == EVERYTHING - {"embeddings/item", "embeddings/user"}


def test_numbers_that_one_layer_embeds_are_frozen_together():
    x = {name: keras.Input([1], name=name) for name in ("age", "price")}
    embedded = AutoDis(dict.fromkeys(x, 1), dim=3, name="numeric_embeddings")(x)
    hidden = keras.layers.Concatenate()(list(embedded.values()))
    logits = {task: keras.layers.Dense(1, name=task)(hidden) for task in ("ctr", "cvr")}
    network = keras.Model(x, logits)
    with pytest.raises(ConfigError) as error:
        Frozen(network, ["price/(bins|w)", "mixed"])
    assert error.value.problems == [
        f"`train_config.freeze_gradient` should freeze all features of `numeric_embeddings/{name}` "
        "or none of them, because they are trained as one. Received: some of them."
        for name in ("bins", "w")
    ]

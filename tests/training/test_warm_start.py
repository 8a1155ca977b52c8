"""A training starts from another model's weights: what comes along, what does not, what is told."""

import copy
import logging
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from small_pipeline import make_pipeline, make_rows

from tfmtl.errors import TrainingError
from tfmtl.training import warm_start
from tfmtl.training.build import build_model
from tfmtl.training.checkpoints import Checkpoints
from tfmtl.training.lazy_adam import LazyAdam
from tfmtl.training.optimizers import build_optimizers
from tfmtl.training.run import train
from tfmtl.training.saved_variables import training_variables
from tfmtl.training.state import TrainingState
from tfmtl.training.warm_start import start_warm

pytestmark = pytest.mark.slow

ROWS = make_rows(64, 1)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A pipeline that was trained for 3 steps, and its variables then."""
    pipeline = make_pipeline(tmp_path_factory.mktemp("first"))
    pipeline.train_config.num_steps = 3
    model = train(pipeline, train_data=ROWS).model
    return pipeline, {name: v.numpy() for name, v in training_variables(model).items()}


def follower(first, **settings):
    """The same pipeline, to start from the first one's checkpoint."""
    pipeline = copy.deepcopy(first[0])
    pipeline.train_config.fine_tune_checkpoint = first[0].model_dir
    pipeline.train_config.seed = 7
    for name, value in settings.items():
        setattr(pipeline.train_config, name, value)
    return pipeline


def started(pipeline):
    """The variables of a pipeline before its first step, and before they were restored."""
    _, model = build_model(pipeline)
    model.compile(build_optimizers(pipeline.train_config))
    before = {name: v.numpy() for name, v in training_variables(model).items()}
    start_warm(pipeline, model)
    return {name: v.numpy() for name, v in training_variables(model).items()}, before


def with_another_feature(pipeline):
    """A feature of the same width before the others, which moves their tables."""
    feature = copy.deepcopy(pipeline.feature_config.features[0])
    feature.feature_name = "again"
    features = [feature, *pipeline.feature_config.features]
    del pipeline.feature_config.features[:]
    pipeline.feature_config.features.extend(features)
    pipeline.model_config.feature_groups[0].feature_names.append("again")
    return pipeline


def test_weights_and_what_the_optimizer_remembers_come_along(first, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    actual, _ = started(follower(first))
    for name, value in first[1].items():
        if name.startswith(("model/", "optimizer_0/m/", "optimizer_0/v/")):
            np.testing.assert_array_equal(actual[name], value, err_msg=name)
    assert caplog.messages == [
        f"Starting from `{first[0].model_dir}/model.ckpt-3`: 11 of 11 weights are its."
    ]


def test_steps_start_anew_but_adam_knows_how_old_its_moments_are(first):
    actual, _ = started(follower(first))
    assert (actual["optimizer_0/iterations"], actual["optimizer_0/earlier_steps"]) == (0, 3)


def test_adam_with_moments_of_an_age_goes_on_as_if_it_had_not_been_stopped():
    grown, followed = LazyAdam(0.1), LazyAdam(0.1)
    one, other = tf.Variable([1.0, 2.0, 3.0]), tf.Variable([1.0, 2.0, 3.0])
    for gradient in ([1.0, 0.5, -1.0], [0.2, 0.5, 4.0]):
        grown.apply_gradients([(tf.constant(gradient), one)])
    followed._create_all_weights([other])
    other.assign(one)
    for slot in ("m", "v"):
        followed.get_slot(other, slot).assign(grown.get_slot(one, slot))
    followed.earlier_steps.assign(2)
    for optimizer, variable in ((grown, one), (followed, other)):
        optimizer.apply_gradients([(tf.constant([0.3, -0.2, 1.0]), variable)])
    np.testing.assert_array_equal(other.numpy(), one.numpy())
    assert (followed.iterations.numpy(), grown.iterations.numpy()) == (1, 3)


def test_every_table_comes_along_though_another_feature_moved_it(first, caplog):
    actual, before = started(with_another_feature(follower(first)))
    storage, theirs = actual["model/embeddings/width_4"], first[1]["model/embeddings/width_4"]
    # Tables lie in the order in which the features stand: again (30), user (30), tags (20).
    np.testing.assert_array_equal(storage[30:], theirs)
    np.testing.assert_array_equal(storage[:30], before["model/embeddings/width_4"][:30])
    np.testing.assert_array_equal(
        actual["optimizer_0/m/embeddings/width_4"][30:],
        first[1]["optimizer_0/m/embeddings/width_4"],
    )
    assert caplog.messages == [
        "These start anew:\n"
        "  embeddings/again: not in the checkpoint\n"
        "  bottom/dense_0/kernel: [9, 6] in the checkpoint, [13, 6] in the model"
    ]


def test_what_both_have_of_another_shape_comes_along_on_request(first):
    pipeline = with_another_feature(follower(first, force_restore_shape_compatible=True))
    pipeline.feature_config.features[2].hash_bucket_size = 13  # Of the tags; 20 there.
    actual, before = started(pipeline)
    kernel = actual["model/bottom/dense_0/kernel"]
    np.testing.assert_array_equal(kernel[:9], first[1]["model/bottom/dense_0/kernel"])
    np.testing.assert_array_equal(kernel[9:], before["model/bottom/dense_0/kernel"][9:])
    theirs = first[1]["model/embeddings/width_4"]
    np.testing.assert_array_equal(actual["model/embeddings/width_4"][30:], theirs[: 30 + 13])


def test_a_table_of_other_words_starts_anew(first, caplog):
    pipeline = follower(first)
    pipeline.feature_config.features[1].separator = ";"  # Of the tags.
    actual, before = started(pipeline)
    table = actual["model/embeddings/width_4"]
    np.testing.assert_array_equal(table[:30], first[1]["model/embeddings/width_4"][:30])
    np.testing.assert_array_equal(table[30:], before["model/embeddings/width_4"][30:])
    assert "  embeddings/tags: read there by another transform (of types, " in caplog.text


def test_a_table_that_one_of_its_features_reads_as_before_comes_along(first, caplog):
    pipeline = follower(first)
    user, tags = pipeline.feature_config.features[:2]
    user.embedding_name = tags.embedding_name = "user"
    tags.hash_bucket_size = 30  # Which makes other ids than its 20.
    actual, _ = started(pipeline)
    theirs = first[1]["model/embeddings/width_4"][:30]
    np.testing.assert_array_equal(actual["model/embeddings/width_4"], theirs)
    assert "Weights that read `tags` come along, though it was made there by another" in caplog.text


@pytest.mark.parametrize("asked_by", ["map", "shapes"])
def test_a_table_of_other_words_comes_along_on_request(asked_by, first, tmp_path):
    pipeline = follower(first, force_restore_shape_compatible=asked_by == "shapes")
    pipeline.feature_config.features[1].separator = ";"
    if asked_by == "map":
        (tmp_path / "map").write_text("embeddings/tags embeddings/tags")
        pipeline.train_config.fine_tune_ckpt_var_map = str(tmp_path / "map")
    actual, _ = started(pipeline)
    theirs = first[1]["model/embeddings/width_4"]
    np.testing.assert_array_equal(actual["model/embeddings/width_4"], theirs)


NUMBERS = """
input_names: "price" feature_type: RawFeature embedding_dim: 3
numeric_embedding { auto_dis { num_bins: 5 } }
"""


def with_numbers(pipeline, *names):
    """Embedded numbers in place of the price, all in one layer, all of the price."""
    del pipeline.feature_config.features[2:]
    for name in names:
        feature = text_format.Parse(NUMBERS, pipeline.feature_config.features.add())
        feature.feature_name = name
    pipeline.model_config.feature_groups[0].feature_names[2:] = names
    return pipeline


@pytest.fixture(scope="module")
def first_of_numbers(tmp_path_factory):
    pipeline = with_numbers(make_pipeline(tmp_path_factory.mktemp("numbers")), "price", "cost")
    pipeline.train_config.num_steps = 3
    model = train(pipeline, train_data=ROWS).model
    return pipeline, {name: v.numpy() for name, v in training_variables(model).items()}


def test_embedded_numbers_come_along_by_their_features(first_of_numbers, caplog):
    # As many of them, so that their variables have the shapes they had.
    actual, before = started(with_numbers(follower(first_of_numbers), "sum", "price"))
    for slot in ("model", "optimizer_0/m"):
        for weight in ("w", "mixed", "bins"):
            name = f"{slot}/numeric_embeddings/auto_dis_3/{weight}"
            np.testing.assert_array_equal(actual[name][0], before[name][0])
            np.testing.assert_array_equal(actual[name][1], first_of_numbers[1][name][0])
    assert "  numeric_embeddings/auto_dis_3/sum/bins: not in the checkpoint" in caplog.text
    assert "  numeric_embeddings/auto_dis_3/cost/bins: not in the model" in caplog.text


def test_embedded_numbers_come_along_whatever_other_kinds_there_are(first_of_numbers):
    pipeline = with_numbers(follower(first_of_numbers), "wave", "price")
    pipeline.feature_config.features[2].numeric_embedding.periodic.num_frequencies = 4
    actual, _ = started(pipeline)
    name = "model/numeric_embeddings/auto_dis_3/bins"
    np.testing.assert_array_equal(actual[name], first_of_numbers[1][name][:1])


def test_a_checkpoint_of_other_numbers_is_told(first_of_numbers, caplog):
    pipeline = with_numbers(copy.deepcopy(first_of_numbers[0]), "cost", "price")
    with pytest.raises(TrainingError) as error:
        train(pipeline, train_data=ROWS, continue_train=True)
    assert (
        "  model/numeric_embeddings/auto_dis_3/bins/cost/bins: rows 1 to 2 in the checkpoint, rows "
        "0 to 1 in the model"
    ) in str(error.value)


def test_weights_that_read_numbers_of_another_scale_come_along_and_are_told(first, caplog):
    pipeline = follower(first)
    pipeline.feature_config.features[2].max_val = 9  # Of the price.
    actual, _ = started(pipeline)
    kernel = "model/bottom/dense_0/kernel"
    np.testing.assert_array_equal(actual[kernel], first[1][kernel])
    assert caplog.messages == [
        "Weights that read `price` come along, though it was made there by another transform (of "
        "types, defaults, scale, function, ids, words or bins)."
    ]


def test_filtered_weights_start_anew(first, caplog):
    pipeline = follower(first)
    pipeline.model_config.restore_filters.append("user")
    pipeline.model_config.restore_filters.append("kernel")
    actual, before = started(pipeline)
    storage = actual["model/embeddings/width_4"]
    np.testing.assert_array_equal(storage[:30], before["model/embeddings/width_4"][:30])
    np.testing.assert_array_equal(storage[30:], first[1]["model/embeddings/width_4"][30:])
    assert "  embeddings/user: left out by `restore_filters`" in caplog.text
    assert "  cvr_logits/kernel: left out by `restore_filters`" in caplog.text


def test_a_map_tells_other_names(first, tmp_path, caplog):
    path = tmp_path / "map.txt"
    path.write_text("ctr_logits/kernel\tcvr_logits/kernel\n\nembeddings/user embeddings/client\n")
    actual, before = started(follower(first, fine_tune_ckpt_var_map=str(path)))
    np.testing.assert_array_equal(
        actual["model/ctr_logits/kernel"], first[1]["model/cvr_logits/kernel"]
    )
    np.testing.assert_array_equal(
        actual["model/embeddings/width_4"][:30], before["model/embeddings/width_4"][:30]
    )
    assert "  embeddings/user: not in the checkpoint" in caplog.text


def test_another_optimizer_starts_anew_with_the_weights(first):
    pipeline = follower(first)
    optimizer = pipeline.train_config.optimizer_config[0]
    optimizer.momentum_optimizer.learning_rate.constant_learning_rate.learning_rate = 0.1
    actual, _ = started(pipeline)
    np.testing.assert_array_equal(
        actual["model/bottom/dense_0/kernel"], first[1]["model/bottom/dense_0/kernel"]
    )
    assert not actual["optimizer_0/momentum/bottom/dense_0/kernel"].any()


def test_a_training_goes_on_from_its_own_checkpoint_rather(first, tmp_path, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    pipeline = follower(first, num_steps=2)
    pipeline.model_dir = str(tmp_path)
    _, model = build_model(pipeline)
    model.compile(build_optimizers(pipeline.train_config))
    Checkpoints(str(tmp_path), model, TrainingState(step=2)).save()
    result = train(pipeline, train_data=ROWS, continue_train=True)
    assert result.global_step == 2
    assert f"Going on from `{tmp_path}/model.ckpt-2`." in caplog.messages
    assert "Starting from" not in caplog.text


def test_training_from_a_checkpoint_counts_its_own_steps(first, tmp_path):
    pipeline = follower(first, num_steps=2)
    pipeline.model_dir = str(tmp_path)
    result = train(pipeline, train_data=ROWS)
    assert result.global_step == 2
    assert training_variables(result.model)["optimizer_0/earlier_steps"].numpy() == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"fine_tune_checkpoint": "/nowhere"},
            "`train_config.fine_tune_checkpoint` should be the path of a checkpoint or of a "
            'directory of them. Received: "/nowhere".',
        ),
        (
            {"fine_tune_ckpt_var_map": "/nowhere"},
            '`train_config.fine_tune_ckpt_var_map` should name a text file. Received: "/nowhere".',
        ),
    ],
)
def test_a_path_to_nothing_is_told(first, change, words):
    with pytest.raises(TrainingError) as error:
        started(follower(first, **change))
    assert str(error.value).startswith(words)


def test_a_line_of_the_map_that_is_no_pair_is_told(first, tmp_path):
    path = tmp_path / "map.txt"
    path.write_text("a b\nonly one\nc\n")
    with pytest.raises(TrainingError) as error:
        started(follower(first, fine_tune_ckpt_var_map=str(path)))
    assert str(error.value) == (
        "`train_config.fine_tune_ckpt_var_map` should have the name here and the name there in "
        f'each line. Received in {path}:3: "c".'
    )


def test_a_model_with_nothing_in_common_is_told(first):
    pipeline = follower(first)
    pipeline.model_config.restore_filters.extend("ae")  # One is in the name of every weight.
    with pytest.raises(TrainingError, match="should have weights of this model. Received: "):
        started(pipeline)


def test_a_training_that_goes_on_may_replace_what_is_read(first, tmp_path, monkeypatch, caplog):
    """The only checkpoint is there when it is looked for, and gone when it is read."""
    caplog.set_level(logging.INFO, "tfmtl")
    for file in pathlib.Path(first[0].model_dir).glob("model.ckpt-3.*"):
        shutil.copy(file, tmp_path)
    read = warm_start.saved_state

    def read_after_another_step(path):
        monkeypatch.undo()
        for file in tmp_path.iterdir():
            file.rename(str(file).replace("ckpt-3", "ckpt-4"))
        return read(path)

    monkeypatch.setattr(warm_start, "saved_state", read_after_another_step)
    actual, _ = started(follower(first, fine_tune_checkpoint=str(tmp_path)))
    np.testing.assert_array_equal(actual["optimizer_0/earlier_steps"], 3)
    assert caplog.messages == [
        f"Starting from `{tmp_path}/model.ckpt-4`: 11 of 11 weights are its."
    ]


def test_a_damaged_checkpoint_is_told(first, tmp_path):
    (tmp_path / "model.ckpt-1.index").write_text("nothing")
    with pytest.raises(TrainingError, match="`train_config.fine_tune_checkpoint` should be readab"):
        started(follower(first, fine_tune_checkpoint=str(tmp_path)))

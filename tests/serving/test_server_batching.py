"""Requests in batches: the rows of each, what a batch is, and what is said of what does not fit."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfmtl.errors import ServingError
from tfmtl.protos.batching_parameters_pb2 import BatchingParameters
from tfmtl.serving.server import config_files
from tfmtl.serving.server.batching import Batcher, Limits
from tfmtl.serving.server.batching_flags import BatchingFlags

FOR_EVER = 60.0  # Seconds: a batch that waits so long was filled, or the test fails.


class Model:
    """y = 10 x, rows and all; keeps the batches that it is asked."""

    def __init__(self):
        self.batches, self.timeouts = [], []

    def run(self, feeds, fetches, timeout):
        self.batches.append(feeds["x"].tolist())
        self.timeouts.append(timeout)
        if -1 in feeds["x"]:
            raise tf.errors.OutOfRangeError(None, None, "minus one")
        return [10 * feeds["x"] for _ in fetches]


def batcher(model, places=1, **limits):
    return Batcher(model.run, Limits(**limits), threading.BoundedSemaphore(places))


def ask(batched, *requests, timeouts=None, then=lambda: None):
    """What requests are answered that come one after the other, while none is answered yet.

    Args:
        batched: Is asked.
        *requests: Rows.
        timeouts: Of each.
        then: Is called when all have come.
    """
    count = threading.Semaphore(0)
    place = batched._place

    def placed(*args):
        try:
            return place(*args)
        finally:
            count.release()

    batched._place = placed
    with ThreadPoolExecutor(len(requests)) as pool:
        futures = []
        for number, request in enumerate(requests):
            timeout = timeouts[number] if timeouts else None
            futures.append(pool.submit(batched.run, {"x": np.array(request)}, ["y"], timeout))
            count.acquire()
        then()
        return [told(future) for future in futures]


def told(future):
    try:
        (answer,) = future.result()
    except tf.errors.OpError as failure:
        return failure
    return answer.tolist()


def test_requests_that_come_together_are_one_batch_and_each_has_its_own_rows():
    model = Model()
    batched = batcher(model, batch=6, wait=FOR_EVER)
    assert ask(batched, [1, 2], [3], [4, 5, 6]) == [[10, 20], [30], [40, 50, 60]]
    assert model.batches == [[1, 2, 3, 4, 5, 6]]


def test_a_request_that_is_alone_waits_for_no_one():
    model = Model()
    assert ask(batcher(model), [7, 8]) == [[70, 80]]
    assert model.batches == [[7, 8]]


def test_one_that_does_not_fit_any_more_opens_the_next_and_the_first_is_run():
    model = Model()
    batched = batcher(model, batch=4, wait=FOR_EVER)
    assert ask(batched, [1, 2, 3], [4, 5, 6, 7]) == [[10, 20, 30], [40, 50, 60, 70]]
    assert sorted(model.batches) == [[1, 2, 3], [4, 5, 6, 7]]


def test_requests_join_while_all_places_are_taken():
    model, places = Model(), threading.BoundedSemaphore(1)
    batched = Batcher(model.run, Limits(), places)
    places.acquire()
    assert ask(batched, [1], [2], [3], then=places.release) == [[10], [20], [30]]
    assert model.batches == [[1, 2, 3]]


def test_batches_are_filled_up_with_their_first_row():
    model, places = Model(), threading.BoundedSemaphore(1)
    batched = Batcher(model.run, Limits(batch=8, sizes=(2, 4, 8)), places)
    places.acquire()
    assert ask(batched, [5, 6], [7], then=places.release) == [[50, 60], [70]]
    assert model.batches == [[5, 6, 7, 5]]


def test_text_is_filled_up_as_well():
    asked = []
    batched = Batcher(
        lambda feeds, *_: asked.append(feeds["t"].tolist()) or [feeds["t"]],
        Limits(batch=3, sizes=(3,)),
        threading.BoundedSemaphore(1),
    )
    (answer,) = batched.run({"t": np.array([b"ab", b"c"], object)}, ["t"])
    assert answer.tolist() == [b"ab", b"c"]
    assert asked == [[b"ab", b"c", b"ab"]]


def test_a_large_request_is_split():
    model = Model()
    assert ask(batcher(model, request=9, batch=3), [1, 2, 3, 4, 5]) == [[10, 20, 30, 40, 50]]
    assert model.batches == [[1, 2, 3], [4, 5]]


def test_other_outputs_are_other_batches():
    model = Model()
    batched = batcher(model, places=2, wait=0.0)
    x = {"x": np.array([1])}
    assert len(batched.run(x, ["y"])) == 1
    assert len(batched.run(x, ["y", "z"])) == 2
    assert len(batched._waiting) == 2


def test_a_batch_may_take_as_long_as_its_most_patient_request():
    for given, expected in (([3.0, 5.0], 5.0), ([3.0, None], None)):
        model = Model()
        ask(batcher(model, batch=2, wait=FOR_EVER), [1], [2], timeouts=given)
        assert model.timeouts == [expected]


def test_a_request_that_fails_fails_its_batch():
    answers = ask(batcher(Model(), batch=2, wait=FOR_EVER), [1], [-1])
    assert [(type(each), each.message) for each in answers] == [
        (tf.errors.OutOfRangeError, "minus one")
    ] * 2


def test_lists_of_different_lengths_are_no_batch():
    answers = ask(batcher(Model(), batch=2, wait=FOR_EVER), [[1, 2]], [[3]])
    for each in answers:
        assert isinstance(each, tf.errors.FailedPreconditionError)
        assert each.message.startswith(
            "Tensors with name 'x' from different tasks have different shapes and padding is "
            "turned off."
        )


@pytest.mark.parametrize(
    ("feeds", "words"),
    [
        ({"x": np.array(1)}, "input tensors must have at least one dimension"),
        ({"x": np.ones(2), "y": np.ones(3)}, "input tensors must have equal 0th-dimension size"),
        ({"x": np.ones(5)}, "Task size 5 is larger than maximum input batch size 4"),
    ],
)
def test_what_cannot_be_in_a_batch_is_told(feeds, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        batcher(Model(), request=4, batch=4).run(feeds, ["y"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (np.float32(1), "Batched output tensor has 0 dimensions"),
        (np.ones(3), "0th dimension does not equal the sum of the 0th dimension sizes"),
    ],
)
def test_answers_that_are_not_rows_are_told(answer, words):
    batched = Batcher(lambda *_: [np.asarray(answer)], Limits(), threading.BoundedSemaphore(1))
    with pytest.raises(tf.errors.FailedPreconditionError, match=words):
        batched.run({"x": np.ones(2)}, ["y"])


def test_a_full_queue_refuses_more():
    model, places = Model(), threading.BoundedSemaphore(1)
    batched = Batcher(model.run, Limits(batch=1, batches=2), places)
    places.acquire()
    *answers, refused = ask(batched, [1], [2], [3], then=places.release)
    assert answers == [[10], [20]]
    assert isinstance(refused, tf.errors.UnavailableError)
    assert refused.message.endswith(
        "is full; currently 2 batches enqueued and max_enqueued_batches is 2"
    )


def parameters(text):
    return text_format.Parse(text, BatchingParameters())


def test_limits_are_those_of_a_servers_file():
    assert Limits.of(parameters("")) == Limits(1000, 1000, 0.0, 10, ())
    text = (
        "max_batch_size { value: 64 } batch_timeout_micros { value: 2500 } allowed_batch_sizes: 8 "
        "allowed_batch_sizes: 16 max_enqueued_batches { value: 3 } num_batch_threads { value: 2 } "
    )
    assert Limits.of(parameters(text)) == Limits(64, 64, 0.0025, 3, (8, 16))
    text += "enable_large_batch_splitting { value: true } max_execution_batch_size { value: 16 }"
    assert Limits.of(parameters(text)) == Limits(64, 16, 0.0025, 3, (8, 16))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_batch: 3", "should be text of BatchingParameters. Received: "),
        (
            "pad_variable_length_inputs: true",
            "`pad_variable_length_inputs` is refused: a server would fill lists up with their "
            "first element, which changes answers.",
        ),
        (
            "max_batch_size { value: 9 } allowed_batch_sizes: 8",
            "The last of `allowed_batch_sizes` should be 9. Received: 8.",
        ),
    ],
)
def test_a_file_that_says_what_no_server_does_is_told(tmp_path, text, words):
    path = tmp_path / "b"
    path.write_text(text)
    with pytest.raises(ServingError) as error:
        config_files.batching_parameters(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_versions_are_batched_as_flags_and_files_say(tmp_path):
    run = Model().run
    common, own = tmp_path / "common", tmp_path / "7" / "batching_params.pbtxt"
    common.write_text("max_batch_size { value: 5 } num_batch_threads { value: 3 }")
    own.parent.mkdir()
    own.write_text("max_batch_size { value: 6 }")
    assert BatchingFlags(False, "", False).batched(own.parent, run) is run
    for per_model, expected in ((False, 5), (True, 6)):
        batched = BatchingFlags(True, str(common), per_model).batched(own.parent, run).__self__
        assert batched._limits == Limits(expected, expected)
        assert batched._places._initial_value == 3
    assert BatchingFlags(True, "", True).batched(tmp_path, run) is run
    own.write_text("max_batch_size: 6")
    with pytest.raises(tf.errors.InvalidArgumentError, match="should be text of"):
        BatchingFlags(True, "", True).batched(own.parent, run)


def test_a_file_without_batches_is_told(tmp_path):
    with pytest.raises(ServingError) as error:
        BatchingFlags(False, str(tmp_path / "b"), False)
    assert str(error.value) == (
        "`--batching_parameters_file` should be given with `--enable_batching`."
    )

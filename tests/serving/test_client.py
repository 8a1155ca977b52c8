"""The client: tables in and out, by gRPC and by REST, and what it says before it asks."""

import itertools
import re
import socket
import threading

import grpc
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from fake_model import (
    ANY,
    FLOAT,
    INT,
    PATIENCE,
    TEXT,
    FakeModel,
    free_port,
    service_of,
    signature,
)

from tfmtl.client import Client
from tfmtl.errors import ServingError
from tfmtl.serving.client import asking, tensors
from tfmtl.serving.client.transport import transport_to
from tfmtl.serving.server import grpc_services
from tfmtl.serving.server.rest import RestServer

COLUMNS = {"user": (TEXT, ANY), "price": (FLOAT, ANY), "level": (INT, ANY)}
PAIRS = {"user": (TEXT, ANY), "price": (FLOAT, ANY, ANY), "level": (INT, ANY, ANY)}
WEIGHT = {"weight_alpha": (FLOAT, ANY), "weight_beta": (FLOAT, ANY)}
OUTPUTS = {"score": (FLOAT, ANY), "name": (TEXT, ANY), "pair": (FLOAT, ANY, 2)}
RANKED = {"score": (FLOAT, ANY, ANY), "pair": (FLOAT, ANY, ANY, 2)}


class Model(FakeModel):
    """score = price * alpha + level, where alpha is 1 unless it is given."""

    signatures = {
        "serving_default": signature(COLUMNS, OUTPUTS),
        "with_weights": signature({**COLUMNS, **WEIGHT}, OUTPUTS),
        "rank": signature(PAIRS, RANKED),
        "rank_with_weights": signature({**PAIRS, **WEIGHT}, RANKED),
    }

    def _answers(self, fed):
        alpha = np.nan_to_num(fed.get("weight_alpha", np.ones(1)), nan=1.0)
        score = (fed["price"] * alpha + fed["level"]).astype(np.float32)
        yield "score", score
        yield "pair", np.stack([score, -score], axis=-1)
        yield "name", fed["user"]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    service, _ = service_of(tmp_path_factory.mktemp("client") / "m", Model())
    rest = RestServer(service, "127.0.0.1", 0)
    threading.Thread(target=rest.serve_forever, args=(0.01,), daemon=True).start()
    address = f"127.0.0.1:{free_port()}"
    server = grpc_services.start(service, address, 2, None, [])
    yield {"gRPC": address, "REST": f"http://127.0.0.1:{rest.server_address[1]}"}
    server.stop(None).wait()
    rest.shutdown()
    rest.server_close()


@pytest.fixture(params=["gRPC", "REST"])
def client(addresses, request):
    with Client(addresses[request.param], "m", timeout=PATIENCE, batch_size=2) as client:
        yield client


@pytest.fixture
def rows():
    columns = {
        "user": ["é", None, "c"],
        "price": [1.5, np.nan, 3],
        "level": [1, 2, 3],
        "note": [0] * 3,
    }
    return pd.DataFrame(columns, index=[7, 5, 5])


def test_predictions_have_the_rows_index(client, rows):
    predicted = client.predict(rows)
    assert list(predicted.columns) == ["name", "pair", "score"]
    assert list(predicted.index) == [7, 5, 5]
    np.testing.assert_equal(predicted["score"].to_numpy(), np.float32([2.5, np.nan, 6]))
    assert list(predicted["name"]) == ["é", "", "c"]
    np.testing.assert_equal(predicted["pair"].iloc[2], np.float32([6, -6]))


def test_no_rows_have_no_predictions(client, rows):
    predicted = client.predict(rows.iloc[:0])
    assert len(predicted) == 0
    assert predicted["score"].dtype == np.float32
    assert len(client.rank({"user": "a"}, rows.iloc[:0])) == 0


def test_candidates_are_answered_in_their_order(client, rows):
    ranked = client.rank({"user": "a", "other": 1}, rows)
    pd.testing.assert_frame_equal(ranked, client.rank(rows.iloc[0], rows))
    assert list(ranked.index) == [7, 5, 5]
    assert set(ranked.columns) == {"score", "pair"}
    np.testing.assert_equal(ranked["score"].to_numpy(), np.float32([2.5, np.nan, 6]))
    assert ranked["pair"].iloc[0].tolist() == [2.5, -2.5]


def test_weights_of_the_score(client, rows):
    expected = np.float32([4, np.nan, 9])
    for answer in (
        client.predict(rows, {"alpha": 2}),
        client.rank({"user": "a"}, rows, {"alpha": 2}),
    ):
        np.testing.assert_equal(answer["score"].to_numpy(), expected)
    same = client.predict(rows, {"beta": 5})["score"].to_numpy()
    np.testing.assert_equal(same, client.predict(rows)["score"].to_numpy())


def test_mistakes_are_told_before_anything_is_asked(client, rows):
    cases = {
        "The rows should have all that the model reads. Missing: `price` (nearest: `prize`).": (
            lambda: client.predict(rows.rename(columns={"price": "prize"}))
        ),
        "`user` should have all that the model reads. Missing: `user`.": (
            lambda: client.rank({}, rows)
        ),
        "`items` should have all that the model reads. Missing: `level`.": (
            lambda: client.rank({"user": "a"}, rows[["price"]])
        ),
        "`score_weights` should name weights of the model's score. Received: `gamma`. "
        "Known: alpha, beta.": lambda: client.predict(rows, {"gamma": 1}),
        "`user` should be text. Received: 3 in row 0. `.astype(str)` of the column would do.": (
            lambda: client.predict(rows.assign(user=3))
        ),
    }
    for message, ask in cases.items():
        with pytest.raises(ServingError) as error:
            ask()
        assert str(error.value) == message


def test_what_the_server_says_is_told(addresses):
    for address in addresses.values():
        with pytest.raises(
            ServingError, match=r"NOT_FOUND: Servable not found .* Latest\(n\)"
        ) as e:
            Client(address, "n").predict(pd.DataFrame())
        assert e.value.code == "NOT_FOUND"
        with pytest.raises(ServingError, match=r"Specific\(m, 9\)"):
            Client(address, "m", version=9).predict(pd.DataFrame())
        with pytest.raises(ServingError, match="INVALID_ARGUMENT: Unrecognized .* label: new"):
            Client(address, "m", label="new").predict(pd.DataFrame())


def test_a_signature_that_there_is_not(addresses, monkeypatch, rows):
    monkeypatch.setattr(Model, "signatures", {"serving_default": signature(COLUMNS, OUTPUTS)})
    client = Client(addresses["gRPC"], "m")
    with pytest.raises(ServingError) as error:
        client.rank({"user": "a"}, rows)
    assert str(error.value) == (
        "Model m should have the signature `rank`. Received: serving_default. An export has it "
        "if its config has features with `side: USER`."
    )


@pytest.mark.parametrize("before", ["127.0.0.1:%d", "http://127.0.0.1:%d"])
def test_a_server_that_is_not_there(before):
    address = before % free_port()
    client = Client(address, "m", timeout=PATIENCE, retries=1)
    with pytest.raises(ServingError) as error:
        client.predict(pd.DataFrame())
    told = re.escape(f"{address} could not be reached: ") + r".*Connection refused[^\n]*\."
    assert re.fullmatch(told, str(error.value))
    assert error.value.code == "UNAVAILABLE"


def test_an_address_of_the_other_kind(addresses):
    grpc_port = addresses["gRPC"]
    rest_port = addresses["REST"].removeprefix("http://")
    cases = {
        f"http://{grpc_port}": f"If that is a server's port of gRPC, use `{grpc_port}`.",
        rest_port: f"If that is a server's port of REST, use `http://{rest_port}`.",
    }
    for address, would_do in cases.items():
        client = Client(address, "m", timeout=PATIENCE, retries=0)
        with pytest.raises(ServingError) as error:
            client.predict(pd.DataFrame())
        assert str(error.value).startswith(f"{address} could not be reached: ")
        assert str(error.value).endswith(would_do)


class Dropped(grpc.RpcError):
    """What gRPC makes of a call that came when the server ended."""

    def code(self):
        return grpc.StatusCode.CANCELLED

    def details(self):
        return "CANCELLED"


def test_a_server_that_ended_is_asked_again(monkeypatch):
    client = Client("a:1", "m", retries=2)
    tries = []

    def ask(request, timeout):
        tries.append(timeout)
        raise Dropped

    monkeypatch.setattr(client._transport._stub, "GetModelMetadata", ask)
    with pytest.raises(ServingError) as error:
        client.predict(pd.DataFrame())
    assert str(error.value) == "a:1 could not be reached: the server ended."
    assert len(tries) == 3


@pytest.mark.parametrize("before", ["127.0.0.1:%d", "http://127.0.0.1:%d"])
def test_a_server_that_keeps_silent(before):
    # It tells the seconds that were left when it asked.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(before % silent.getsockname()[1], "m", timeout=0.1)
        with pytest.raises(ServingError, match=r"did not answer in 0\.[01] s\.$") as error:
            client.predict(pd.DataFrame())
    assert error.value.code == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    ("ends", "told"),
    [(True, "could not be reached: .*Connection broken"), (False, r"did not answer in 0\.\d s")],
)
def test_a_server_that_stops_in_the_middle_of_an_answer(ends, told):
    accepted = []

    def answer_in_part(server):
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        if ends:
            connection.close()
        accepted.append(connection)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_in_part, args=(server,))
        thread.start()
        timeout = PATIENCE if ends else 0.5
        client = Client(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=timeout, retries=0)
        with pytest.raises(ServingError, match=told) as error:
            client.predict(pd.DataFrame())
        thread.join()
    assert error.value.code == ("UNAVAILABLE" if ends else "DEADLINE_EXCEEDED")


def test_it_asks_again_while_there_is_time_and_the_server_is_away(monkeypatch):
    monkeypatch.setattr(asking.time, "sleep", lambda seconds: None)
    tries = []

    def ask(left, code, successes_after):
        tries.append(left)
        if len(tries) <= successes_after:
            raise ServingError("away", code)
        return "answer"

    assert asking.with_retries(lambda left: ask(left, "UNAVAILABLE", 2), 60, 3) == "answer"
    assert len(tries) == 3
    assert 0 < tries[2] <= tries[1] <= tries[0] <= 60
    for code, timeout, retries, expected in (
        ("UNAVAILABLE", 60, 1, 2),  # No more than it may.
        ("INVALID_ARGUMENT", 60, 3, 1),  # It would say the same again.
        ("UNAVAILABLE", 0, 3, 1),  # It is too late.
    ):
        tries.clear()
        with pytest.raises(ServingError, match="away"):
            asking.with_retries(lambda left, c=code: ask(left, c, 9), timeout, retries)
        assert len(tries) == expected


def test_a_model_that_takes_something_else_is_asked_as_it_is_now(addresses, monkeypatch, rows):
    with Client(addresses["gRPC"], "m") as client:
        client.predict(rows)
        now = {"serving_default": signature({**COLUMNS, "note": (FLOAT, ANY)}, OUTPUTS)}
        monkeypatch.setattr(Model, "signatures", now)
        np.testing.assert_equal(client.predict(rows)["score"].iloc[0], np.float32(2.5))
        monkeypatch.setattr(Model, "signatures", {"serving_default": signature(COLUMNS, OUTPUTS)})
        assert len(client.predict(rows)) == 3


@pytest.mark.parametrize(
    "now", [{"score": (FLOAT, ANY)}, {"score": (FLOAT, ANY), "name": (TEXT, ANY)}]
)
def test_a_model_that_answers_something_else_is_asked_as_it_is_now(client, monkeypatch, rows, now):
    monkeypatch.setattr(Model, "signatures", {"serving_default": signature(COLUMNS, OUTPUTS)})
    client.predict(rows)
    monkeypatch.setattr(Model, "signatures", {"serving_default": signature(COLUMNS, now)})
    assert list(client.predict(rows).columns) == sorted(now)
    monkeypatch.setattr(Model, "signatures", {"serving_default": signature(COLUMNS, OUTPUTS)})
    assert list(client.predict(rows).columns) == ["name", "pair", "score"]


def test_a_model_that_is_exchanged_when_it_has_told_what_it_takes(client, monkeypatch, rows):
    signatures = client._transport.signatures

    def before_an_exchange(*asked):
        told = signatures(*asked)
        now = {"serving_default": signature({**COLUMNS, "note": (FLOAT, ANY)}, OUTPUTS)}
        monkeypatch.setattr(Model, "signatures", now)
        return told

    monkeypatch.setattr(client._transport, "signatures", before_an_exchange)
    assert len(client.predict(rows)) == 3


def test_what_another_thread_finds_changes_no_request_under_way(client, monkeypatch, rows):
    """Each time it is looked at, the model is known to be another one, or none."""
    known = client.signatures
    others = itertools.chain([known], itertools.cycle([None, {}]))
    monkeypatch.setattr(
        Client, "_known", property(lambda _: next(others), lambda *_: None), raising=False
    )
    assert len(client.predict(rows)) == 3


@pytest.mark.parametrize(
    ("answered", "outputs", "told"),
    [
        ({"b": [1]}, "ab", "a, b. Received: b."),
        ([1], "ab", "a, b. Received: one without a name."),
        ({"a": [1], "b": [1]}, "a", "a. Received: a, b."),
    ],
)
def test_an_answer_of_other_outputs_is_told(monkeypatch, answered, outputs, told):
    over_rest = transport_to("http://a:1")
    monkeypatch.setattr(over_rest, "_call", lambda *_: {"outputs": answered})
    with pytest.raises(ServingError) as error:
        over_rest.predict(asking.Asked("m"), "", {}, dict.fromkeys(outputs), 1.0)
    assert str(error.value) == f"http://a:1 should answer the signature's outputs, {told}"


def test_a_version_or_a_label():
    with pytest.raises(ServingError, match="Received: version 3 and label `new`"):
        Client("localhost:8500", version=3, label="new")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"retries": -1}, "`retries` should be a whole number from 0. Received: -1."),
        ({"batch_size": 0}, "`batch_size` should be a whole number from 1. Received: 0."),
        ({"version": "x"}, "`version` should be a whole number from 0. Received: 'x'."),
        ({"version": 2**63}, f"`version` should be a whole number from 0. Received: {2**63}."),
        ({"version": True}, "`version` should be a whole number from 0. Received: True."),
        ({"timeout": None}, "`timeout` should be seconds above 0. Received: None."),
        ({"timeout": 0}, "`timeout` should be seconds above 0. Received: 0."),
        ({"timeout": np.inf}, "`timeout` should be seconds above 0. Received: inf."),
        ({"model": 3}, "`model` should be a text. Received: 3."),
        ({"label": None}, "`label` should be a text. Received: None."),
        ({"address": b"a"}, "`address` should be a text. Received: b'a'."),
    ],
)
def test_arguments_that_are_not_what_they_should_be(given, message):
    with pytest.raises(ServingError) as error:
        Client(**{"address": "localhost:8500", **given})
    assert str(error.value) == message


def test_a_version_may_be_a_number_of_numpys(addresses, rows):
    for address in addresses.values():
        with Client(address, "m", version=np.int64(7), timeout=np.float32(5)) as client:
            assert len(client.predict(rows)) == 3


def test_what_is_no_table_is_told(client, rows):
    to_table = "`pandas.DataFrame(…)` makes one of a dict of columns, or of a list of dicts."
    cases = {
        f"The rows should be a DataFrame. Received: dict. {to_table}": (
            lambda: client.predict({"user": ["a"]})
        ),
        f"`items` should be a DataFrame. Received: list. {to_table}": (
            lambda: client.rank({"user": "a"}, [{"price": 1.0}])
        ),
        "The rows should have each column once. Received: `price` twice.": (
            lambda: client.predict(pd.concat([rows, rows[["price"]]], axis=1))
        ),
        "`user` should be one row, or a dict. Received: a DataFrame of 3 rows. `.iloc[0]` of it "
        "would do.": lambda: client.rank(rows, rows),
        "`user` should be one row, or a dict. Received: list.": lambda: client.rank(["a"], rows),
        "`user` should have each column once. Received: `user` twice.": (
            lambda: client.rank(pd.Series(["a", "b"], ["user", "user"]), rows)
        ),
        "`user` should be text. Received: array([[1], [2]]) in row 0. `.astype(str)` of the column "
        "would do.": lambda: client.rank({"user": np.array([[1], [2]])}, rows),
        "`score_weights` should be numbers. Received: 'x' for `alpha`.": (
            lambda: client.predict(rows, {"alpha": "x"})
        ),
        "`user` should be text that UTF-8 can write. Received: '\\ud83d' in row 0, with half of a "
        "surrogate pair. `.str.encode('utf-8', 'replace')` of the column would do.": (
            lambda: client.rank({"user": "\ud83d"}, rows)
        ),
    }
    for message, ask in cases.items():
        with pytest.raises(ServingError) as error:
            ask()
        assert str(error.value) == message


def test_what_would_do_of_half_a_surrogate_pair_does(client, rows):
    broken = rows.assign(user=pd.Series(["\ud83d", "\udcff", "c"], rows.index, dtype=object))
    with pytest.raises(ServingError, match="half of a surrogate pair"):
        client.predict(broken)
    broken["user"] = broken["user"].str.encode("utf-8", "replace")
    assert list(client.predict(broken)["name"]) == ["?", "?", "c"]


def info(dtype, *shape):
    return signature({"x": (dtype, *shape)}, {}).inputs["x"]


@pytest.mark.parametrize(
    ("cells", "dtype", "expected"),
    [
        (["a", b"\xff", None, np.nan], tf.string, np.array([b"a", b"\xff", b"", b""], object)),
        # As a file gives it that was read with `encoding_errors="surrogateescape"`.
        (pd.Series(["\udcff"], dtype=object), tf.string, np.array([b"\xff"], object)),
        ([True, False], tf.float32, np.float32([1, 0])),
        ([1, 2**30], tf.float32, np.float32([1, 2**30])),
        (pd.array([1, None], "Int64"), tf.float64, np.array([1, np.nan])),
        ([None, None], tf.float32, np.float32([np.nan, np.nan])),
        (pd.array([1, 2], "Int64"), tf.int32, np.int32([1, 2])),
        ([True, False], tf.int64, np.int64([1, 0])),
        ([True, False], tf.bool, np.array([True, False])),
    ],
)
def test_cells_become_what_the_model_takes(cells, dtype, expected):
    value = tensors.tensor_of(pd.Series(cells), info(dtype, ANY), "x")
    assert value.dtype == expected.dtype
    np.testing.assert_equal(value, expected)


def test_cells_may_be_lists():
    column = pd.Series([[1, 2], np.array([3, 4])])
    value = tensors.tensor_of(column, info(tf.float32, ANY, 2), "x")
    np.testing.assert_equal(value, np.float32([[1, 2], [3, 4]]))


@pytest.mark.parametrize(
    ("cells", "dtype", "message"),
    [
        (["1"], tf.float32, "`x` should be numbers. Received: '1' in row 0"),
        ([1.0, 2.5], tf.int32, "`x` should be whole numbers. Received: 1.0 in row 0, float64"),
        (
            pd.array([1, None], "Int64"),
            tf.int64,
            "`x` should be whole numbers in all rows. Received: an empty cell in row 1.",
        ),
        (
            [np.nan, 2.0, 3.0],
            tf.int32,
            "`x` should be whole numbers in all rows. Received: an empty cell in row 0. "
            "`.fillna(…).astype('int32')` of the column would do.",
        ),
        (
            [None, None],
            tf.int64,
            "`x` should be whole numbers in all rows. Received: an empty cell in row 0.",
        ),
        (
            [True, None],
            tf.bool,
            "`x` should be booleans in all rows. Received: an empty cell in row 1. "
            "`.fillna(…).astype('bool')` of the column would do.",
        ),
        ([np.nan, 2.5], tf.int32, "`x` should be whole numbers. Received: 2.5 in row 1, float64"),
        ([1, 2**31], tf.int32, "`x` should be numbers of int32. Received: 1 to 2147483648."),
        (["yes"], tf.bool, "`x` should be booleans. Received: 'yes' in row 0"),
    ],
)
def test_cells_of_another_type_are_told(cells, dtype, message):
    with pytest.raises(ServingError) as error:
        tensors.tensor_of(pd.Series(cells), info(dtype, ANY), "x")
    assert str(error.value).startswith(message)


def test_lists_of_different_lengths_are_told():
    with pytest.raises(ServingError, match=r"lists of one length.*shapes \[\(1,\), \(2,\)\]"):
        tensors.tensor_of(pd.Series([[1, 2], [3]]), info(tf.float32, ANY, ANY), "x")

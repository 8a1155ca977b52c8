"""REST as it comes over the wire: bodies, limits, and what must not break a connection."""

import gzip
import http.client
import json
import random
import socket
import threading

import pytest
from fake_model import PATIENCE, FakeModel, service_of, wait_for

from tfmtl.serving.server.metrics import Metrics
from tfmtl.serving.server.rest import Limits, RestServer

PATH = "/v1/models/m:predict"
GOOD = {"signature_name": "one", "instances": [[1, 2]]}
MOST = 20_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    service, metrics = service_of(tmp_path_factory.mktemp("rest") / "m")
    limits = Limits(body=MOST, threads=2)
    with started(RestServer(service, "127.0.0.1", 0, limits, metrics, "/metrics")) as server:
        yield server


class started:
    """Runs a server in a thread."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self.server

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


def connected(server):
    return http.client.HTTPConnection(*server.server_address, timeout=PATIENCE)


@pytest.fixture
def connection(server):
    connection = connected(server)
    yield connection
    connection.close()


def asked(connection, body, path=PATH, method="POST", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, data, {k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    return response.status, response.read().decode()


def answer(connection, *args, **how):
    status, text = asked(connection, *args, **how)
    return status, json.loads(text)


def test_a_connection_is_used_again(connection):
    for _ in range(3):
        assert answer(connection, GOOD) == (200, {"predictions": [3.0]})
        socket = connection.sock
    assert connection.sock is socket


def test_bodies_may_be_zipped(connection):
    zipped = gzip.compress(json.dumps(GOOD).encode())
    assert answer(connection, zipped, Content_Encoding="gzip")[1] == {"predictions": [3.0]}
    status, told = answer(connection, b"no gzip", Content_Encoding="gzip")
    assert (status, told["error"][:36]) == (400, "The body should be gzip. Received: E")


def test_bodies_may_come_in_chunks(connection):
    text = json.dumps(GOOD).encode()
    connection.request("POST", PATH, iter([text[:5], text[5:]]), encode_chunked=True)
    assert json.loads(connection.getresponse().read()) == {"predictions": [3.0]}
    assert answer(connection, GOOD)[0] == 200


@pytest.mark.parametrize("how", ["plain", "zipped", "chunked"])
def test_a_body_that_is_too_large_is_refused(connection, how):
    body = b" " * (MOST + 1)
    if how == "plain":
        connection.putrequest("POST", PATH)
        connection.putheader("Content-Length", str(10**12))
        connection.endheaders()
    elif how == "zipped":
        connection.request("POST", PATH, gzip.compress(body), {"Content-Encoding": "gzip"})
    else:
        connection.request("POST", PATH, iter([body]), encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read()) == {"error": f"A request should have at most {MOST} bytes"}


@pytest.mark.parametrize("size", [b"-5", b"0x5", b"", b"1_0"])
def test_chunks_of_no_size_are_refused(connection, size):
    connection.putrequest("POST", PATH)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders(size + b"\r\nabcde\r\n")
    response = connection.getresponse()
    assert response.status == 400
    assert json.loads(response.read())["error"] == "The body's chunks should begin with their sizes"


@pytest.mark.parametrize("length", ["-1", "x", "١", "9" * 5000])
def test_a_length_that_is_none_is_refused(connection, length):
    connection.putrequest("POST", PATH)
    connection.putheader("Content-Length", length.encode())
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 400
    assert "Content-Length" in json.loads(response.read())["error"]


def test_other_paths_are_not_found(connection):
    assert asked(connection, b"", "/v2/models", "GET") == (404, "Not Found: /v2/models\n")


def test_methods_that_there_are_not_are_told_in_json(connection):
    for method in ("PUT", "FETCH"):
        assert answer(connection, b"", "/v1/models/m", method) == (
            400,
            {"error": f"Malformed request: {method} /v1/models/m"},
        )


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        (b"nonsense", 400, "Bad request syntax ('nonsense')"),
        (b"\x16\x03\x01", 400, "Bad request syntax ('\\x16\\x03\\x01')"),
        (b"GET / HTTP/9.1", 505, "Invalid HTTP version (9.1)"),
        (b"GET /" + b"x" * 70_000, 414, "Request-URI Too Long"),
    ],
)
def test_what_is_no_request_is_told_in_json(server, line, status, message):
    with socket.create_connection(server.server_address[:2], timeout=PATIENCE) as connection:
        connection.sendall(line + b"\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == status
        assert response.getheader("Content-Type") == "application/json"
        assert json.loads(response.read()) == {"error": message}


def test_what_follows_a_question_mark_is_left_out(connection):
    assert answer(connection, GOOD, f"{PATH}?a=b")[0] == 200


def test_errors_have_codes_of_http(connection):
    codes = {
        "/v1/models/n:predict": 404,
        "/v1/models/m:guess": 400,
        "/v1/models/m/labels/x:predict": 400,
    }
    for path, code in codes.items():
        assert answer(connection, GOOD, path)[0] == code
    half = {"signature_name": "kinds", "inputs": {"flag": [True], "half": [1]}}
    assert answer(connection, half)[0] == 501
    assert answer(connection, {"signature_name": "broken", "instances": [[1]]})[0] == 500


def test_requests_are_counted(tmp_path):
    service, metrics = service_of(tmp_path / "m")
    with started(RestServer(service, "127.0.0.1", 0, None, metrics, "/metrics")) as server:
        connection = connected(server)
        for body in (GOOD, GOOD, b"x"):
            asked(connection, body)
        status, text = asked(connection, b"", "/metrics", "GET")
        connection.close()
    lines = text.splitlines()
    assert status == 200
    assert "# TYPE :tensorflow:serving:request_count counter" in lines
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 2' in lines
    assert ':tensorflow:serving:request_count{model_name="m",status="INVALID_ARGUMENT"} 1' in lines
    latency = ':tensorflow:serving:request_latency%s{model_name="m",API="predict",entrypoint="REST"'
    assert f"{latency % '_count'}}} 2" in lines
    assert f'{latency % "_bucket"},le="+Inf"}} 2' in lines
    runtime = (
        ':tensorflow:serving:runtime_latency_count{model_name="m",API="Predict",runtime="TF1"}'
    )
    assert f"{runtime} 2" in lines


def test_buckets_grow_and_add_up():
    metrics = Metrics()
    for seconds in (0.0, 10e-6, 11e-6, 1e9):
        metrics.warm_up_latency.add('a"\\b', "OK", seconds=seconds)
    lines = [line for line in metrics.text().splitlines() if "warmup_latency_b" in line]
    start = ':tensorflow:serving:model_warmup_latency_bucket{model_path="a\\"\\\\b",status="OK",le='
    assert lines[:2] == [f'{start}"10"}} 2', f'{start}"18"}} 3']
    assert lines[-1] == f'{start}"+Inf"}} 4'
    assert len(lines) == 34


class Slow(FakeModel):
    """Answers when it may."""

    def __init__(self):
        super().__init__()
        self.entered, self.may = threading.Semaphore(0), threading.Event()

    def run(self, feeds, fetches, timeout=None):
        self.entered.release()
        assert self.may.wait(PATIENCE)
        return super().run(feeds, fetches, timeout)


def test_requests_beyond_the_limit_are_refused_and_others_wait(tmp_path):
    model = Slow()
    service, _ = service_of(tmp_path / "m", model)
    answers = []
    with started(RestServer(service, "127.0.0.1", 0, Limits(threads=1, calls=2))) as server:

        def ask():
            connection = connected(server)
            answers.append(answer(connection, GOOD))
            connection.close()

        first, second = (threading.Thread(target=ask) for _ in range(2))
        first.start()
        assert model.entered.acquire(timeout=PATIENCE)
        second.start()
        wait_for(lambda: not server._calls._value)
        ask()
        assert answers == [(429, {"error": "Concurrent request limit exceeded!"})]
        model.may.set()
        first.join()
        second.join()
    assert answers[1:] == [(200, {"predictions": [3.0]})] * 2


def test_it_answers_what_it_was_asked_before_it_ends(tmp_path):
    model = Slow()
    server = RestServer(service_of(tmp_path / "m", model)[0], "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    connection = connected(server)
    connection.request("POST", PATH, json.dumps(GOOD))
    assert model.entered.acquire(timeout=PATIENCE)
    ending = threading.Thread(target=server.end, args=(PATIENCE,))
    ending.start()
    ending.join(0.1)
    assert ending.is_alive()
    model.may.set()
    ending.join()
    response = connection.getresponse()
    assert response.getheader("Connection") == "close"
    assert json.loads(response.read()) == {"predictions": [3.0]}


def test_a_connection_that_was_kept_is_told_that_it_has_ended(tmp_path):
    server = RestServer(service_of(tmp_path / "m")[0], "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    connection = connected(server)
    assert answer(connection, GOOD)[0] == 200
    server.end(PATIENCE)
    assert answer(connection, GOOD) == (503, {"error": "The server has ended"})


def test_a_request_that_has_waited_until_the_end_is_told_so(tmp_path):
    model, limits = Slow(), Limits(threads=1, calls=2)
    server = RestServer(service_of(tmp_path / "m", model)[0], "127.0.0.1", 0, limits)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    first, second = (connected(server) for _ in range(2))
    first.request("POST", PATH, json.dumps(GOOD))
    assert model.entered.acquire(timeout=PATIENCE)
    second.request("POST", PATH, json.dumps(GOOD))
    wait_for(lambda: not server._calls._value)
    server.end(0)
    model.may.set()
    assert [each.getresponse().status for each in (first, second)] == [200, 503]


def malformed(random):
    """A body that is a good one with something wrong in it, or nothing like one."""
    good = json.dumps({"instances": [{"user": "é", "price": 1.5, "level": 2}] * 2}).encode()
    place = random.randrange(len(good))
    other = random.choice([b"\x00", b"\xff", b'"', b"{", b"]", b",", b"1e999", b"nul", b"\\u12"])
    kinds = [
        good[:place],
        good[:place] + other + good[place:],
        good[:place] + good[place + random.randint(1, 9) :],
        random.randbytes(random.randrange(60)),
        b"[" * random.randrange(10_000),
        b'{"instances":' * random.randrange(900),
        json.dumps({"instances": nested(random, 4)}).encode(),
        json.dumps({"inputs": nested(random, 4), "signature_name": nested(random, 1)}).encode(),
        json.dumps(
            {"inputs": {key: nested(random, 3) for key in ("user", "price", "level")}}
        ).encode(),
    ]
    return random.choice(kinds)


def nested(random, depth):
    """Any value."""
    leaves = [None, True, -1, 2**70, 1e300, float("nan"), "", "a", {"b64": "?"}, {"b64": 1}]
    if not depth or random.random() < 0.3:
        return random.choice(leaves)
    if random.random() < 0.5:
        return [nested(random, depth - 1) for _ in range(random.randrange(4))]
    keys = random.sample(["user", "price", "level", "b64", "x"], random.randrange(4))
    return {key: nested(random, depth - 1) for key in keys}


def test_malformed_bodies_get_an_error_and_the_server_goes_on(connection):
    chance = random.Random(7)
    refused = 0
    for number in range(500):
        path = chance.choice([PATH, "/v1/models/m:classify", "/v1/models/m:regress"])
        body = malformed(chance)
        status, told = answer(connection, body, path)
        assert status in (200, 400), (number, body, told)
        assert status == 200 or set(told) == {"error"}
        refused += status == 400
    assert refused > 480
    assert answer(connection, GOOD) == (200, {"predictions": [3.0]})

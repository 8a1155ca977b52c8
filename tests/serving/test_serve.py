"""`python -m tfmtl.serve` in a process of its own, asked over REST and gRPC."""

import collections
import json
import pathlib
import random
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
import requests
import tensorflow as tf
from fake_model import PATIENCE, free_port, wait_for
from test_server_rest import malformed
from toy import ROWS as TOY_ROWS
from toy import Toy, toy_servable, write_version

from tfmtl.client import Client
from tfmtl.errors import ServingError
from tfmtl.serving import Predictor
from tfmtl.serving.prediction_logs import Record, write_records
from tfmtl.serving.versions import staging_path

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]


class Adder(tf.Module):
    """Tells which version it is: sum = x + version."""

    def __init__(self, version):
        super().__init__()
        self.version = tf.Variable(float(version))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def add(self, x):
        return {"sum": x + self.version, "version": tf.zeros_like(x) + self.version}


def publish_adder(base, version, spoil=None):
    """A version that appears as a whole, perhaps spoilt."""
    adder = Adder(version)
    aside = staging_path(base, str(version))
    tf.saved_model.save(adder, str(aside), signatures={"serving_default": adder.add})
    (aside / "assets.extra").mkdir()
    warm_up = "x" if spoil != "warm-up" else "y"
    records = [Record("serving_default", {warm_up: np.float32([1, 2])})]
    write_records(aside / "assets.extra" / "tf_serving_warmup_requests", records, "adder")
    if spoil == "graph":
        graph = aside / "saved_model.pb"
        graph.write_bytes(graph.read_bytes()[:100])
    aside.rename(base / str(version))


class Served:
    """A server's process, and where it listens."""

    def __init__(self, folder, models):
        port, rest_port = free_port(), free_port()
        self.grpc, self.rest = f"127.0.0.1:{port}", f"http://127.0.0.1:{rest_port}"
        config, monitoring = folder / "models.config", folder / "monitoring.config"
        listed = "".join(
            f'config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" {more} }}\n'
            for name, (base, more) in models.items()
        )
        config.write_text(f"model_config_list {{\n{listed}}}")
        monitoring.write_text("prometheus_config { enable: true }")
        self.log = folder / "log"
        command = [sys.executable, "-m", "tfmtl.serve", f"--model_config_file={config}"]
        command += [f"--port={port}", f"--rest_api_port={rest_port}"]
        command += [f"--monitoring_config_file={monitoring}", "--enable_batching"]
        command += ["--enable_grpc_healthcheck_service"]
        command += ["--load_retry_interval_micros=300000", "--max_num_load_retries=2"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.wait_for("Exporting HTTP/REST API")

    def wait_for(self, line):
        """Waits until the log has a line."""

        def is_said():
            assert self.process.poll() is None, self.log.read_text()
            return line in self.log.read_text()

        wait_for(is_said)

    def post(self, path, body):
        return requests.post(f"{self.rest}/v1/models/{path}", data=body, timeout=PATIENCE)

    def get(self, path):
        return requests.get(f"{self.rest}/{path}", timeout=PATIENCE)

    def states(self, model):
        """The state of each version."""
        told = self.get(f"v1/models/{model}").json()["model_version_status"]
        return {int(each["version"]): each["state"] for each in told}

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def adders(tmp_path_factory):
    base = tmp_path_factory.mktemp("adders")
    publish_adder(base, 1)
    return base


@pytest.fixture(scope="module")
def server(exported, adders, tmp_path_factory):
    toy = tmp_path_factory.mktemp("toy")
    write_version(toy_servable(), toy / "3")
    models = {
        "small": (exported.parent, ""),
        "toy": (toy, 'version_labels { key: "stable" value: 3 }'),
        "adder": (adders, ""),
    }
    server = Served(tmp_path_factory.mktemp("server"), models)
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def frame(rows):
    return pd.DataFrame({name: column.tolist() for name, column in rows.items()})


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_it_answers_as_the_predictor(server, exported, frame, kind):
    with Client(getattr(server, kind), "small", timeout=PATIENCE) as client:
        answered = client.predict(frame)
    expected = Predictor(exported).predict(frame)
    assert list(answered.columns) == list(expected.columns)
    for name in expected:
        np.testing.assert_allclose(
            np.stack(answered[name]), np.stack(expected[name]), rtol=1e-6, err_msg=name
        )


def test_it_answers_the_sample_requests(server, exported):
    files = sorted(exported.parent.glob("request*.json"))
    assert len(files) > 3
    for file in files:
        answer = server.post("small:predict", file.read_bytes())
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["predictions"]) == 2


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_candidates_are_ranked_as_the_model_does(server, kind):
    with Client(getattr(server, kind), "toy", label="stable", timeout=PATIENCE) as client:
        items = pd.DataFrame({"price": TOY_ROWS["price"]})
        ranked = client.rank({"user": "u2"}, items)
    expected = tf.sigmoid(Toy().score(tf.constant(["u2"] * 5), tf.constant(TOY_ROWS["price"])))
    np.testing.assert_allclose(ranked["probs"], expected, rtol=1e-6)


def test_rows_of_features_are_classified(server):
    body = {"signature_name": "classify", "examples": [{"user": "u2", "price": 1.5}]}
    answer = server.post("toy:classify", json.dumps(body)).json()
    (((label, score),),) = answer["results"]
    expected = tf.sigmoid(Toy().score(tf.constant(["u2"]), tf.constant([1.5])))
    assert label == "probs"
    assert score == pytest.approx(float(expected[0]), rel=1e-6)


def test_what_the_graph_says_is_told_and_no_python(server):
    body = {"signature_name": "examples", "instances": [{"b64": "AAAA"}]}
    answer = server.post("toy:predict", json.dumps(body))
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Could not parse example input")
    assert "File " not in answer.text


def test_500_malformed_bodies_leave_it_running(server):
    chance = random.Random(11)
    with requests.Session() as session:
        for _ in range(500):
            path = chance.choice(["small:predict", "toy:predict", "toy:classify", "toy:regress"])
            answer = session.post(
                f"{server.rest}/v1/models/{path}", data=malformed(chance), timeout=PATIENCE
            )
            assert (answer.status_code, set(answer.json())) == (400, {"error"}), answer.text
    assert server.get("v1/models/small").ok


def test_versions_are_exchanged_without_a_failed_or_wrong_answer(server, adders):
    """While clients ask all the time, versions are published, and two that are spoilt."""
    asked = ask_while(server, lambda asking: publish_and_spoil(asking, server, adders), clients=8)
    assert asked.failures == []
    assert asked.versions == {1, 2, 3, 6}
    wait_for(
        lambda: server.states("adder") == {6: "AVAILABLE", **dict.fromkeys(range(1, 6), "END")}
    )


def publish_and_spoil(asking, server, base):
    """Each version that can be answers every client before the next comes."""
    asking.wait_for(1)
    for version, spoil in ((2, None), (3, None), (4, "graph"), (5, "warm-up"), (6, None)):
        publish_adder(base, version, spoil)
        if spoil:
            server.wait_for(f"Loading version {version} of model adder failed")
        else:
            asking.wait_for(version)


class Asking:
    """What clients were answered.

    Args:
        clients: Their number.
    """

    def __init__(self, clients):
        self.failures, self.counts = [], collections.Counter()
        self._last = [0] * clients
        self._lock = threading.Lock()

    @property
    def versions(self):
        """Those that answered."""
        return set(self.counts)

    def wait_for(self, version):
        """Waits until every client was answered by a version."""
        wait_for(lambda: self.failures or set(self._last) == {version})

    def ask(self, client, x):
        answered = client.predict(pd.DataFrame({"x": np.float32([x, x + 1])}))
        version = float(answered["version"].iloc[0])
        right = answered["sum"].tolist() == [x + version, x + 1 + version]
        with self._lock:
            self.counts[int(version)] += 1
            self._last[int(x)] = int(version)
            if not right:
                self.failures.append(answered)


def ask_while(server, work, clients):
    """Asks by many clients, half of them over REST, until the work is done."""
    asking, done = Asking(clients), threading.Event()

    def run(number):
        address = server.grpc if number % 2 else server.rest
        with Client(address, "adder", timeout=PATIENCE, retries=0) as client:
            while not done.is_set():
                try:
                    asking.ask(client, float(number))
                except ServingError as error:
                    asking.failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        work(asking)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return asking


def test_it_tells_prometheus_what_it_did(server):
    text = server.get("monitoring/prometheus/metrics").text
    assert ':tensorflow:serving:request_count{model_name="toy",status="OK"}' in text
    assert ':tensorflow:cc:saved_model:load_attempt_count{model_path="' in text


def test_it_answers_what_it_was_asked_when_it_is_told_to_end(server):
    """Clients ask all the time: each is answered rightly, or told that nobody is there any more."""
    asked = ask_while(server, lambda asking: end_while(asking, server), clients=8)
    codes = {each.code: str(each) for each in asked.failures}
    assert codes.keys() == {"UNAVAILABLE"}, codes


def end_while(asking, server):
    """Ends the server when every client has been answered, and waits until they have found out."""
    asking.wait_for(6)
    assert server.stop() == 130
    wait_for(lambda: len(asking.failures) >= 8)


def test_it_has_ended(server):
    assert server.process.poll() == 130
    with pytest.raises(requests.ConnectionError):
        server.get("v1/models/small")

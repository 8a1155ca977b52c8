"""What `benchmark --serving` asks of exports, and what it makes of the times."""

import numpy as np
import pytest
from toy import ROWS, toy_servable, write_version

from tfmtl.errors import ExportError
from tfmtl.serving import latency, roads
from tfmtl.serving.latency import ROUNDS, measure

C_RUNTIME = ["c_runtime"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return write_version(toy_servable(), tmp_path_factory.mktemp("toy") / "1", recorded_rows=5)


@pytest.fixture
def plans(monkeypatch):
    """Stands for the C runtime: keeps what it is asked, and answers that time passed."""
    plans = []

    def ask(folder, graph, requests, **settings):
        (request,) = requests
        plans.append((request, settings))
        more = [2.0] * (settings["times"] * settings["clients"])
        answer = {"ms": [90.0 + len(plans), 2.0], "more_ms": [*more[:-1], 7.0], "all_ms": 50.0}
        return {"load_ms": 30.0, "memory_bytes": 1000, "answers": [answer]}

    monkeypatch.setattr(roads, "ask", ask)
    return plans


def test_every_case_takes_its_turn_in_every_round(toy, plans):
    figures = measure([toy], rows=[1, 4], requests=30, clients=[2], roads=C_RUNTIME)
    kinds = [(each["signature"], each["rows"]) for each in figures]
    expected = [(name, rows) for rows in (1, 4) for name in latency.SIGNATURES]
    assert kinds == expected
    assert [request.signature for request, _ in plans] == [name for name, _ in expected] * ROUNDS
    assert all(settings["times"] * settings["clients"] == 10 for _, settings in plans)


def test_figures_are_those_of_all_rounds_together(toy, plans):
    (told,) = measure([toy], ["rank"], rows=[3], requests=6, roads=C_RUNTIME)
    # In each round 2.0 ms and 7.0.
    expected = np.percentile([2.0, 7.0] * ROUNDS, [50, 90, 99])
    np.testing.assert_allclose([told["p50_ms"], told["p90_ms"], told["p99_ms"]], expected)
    assert told["requests"] == 2 * ROUNDS
    assert told["requests_per_second"] == pytest.approx(2 / 0.05)
    assert told["rows_per_second"] == pytest.approx(3 * 2 / 0.05)
    assert (told["cold_ms"], told["load_ms"], told["memory_bytes"]) == (92.0, 30.0, 1000)
    assert told["disk_bytes"] == sum(f.stat().st_size for f in toy.rglob("*") if f.is_file())


def test_a_request_is_one_users_rows_of_the_data_over_and_over(toy, plans):
    measure([toy], ["serving_default", "rank"], rows=[7], requests=1, roads=C_RUNTIME)
    rows, ranked = (request.inputs for request, _ in plans[:2])
    assert rows["user"].tolist() == [b"u1"] * 7
    np.testing.assert_array_equal(rows["price"], np.tile(ROWS["price"], 2)[:7])
    assert ranked["user"].tolist() == [b"u1"]
    np.testing.assert_array_equal(ranked["price"], [rows["price"]])


def test_one_users_columns_are_sent_once_by_rank(toy, plans):
    names = ["serving_default", "rank"]
    full, ranked = measure([toy], names, rows=[100], requests=1, roads=C_RUNTIME)
    # 99 times the text `u1` and its length.
    assert full["request_bytes"] - ranked["request_bytes"] > 99 * 3


def test_an_unknown_signature_is_told(toy):
    with pytest.raises(ExportError) as error:
        measure([toy], ["ranks"], roads=C_RUNTIME)
    assert str(error.value) == (
        "A signature to measure should be one of the export's: `classify`, `examples`, `rank`, "
        "`serving_default`. Received: `ranks`."
    )


@pytest.mark.slow
def test_the_c_runtime_is_asked_by_clients_at_once(toy):
    settings = {"rows": [5], "threads": [1], "clients": [3], "requests": 60}
    (told,) = measure([toy], ["rank"], **settings, roads=C_RUNTIME)
    assert told["requests"] == 3 * 7 * ROUNDS
    assert 0 < told["p50_ms"] <= told["p90_ms"] <= told["p99_ms"]
    assert min(told["cold_ms"], told["load_ms"], told["requests_per_second"]) > 0

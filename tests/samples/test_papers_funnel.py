"""The experiment on funnels: its methods, its measures, and the experiment itself, tiny."""

import dataclasses
import pathlib
import subprocess
import sys

import experiment
import funnel
import funnel_models
import numpy as np
import pandas as pd
import pytest

import tfmtl
from tfmtl import config
from tfmtl.training.build import build_model

PAPERS = pathlib.Path(__file__).parents[2] / "samples" / "papers"
TINY = funnel.SETTINGS["tiny"]
METHODS = {method.name: method for method in [funnel_models.CLICK, *TINY.methods()]}


def make_pipeline(method, folder):
    text = funnel_models.config_text(
        method, TINY.sizes, passes=2, batch_size=16, learning_rate=0.01
    )
    path = folder / "pipeline.config"
    path.write_text(text)
    return tfmtl.load_config(path)


@pytest.mark.parametrize("name", METHODS)
def test_methods_differ_in_towers_and_tables_alone(name, tmp_path):
    """Towers read 9 embeddings of width 3, and have a layer of 5 units."""
    pipeline = make_pipeline(METHODS[name], tmp_path)
    _, model = build_model(pipeline)
    kernels = [tuple(w.shape) for w in model.network.trainable_weights if "kernel" in w.name]
    towers = len(config.towers(pipeline))
    assert sorted(kernels) == sorted([(27, 5), (5, 1)] * towers)
    tables = sum(w.shape[0] for w in model.network.trainable_weights if w.shape[-1] == 3)
    copies = 2 if name in ("division", "ESMM-NS") else 1
    assert tables == copies * sum(funnel_models.BUCKETS.values())


def test_rows_are_sampled_as_the_methods_say():
    sampling = {name: method.sampling for name, method in METHODS.items() if method.sampling}
    assert sampling == {
        "AMAN 50%": 'undersampling { label_name: "click" rate: 0.5 }',
        "oversampling 2": 'oversampling { label_name: "buy" factor: 2 }',
        "unbiased": 'input_fields { input_name: "probs_ctr" input_type: FLOAT } '
        'rejection_sampling { label_name: "click" propensity_name: "probs_ctr" '
        "min_propensity: 0.01 }",
    }
    assert [name for name, method in METHODS.items() if method.of_clicks] == [
        "base",
        "oversampling 2",
        "unbiased",
    ]


def test_the_fewer_unclicked_rows_the_oftener_they_are_read():
    setting = dataclasses.replace(TINY, passes=2, click_passes=6)
    rows = pd.DataFrame({"probs_ctr": [0.005, 0.02, 0.04]})

    def passes(method):
        return funnel.passes_of(method, setting, rows)

    assert passes(funnel_models.BASE) == passes(funnel_models.oversampling(5)) == 6
    assert [passes(funnel_models.aman(rate)) for rate in (0.25, 0.5, 1)] == [5, 4, 2]
    assert [passes(method) for method in funnel_models.JOINT] == [2, 2, 2, 2]
    accepted = (1 + 0.5 + 0.25) / 3
    assert passes(funnel_models.UNBIASED) == round(6 / accepted)


def test_a_conversion_is_answered_or_follows_from_the_steps():
    answers = {
        "probs_cart_rate": np.array([0.25]),
        "probs_buy_of_cart": np.array([0.5]),
        "probs_buy_of_other": np.array([0.1]),
        "probs_ctcvr": np.array([0.3]),
    }
    assert funnel_models.conversion(answers) == pytest.approx([0.25 * 0.5 + 0.75 * 0.1])
    assert funnel_models.product(answers, np.array([0.7])) == [0.3]
    alone = {"probs_cvr": np.array([0.5])}
    assert funnel_models.product(alone, np.array([0.7])) == pytest.approx([0.35])


def test_divergence_is_the_log_loss_beyond_that_of_the_truth():
    truth, predicted = np.array([0.2, 0.7, 0.0]), np.array([0.3, 0.6, 0.1])

    def log_loss(p):
        p = np.clip(p, 1e-12, 1 - 1e-12)
        return -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean()

    expected = log_loss(predicted) - log_loss(truth)
    assert funnel.divergence(truth, predicted) == pytest.approx(expected, abs=1e-5)
    assert funnel.divergence(truth, truth) == 0
    assert np.isfinite(funnel.divergence(truth, np.array([0.0, 1.0, 0.5])))


def test_the_truth_is_measured_as_perfect():
    truth = np.linspace(0.01, 0.9, 40)
    test = pd.DataFrame({"click": np.arange(40) % 2, "true_pcvr": truth, "true_pctcvr": truth / 2})
    table = experiment.Table("method")
    funnel.measure(table, "truth", test, truth, truth / 2)
    funnel.measure(table, "double", test, 2 * truth, truth)
    for column in ("AUC pCVR, clicks", "AUC pCVR, all", "AUC pCTCVR"):
        assert table.mean("truth", column) == table.mean("double", column) > 0.6
    for space in ("clicks", "all"):
        assert table.mean("truth", f"predicted / true, {space}") == 1
        assert table.mean("double", f"predicted / true, {space}") == pytest.approx(2)
    assert table.mean("truth", "error, all") == table.mean("truth", "divergence, all") == 0
    assert table.mean("double", "error, all") == pytest.approx(truth.mean())


def test_reliability_is_told_by_tenths_of_the_rows():
    rng = np.random.default_rng(1)
    truth, predicted = rng.random((2, 200))
    test = pd.DataFrame({"click": np.arange(200) % 2, "true_pcvr": truth})
    table = experiment.Table("method", "space", "tenth")
    funnel.add_reliability(table, "base", test, predicted)
    order = np.argsort(predicted)
    row = ("base", "all rows", "3")
    assert table.mean(row, "predicted") == pytest.approx(predicted[order][40:60].mean())
    assert table.mean(row, "true") == pytest.approx(truth[order][40:60].mean())
    clicked = np.flatnonzero(test["click"])
    lowest = clicked[np.argsort(predicted[clicked])][:10]
    row = ("base", "clicked rows", "1")
    assert table.mean(row, "true") == pytest.approx(truth[lowest].mean())


@pytest.mark.slow
def test_the_experiment_ends_in_tables_and_pictures(tmp_path):
    command = [sys.executable, PAPERS / "funnel.py", "--setting", "tiny", "--output", tmp_path]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("funnel", "funnel_reliability"):
        assert (tmp_path / f"{name}.md").read_text() in done.stdout
        assert np.isfinite(pd.read_csv(tmp_path / f"{name}.csv")["mean"]).all()
    methods = pd.read_csv(tmp_path / "funnel.csv")["method"].drop_duplicates().tolist()
    assert methods == ["truth", *(method.name for method in TINY.methods())]
    for name in ("funnel_auc", "funnel_reliability"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")

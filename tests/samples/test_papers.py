"""The experiments on papers: what they share, their data and models, and they themselves, tiny."""

import argparse
import pathlib
import subprocess
import sys

import correlated_data
import correlated_models
import correlated_tasks
import experiment
import expert_utilisation
import numpy as np
import pandas as pd
import pytest

import tfmtl
from tfmtl.training.build import build_model

PAPERS = pathlib.Path(__file__).parents[2] / "samples" / "papers"

# Tables.


@pytest.fixture
def table():
    """Losses of two architectures: three seeds of one, a seed of the other, and a gap."""
    table = experiment.Table("architecture", digits=2)
    for value in (1.0, 2.0, 4.0):
        table.add("mmoe", "loss", value)
    table.add("ple", "loss", 3.0)
    table.add("ple", "auc", 0.5)
    return table


def test_a_cell_has_the_mean_and_the_deviation_of_its_values(table):
    values = [1.0, 2.0, 4.0]
    assert table.values("mmoe", "loss") == values
    assert table.mean("mmoe", "loss") == pytest.approx(np.mean(values))
    assert table.deviation("mmoe", "loss") == pytest.approx(np.std(values, ddof=1))


def test_a_single_value_has_no_deviation_and_an_empty_cell_no_mean(table):
    assert table.means("loss") == pytest.approx([7 / 3, 3.0])
    assert table.deviations("loss") == pytest.approx([np.sqrt(7 / 3), 0.0])
    assert np.isnan(table.mean("mmoe", "auc"))


def test_a_table_is_shown_in_markdown(table):
    assert table.markdown().splitlines() == [
        "| architecture | loss | auc |",
        "| --- | --: | --: |",
        "| mmoe | 2.33 ± 1.53 | – |",
        "| ple | 3.00 | 0.50 |",
    ]


def test_a_table_is_written_cell_by_cell(table, tmp_path, capsys):
    table.write(tmp_path, "losses")
    assert (tmp_path / "losses.md").read_text() == table.markdown()
    assert table.markdown() in capsys.readouterr().out
    cells = pd.read_csv(tmp_path / "losses.csv")
    assert list(cells.columns) == ["architecture", "column", "mean", "std", "runs"]
    assert cells["runs"].tolist() == [3, 1, 1]
    np.testing.assert_allclose(cells["mean"], [7 / 3, 3.0, 0.5])
    np.testing.assert_allclose(cells["std"], [np.sqrt(7 / 3), np.nan, np.nan])


def test_rows_may_be_called_by_several_keys(tmp_path):
    table = experiment.Table("architecture", "task")
    table.add(("mmoe", "ctr"), "auc", 0.75)
    table.write(tmp_path, "aucs")
    assert "| mmoe | ctr | 0.7500 |" in table.markdown()
    assert pd.read_csv(tmp_path / "aucs.csv")["task"].tolist() == ["ctr"]


@pytest.mark.parametrize("panels", [1, 2])
def test_a_picture_has_its_panels(tmp_path, panels):
    with experiment.picture(tmp_path, "line", panels) as axes:
        for each in [axes] if panels == 1 else axes:
            each.plot([0, 1], [2, 3])
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")


# The command line.

SETTINGS = {"small": argparse.Namespace(seeds=3), "tiny": argparse.Namespace(seeds=1)}


def parse(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["experiment.py", *map(str, arguments)])
    return experiment.parse(experiment.new_parser("Tries something.\n\nMore.", SETTINGS), SETTINGS)


def test_small_is_the_default_with_its_seeds(monkeypatch, tmp_path):
    options = parse(monkeypatch, "--output", tmp_path / "new" / "folder")
    assert options.setting is SETTINGS["small"]
    assert options.seeds == [1, 2, 3]
    assert options.output.is_dir()


def test_setting_and_seeds_can_be_chosen(monkeypatch, tmp_path):
    options = parse(monkeypatch, "--setting", "tiny", "--seeds", 2, "--output", tmp_path)
    assert options.setting is SETTINGS["tiny"]
    assert options.seeds == [1, 2]


def test_no_seed_is_too_few(monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(monkeypatch, "--seeds", 0, "--output", tmp_path)
    assert "--seeds should be at least 1. Received: 0." in capsys.readouterr().err


# Correlated tasks: the data.

COSINES = [0.0, 0.25, 0.9, 1.0]


def draw(cosine, dimensions=7, rows=5000):
    """A frame of correlated tasks, and its weights."""
    random = np.random.default_rng(1)
    units = correlated_data.orthogonal_units(random, dimensions)
    weights = correlated_data.task_weights(units, cosine)
    return correlated_data.make_frame(random, weights, rows), weights


def f(z):
    """The labels without noise, written out."""
    (a_1, a_2, a_3), (b_1, b_2, b_3) = correlated_data.ALPHAS, correlated_data.BETAS
    return z + np.sin(a_1 * z + b_1) + np.sin(a_2 * z + b_2) + np.sin(a_3 * z + b_3)


def test_units_are_orthogonal_and_of_length_one():
    units = correlated_data.orthogonal_units(np.random.default_rng(1), 7)
    np.testing.assert_allclose(units @ units.T, np.eye(2), atol=1e-12)


@pytest.mark.parametrize("cosine", COSINES)
def test_weights_have_the_cosine(cosine):
    _, (w_1, w_2) = draw(cosine)
    lengths = np.linalg.norm(w_1), np.linalg.norm(w_2)
    np.testing.assert_allclose(lengths, correlated_data.SCALE)
    assert w_1 @ w_2 / np.prod(lengths) == pytest.approx(cosine)


def test_x_is_standard_normal():
    frame, _ = draw(0.5)
    x = frame[correlated_data.feature_names(7)].to_numpy()
    np.testing.assert_allclose(np.cov(x.T), np.eye(7), atol=0.1)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=0.05)


def test_labels_are_a_line_with_waves_and_a_little_noise():
    frame, weights = draw(0.5)
    x = frame[correlated_data.feature_names(7)].to_numpy(np.float64)
    noise = frame[["y1", "y2"]] - f(x @ weights.T)
    np.testing.assert_allclose(noise.var(), correlated_data.NOISE_VARIANCE, rtol=0.1)
    assert noise["y1"].corr(noise["y2"]) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("cosine", COSINES)
def test_labels_are_correlated_as_the_integral_says(cosine):
    frame, _ = draw(cosine, rows=40_000)
    z, density = np.polynomial.hermite_e.hermegauss(60)
    density /= density.sum()
    # Of z_1 and z_2 = p·z_1 + √(1 − p²)·z', which are the projections of x on w_1 and w_2.
    both = f(z)[:, None] * f(cosine * z[:, None] + np.sqrt(1 - cosine**2) * z[None, :])
    mean, square = density @ f(z), density @ f(z) ** 2
    covariance = density @ both @ density - mean**2
    expected = covariance / (square - mean**2 + correlated_data.NOISE_VARIANCE)
    assert correlated_data.label_correlation(frame) == pytest.approx(expected, abs=0.02)


# Correlated tasks: the models.


@pytest.mark.parametrize("architecture", correlated_models.ARCHITECTURES)
def test_networks_have_as_many_parameters_as_the_formula_says(architecture, tmp_path):
    sizes = correlated_models.Sizes(dimensions=9, expert_units=5, tower_units=3)
    text = correlated_models.config_text(
        architecture, sizes, steps=2, batch_size=4, learning_rate=0.01
    )
    path = tmp_path / "pipeline.config"
    path.write_text(text)
    _, model = build_model(tfmtl.load_config(path))
    width = correlated_models.equal_width(architecture, sizes)
    size = sum(int(np.prod(weight.shape)) for weight in model.network.trainable_weights)
    assert size == correlated_models.num_parameters(architecture, sizes, width)


@pytest.mark.parametrize("setting", correlated_tasks.SETTINGS.values())
@pytest.mark.parametrize("architecture", correlated_models.ARCHITECTURES)
def test_architectures_of_all_settings_are_as_large_as_mmoe(architecture, setting):
    sizes = setting.sizes
    width = correlated_models.equal_width(architecture, sizes)
    size = correlated_models.num_parameters(architecture, sizes, width)
    mmoe = correlated_models.num_parameters("mmoe", sizes, sizes.expert_units)
    assert size == pytest.approx(mmoe, rel=correlated_models.TOLERANCE)


def test_sizes_that_cannot_be_equal_are_told():
    sizes = correlated_models.Sizes(dimensions=6, expert_units=5, tower_units=3)
    sentence = r"`ple` should have about 436 parameters. Received: 484 at its best width, 3."
    with pytest.raises(ValueError, match=sentence):
        correlated_models.equal_width("ple", sizes)


def test_a_smoothed_curve_has_means_of_several_points():
    curve = [(step, float(step**2)) for step in range(1, 8)]
    assert correlated_tasks.smooth(curve) == [
        (5, np.mean([1, 4, 9, 16, 25])),
        (7, np.mean([36, 49])),
    ]


# Expert utilisation.


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"1": 0.25, "2": 0.75}, {"1": 0.25, "2": 0.75}, 0),
        ({"1": 0.25, "2": 0.75}, {"1": 0.5, "2": 0.5}, 0.25),
        ({"ctr 1": 1.0}, {"cvr 1": 1.0}, 1),
        ({"ctr 1": 0.5, "shared 1": 0.5}, {"cvr 1": 0.25, "shared 1": 0.75}, 0.5),
    ],
)
def test_distance_is_half_of_the_differences(first, second, expected):
    assert expert_utilisation.distance(first, second) == pytest.approx(expected)


# The experiments themselves.

OUTPUTS = {
    "correlated_tasks": {
        "tables": ["label_correlation", "loss_by_cosine", "loss_curves", "parameters"],
        "pictures": ["label_correlation", "loss_by_cosine", "loss_curves"],
    },
    "expert_utilisation": {
        "tables": ["expert_utilisation", "expert_weights"],
        "pictures": ["expert_weights"],
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS)
def test_an_experiment_ends_in_tables_and_pictures(name, tmp_path):
    command = [sys.executable, PAPERS / f"{name}.py", "--setting", "tiny", "--output", tmp_path]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for table in OUTPUTS[name]["tables"]:
        assert (tmp_path / f"{table}.md").read_text() in done.stdout
        assert np.isfinite(pd.read_csv(tmp_path / f"{table}.csv")["mean"]).all()
    for picture in OUTPUTS[name]["pictures"]:
        assert (tmp_path / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_run_can_be_measured_while_it_lasts():
    frame, _ = draw(0.5, dimensions=9, rows=64)
    sizes = correlated_models.Sizes(dimensions=9, expert_units=5, tower_units=3)
    text = correlated_models.config_text("mmoe", sizes, steps=4, batch_size=16, learning_rate=0.01)
    changes = {"train_config.save_checkpoints_steps": 2}
    with experiment.train("mmoe", text, frame, frame, seed=1, overrides=changes) as run:
        curve = run.curve("loss")
        assert [step for step, _ in curve] == [2, 4]
        assert curve[-1][1] == pytest.approx(run.metrics["loss"])
        assert [step for step, _ in run.curve("loss_y1", "train")] == [1, 2, 3, 4]
        measured = tfmtl.evaluate(run.pipeline, frame)
        assert measured == {"global_step": 4, **run.metrics}
        assert run.num_parameters == 604
    assert not pathlib.Path(run.pipeline.model_dir).exists()

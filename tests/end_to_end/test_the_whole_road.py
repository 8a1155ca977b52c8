"""From a config to a served model, by the commands as a user types them."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow

ONLY_TENSORFLOW = """
import json, sys
sys.modules.update(dict.fromkeys(["tfmtl", "keras", "tf_keras", "tensorflow_recommenders"]))
import tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
columns = json.loads(sys.argv[2])
dtypes = {"hour": tf.int32, "price": tf.float32}
inputs = {n: tf.constant(values, dtypes.get(n, tf.string)) for n, values in columns.items()}
answer = signature(**inputs)
print(json.dumps({name: value.numpy().tolist() for name, value in answer.items()}))
"""


def results(folder):
    return json.loads((folder / "eval_result.json").read_text())


def only_version(base):
    (version,) = (path for path in base.iterdir() if path.is_dir())
    return version


def assert_learned(metrics):
    assert metrics["auc_ctr"] > 0.75
    assert metrics["auc_cvr"] > 0.65


def test_training_leaves_a_complete_model_dir(trained):
    model = trained.config.parent / "model"
    assert trained.done.stdout == ""
    lines = trained.done.stderr.splitlines()
    assert lines[0].startswith("step 20/60 · ")
    assert lines[-1].startswith("Exported `")
    assert {path.name for path in model.iterdir()} >= {
        "pipeline.config",
        "checkpoint",
        "model.ckpt-30.index",
        "model.ckpt-60.index",
        "eval_result.json",
        "eval_val",
        "export",
    }
    metrics = results(model)
    assert metrics["global_step"] == 60
    assert_learned(metrics)
    version = only_version(model / "export" / "final")
    assert int(version.name) > 1_700_000_000
    assert (version / "saved_model.pb").is_file()


def test_the_resolved_config_trains_to_the_same(trained, tfmtl, tmp_path):
    model = trained.config.parent / "model"
    tfmtl("train", "--pipeline_config_path", model / "pipeline.config", "--model_dir", tmp_path)
    assert results(tmp_path) == results(model)


def test_a_model_dir_is_not_trained_over_but_gone_on_with(trained, tfmtl, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(trained.config.parent / "model", model)
    arguments = ["--pipeline_config_path", trained.config, "--model_dir", model]
    done = tfmtl("train", *arguments, check=2)
    assert done.stderr.startswith("`model_dir` should be without checkpoints")
    assert len(done.stderr.splitlines()) == 1
    tfmtl("train", *arguments, "--continue_train", "--train_config.num_steps=75", module=False)
    assert results(model)["global_step"] == 75


def test_evaluate_measures_any_checkpoint_on_any_data(trained, tfmtl, data, tmp_path):
    model = trained.config.parent / "model"
    done = tfmtl("evaluate", "--pipeline_config_path", trained.config)
    assert json.loads(done.stdout) == results(model)
    assert_learned(json.loads(done.stdout))
    done = tfmtl(
        "evaluate",
        "--model_dir",
        model,
        "--checkpoint",
        model / "model.ckpt-30",
        "--eval_input_path",
        data / "train-1.csv",
        "--eval_result_path",
        tmp_path / "other.json",
    )
    other = json.loads((tmp_path / "other.json").read_text())
    assert json.loads(done.stdout) == other
    assert other["global_step"] == 30
    assert other["loss"] != results(model)["loss"]


def test_export_answers_moved_and_read_only_where_there_is_only_tensorflow(
    trained, tfmtl, data, tmp_path
):
    model = trained.config.parent / "model"
    done = tfmtl("export", "--model_dir", model, "--export_dir", tmp_path / "out")
    version = only_version(tmp_path / "out")
    assert done.stdout == f"{version}\n"
    moved = tmp_path / "elsewhere"
    shutil.move(version, moved)
    for path in [*moved.rglob("*"), moved]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    rows = pd.read_csv(data / "eval.csv", keep_default_na=False, nrows=20)
    rows["price"] = rows["price"].replace("", "10").astype(float)
    inputs = rows[["user", "item", "hour", "tags", "price"]].to_dict("list")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ONLY_TENSORFLOW, moved, json.dumps(inputs)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    tfmtl(
        "predict",
        "--saved_model_dir",
        model / "export" / "final",
        "--input_path",
        data / "eval.csv",
        "--output_path",
        tmp_path / "scores.parquet",
    )
    scores = pd.read_parquet(tmp_path / "scores.parquet").head(20)
    assert sorted(answer) == ["logits_ctr", "logits_cvr", "probs_ctr", "probs_cvr"]
    for name, values in answer.items():
        np.testing.assert_allclose(values, scores[name], rtol=1e-5)


def test_any_export_can_be_held_to_the_gate_again_and_what_breaks_it_is_told(
    trained, tfmtl, tmp_path
):
    base = trained.config.parent / "model" / "export" / "final"
    lines = tfmtl("export", "--check", base).stdout.splitlines()
    assert lines[0] == f"Checked `{only_version(base)}`:"
    assert any(line.startswith("In TensorFlow's C library it loads in ") for line in lines)
    manifest = only_version(base) / "assets.extra" / "tfmtl_export.json"
    assert json.loads(manifest.read_text())["metrics"] == results(trained.config.parent / "model")
    broken = tmp_path / "7"
    shutil.copytree(only_version(base), broken)
    (broken / "assets" / "items.txt").unlink()
    (broken / "fingerprint.pb").unlink()
    done = tfmtl("export", "--check", tmp_path, check=2)
    assert done.stderr.splitlines() == [
        "A version should have the file `fingerprint.pb`. Received: no such file.",
        "`assets/items.txt`, which the graph reads, should be there. Received: no such file.",
    ]


def test_predict_scores_files_with_the_newest_export_of_a_config(trained, tfmtl, data, tmp_path):
    done = tfmtl(
        "predict",
        "--pipeline_config_path",
        trained.config,
        "--input_path",
        data / "eval.csv",
        data / "train-0.csv",
        "--output_path",
        tmp_path / "scores.csv",
        "--reserved_cols",
        "user,item",
        "--output_cols",
        "probs_ctr float,probs_cvr float",
    )
    assert done.stdout.startswith("2,200 rows scored in ")
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert list(scores.columns) == ["user", "item", "probs_ctr", "probs_cvr"]
    expected = pd.concat(pd.read_csv(data / name) for name in ("eval.csv", "train-0.csv"))
    assert scores["user"].tolist() == expected["user"].tolist()
    clicked = expected["click"].to_numpy() == 1
    assert scores["probs_ctr"][clicked].mean() > scores["probs_ctr"][~clicked].mean() + 0.1


def start(path, *arguments):
    command = [sys.executable, "-m", "tfmtl.train", "--pipeline_config_path", path, *arguments]
    return subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)


def wait_for(process, words):
    """Reads what a process says up to a line with some words in it."""
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"The process ended without saying {words!r}.")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_an_interrupt_saves_and_ends_with_130(make_config, number):
    path = make_config()
    process = start(path, "--train_config.num_steps=100000")
    wait_for(process, "step 20/")
    process.send_signal(number)
    said = process.stderr.read()
    assert process.wait() == 130
    assert "Saved `" in said
    assert "Traceback" not in said
    model = path.parent / "model"
    assert list(model.glob("model.ckpt-*.index"))
    assert not (model / "export").exists()


def test_a_killed_training_that_goes_on_ends_as_an_undisturbed_one(trained, make_config, tfmtl):
    path = make_config()
    process = start(path)
    wait_for(process, "Saved `")
    time.sleep(0.05)  # Somewhere in the evaluation, or in a later step.
    process.kill()
    process.wait()
    tfmtl("train", "--pipeline_config_path", path, "--continue_train")
    assert results(path.parent / "model") == results(trained.config.parent / "model")

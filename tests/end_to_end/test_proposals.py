"""What is proposed of a log trains as it is, is evaluated, exported and served."""

import numpy as np
import pandas as pd
import pytest

import tfmtl as library
from tfmtl import config

pytestmark = pytest.mark.slow


def as_parquet(data, folder):
    for name in ("train-0", "eval"):
        pd.read_csv(data / f"{name}.csv").to_parquet(folder / f"{name}.parquet")
    return folder / "train-0.parquet", folder / "eval.parquet"


def as_csv(data, folder):
    return f"{data}/train-*.csv", data / "eval.csv"


@pytest.mark.parametrize(("model", "write"), [("mmoe", as_csv), ("esmm", as_parquet)])
def test_a_proposal_goes_the_whole_road(model, write, data, tfmtl, tmp_path):
    train, evaluation = write(data, tmp_path)
    options = ["--data", train, "--eval_data", evaluation, "--labels", "click,buy"]
    path = tmp_path / "my.config"
    path.write_text(tfmtl("init", *options, "--model", model).stdout)
    pipeline = library.load_config(path, {"model_dir": str(tmp_path / "model")})
    result = library.train(pipeline)
    assert result.metrics["auc_click"] > 0.6
    names = [config.feature_name(each) for each in config.features(pipeline)]
    rows = pd.DataFrame({name: ["1", "2"] for name in names})
    scores = library.Predictor(tmp_path / "model" / "export" / "final").predict(rows)
    assert np.isfinite(scores["probs_click"]).all()

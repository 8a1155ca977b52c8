"""The experiment on balancing: its configs, and the experiment itself, tiny."""

import gzip
import pathlib
import subprocess
import sys

import balancing
import balancing_models as models
import pandas as pd
import pytest
from google.protobuf import text_format
from test_papers_census import census_rows

import tfmtl
from tests.helpers_balancing import STRATEGIES
from tfmtl.protos import balancing_pb2

PAPERS = pathlib.Path(__file__).resolve().parents[2] / "samples" / "papers"
TINY = balancing.SETTINGS["tiny"]
KNOWN = models.balancings(list(models.FUNNEL_TASKS), 2_000)


def test_every_strategy_is_compared():
    assert {each.strategy for each in KNOWN} == set(STRATEGIES)
    for each in KNOWN:
        kind = balancing_pb2.Balancing.DESCRIPTOR.fields_by_name[each.strategy].message_type
        assert each.compares == ("level" in kind.fields_by_name) or each.strategy == "db_mtl"


@pytest.mark.parametrize("each", KNOWN, ids=[each.name for each in KNOWN])
def test_configs_are_sound(each, tmp_path):
    path = tmp_path / "pipeline.config"
    path.write_text(balancing.funnel_text(TINY))
    overrides = {
        **models.funnel_overrides(TINY.sizes),
        "model_dir": str(tmp_path),
        "model_config.balancing": each.message(at_parameters=each.compares),
    }
    pipeline = tfmtl.load_config(path, overrides)
    assert pipeline.model_config.balancing.WhichOneof("strategy") == each.strategy
    towers = pipeline.model_config.shared_bottom.task_towers
    assert [tower.task_space_indicator_label for tower in towers] == ["", "click", "click"]
    text_format.Parse(each.message()[1:-1], balancing_pb2.Balancing())


@pytest.mark.slow
def test_the_experiment_ends_in_tables_and_a_picture(tmp_path):
    source = tmp_path / "census.gz"
    source.write_bytes(gzip.compress("\n".join(census_rows(200)).encode()))
    names = ["uncertainty", "mgda"]
    options = ["--setting", "tiny", "--input", source, "--output", tmp_path, "--balancings", *names]
    command = [sys.executable, PAPERS / "balancing.py", *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "balancing.csv")
    assert set(table["balancing"]) == {"fixed", *names}
    assert list(table["column"].drop_duplicates()) == [
        "funnel: ctr", "funnel: cart_rate", "funnel: cvr", "funnel: mean",
        "census: income", "census: marital", "census: mean",
    ]  # fmt: skip
    assert table["mean"].between(0, 1).all()
    costs = pd.read_csv(tmp_path / "balancing_cost.csv", index_col=[0, 1])["mean"]
    assert costs["fixed", "losses alone"] == 1 and (costs > 0).all()
    assert ("mgda", "parameters") in costs.index and ("uncertainty", "losses alone") in costs.index
    assert (tmp_path / "balancing.png").read_bytes().startswith(b"\x89PNG")

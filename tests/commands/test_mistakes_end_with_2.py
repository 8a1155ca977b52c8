"""Whatever is broken, a command ends with 2 and says what is to be said, and no more."""

import gzip

import pytest

from tests.config.test_broken_configs import CASES as BROKEN_CONFIGS
from tests.config.test_broken_configs import changed
from tests.data.test_broken_files import BROKEN as BROKEN_DATA
from tests.data.test_broken_files import COLUMNS
from tests.helpers import GOOD_CONFIG
from tfmtl import __main__

CONFIG_ON_BROKEN_DATA = """
train_input_path: "{path}"
model_dir: "{model_dir}"
train_config {{
  optimizer_config {{
    adam_optimizer {{ learning_rate {{ constant_learning_rate {{ learning_rate: 0.1 }} }} }}
  }}
  num_steps: 100
}}
data_config {{ {fields} label_fields: "click" batch_size: 4 num_epochs: 1 {options} }}
feature_configs {{ input_names: "age" num_buckets: 9 embedding_dim: 2 }}
feature_configs {{ input_names: "price" feature_type: RawFeature }}
feature_configs {{ input_names: "member" hash_bucket_size: 3 embedding_dim: 2 }}
feature_configs {{ input_names: "city" hash_bucket_size: 5 embedding_dim: 2 }}
model_config {{
  feature_groups {{ group_name: "all" feature_names: ["age", "price", "member", "city"] }}
  simple_multi_task {{ task_towers {{ tower_name: "ctr" }} }}
}}
"""


@pytest.mark.parametrize("name", BROKEN_CONFIGS)
def test_a_broken_config_ends_with_2_and_its_problems(name, tmp_path, monkeypatch, capsys):
    changes, problems = BROKEN_CONFIGS[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.config").write_text(changed(GOOD_CONFIG, changes), encoding="utf-8")
    assert __main__.main(["validate", "c.config"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "".join(f"{problem}\n" for problem in problems)


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN_DATA)
def test_broken_data_ends_with_2_and_its_sentence(name, tmp_path, capsys):
    contents, path, options, sentence = BROKEN_DATA[name]
    folder = tmp_path / "data"
    folder.mkdir()
    for file, content in contents.items():
        write(folder / file, content)
    fields = [
        f'input_fields {{ input_name: "{column}" input_type: {kind} }}'
        for column, kind in COLUMNS.items()
    ]
    config = CONFIG_ON_BROKEN_DATA.format(
        path=path.replace("DIR", str(folder)),
        model_dir=tmp_path / "model",
        fields=" ".join(fields),
        options=options,
    )
    (tmp_path / "c.config").write_text(config)
    assert __main__.main(["train", "--pipeline_config_path", str(tmp_path / "c.config")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].replace(str(folder), "DIR") == sentence


def write(path, content):
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)

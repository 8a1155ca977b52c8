"""`python -m tfmtl.validate`: what a config describes, and the whole of it in one file."""

from tests.helpers import GOOD_CONFIG
from tfmtl import config, validate

FEATURE = 'features { input_names: "price" feature_type: RawFeature min_val: 0 max_val: 9 }'


def split(folder):
    """The good config in two files."""
    (folder / "price.features").write_text(FEATURE)
    path = folder / "c.config"
    path.write_text(GOOD_CONFIG.replace(FEATURE, "") + 'import { path: "price.features" }')
    return path


def test_a_config_is_told_in_short(tmp_path, capsys):
    assert validate.main([str(split(tmp_path))]) == 0
    assert capsys.readouterr().out == (
        "OK: mmoe\ntasks (and labels): ctr (click), cvr (buy)\n"
        "features: 6 (user_id, item_id, city, tags, age, price)\n"
    )


def test_a_flat_config_is_the_same_in_one_file_with_all_changes(tmp_path, capsys, monkeypatch):
    path = split(tmp_path)
    change = ["--set", "feature_config.features[input_names[0]=price].max_val=7"]
    assert validate.main(["--flatten", str(path), *change]) == 0
    text = capsys.readouterr().out
    expected = config.load(path, overrides={"feature_config.features[-1].max_val": 7})
    assert config.load_text(text, source="elsewhere/flat.config") == expected
    assert "import" not in text


def test_vectors_to_serve_are_looked_for_in_the_network(tmp_path, capsys):
    path = split(tmp_path)
    names = ["--set", 'export_config.embedding_outputs=["all", "ctr_tower"]']
    assert validate.main([str(path), *names]) == 0
    names[1] = names[1].replace("ctr_tower", "ctr_towers")
    assert validate.main([str(path), *names]) == 2
    assert capsys.readouterr().err.startswith(
        "`export_config.embedding_outputs` should name feature groups, or layers of the network "
        'that return one vector a row. Received: "ctr_towers". Did you mean `ctr_tower`? Known: '
    )


def test_a_config_with_problems_is_not_printed(tmp_path, capsys):
    path = split(tmp_path)
    (tmp_path / "price.features").write_text(FEATURE.replace("max_val: 9", "max_val: -9"))
    assert validate.main(["--flatten", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith(
        "/price.features:1:69: `features[0].max_val` (feature `price`) should be above `min_val`, "
        "0. Received: -9.\n"
    )

"""A config that imports features, and the same in one file, train to the same numbers."""

import pytest

import tfmtl as library

pytestmark = pytest.mark.slow

STEPS = {"train_config.num_steps": 8, "train_config.save_checkpoints_steps": 8}
HOUR = '  features { input_names: "hour" num_buckets: 24 embedding_dim: 2 }\n'
COLUMN = '  input_fields { input_name: "hour" input_type: INT32 }\n'


@pytest.fixture
def importing(make_config):
    """A config whose feature of the hour, in a file of its own, is 3 wide there."""
    path = make_config()
    shared = (COLUMN + HOUR).replace("embedding_dim: 2", "embedding_dim: 3")
    (path.parent / "shared.features").write_text(shared)
    text = path.read_text().replace(HOUR, "").replace(COLUMN, "")
    change = 'override { feature_name: "hour" embedding_dim: 2 }'
    path.write_text(f'{text}import {{ path: "shared.features" {change} }}')
    return path


def test_the_flat_config_trains_to_the_same_numbers(importing, tfmtl, tmp_path):
    flat, alone = tmp_path / "flat.config", tmp_path / "alone"
    flat.write_text(tfmtl("validate", "--flatten", importing).stdout)
    (importing.parent / "shared.features").rename(tmp_path / "shared.features")
    first = library.train(library.load_config(flat, {**STEPS, "model_dir": str(alone)}))
    (tmp_path / "shared.features").rename(importing.parent / "shared.features")
    second = library.train(library.load_config(importing, STEPS))
    assert first.metrics == second.metrics
    # Nor does what training saves need the shared file.
    (importing.parent / "shared.features").unlink()
    saved = importing.parent / "model" / "pipeline.config"
    assert library.evaluate(library.load_config(saved))["auc_ctr"] == first.metrics["auc_ctr"]

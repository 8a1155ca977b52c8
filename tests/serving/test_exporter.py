import pytest
from small_model import changed

from tfmtl.errors import ExportError
from tfmtl.serving import Exporter, exporter


@pytest.fixture
def exported(monkeypatch):
    """What was exported to where, in order; nothing is written."""
    calls = []

    def export(network, columns, tasks, pipeline, directory, rows, metrics):
        calls.append((str(directory), network, rows))
        version = directory / str(len(calls))
        version.mkdir(parents=True)
        return version

    monkeypatch.setattr(exporter, "export", export)
    monkeypatch.setattr(exporter, "sample_rows", lambda pipeline, columns, data: data)
    return calls


@pytest.fixture
def train(pipeline, model, tmp_path):
    """Goes through a training whose evaluations are the best so far, or are not."""

    def train(kind, bests, evaluated=True):
        text = f'model_dir: "{tmp_path}" export_config {{ exporter_type: "{kind}" }}'
        exports = Exporter(changed(pipeline, text), data="rows")
        for number, is_best in enumerate(bests):
            exports.after_evaluation(number, model.columns, model.tasks, is_best=is_best)
        exports.after_training("end", model.columns, model.tasks, evaluated=evaluated)

    return train


@pytest.mark.parametrize(
    ("kind", "models"),
    [("final", ["end"]), ("latest", [0, 1, 2]), ("best", [0, 2]), ("none", [])],
)
def test_a_kind_says_when_to_export(train, exported, tmp_path, kind, models):
    train(kind, [True, False, True])
    assert exported == [(f"{tmp_path}/export/{kind}", model, "rows") for model in models]


@pytest.mark.parametrize(("kind", "models"), [("latest", ["end"]), ("best", ["end"])])
def test_without_an_evaluation_the_end_is_exported(train, exported, kind, models):
    train(kind, [], evaluated=False)
    assert [model for _, model, _ in exported] == models


def test_of_latest_and_best_some_are_kept(train, exported, tmp_path):
    train("latest", [False] * 3)
    assert [path.name for path in (tmp_path / "export" / "latest").iterdir()] == ["3"]


@pytest.mark.parametrize("kind", ["final", "latest", "best"])
def test_a_vector_that_the_network_has_not_is_told_before_training(pipeline, model, kind):
    text = f'exporter_type: "{kind}" embedding_outputs: ["all", "ctr_towers"]'
    exports = Exporter(changed(pipeline, f"export_config {{ {text} }}"))
    with pytest.raises(ExportError, match='Received: "ctr_towers". Did you mean `ctr_tower`?'):
        exports.before_training(model.network)


def test_what_is_not_exported_needs_no_vectors(pipeline, model):
    text = 'export_config { exporter_type: "none" embedding_outputs: "ctr_towers" }'
    Exporter(changed(pipeline, text)).before_training(model.network)


def test_what_could_not_be_exported_is_told_at_the_start(pipeline):
    with pytest.raises(ExportError, match="Received: `no`"):
        Exporter(changed(pipeline, 'export_config { asset_files: "no" }'))
    text = 'export_config { asset_files: "no" exporter_type: "none" }'
    Exporter(changed(pipeline, text))


def test_a_column_that_no_server_could_take_is_told_at_the_start(pipeline):
    bad = changed(pipeline, "")
    bad.feature_configs[0].input_names[:] = ["user id"]
    bad.feature_configs[0].feature_name = "user"
    with pytest.raises(ExportError, match="Received: 'user id'"):
        Exporter(bad)


def test_tasks_are_calibrated_for_exports_alone(pipeline, model, tmp_path, monkeypatch):
    """At each export anew, because the model is another one; and not after other evaluations."""
    calibrated, exported = [], []

    def calibrate(network, columns, tasks):
        calibrated.append(network)
        return [f"calibrated for {network}"]

    def export(network, columns, tasks, *others):
        exported.extend(tasks)
        (tmp_path / "export" / "best" / str(len(exported))).mkdir(parents=True)

    monkeypatch.setattr(exporter, "export", export)
    monkeypatch.setattr(exporter, "sample_rows", lambda pipeline, columns, data: data)
    text = f'model_dir: "{tmp_path}" export_config {{ exporter_type: "best" }}'
    exports = Exporter(changed(pipeline, text), "rows", calibrate)
    for network, is_best in [("first", True), ("second", False), ("third", True)]:
        exports.after_evaluation(network, model.columns, model.tasks, is_best=is_best)
    exports.after_training("third", model.columns, model.tasks, evaluated=True)
    assert calibrated == ["first", "third"]
    assert exported == ["calibrated for first", "calibrated for third"]

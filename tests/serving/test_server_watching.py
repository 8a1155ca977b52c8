"""What the server does between requests: it reads its file of models again, looks for versions."""

import pytest
import tensorflow as tf
from fake_model import FakeModel, config_text, spec

from tfmtl.serving.server import served_model
from tfmtl.serving.server import server as room


@pytest.fixture
def folders(tmp_path):
    """A version of `m`, one of `n`, and a file that names the first."""
    for name in ("m", "n"):
        (tmp_path / name / "1").mkdir(parents=True)
    return tmp_path


def write(folders, *names, more=""):
    text = " ".join(
        config_text(folders / name, more=more).replace('name: "m"', f'name: "{name}"')
        for name in names
    )
    (folders / "models.config").write_text(f"model_config_list {{ {text} }}")


def watched(folders, monkeypatch, steps):
    """Runs a server whose clocks always strike, doing something before each; gives its models."""
    write(folders, "m")
    monkeypatch.setattr(room, "LoadedModel", lambda *how: FakeModel())
    monkeypatch.setattr(room._Every, "is_due", lambda self: True)
    todo = iter(steps)

    def sleep(seconds):
        step = next(todo, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(room.time, "sleep", sleep)
    config = str(folders / "models.config")
    server = room.Server(room.Options(model_config_file=config, port=0, rest_api_port=0))
    server.start()
    with pytest.raises(KeyboardInterrupt):
        server.watch()
    return server._models


def answers(models, name, **which):
    with models.use(spec(name, **which)) as (_, answered):
        return answered.version.value


def test_models_that_the_file_names_anew_are_served(folders, monkeypatch):
    models = watched(folders, monkeypatch, [lambda: write(folders, "n")])
    assert answers(models, "n") == 1
    with pytest.raises(tf.errors.NotFoundError):
        answers(models, "m")


def test_a_file_that_is_wrong_is_told_and_changes_nothing(folders, monkeypatch, caplog):
    path = folders / "models.config"
    models = watched(folders, monkeypatch, [lambda: path.write_text("nonsense"), path.unlink])
    assert answers(models, "m") == 1
    assert f"`{path}` should be text of ModelServerConfig" in caplog.text


def test_a_label_waits_for_its_version(folders, monkeypatch, caplog):
    label = 'version_labels { key: "next" value: 2 }'
    steps = [lambda: write(folders, "m", more=label), (folders / "m" / "2").mkdir]
    models = watched(folders, monkeypatch, steps)
    assert "Request to assign label to version 2 of model m" in caplog.text
    assert answers(models, "m", label="next") == 2


def test_what_fails_while_it_looks_does_not_end_it(folders, monkeypatch, caplog):
    def broken(base):
        raise PermissionError(13, "Permission denied")

    steps = [lambda: monkeypatch.setattr(served_model, "versions", broken)]
    models = watched(folders, monkeypatch, steps)
    assert answers(models, "m") == 1
    assert "Permission denied" in caplog.text


def test_a_clock_strikes_every_so_often(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: now[0])
    clock, never = room._Every(2), room._Every(0)
    struck = []
    for now[0] in (0.5, 1.9, 2.0, 3.0, 4.1):
        struck.append(clock.is_due())
        assert not never.is_due()
    assert struck == [False, False, True, False, True]

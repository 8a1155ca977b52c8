"""Versions come and go, and there is always one that answers."""

import logging
import threading

import pytest
import tensorflow as tf
from fake_model import (
    PATIENCE,
    FakeModel,
    config_text,
    model_config,
    served,
    spec,
    wait_for,
)
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfmtl.serving.server.models import Models
from tfmtl.serving.server.served_model import ServedModel
from tfmtl.serving.server.version import Version

AVAILABLE, END = ModelVersionStatus.AVAILABLE, ModelVersionStatus.END
LOADING, UNLOADING = ModelVersionStatus.LOADING, ModelVersionStatus.UNLOADING


class Loads:
    """Loads fakes, remembers them, and fails where there is a file `broken`."""

    def __init__(self):
        self.models = {}
        self.tries = []

    def __call__(self, folder):
        self.tries.append(folder.name)
        if (folder / "broken").exists():
            raise tf.errors.NotFoundError(None, None, "no graph")
        return self.models.setdefault(folder.name, FakeModel())


@pytest.fixture
def loads():
    return Loads()


@pytest.fixture
def base(tmp_path):
    publish(tmp_path, 1)
    return tmp_path


def publish(base, *numbers, broken=False):
    for number in numbers:
        (base / str(number)).mkdir()
        if broken:
            (base / str(number) / "broken").touch()


def states(models):
    return {each.version: each.state for each in models.statuses(spec())}


def used(models, **which):
    with models.use(spec(**which)) as (_, answered):
        return answered.version.value


def test_the_newest_is_served_and_the_one_before_goes(base, loads):
    models = served(base, loads)
    assert used(models) == 1
    publish(base, 10, 9)
    models.refresh()
    assert used(models) == 10
    wait_for(lambda: states(models) == {1: END, 10: AVAILABLE})
    assert loads.tries == ["1", "10"]
    assert loads.models["1"].closed


def test_a_version_goes_only_when_it_has_answered(base, loads):
    models = served(base, loads)
    with models.use(spec()) as (model, _):
        publish(base, 2)
        models.refresh()
        assert states(models) == {1: UNLOADING, 2: AVAILABLE}
        assert not model.closed
        with pytest.raises(tf.errors.NotFoundError, match=r"Specific\(m, 1\)"):
            used(models, version=1)
    wait_for(lambda: model.closed)


def test_a_broken_version_is_tried_again_and_takes_none_down(base, loads, caplog):
    models = served(base, loads, count=2)
    publish(base, 2, broken=True)
    for _ in range(2):
        models.refresh()
        assert states(models) == {1: AVAILABLE, 2: LOADING}
    with caplog.at_level(logging.ERROR, "tfmtl"):
        models.refresh()
        models.refresh()
    assert loads.tries == ["1", "2", "2", "2"]
    assert states(models) == {1: AVAILABLE, 2: END}
    assert used(models) == 1
    failed = models.statuses(spec(version=2))[0].status
    assert (failed.error_code, failed.error_message) == (tf.errors.NOT_FOUND, "no graph")
    assert [record.getMessage() for record in caplog.records[-2:]] == [
        "Loading version 2 of model m failed: NOT_FOUND: no graph",
        "Gave up version 2 of model m after 3 tries.",
    ]


def test_it_waits_before_it_tries_again(base, loads):
    publish(base, 2, broken=True)
    models = served(base, loads, wait=3600)
    models.refresh()
    assert loads.tries == ["2"]


def test_a_version_that_is_whole_the_second_time_is_served(base, loads):
    models = served(base, loads)
    publish(base, 2, broken=True)
    models.refresh()
    (base / "2" / "broken").unlink()
    models.refresh()
    assert used(models) == 2
    assert models.statuses(spec(version=2))[0].status.error_message == ""


def test_a_broken_version_that_is_published_again_is_loaded(base, loads):
    models = served(base, loads, count=0)
    publish(base, 2, broken=True)
    models.refresh()
    assert states(models) == {1: AVAILABLE, 2: END}
    (base / "2").rename(base / ".tmp-2")
    models.refresh()
    publish(base, 2)
    models.refresh()
    wait_for(lambda: states(models) == {1: END, 2: AVAILABLE})


def test_after_a_broken_one_the_next_is_served(base, loads):
    models = served(base, loads)
    publish(base, 2, broken=True)
    models.refresh()
    publish(base, 3)
    models.refresh()
    wait_for(lambda: states(models) == {1: END, 2: END, 3: AVAILABLE})


def test_a_version_that_is_deleted_goes_and_an_older_one_comes(base, loads):
    publish(base, 2)
    models = served(base, loads)
    (base / "2").rename(base / ".tmp-2")
    models.refresh()
    assert used(models) == 1
    wait_for(lambda: states(models) == {1: AVAILABLE, 2: END})


def test_the_newest_few_all_or_certain_versions(base, loads):
    publish(base, 2, 3)
    policies = {
        "latest { num_versions: 2 }": {2, 3},
        "all {}": {1, 2, 3},
        "specific { versions: 1 versions: 3 versions: 8 }": {1, 3},
    }
    for policy, expected in policies.items():
        models = served(base, loads, policy=f"model_version_policy {{ {policy} }}")
        assert states(models) == dict.fromkeys(expected, AVAILABLE), policy


def test_what_is_not_there_is_told_once(tmp_path, loads, caplog):
    models = served(tmp_path / "nowhere", loads)
    models.refresh()
    (tmp_path / "nowhere" / "latest").mkdir(parents=True)
    models.refresh()
    models.refresh()
    assert [record.getMessage() for record in caplog.records] == [
        f"Could not find base path {tmp_path}/nowhere for servable m",
        f"No versions of servable m found under base path {tmp_path}/nowhere. Did you forget to "
        "name your leaf directory as a number (eg. '/1/')?",
    ]
    with pytest.raises(tf.errors.NotFoundError, match=r"Latest\(m\)"):
        used(models)


def test_a_folder_that_cannot_be_read_keeps_no_other_model_from_its_versions(base, loads, caplog):
    unreadable = base / ("x" * 300)
    configs = [config_text(unreadable), config_text(base).replace('"m"', '"n"')]
    models = served(base, loads)
    models.configure(model_config(*configs))
    publish(base, 2)
    models.refresh()
    assert used(models, name="n") == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"Could not read base path {unreadable} for servable m: File name too long"
    ]


def test_labels_name_versions(base, loads):
    publish(base, 2)
    labels = 'version_labels { key: "old" value: 1 } version_labels { key: "new" value: 2 }'
    models = served(base, loads, policy="model_version_policy { all {} }", labels=labels)
    assert [used(models, label=label) for label in ("old", "new")] == [1, 2]
    with pytest.raises(tf.errors.InvalidArgumentError, match="version label: newer"):
        used(models, label="newer")
    assert models.statuses(spec(label="old"))[0].version == 1


def test_a_label_of_a_version_that_does_not_answer(base, loads):
    labels = 'version_labels { key: "next" value: 2 }'
    with pytest.raises(tf.errors.FailedPreconditionError, match="label to version 2 of model m"):
        served(base, loads, labels=labels)
    models = served(base, loads, labels=labels, labels_may_wait=True)
    with pytest.raises(tf.errors.NotFoundError, match=r"Specific\(m, 2\)"):
        used(models, label="next")
    publish(base, 2)
    models.refresh()
    assert used(models, label="next") == 2


def test_other_models_take_the_place_of_those_before(base, loads, tmp_path):
    models = served(base, loads)
    other = tmp_path / "other"
    other.mkdir()
    publish(other, 5)
    text = config_text(other).replace('"m"', '"n"')
    models.configure(model_config(text))
    assert used(models, name="n") == 5
    with pytest.raises(tf.errors.NotFoundError, match=r"Latest\(m\)"):
        used(models)
    wait_for(lambda: loads.models["1"].closed)


def test_the_same_model_is_not_loaded_again(base, loads):
    models = served(base, loads)
    models.configure(model_config(config_text(base)))
    assert loads.tries == ["1"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "ServerModelConfig type not supported"),
        (["A", "A"], "Illegal to list model m multiple times in config list"),
        (["A name"], "ModelConfig has no name specified."),
        (["A platform"], "Illegal setting neither ModelServerConfig::model_type"),
        (["A other"], "Received: other"),
        (["A relative"], r"absolute path or URI; got base_path\(\)=m"),
    ],
)
def test_models_that_cannot_be_served(base, loads, config, message):
    changes = {
        "A": ("", ""),
        "A name": ('name: "m"', ""),
        "A platform": ('model_platform: "tensorflow"', ""),
        "A other": ('"tensorflow"', '"other"'),
        "A relative": (str(base), "m"),
    }
    texts = [config_text(base).replace(*changes[name]) for name in config]
    asked = model_config(*texts) if texts else type(model_config())()
    models = served(base, loads)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        models.configure(asked)
    assert used(models) == 1


def test_a_version_that_is_looked_at_does_not_go(base, loads, monkeypatch):
    """An exchange that begins just when a request has found the only version waits for it."""
    models = served(base, loads)
    publish(base, 2)
    exchange = threading.Thread(target=models.refresh)
    acquire = Version.acquire

    def acquire_in_an_exchange(version):
        if exchange.ident is None:
            exchange.start()
            exchange.join(0.2)
        return acquire(version)

    monkeypatch.setattr(Version, "acquire", acquire_in_an_exchange)
    assert used(models) == 1
    exchange.join()
    assert used(models) == 2


def test_a_model_that_is_exchanged_when_it_was_found(base, loads, monkeypatch, tmp_path):
    models = served(base, loads)
    other = tmp_path / "other"
    other.mkdir()
    publish(other, 5)
    acquire = ServedModel.acquire

    def acquire_after_an_exchange(model, number):
        monkeypatch.undo()
        models.configure(model_config(config_text(other)))
        return acquire(model, number)

    monkeypatch.setattr(ServedModel, "acquire", acquire_after_an_exchange)
    assert used(models) == 5


def test_a_label_moves_before_the_version_goes_that_it_was_of(base, loads, monkeypatch):
    """Whoever has found the label's version just before the exchange is answered by the next."""

    def labelled(number):
        policy = f"model_version_policy {{ specific {{ versions: {number} }} }}"
        return {"policy": policy, "label": f'version_labels {{ key: "stable" value: {number} }}'}

    publish(base, 2)
    models = served(base, loads, **labelled(1))
    acquire = ServedModel.acquire

    def acquire_after_an_exchange(model, number):
        monkeypatch.undo()
        models.configure(model_config(config_text(base, **labelled(2))))
        return acquire(model, number)

    monkeypatch.setattr(ServedModel, "acquire", acquire_after_an_exchange)
    assert used(models, label="stable") == 2


def test_who_asks_by_a_label_is_answered_while_it_moves(base, loads, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    publish(other, 5)
    labels = 'version_labels { key: "stable" value: %d }'
    models = served(base, loads, labels=labels % 1)
    answers = []

    def ask_and_retire(version, retire=Version.retire):
        answers.append(used(models, label="stable"))
        retire(version)
        answers.append(used(models, label="stable"))

    monkeypatch.setattr(Version, "retire", ask_and_retire)
    models.configure(model_config(config_text(other, labels=labels % 5)))
    assert answers == [5, 5]


def test_the_state_of_a_version_that_is_loaded_just_then(base, loads, monkeypatch):
    """Its failure is there when it is looked at, and gone before its words are read."""
    publish(base, 2, broken=True)
    models = served(base, loads)
    failures = iter([tf.errors.NotFoundError(None, None, "no graph")])
    monkeypatch.setattr(
        Version, "failure", property(lambda _: next(failures, None), lambda *_: None), raising=False
    )
    (told,) = models.statuses(spec(version=2))
    assert told.status.error_message == "no graph"


def test_a_version_that_is_still_loaded_at_the_end_is_ended(base, monkeypatch):
    loading, may, model = threading.Event(), threading.Event(), FakeModel()

    def load(folder):
        loading.set()
        assert may.wait(PATIENCE)
        return model

    models = Models(load)
    reload = threading.Thread(target=models.configure, args=(model_config(config_text(base)),))
    reload.start()
    assert loading.wait(PATIENCE)
    end = threading.Thread(target=models.end, args=(PATIENCE,))
    end.start()
    end.join(0.1)
    may.set()
    end.join()
    reload.join()
    assert model.closed
    with pytest.raises(tf.errors.UnavailableError, match="The server has ended"):
        models.configure(model_config(config_text(base)))


def test_a_version_that_is_drained_tells_so_until_it_has_answered(base, loads):
    models = served(base, loads)
    with models.use(spec()):
        publish(base, 2)
        models.refresh()
        models.end(0)
        assert states(models)[1] == UNLOADING
    wait_for(lambda: states(models) == {1: END, 2: END})


def test_no_request_fails_while_versions_are_exchanged(base):
    """Each thread asks all the time; every answer is that of a version which was there."""

    def load(folder):
        if int(folder.name) % 5 == 0:
            raise ValueError("broken")
        return FakeModel(float(folder.name))

    models = served(base, load, count=0)
    failures, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                with models.use(spec()) as (model, answered):
                    assert model.shift == answered.version.value
                    model.run({}, [])
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(2, 22):
        publish(base, number)
        models.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert used(models) == 21

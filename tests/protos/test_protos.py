"""The config language as a whole: documented, unlike EasyRec's own protos, and free of demands."""

import pathlib
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from tfmtl.config.known_fields import table
from tfmtl.protos import dataset_pb2, loss_pb2, optimizer_pb2, pipeline_pb2, tower_pb2

ROOT = pathlib.Path(__file__).parents[2]
PROTOS = sorted((ROOT / "protos").glob("*.proto"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The protos as protoc reads them, comments included."""
    protoc = pytest.importorskip("grpc_tools.protoc")
    google = pathlib.Path(protoc.__file__).parent / "_proto"
    path = tmp_path_factory.mktemp("protos") / "set.bin"
    includes = [f"-Itfmtl/protos={ROOT / 'protos'}", f"-I{google}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *includes, "--include_source_info"]
    subprocess.run([*command, f"--descriptor_set_out={path}", *map(str, PROTOS)], check=True)
    return descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file


def comments_of(file):
    """Pairs of a name, such as `TaskTower.weight`, and the comment in front of it."""
    found = {tuple(each.path): each.leading_comments for each in file.source_code_info.location}

    def of_message(message, path, name):
        yield name, found[path]
        for index, field in enumerate(message.field):
            yield f"{name}.{field.name}", found[(*path, 2, index)]
        for index, oneof in enumerate(message.oneof_decl):
            yield f"{name}.{oneof.name}", found[(*path, 8, index)]
        for index, nested in enumerate(message.nested_type):
            if nested.options.map_entry:  # What protoc makes of a map.
                continue
            yield from of_message(nested, (*path, 3, index), f"{name}.{nested.name}")
        for index, enum in enumerate(message.enum_type):
            yield from of_enum(enum, (*path, 4, index), f"{name}.{enum.name}")

    def of_enum(enum, path, name):
        yield name, found[path]
        for index, value in enumerate(enum.value):
            yield f"{name}.{value.name}", found[(*path, 2, index)]

    for index, message in enumerate(file.message_type):
        yield from of_message(message, (4, index), message.name)
    for index, enum in enumerate(file.enum_type):
        yield from of_enum(enum, (5, index), enum.name)


@pytest.fixture(scope="module")
def manual(files):
    """Every comment of the config language, by what it is about."""
    return {name: " ".join(text.split()) for file in files for name, text in comments_of(file)}


def field_of(name):
    """The descriptor of a field; None for what is none."""
    owner, _, field = name.rpartition(".")
    try:
        message = descriptor_pool.Default().FindMessageTypeByName(f"tfmtl.{owner}")
    except KeyError:
        return None
    return message.fields_by_name.get(field)


def test_everything_has_a_comment(manual):
    """Members of a oneof may leave it to their message."""
    bare = [name for name, text in manual.items() if not text]
    assert [name for name in bare if not field_of(name) or not field_of(name).message_type] == []


@pytest.mark.parametrize(
    ("status", "words"),
    [("ignored", "ccepted and ignored"), ("refused", "efused")],
)
def test_comments_tell_what_has_no_effect(manual, status, words):
    for (owner, name), known in table().items():
        text = manual.get(f"{owner}.{name}")
        if known.status != status or text is None:
            continue
        field = field_of(f"{owner}.{name}")
        kind = field.message_type.name if field and field.message_type else ""
        assert words in text + manual.get(kind, ""), f"{owner}.{name}"


def test_nothing_is_required():
    pipeline = pipeline_pb2.Pipeline()
    pipeline.model_config.mmoe.task_towers.add().metrics_set.add()
    assert pipeline.IsInitialized()
    assert pipeline_pb2.Pipeline.FromString(pipeline.SerializeToString()) == pipeline


def test_what_is_set_to_its_default_is_known_to_be_set():
    tower = tower_pb2.TaskTower()
    assert not tower.HasField("num_class")
    tower.num_class = 1
    assert tower.HasField("num_class")


def test_messages_are_in_a_package_of_their_own():
    assert pipeline_pb2.Pipeline.DESCRIPTOR.full_name == "tfmtl.Pipeline"
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("protos.EasyRecConfig")


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [
        (dataset_pb2.DatasetConfig(), "batch_size", 32),
        (dataset_pb2.DatasetConfig(), "input_type", dataset_pb2.DatasetConfig.CSVInput),
        (dataset_pb2.DatasetConfig.Field(), "input_type", dataset_pb2.DatasetConfig.STRING),
        (dataset_pb2.DatasetConfig(), "bad_rows", dataset_pb2.DatasetConfig.RAISE),
        (tower_pb2.TaskTower(), "loss_type", loss_pb2.CLASSIFICATION),
        (tower_pb2.TaskTower(), "use_sample_weight", True),
        (optimizer_pb2.ExponentialDecayLearningRate(), "staircase", True),
        (optimizer_pb2.RMSPropOptimizer(), "epsilon", 1.0),
    ],
)
def test_defaults_are_those_of_easyrec(message, field, value):
    assert getattr(message, field) == value


def test_numbers_that_are_no_value_of_an_enum_are_refused():
    with pytest.raises(ValueError, match="enum"):
        dataset_pb2.DatasetConfig().input_type = 99


def test_towers_have_the_same_fields():
    """A Bayes tower is a tower that may read others'."""
    plain = {each.name: each for each in tower_pb2.TaskTower.DESCRIPTOR.fields}
    bayes = {each.name: each for each in tower_pb2.BayesTaskTower.DESCRIPTOR.fields}
    assert set(bayes) - set(plain) == {"relation_tower_names", "relation_dnn"}
    for name, field in plain.items():
        assert (field.type, field.default_value) == (bayes[name].type, bayes[name].default_value)

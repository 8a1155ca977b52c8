"""Features from files that several pipelines share: what is brought, and what keeps it out."""

import pytest
from google.protobuf import text_format

from tests.helpers import GOOD_CONFIG
from tfmtl import config
from tfmtl.errors import ConfigError
from tfmtl.protos import pipeline_pb2

USER = """\
# What is known of users.
input_fields { input_name: "user_id" input_type: INT64 }
input_fields { input_name: "city" input_type: STRING }
input_fields { input_name: "age" input_type: INT32 default_val: "30" }
input_fields { input_name: "click" input_type: INT32 }
features { input_names: "user_id" feature_type: IdFeature hash_bucket_size: 11 embedding_dim: 4 }
features {
  input_names: "city" feature_type: IdFeature vocab_list: ["oslo", "rome"] embedding_dim: 3
}
features {
  input_names: "age" feature_type: RawFeature boundaries: [18, 30, 65] embedding_dim: 2
}
"""
OWN = {  # What `GOOD_CONFIG` has of all that itself.
    "user_id": 'input_fields { input_name: "user_id" input_type: INT64 }',
    "city": 'input_fields { input_name: "city" input_type: STRING }',
    "age": 'input_fields { input_name: "age" input_type: INT32 default_val: "30" }',
}


def without_own(names=OWN):
    """The good config without columns and features of these names."""
    pipeline = text_format.Parse(GOOD_CONFIG, pipeline_pb2.Pipeline())
    columns, features = pipeline.data_config.input_fields, pipeline.feature_config.features
    for messages, name in ((columns, lambda it: it.input_name), (features, config.feature_name)):
        kept = [each for each in messages if name(each) not in names]
        del messages[:]
        messages.extend(kept)
    return text_format.MessageToString(pipeline)


REST = without_own()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "user.features").write_text(USER)
    return tmp_path


def loaded(folder, imports, rest=REST, **arguments):
    return config.load_text(f"{imports}\n{rest}", source=str(folder / "c.config"), **arguments)


def problems(folder, imports, rest=REST, **arguments):
    with pytest.raises(ConfigError) as caught:
        loaded(folder, imports, rest, **arguments)
    return [each.replace(f"{folder}/", "") for each in caught.value.problems]


def names(pipeline):
    return [config.feature_name(each) for each in pipeline.feature_config.features]


def columns(pipeline):
    return [each.input_name for each in pipeline.data_config.input_fields]


IMPORT = 'import { path: "shared/user.features" }'


def test_imported_pipeline_is_the_pipeline_in_one_file(folder, good):
    pipeline = loaded(folder, IMPORT)
    for messages, name in (
        (lambda it: it.data_config.input_fields, lambda it: it.input_name),
        (lambda it: it.feature_config.features, config.feature_name),
    ):
        assert sorted(messages(pipeline), key=name) == sorted(messages(good), key=name)
        del messages(pipeline)[:], messages(good)[:]
    assert pipeline == good


def test_own_features_come_first_and_imported_ones_in_the_order_of_their_file(folder):
    pipeline = loaded(folder, IMPORT)
    assert names(pipeline) == ["item_id", "tags", "price", "user_id", "city", "age"]
    assert columns(pipeline)[-3:] == ["user_id", "city", "age"]


def test_features_go_where_the_pipeline_has_its_own(folder):
    old = REST.replace("feature_config {", "").replace("features {", "feature_configs {")
    old = old.replace("}\n}\nmodel_config", "}\nmodel_config")
    pipeline = loaded(folder, IMPORT, old)
    assert len(pipeline.feature_configs) == 6 and not pipeline.HasField("feature_config")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ('select: "user_*"', {"user_id"}),
        ('select: ["ci?y", "age"]', {"city", "age"}),
        ('exclude: "a*"', {"user_id", "city"}),
        ('select: "[cu]*" exclude: "city"', {"user_id"}),
    ],
)
def test_features_are_selected_by_patterns_and_bring_their_columns(folder, chosen, expected):
    rest = without_own(expected)
    pipeline = loaded(folder, f'import {{ path: "shared/user.features" {chosen} }}', rest)
    assert set(names(pipeline)[-len(expected) :]) == set(columns(pipeline)[-len(expected) :])
    assert set(names(pipeline)[-len(expected) :]) == expected


def test_columns_that_no_feature_reads_are_selected_by_their_names(folder):
    rest = REST.replace('input_name: "click"', 'input_name: "other"')
    assert "click" in columns(loaded(folder, IMPORT, rest))
    chosen = 'import { path: "shared/user.features" select: ["user_id", "city", "age", "cl*"] }'
    assert "click" in columns(loaded(folder, chosen, rest))


def test_only_the_fields_that_are_set_are_changed(folder, good):
    change = 'override { feature_name: "city" embedding_dim: 7 vocab_list: "bern" }'
    pipeline = loaded(folder, f'import {{ path: "shared/user.features" {change} }}')
    (city,) = (
        each for each in pipeline.feature_config.features if config.feature_name(each) == "city"
    )
    (before,) = (
        each for each in good.feature_config.features if config.feature_name(each) == "city"
    )
    before.feature_name, before.embedding_dim = "city", 7
    before.vocab_list[:] = ["bern"]
    assert city == before


def test_feature_keeps_its_name_and_brings_the_column_that_it_is_changed_to(folder):
    user = USER.replace("features {", 'input_fields { input_name: "town" }\nfeatures {', 1)
    (folder / "shared" / "user.features").write_text(user)
    change = 'override { feature_name: "city" input_names: "town" }'
    pipeline = loaded(
        folder,
        f'import {{ path: "shared/user.features" select: ["user_id", "city", "age"] {change} }}',
    )
    assert names(pipeline)[-2:] == ["city", "age"]
    assert "town" in columns(pipeline) and "city" not in columns(pipeline)


def test_each_of_shared_names_is_a_feature_of_its_own(folder):
    ids = "hash_bucket_size: 5 embedding_dim: 2"
    text = f'features {{ input_names: "a" shared_names: ["user_id", "b"] {ids} }}'
    (folder / "ids.features").write_text(text)
    rest = GOOD_CONFIG.replace(
        'features { input_names: "user_id"', 'features { feature_name: "u" input_names: "user_id"'
    )
    assert (
        names(loaded(folder, 'import { path: "ids.features" select: "user_id" }', rest))[-1]
        == "user_id"
    )


def test_files_import_others_relative_to_themselves(folder):
    (folder / "all.features").write_text('import { path: "shared/people.features" }')
    (folder / "shared" / "people.features").write_text(
        'import { path: "./user.features" exclude: "click" }'
    )
    assert names(loaded(folder, 'import { path: "all.features" }')) == names(loaded(folder, IMPORT))


def test_what_comes_by_two_ways_is_one(folder):
    (folder / "all.features").write_text(IMPORT)
    part = 'import { path: "all.features" select: "[uc]*" }'
    both = part + 'import { path: "shared/../shared/user.features" }'
    assert sorted(names(loaded(folder, both))) == sorted(names(loaded(folder, IMPORT)))


def test_json_imports_too(folder):
    pipeline = loaded(folder, IMPORT)
    without = text_format.Parse(REST, pipeline_pb2.Pipeline())
    getattr(without, "import").add(path="shared/user.features")
    from google.protobuf import json_format

    (folder / "c.json").write_text(json_format.MessageToJson(without))
    assert config.load(folder / "c.json") == pipeline


def test_command_line_changes_what_was_imported(folder):
    path = "feature_config.features[input_names[0]=age].embedding_dim"
    pipeline = loaded(folder, IMPORT, overrides={path: 5})
    assert pipeline.feature_config.features[-1].embedding_dim == 5


def test_saved_config_is_the_same_without_the_files(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "pipeline.config"
    pipeline = loaded(folder, IMPORT)
    config.save(pipeline, elsewhere)
    assert config.load(elsewhere) == pipeline


def test_problem_in_an_imported_file_is_told_with_its_place(folder):
    user = USER.replace("embedding_dim: 2", "embeding_dim: 2").replace("INT64", "INT46")
    (folder / "shared" / "user.features").write_text(user)
    first, second = problems(folder, IMPORT)
    assert first == (
        "shared/user.features:2:50: `input_fields[0].input_type` should be INT32, INT64, STRING, "
        "FLOAT, DOUBLE or BOOL. Received: INT46. Did you mean `INT64`?"
    )
    assert second.startswith(
        "shared/user.features:11:72: `features[2].embeding_dim` is not a field"
    )


def test_rule_that_an_imported_feature_breaks_is_told_with_its_place(folder):
    user = USER.replace("[18, 30, 65]", "[18, 65, 30]").replace(
        'default_val: "30"', 'default_val: "x"'
    )
    (folder / "shared" / "user.features").write_text(user)
    assert problems(folder, IMPORT) == [
        "shared/user.features:4:52: `input_fields[2].default_val` (column `age`) should be of the "
        'column\'s type, INT32. Received: "x".',
        "shared/user.features:11:47: `features[2].boundaries` (feature `age`) should rise from "
        "each to the next. Received: [18, 65, 30].",
    ]


def test_rule_that_a_change_breaks_is_told_with_the_place_of_the_change(folder):
    change = 'override { feature_name: "age" embedding_dim: 0 }'
    assert problems(folder, f'import {{\n  path: "shared/user.features"\n  {change}\n}}') == [
        "c.config:3:34: `import[0].override[0].embedding_dim` (feature `age`) should be at least "
        "1, because bins are embedded. Received: 0."
    ]


def test_own_features_keep_their_paths_in_messages(folder):
    (problem,) = problems(
        folder, IMPORT, REST.replace("hash_bucket_size: 13", "hash_bucket_size: 0")
    )
    assert problem.startswith("`feature_config.features[0]` (feature `item_id`) should have")


def problem_of(folder, imports, rest=REST, **arguments):
    (problem,) = problems(folder, imports, rest, **arguments)
    return problem


@pytest.mark.parametrize(
    ("imports", "told"),
    [
        (
            'import { path: "shared/user.feature" }',
            "c.config:1:10: `import[0].path` should name a `.features` file. "
            'Received: "shared/user.feature".',
        ),
        (
            "import { }",
            'c.config:1:1: `import[0].path` should name a `.features` file. Received: "".',
        ),
        (
            'import { path: "usr.features" }',
            "c.config:1:10: `import[0].path` should name a file that can be read. "
            "Received: usr.features: No such file or directory.",
        ),
        (
            'import {\n  path: "shared/user.features"\n  select: "user_*"\n  select: "ctiy"\n}',
            "c.config:4:3: `import[0].select[1]` should match a feature, or a column that no "
            'feature reads. Received: "ctiy". Did you mean `city`? Known: user_id, city, age, '
            "click.",
        ),
        (
            'import { path: "shared/user.features" exclude: "item_*" }',
            "c.config:1:39: `import[0].exclude[0]` should match a feature, or a column that no "
            'feature reads. Received: "item_*". Known: user_id, city, age, click.',
        ),
        (
            'import { path: "shared/user.features" override { feature_name: "aeg" } }',
            "c.config:1:50: `import[0].override[0].feature_name` should name a feature that is "
            'imported here. Received: "aeg". Did you mean `age`? Known: user_id, city, age.',
        ),
        (
            'import { path: "shared/user.features" override { embedding_dim: 3 } }',
            "c.config:1:39: `import[0].override[0].feature_name` should name a feature that is "
            "imported here. Received: nothing. Known: user_id, city, age.",
        ),
    ],
)
def test_import_that_finds_nothing_is_told(folder, imports, told):
    assert problem_of(folder, imports) == told


def test_feature_of_two_files_is_told_with_both_places(folder):
    (folder / "city.features").write_text(
        '\nfeatures { input_names: "city" hash_bucket_size: 3 embedding_dim: 2 }'
    )
    assert problem_of(folder, IMPORT + '\nimport { path: "city.features" }') == (
        "c.config:2:1: `import[1]` should bring no second feature `city`. Received: that of "
        "city.features:2:1 beside that of shared/user.features:7:1. Exclude or rename one."
    )


def test_feature_that_the_pipeline_has_itself_is_told_with_both_places(folder):
    own = 'feature_config {\n  features { input_names: "age" feature_type: RawFeature }\n}\n'
    assert problem_of(folder, f"{own}{IMPORT}") == (
        "c.config:4:1: `import[0]` should bring no second feature `age`. Received: that of "
        "shared/user.features:10:1 beside that of c.config:2:3. Exclude or rename one."
    )


def test_feature_changed_on_one_of_two_ways_is_told(folder):
    change = (
        'import { path: "shared/user.features" override { feature_name: "age" embedding_dim: 9 } }'
    )
    assert problem_of(folder, f"{IMPORT}\n{change}").startswith(
        "c.config:2:1: `import[1]` should bring no second feature `age`. Received: that of "
        "shared/user.features:10:1, changed at c.config:2:39 beside that of "
        "shared/user.features:10:1."
    )


def test_feature_that_a_file_has_twice_is_told(folder):
    (folder / "shared" / "user.features").write_text(USER + 'features { input_names: "city" }')
    assert problem_of(folder, IMPORT) == (
        "shared/user.features:13:1: `features[3]` should be no second feature `city`. Received: "
        "that of shared/user.features:13:1 beside that of shared/user.features:7:1. Exclude or "
        "rename one."
    )


def test_column_that_is_defined_twice_alike_is_one(folder):
    rest = REST.replace("data_config {", f"data_config {{ {OWN['age']} ")
    assert columns(loaded(folder, IMPORT, rest)).count("age") == 1
    spelled_out = REST.replace(
        "data_config {", 'data_config { input_fields { input_name: "city" input_dim: 1 } '
    )
    assert columns(loaded(folder, IMPORT, spelled_out)).count("city") == 1


def test_column_that_is_defined_in_two_ways_is_told_with_both_places(folder):
    own = 'data_config {\n  input_fields { input_name: "age" input_type: FLOAT }\n}\n'
    assert problem_of(folder, f"{own}{IMPORT}") == (
        "c.config:4:1: `import[0]` should define column `age` as it is defined at c.config:2:3. "
        'Received: `input_type: INT32`, `default_val: "30"`, at shared/user.features:4:1.'
    )


def test_circle_of_imports_is_told_with_both_places(folder):
    (folder / "a.features").write_text('\n\nimport { path: "shared/b.features" }')
    (folder / "shared" / "b.features").write_text('import { path: "../a.features" }')
    assert problem_of(folder, 'import { path: "a.features" }') == (
        "shared/b.features:1:10: `import[0].path` should not lead back to a file that is on the "
        'way here. Received: "../a.features", imported at c.config:1:1.'
    )


def test_columns_that_files_without_a_header_have_somewhere_are_told(folder):
    assert problem_of(folder, IMPORT, REST.replace("with_header: true", "")) == (
        "`data_config.with_header` should be true, or `data_config.input_fields` hold all columns "
        "in the files' order, which imports do not know; they bring `user_id`, `city`, `age`. "
        "Received: false."
    )
    in_order = GOOD_CONFIG.replace("with_header: true", "")
    rest = in_order.replace(
        'features { input_names: "user_id"', 'features { feature_name: "u" input_names: "user_id"'
    )
    loaded(folder, 'import { path: "shared/user.features" select: "user_id" }', rest)


def test_pipeline_that_was_not_loaded_is_told():
    pipeline = text_format.Parse(f"{IMPORT} {GOOD_CONFIG}", pipeline_pb2.Pipeline())
    assert config.validate(pipeline) == [
        "`import` should be brought by loading the config from its file or text. "
        'Received: ["shared/user.features"].'
    ]

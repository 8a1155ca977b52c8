"""`auto_expand_input_fields` writes numbered columns out."""

from google.protobuf import text_format

from tfmtl.config import expand
from tfmtl.protos.pipeline_pb2 import Pipeline

NUMBERED = """
data_config {
  auto_expand_input_fields: true
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "f[2-4]" input_type: FLOAT default_val: "7" }
}
feature_config { features { input_names: "f2" shared_names: "f[3-4]" shared_names: "click" } }
"""


def expanded(text):
    pipeline = text_format.Parse(text, Pipeline())
    expand(pipeline)
    return pipeline


def test_numbered_columns_are_written_out_with_all_that_is_said_of_them():
    fields = expanded(NUMBERED).data_config.input_fields
    assert [each.input_name for each in fields] == ["click", "f2", "f3", "f4"]
    assert {(each.input_type, each.default_val) for each in fields[1:]} == {(4, "7")}


def test_names_that_share_a_feature_are_written_out():
    (feature,) = expanded(NUMBERED).feature_config.features
    assert feature.shared_names == ["f3", "f4", "click"]


def test_what_is_written_out_stays_as_it_is():
    once = expanded(NUMBERED)
    twice = Pipeline()
    twice.CopyFrom(once)
    expand(twice)
    assert twice == once


def test_without_being_asked_nothing_is_written_out():
    plain = NUMBERED.replace("true", "false")
    assert expanded(plain) == text_format.Parse(plain, Pipeline())

"""`data_config.auto_expand_input_fields`: columns of numbered names, written out."""

from __future__ import annotations

from tfmtl.config.views import written_out
from tfmtl.protos import pipeline_pb2


def expand(pipeline: pipeline_pb2.Pipeline) -> None:
    """Writes `f[1-3]` out as f1, f2, f3 in `input_fields` and `shared_names`, if it is asked for.

    A config that is written out stays as it is.
    """
    data = pipeline.data_config
    if not data.auto_expand_input_fields:
        return
    fields = list(data.input_fields)
    del data.input_fields[:]
    for field in fields:
        for name in written_out(field.input_name):
            data.input_fields.add().CopyFrom(field)
            data.input_fields[-1].input_name = name
    for feature in (*pipeline.feature_configs, *pipeline.feature_config.features):
        names = [name for pattern in feature.shared_names for name in written_out(pattern)]
        feature.shared_names[:] = names

"""The tasks of a click and a conversion after it, whichever of the two rates is computed."""

from __future__ import annotations

from tfmtl.config.funnels import masked
from tfmtl.config.views import Tower
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import (
    LabelIndicator,
    ProductLabel,
    SampleSpace,
    Task,
    build_factors,
    build_head,
    build_label,
    build_metrics,
    build_task,
    build_terms,
)


def conversion_tasks(
    ctr: Tower, conversion: Tower, pipeline: pipeline_pb2.Pipeline, *, step: str, both: str
) -> tuple[Task, Task, Task]:
    """The click; the conversion after it, only measured, on clicked rows; and both, over all rows.

    Args:
        ctr: The tower of the click.
        conversion: That which describes the conversion: its label, losses and metrics.
        pipeline: The config.
        step: The name of the conversion given the click.
        both: The name of both together.
    """
    click, converted = build_label(ctr), build_label(conversion)
    head, factors = build_head(conversion), build_factors(conversion, pipeline)
    metrics = build_metrics(conversion, head, pipeline)
    clicked = LabelIndicator(click, inside=1.0, outside=0.0)
    return (
        build_task(ctr, pipeline),
        Task(
            step,
            head,
            SampleSpace(converted, [*factors, clicked]),
            trained=False,
            metrics=metrics,
            suffix=masked(step),
        ),
        Task(
            both,
            head,
            SampleSpace(ProductLabel(click, converted), factors),
            weight=conversion.weight,
            metrics=metrics,
            terms=build_terms(both, conversion, pipeline),
        ),
    )

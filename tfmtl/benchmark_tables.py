"""What was measured, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfmtl.config.table import table_lines

PARTS = {
    "read": "reading",
    "encode": "reading and encoding",
    "step": "train step on cached batches",
    "train": "training end to end",
}
"""What `benchmarking.benchmark` measures, in words."""
_SERVING_HEADER = (
    *("signature", "rows", "threads", "clients", "road", "request KB"),
    *("cold ms", "p50", "p90", "p99", "requests/s", "rows/s"),
)


def table(figures: dict[str, Any]) -> str:
    """The figures of `benchmarking.benchmark`, for people."""
    return _table(list(_rows(figures)))


def comparison_table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures of `side_by_side.compare`, for people."""
    header = ("config", "in embeddings", "elsewhere", "rows/s", "step time")
    return _table([header, *(_comparison_row(each) for each in figures)])


def formats_table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures of `reading_rates.compare_formats`, for people."""
    header = ("format", "MB", "rows/s", "speed")
    return _table([header, *(_format_row(each) for each in figures)])


def serving_table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures of `serving.latency.measure`, for people: a table for each export."""
    exports = list(dict.fromkeys(each["export"] for each in figures))
    first = {_kind(each): each["p50_ms"] for each in reversed(figures)}
    tables = []
    for name in exports:
        of_export = [each for each in figures if each["export"] == name]
        rows = [_SERVING_HEADER, *map(_serving_row, of_export)]
        if len(exports) > 1:
            relative = [f"{each['p50_ms'] / first[_kind(each)]:.2f}" for each in of_export]
            more = ["relative p50", *relative]
            rows = [(*row, last) for row, last in zip(rows, more, strict=True)]
        tables.append(f"{_export_line(of_export)}\n{_table(rows)}")
    return "\n\n".join(tables)


def _kind(figures: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(figures[name] for name in _SERVING_HEADER[:5])


def _export_line(figures: Sequence[dict[str, Any]]) -> str:
    """What the C runtime alone tells is left out if it was not asked."""
    memory, load = (_told(figures, name) for name in ("memory_bytes", "load_ms"))
    parts = [f"{figures[0]['disk_bytes'] / 1e6:,.1f} MB on disk"]
    parts += [f"{memory / 1e6:,.1f} MB in memory"] if memory else []
    parts += [f"loads in {load:,.0f} ms"] if load else []
    return f"{figures[0]['export']}: {', '.join(parts)}"


def _told(figures: Sequence[dict[str, Any]], name: str) -> float | None:
    return next((each[name] for each in figures if each[name] is not None), None)


def _serving_row(figures: dict[str, Any]) -> tuple[str, ...]:
    return (
        figures["signature"],
        f"{figures['rows']:,}",
        f"{figures['threads'] or 'any'}",
        f"{figures['clients']}",
        figures["road"],
        f"{figures['request_bytes'] / 1e3:,.1f}",
        f"{figures['cold_ms']:,.1f}",
        *(f"{figures[name]:,.2f}" for name in ("p50_ms", "p90_ms", "p99_ms")),
        f"{figures['requests_per_second']:,.0f}",
        f"{figures['rows_per_second']:,.0f}",
    )


def _format_row(figures: dict[str, Any]) -> tuple[str, ...]:
    return (
        figures["format"],
        f"{figures['bytes'] / 1e6:,.1f}",
        f"{figures['rows_per_second']:,.0f}",
        f"{figures['relative_speed']:.2f}",
    )


def _comparison_row(figures: dict[str, Any]) -> tuple[str, ...]:
    return (
        Path(figures["config"]).stem,
        f"{figures['parameters']['embedding']:,}",
        f"{figures['parameters']['dense']:,}",
        f"{figures['rows_per_second']:,.0f}",
        f"{figures['relative_step_time']:.2f}",
    )


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"{figures['architecture']}, batches of {figures['batch_size']:,}", ""
    for part, speed in figures["rows_per_second"].items():
        yield PARTS[part], f"{speed:,.0f} rows/s"
    if figures["seconds_to_first_step"] is not None:
        yield "time to first step", f"{figures['seconds_to_first_step']:.1f} s"
    yield "parameters in embeddings", f"{figures['parameters']['embedding']:,}"
    yield "parameters elsewhere", f"{figures['parameters']['dense']:,}"
    yield "peak memory", f"{figures['peak_memory_bytes'] / 2**20:,.0f} MiB"
    machine = figures["machine"]
    yield f"float32 matmul, {machine['cores']} cores", f"{machine['matmul_gflops']:,.0f} GFLOP/s"


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(line.rstrip() for line in table_lines(rows, indent=""))

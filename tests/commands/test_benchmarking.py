import pytest

from tfmtl.benchmark import main
from tfmtl.benchmark_tables import comparison_table, formats_table, serving_table, table
from tfmtl.benchmarking import Speedometer
from tfmtl.side_by_side import relative_time


class Clock:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def run(meter, clock, durations):
    for duration in durations:
        clock.time += duration
        meter.after_step()
        if meter.wants_stop:
            break
    return meter


def test_the_median_of_five_stretches_of_steps_after_the_warm_up():
    clock = Clock()
    meter = Speedometer(rows=12, warm_up=2, steps=10, now=clock)
    # The slow start does not count; two steps make a stretch.
    durations = [50, 50, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 9, 9]
    run(meter, clock, durations)
    assert meter.speeds == [12 / each for each in (1, 2, 3, 4, 5)]
    assert meter.rows_per_second == 12 / 3
    assert meter.first_step == 150.0
    assert clock.time == 100 + 100 + 2 * (1 + 2 + 3 + 4 + 5)


def test_stretches_of_time_end_with_a_step():
    clock = Clock()
    meter = Speedometer(rows=6, warm_up=1, seconds=10, now=clock)
    run(meter, clock, [7] + [1.5] * 100)
    # Two steps of 1.5 seconds are the first to reach 2 seconds.
    assert meter.speeds == pytest.approx([6 / 1.5] * 5)


def test_a_step_longer_than_a_stretch_is_a_stretch():
    clock = Clock()
    meter = Speedometer(rows=6, warm_up=1, seconds=1, now=clock)
    run(meter, clock, [7] + [3] * 100)
    assert meter.speeds == [2.0] * 5


def test_the_table_names_every_figure():
    figures = {
        "architecture": "mmoe",
        "batch_size": 4096,
        "rows_per_second": {"read": 250123.4, "train": 30000.0},
        "seconds_to_first_step": 4.04,
        "parameters": {"embedding": 123456, "dense": 789},
        "peak_memory_bytes": 3 * 2**20,
        "machine": {"matmul_gflops": 203.6, "cores": 2},
    }
    assert [" ".join(line.split()) for line in table(figures).splitlines()] == [
        "mmoe, batches of 4,096",
        "reading 250,123 rows/s",
        "training end to end 30,000 rows/s",
        "time to first step 4.0 s",
        "parameters in embeddings 123,456",
        "parameters elsewhere 789",
        "peak memory 3 MiB",
        "float32 matmul, 2 cores 204 GFLOP/s",
    ]


def test_a_relative_time_is_the_median_within_rounds():
    # The machine was twice as slow in the second round, and disturbed in the third.
    assert relative_time([3.0, 6.0, 9.0], [2.0, 4.0, 2.0]) == 1.5


def test_the_comparison_has_a_row_for_each_config():
    figures = [
        {
            "config": f"samples/{name}.config",
            "parameters": {"embedding": 512520, "dense": 1234},
            "rows_per_second": 20878.4,
            "relative_step_time": time,
        }
        for name, time in (("mmoe", 1.0), ("ple_on_ecommerce", 1.716))
    ]
    assert comparison_table(figures).splitlines() == [
        "config            in embeddings  elsewhere  rows/s  step time",
        "mmoe                    512,520      1,234  20,878       1.00",
        "ple_on_ecommerce        512,520      1,234  20,878       1.72",
    ]


def test_formats_are_told_in_lines():
    figures = [
        {"format": "as it is", "bytes": 2e6, "rows_per_second": 1500.4, "relative_speed": 1.0},
        {"format": "Parquet", "bytes": 250_000, "rows_per_second": 99.0, "relative_speed": 0.066},
    ]
    assert formats_table(figures).splitlines() == [
        "format     MB  rows/s  speed",
        "as it is  2.0   1,500   1.00",
        "Parquet   0.2      99   0.07",
    ]


def test_exports_are_told_in_a_table_each_and_compared_with_the_first():
    figures = [
        {
            **{"export": export, "signature": "rank", "rows": 500, "threads": 0, "clients": 1},
            "road": "c_runtime",
            **{"request_bytes": 64_740, "load_ms": 81.4, "cold_ms": 95.06, "p50_ms": p50},
            **{"p90_ms": 6.0, "p99_ms": 7.25, "requests_per_second": 196.1},
            **{"rows_per_second": 98_050.0, "disk_bytes": 24e6, "memory_bytes": memory},
        }
        for export, p50, memory in (("a/7", 5.0, 300e6), ("b/9", 5.5, None))
    ]
    header = (
        "signature rows threads clients road request KB cold ms p50 p90 p99 requests/s rows/s "
        "relative p50"
    )
    lines = [" ".join(line.split()) for line in serving_table(figures).splitlines()]
    assert lines == [
        "a/7: 24.0 MB on disk, 300.0 MB in memory, loads in 81 ms",
        header,
        "rank 500 any 1 c_runtime 64.7 95.1 5.00 6.00 7.25 196 98,050 1.00",
        "",
        "b/9: 24.0 MB on disk, loads in 81 ms",
        header,
        "rank 500 any 1 c_runtime 64.7 95.1 5.50 6.00 7.25 196 98,050 1.10",
    ]


def test_one_export_is_compared_with_none():
    figures = [
        {
            **{"export": "a/7", "signature": "rank", "rows": 5, "threads": 2, "clients": 1},
            **{"road": road, "request_bytes": 740, "cold_ms": 95.06, "p50_ms": p50},
            **{"p90_ms": 6.0, "p99_ms": 7.25, "requests_per_second": 196.1},
            **{"rows_per_second": 980.5, "disk_bytes": 24e6, "memory_bytes": None},
            "load_ms": load,
        }
        for road, p50, load in (("grpc", 5.5, None), ("c_runtime", 5.0, 81.4))
    ]
    lines = [" ".join(line.split()) for line in serving_table(figures).splitlines()]
    assert lines[0] == "a/7: 24.0 MB on disk, loads in 81 ms"
    assert lines[1].endswith("rows/s")
    assert lines[2:] == [
        "rank 5 2 1 grpc 0.7 95.1 5.50 6.00 7.25 196 980",
        "rank 5 2 1 c_runtime 0.7 95.1 5.00 6.00 7.25 196 980",
    ]
    (line, *_) = serving_table(figures[:1]).splitlines()
    assert line == "a/7: 24.0 MB on disk"  # A server does not tell how long loading took.


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--serving"], "`--serving` needs an export: --saved_model_dir DIR."),
        (
            ["--serving", "--saved_model_dir", "d", "--steps", "5"],
            "`--steps` should not be given with `--serving`.",
        ),
        (
            ["--serving", "--saved_model_dir", "d", "--set", "data_config.batch_size=8"],
            "`--set` should not be given with `--serving`.",
        ),
        (["--rows", "1,5"], "`--rows` should be given with `--serving`."),
        (["--saved_model_dir", "d"], "`--saved_model_dir` should be given with `--serving`."),
    ],
)
def test_options_of_serving_need_one_another(options, sentence, capsys):
    assert main(options) == 2
    assert capsys.readouterr().err.splitlines() == [sentence]


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("--seconds", "-1", "should be a number above 0; received: '-1'"),
        ("--seconds", "inf", "should be a number above 0; received: 'inf'"),
        ("--seconds", "nan", "should be a number above 0; received: 'nan'"),
        ("--seconds", "long", "should be a number above 0; received: 'long'"),
        ("--steps", "-10", "should be a whole number above 0; received: '-10'"),
        ("--steps", "many", "should be a whole number above 0; received: 'many'"),
    ],
)
def test_there_is_something_to_measure_for(option, value, rule, capsys):
    with pytest.raises(SystemExit):
        main(["--pipeline_config_path", "a.config", option, value])
    assert rule in capsys.readouterr().err


def test_numbers_of_rows_are_numbers(capsys):
    with pytest.raises(SystemExit):
        main(["--serving", "--rows", "1,many"])
    assert "should be whole numbers, as 1,100; received: '1,many'" in capsys.readouterr().err

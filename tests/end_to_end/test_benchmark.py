import json

import pytest

pytestmark = pytest.mark.slow


def test_the_benchmark_measures_every_part(make_config, tfmtl, tmp_path):
    path = make_config()
    done = tfmtl(
        "benchmark", "--pipeline_config_path", path, "--steps", 10, "--json", tmp_path / "f.json"
    )
    figures = json.loads((tmp_path / "f.json").read_text())
    speeds = figures["rows_per_second"]
    assert list(speeds) == ["read", "encode", "step", "train"]
    assert all(speed > 0 for speed in speeds.values())
    assert figures["seconds_to_first_step"] > 0
    # 50 users, 30 items and 20 tags of width 4; 24 hours of width 2.
    assert figures["parameters"]["embedding"] == (50 + 30 + 20) * 4 + 24 * 2
    assert figures["parameters"]["dense"] > 0
    assert figures["peak_memory_bytes"] > 2**27
    assert figures["machine"]["matmul_gflops"] > 0
    lines = done.stdout.splitlines()
    assert lines[0] == "mmoe, batches of 64"
    assert [line.split("  ")[0] for line in lines[1:5]] == [
        "reading",
        "reading and encoding",
        "train step on cached batches",
        "training end to end",
    ]
    assert not (path.parent / "model").exists()


def test_some_parts_alone(make_config, tfmtl, tmp_path):
    tfmtl(
        "benchmark",
        "--pipeline_config_path",
        make_config(),
        "--steps=5",
        "--only=step,read",
        f"--json={tmp_path}/f.json",
    )
    assert list(json.loads((tmp_path / "f.json").read_text())["rows_per_second"]) == [
        "read",
        "step",
    ]


def test_an_unknown_part_is_told(make_config, tfmtl):
    done = tfmtl("benchmark", "--pipeline_config_path", make_config(), "--only", "reed", check=2)
    assert "should be of read, encode, step, train; received: 'reed'" in done.stderr


def test_configs_are_compared_side_by_side(make_config, tfmtl, tmp_path):
    path = make_config()
    done = tfmtl(
        "benchmark",
        "--pipeline_config_path",
        path,
        "--against",
        path,
        "--steps=9",
        "--set=data_config.batch_size=32",
        f"--json={tmp_path}/f.json",
    )
    (only,) = json.loads((tmp_path / "f.json").read_text())  # It is the same config.
    assert only["config"] == str(path)
    assert only["relative_step_time"] == 1.0
    assert only["batch_size"] == 32 and only["rows_per_second"] > 0
    assert only["parameters"]["embedding"] == (50 + 30 + 20) * 4 + 24 * 2
    header, row = done.stdout.splitlines()
    assert header.split()[0] == "config" and row.split()[0] == path.stem
    assert row.split()[-1] == "1.00"


def test_formats_are_compared_side_by_side(make_config, tfmtl, tmp_path):
    path = make_config()
    done = tfmtl(
        "benchmark",
        "--pipeline_config_path",
        path,
        "--formats",
        "--steps=6",
        f"--json={tmp_path}/f",
    )
    figures = json.loads((tmp_path / "f").read_text())
    names = ["as it is", "Parquet", "TFRecord", "encoded Parquet"]
    assert [each["format"] for each in figures] == names
    assert all(each["rows_per_second"] > 0 and each["bytes"] > 0 for each in figures)
    assert figures[0]["relative_speed"] == 1.0
    told = zip(done.stdout.splitlines()[1:], names, strict=True)
    assert all(line.startswith(name) for line, name in told)


def test_a_problem_of_one_of_several_configs_names_its_file(make_config, tfmtl, tmp_path):
    path, other = make_config(), tmp_path / "other.config"
    other.write_text(path.read_text().replace("mmoe {", "momoe {"))
    done = tfmtl("benchmark", "--pipeline_config_path", path, "--against", other, check=2)
    assert done.stderr.startswith(f"{other}: ")

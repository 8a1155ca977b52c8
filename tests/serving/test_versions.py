import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tfmtl.serving.versions import prune, publish, versions


def write_model(folder):
    (folder / "saved_model.pb").write_text("a model")


def names(base):
    return sorted(path.name for path in base.iterdir())


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leftover(base, pid, host=None):
    folder = base / f".tmp-12-{pid}-{host or socket.gethostname()}"
    folder.mkdir(parents=True)
    write_model(folder)
    return folder


def test_a_version_is_a_whole_number_and_holds_what_was_written(tmp_path):
    version = publish(tmp_path / "base", write_model)
    assert version == tmp_path / "base" / str(int(version.name))
    assert (version / "saved_model.pb").read_text() == "a model"


def test_versions_grow_even_within_a_second_and_after_a_clock_that_ran_ahead(tmp_path):
    (tmp_path / "99999999999").mkdir()
    made = [publish(tmp_path, write_model).name for _ in range(3)]
    assert made == ["100000000000", "100000000001", "100000000002"]


def test_versions_are_listed_by_number_and_nothing_else_is_one(tmp_path):
    for name in ("9", "10", "x1", ".tmp-11-1-host"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").write_text("a file")
    assert [path.name for path in versions(tmp_path)] == ["9", "10"]
    assert versions(tmp_path / "nowhere") == []


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    def fail(folder):
        write_model(folder)
        raise ValueError("full disk")

    with pytest.raises(ValueError, match="full disk"):
        publish(tmp_path, fail)
    assert names(tmp_path) == []


def test_the_folder_is_no_version_while_it_is_written(tmp_path):
    seen = []

    def write(folder):
        write_model(folder)
        seen.extend(versions(tmp_path))

    publish(tmp_path, write)
    assert seen == []


def seen_while(base, work):
    """The files of every version that a server may find while versions come and go."""
    seen, done = [], threading.Event()

    def look():
        is_last = False
        while not is_last:
            is_last = done.is_set()  # So that it looks once more, and once at least.
            for folder in [each for each in os.listdir(base) if each.isdigit()]:
                with contextlib.suppress(FileNotFoundError):  # It has just gone, as a whole.
                    seen.append(sorted(os.listdir(base / folder)))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return seen


def test_who_looks_all_the_time_sees_whole_versions_alone(tmp_path):
    parts = [f"part-{number:02d}" for number in range(20)]

    def write(folder):
        for part in parts:
            (folder / part).write_text("a part")

    def come_and_go():
        for _ in range(30):
            publish(tmp_path, write)

    seen = seen_while(tmp_path, come_and_go)
    assert seen and all(files == parts for files in seen)


def test_a_number_taken_in_the_meantime_is_skipped(tmp_path):
    def write(folder):
        write_model(folder)
        taken = int(folder.name.removeprefix(".tmp-").split("-")[0])
        for number in range(taken, taken + 3):
            (tmp_path / str(number)).mkdir()
            write_model(tmp_path / str(number))

    version = publish(tmp_path, write)
    assert versions(tmp_path)[-1] == version
    assert len(versions(tmp_path)) == 4


def test_leftovers_of_dead_processes_are_removed_and_those_of_living_ones_kept(tmp_path):
    dead, alive = leftover(tmp_path, dead_pid()), leftover(tmp_path, os.getppid())
    elsewhere = leftover(tmp_path, 1, "another-host")
    publish(tmp_path, write_model)
    assert not dead.exists()
    assert alive.exists()
    assert elsewhere.exists()


def test_leftovers_of_other_machines_are_removed_after_a_day(tmp_path):
    old = leftover(tmp_path, 1, "another-host")
    os.utime(old, (0, 0))
    publish(tmp_path, write_model)
    assert not old.exists()


def test_prune_keeps_the_newest(tmp_path):
    for name in ("1", "2", "10"):
        (tmp_path / name).mkdir()
        write_model(tmp_path / name)
    prune(tmp_path, 2)
    assert names(tmp_path) == ["10", "2"]
    prune(tmp_path, 7)
    assert names(tmp_path) == ["10", "2"]


def test_two_exports_may_prune_at_the_same_time(tmp_path, monkeypatch):
    """The other one removes all that this one is about to remove."""
    for name in ("1", "2", "10"):
        (tmp_path / name).mkdir()
        write_model(tmp_path / name)
    rename = Path.rename

    def rename_after_the_other(folder, target):
        monkeypatch.undo()
        prune(tmp_path, 1)
        return rename(folder, target)

    monkeypatch.setattr(Path, "rename", rename_after_the_other)
    prune(tmp_path, 1)
    assert names(tmp_path) == ["10"]


def test_a_number_that_was_taken_and_is_gone_again_is_skipped(tmp_path, monkeypatch):
    """The other export's version is there when this one is renamed, and removed just then."""
    rename = Path.rename

    def rename_to_what_was_taken(folder, target):
        monkeypatch.undo()
        target.mkdir()
        write_model(target)
        try:
            return rename(folder, target)
        finally:
            (target / "saved_model.pb").unlink()
            target.rmdir()

    monkeypatch.setattr(Path, "rename", rename_to_what_was_taken)
    version = publish(tmp_path, write_model)
    assert versions(tmp_path) == [version]

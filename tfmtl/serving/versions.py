"""Version folders: `<base>/<version>/`, where a reader never sees half a version.

TensorFlow Serving polls `<base>` and loads the folder with the largest number for a name. So a
version is written under a name that is no number, and renamed when it is complete. Its number is
the time of its export in unix seconds, and always larger than those before it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_STAGING_PREFIX = ".tmp-"
_MOST = 2**63 - 1  # Servers read a version's number as an int64.
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_ABANDONED_AFTER = 24 * 3600  # Seconds; for a writer on another machine, which cannot be asked.


def publish(base: Path, write: Callable[[Path], None]) -> Path:
    """Lets `write` fill a staging folder, then renames it to the next version of `base`.

    Args:
        base: The folder of versions; it is made if it does not exist.
        write: Fills the folder it is given. If it raises, no version and no folder is left behind.

    Returns:
        The new version's folder.
    """
    base.mkdir(parents=True, exist_ok=True)
    remove_leftovers(base)
    with _staging_folder(base) as folder:
        write(folder)
        return _rename_to_next_version(folder, base)


def versions(base: Path) -> list[Path]:
    """The version folders of `base`, oldest first."""
    if not base.is_dir():
        return []
    folders = [path for path in base.iterdir() if _is_version(path.name) and path.is_dir()]
    return sorted(folders, key=lambda path: int(path.name))


def is_version(folder: Path) -> bool:
    """Whether a server would load a folder, by its name, a version's number.

    One that is still written aside will have a number. A link is called as it is, or as what it
    leads to.
    """
    names = {folder.absolute().name, folder.resolve().name}
    return any(name.startswith(_STAGING_PREFIX) or _is_version(name) for name in names)


def prune(base: Path, keep: int) -> None:
    """Removes all but the `keep` newest versions."""
    for folder in versions(base)[:-keep]:
        # Renamed first: a server must not find a version that is half removed.
        doomed = staging_path(base, folder.name)
        with contextlib.suppress(FileNotFoundError):  # Another export has just removed it.
            folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def remove_leftovers(base: Path) -> None:
    """Removes what exports that were killed have left: staging folders, and files."""
    for path in base.glob(f"{_STAGING_PREFIX}*"):
        if not _is_abandoned(path):
            continue
        if path.is_dir():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Removes a folder as far as that can be done, those in it that nobody may write to as well."""
    for place, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(place, 0o755)
    shutil.rmtree(folder, ignore_errors=True)


def staging_path(base: Path, version: str) -> Path:
    """`.tmp-<version>-<pid>-<host>`: who writes it can be asked whether he is still alive."""
    return base / f"{_STAGING_PREFIX}{version}-{os.getpid()}-{socket.gethostname()}"


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) <= _MOST


@contextlib.contextmanager
def _staging_folder(base: Path) -> Iterator[Path]:
    folder = staging_path(base, str(_next_version(base)))
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rename_to_next_version(folder: Path, base: Path) -> Path:
    while True:
        version = base / str(_next_version(base))
        try:
            folder.rename(version)
            return version
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            # Another export took this number in the meantime.


def _next_version(base: Path) -> int:
    newest = max((int(path.name) for path in base.iterdir() if _is_version(path.name)), default=0)
    return max(int(time.time()), newest + 1)


def _is_abandoned(folder: Path) -> bool:
    pid, _, host = folder.name.removeprefix(_STAGING_PREFIX).partition("-")[2].partition("-")
    if host == socket.gethostname() and pid.isdigit() and not _is_alive(int(pid)):
        return True
    try:
        return time.time() - folder.stat().st_mtime > _ABANDONED_AFTER
    except FileNotFoundError:  # Its writer has just renamed it.
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

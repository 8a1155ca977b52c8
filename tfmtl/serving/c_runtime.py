"""Answers requests from a SavedModel by TensorFlow's C library alone, as a server does.

Run by path as `python -I -S c_runtime.py PLAN ANSWERS`, never imported. It imports nothing but
Python's own library: no TensorFlow, no NumPy, no tfmtl. PLAN is a JSON file:

    {"libraries": the folder of TensorFlow's libraries, "model": the SavedModel's folder,
     "requests": [{"label": what to call it, "feeds": [TENSOR], "fetches": [name of a tensor]}],
     "session": a ConfigProto in base64, "times": 100, "clients": 4}

where a TENSOR is {"name": "x:0", "dtype": number of the type, "shape": [2, 3]} and its values in
base64: "data", the bytes of all, or "strings", a list. ANSWERS is written as

    {"load_ms": 81.0, "memory_bytes": of the process at its end, null where nothing tells,
     "answers": [{"ms": [first, again], "same": true, "outputs": [TENSOR],
                  "more_ms": [each], "all_ms": from the first of these to the last}]}

Every request is asked twice. "session" and what follows may be left out; with "times", every
request is then asked that often by each of the clients at once, which is timed. A failure is one
line on stderr and exit code 1.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_STRING = 7  # DT_STRING.
_TSTRING_BYTES = 24  # The size of a TF_TString.

# The framework first: the other has the kernels, and needs it.
_LIBRARIES = {
    "linux": ("libtensorflow_framework.so*", "libtensorflow_cc.so*"),
    "darwin": ("libtensorflow_framework*.dylib", "libtensorflow_cc*.dylib"),
    "win32": ("tensorflow_framework*.dll", "tensorflow_cc*.dll"),
}

_POINTER = ctypes.c_void_p
_RETURNS_POINTER = (
    "TF_NewStatus TF_NewGraph TF_NewSessionOptions TF_LoadSessionFromSavedModel TF_AllocateTensor "
    "TF_TensorData TF_GraphOperationByName TF_StringGetDataPointer"
).split()
_RETURNS_SIZE = ("TF_TensorByteSize", "TF_StringGetSize")


class _Output(ctypes.Structure):
    """TF_Output: one of the tensors that an operation makes."""

    _fields_ = [("operation", _POINTER), ("index", ctypes.c_int)]


class _Library:
    """TensorFlow's C API."""

    def __init__(self, folder: str) -> None:
        self._libraries = [
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL) for path in _find_libraries(folder)
        ]
        for name in _RETURNS_POINTER:
            getattr(self, name).restype = _POINTER
        for name in _RETURNS_SIZE:
            getattr(self, name).restype = ctypes.c_size_t
        self.TF_Dim.restype = ctypes.c_int64
        self.TF_Message.restype = ctypes.c_char_p

    def __getattr__(self, name: str) -> Any:
        for library in self._libraries:
            if hasattr(library, name):
                function = getattr(library, name)
                setattr(self, name, function)
                return function
        raise OSError(f"TensorFlow's C library should have the function {name}.")

    def check(self, status: Any) -> None:
        """Raises what a call complained of."""
        if self.TF_GetCode(status):
            raise RuntimeError(self.TF_Message(status).decode("utf-8", "replace"))


class _Session:
    """A loaded SavedModel."""

    def __init__(self, library: _Library, folder: str, config: bytes) -> None:
        self._tf = library
        self._graph = _POINTER(library.TF_NewGraph())
        status = _POINTER(library.TF_NewStatus())
        options = _POINTER(library.TF_NewSessionOptions())
        library.TF_SetConfig(options, config, ctypes.c_size_t(len(config)), status)
        library.check(status)
        tags = (ctypes.c_char_p * 1)(b"serve")
        path = folder.encode()
        self._session = _POINTER(
            library.TF_LoadSessionFromSavedModel(
                options, None, path, tags, 1, self._graph, None, status
            )
        )
        library.check(status)

    def run(self, feeds: dict[str, Any], fetches: list[str]) -> tuple[list[Any], float]:
        """The tensors of the names in `fetches`, and the milliseconds they took."""
        outputs = (_POINTER * len(fetches))()
        status = _POINTER(self._tf.TF_NewStatus())
        given = self._places(feeds), (_POINTER * len(feeds))(*feeds.values()), len(feeds)
        wanted = self._places(fetches), outputs, len(fetches)
        start = time.perf_counter()
        self._tf.TF_SessionRun(self._session, None, *given, *wanted, None, 0, None, status)
        ms = _ms_since(start)
        self._tf.check(status)
        self._tf.TF_DeleteStatus(status)
        return [_POINTER(each) for each in outputs], ms

    def _places(self, names: Any) -> Any:
        return (_Output * len(names))(*map(self._place, names))

    def _place(self, tensor: str) -> _Output:
        name, _, index = tensor.partition(":")
        operation = self._tf.TF_GraphOperationByName(self._graph, name.encode())
        if not operation:
            raise RuntimeError(f"The graph has no operation {name!r}.")
        return _Output(operation, int(index or 0))


def main(plan_file: str, answers_file: str) -> None:
    """Reads the plan and writes the answers."""
    plan = json.loads(Path(plan_file).read_text("utf-8"))
    library = _Library(plan["libraries"])
    start = time.perf_counter()
    session = _Session(library, plan["model"], b64decode(plan.get("session", "")))
    load_ms = _ms_since(start)
    answers = [_answer(library, session, request, plan) for request in plan["requests"]]
    told = {"load_ms": load_ms, "memory_bytes": _memory_bytes(), "answers": answers}
    Path(answers_file).write_text(json.dumps(told), "utf-8")


def _answer(
    library: _Library, session: _Session, request: dict[str, Any], plan: dict[str, Any]
) -> dict[str, Any]:
    fetches = request["fetches"]
    try:
        feeds = {feed["name"]: _tensor_of(library, feed) for feed in request["feeds"]}
        first, first_ms = _told_run(library, session, feeds, fetches)
        again, again_ms = _told_run(library, session, feeds, fetches)
        more_ms, all_ms = _timed_runs(library, session, feeds, fetches, plan)
    except RuntimeError as error:
        raise RuntimeError(f"{request['label']}: {error}") from None
    for tensor in feeds.values():
        library.TF_DeleteTensor(tensor)
    answer = {"ms": [first_ms, again_ms], "same": first == again, "outputs": first}
    return {**answer, "more_ms": more_ms, "all_ms": all_ms}


def _told_run(
    library: _Library, session: _Session, feeds: dict[str, Any], fetches: list[str]
) -> tuple[list[dict[str, Any]], float]:
    tensors, ms = session.run(feeds, fetches)
    outputs = [_told(library, *each) for each in zip(fetches, tensors, strict=True)]
    for tensor in tensors:
        library.TF_DeleteTensor(tensor)
    return outputs, ms


def _timed_runs(
    library: _Library,
    session: _Session,
    feeds: dict[str, Any],
    fetches: list[str],
    plan: dict[str, Any],
) -> tuple[list[float], float]:
    """Milliseconds of each of many runs, and of all together."""

    def ask(_: int) -> list[float]:
        found = []
        for _ in range(plan.get("times", 0)):
            tensors, ms = session.run(feeds, fetches)
            found.append(ms)
            for tensor in tensors:
                library.TF_DeleteTensor(tensor)
        return found

    clients = plan.get("clients", 1)
    # Python's lock is free while a session runs.
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        found = [ms for each in pool.map(ask, range(clients)) for ms in each]
        return found, _ms_since(start)


def _memory_bytes() -> int | None:
    """What the process holds in memory."""
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    (told,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return 1024 * int(told)


def _tensor_of(library: _Library, feed: dict[str, Any]) -> Any:
    shape = (ctypes.c_int64 * len(feed["shape"]))(*feed["shape"])
    strings = [b64decode(text) for text in feed.get("strings", ())]
    data = b"" if "strings" in feed else b64decode(feed["data"])
    size = ctypes.c_size_t(len(data) + _TSTRING_BYTES * len(strings))
    tensor = _POINTER(library.TF_AllocateTensor(feed["dtype"], shape, len(shape), size))
    start = library.TF_TensorData(tensor)
    ctypes.memmove(start, data, len(data))
    for index, text in enumerate(strings):
        place = _POINTER(start + index * _TSTRING_BYTES)
        library.TF_StringInit(place)
        library.TF_StringCopy(place, text, ctypes.c_size_t(len(text)))
    return tensor


def _told(library: _Library, name: str, tensor: Any) -> dict[str, Any]:
    shape = [library.TF_Dim(tensor, each) for each in range(library.TF_NumDims(tensor))]
    told = {"name": name, "dtype": library.TF_TensorType(tensor), "shape": shape}
    start, size = library.TF_TensorData(tensor), library.TF_TensorByteSize(tensor)
    if told["dtype"] == _STRING:
        places = range(start or 0, (start or 0) + size, _TSTRING_BYTES)
        return {**told, "strings": [_text(_string_at(library, place)) for place in places]}
    return {**told, "data": _text(ctypes.string_at(start, size) if size else b"")}


def _string_at(library: _Library, place: int) -> bytes:
    string = _POINTER(place)
    return ctypes.string_at(
        library.TF_StringGetDataPointer(string), library.TF_StringGetSize(string)
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _find_libraries(folder: str) -> list[Path]:
    patterns = _LIBRARIES.get(sys.platform, _LIBRARIES["linux"])
    found = [sorted(Path(folder).glob(pattern))[:1] for pattern in patterns]
    if not all(found):
        raise OSError(
            f"TensorFlow's C library should be in `{folder}`, as {' and '.join(patterns)}. "
            "Received: no such files."
        )
    return [path for paths in found for path in paths]


def _ms_since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, RuntimeError) as error:
        sys.exit(" ".join(str(error).split())[:1000])

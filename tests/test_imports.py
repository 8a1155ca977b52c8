"""Imports run one way, from commands down to errors; see the house's plan in CONTRIBUTING.md."""

import ast
import graphlib
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / "tfmtl"

# A room may import itself and rooms of earlier lines: rooms on one line do not know one another.
LEVELS = [
    ("errors", "protos", "layers"),
    ("keras_version", "config"),
    ("features", "data"),
    ("tasks",),
    ("models",),
    ("training", "serving"),
    ("analysis", "proposal"),
    ("api",),
    ("commands",),  # Every other module that lies in tfmtl/ itself.
]
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if not path.stem.endswith("_pb2"))


def room_of(module):
    """The room of a dotted name; the package itself is the front door of `api`."""
    parts = module.split(".")
    if parts == ["tfmtl"]:
        return "api"
    return parts[1] if parts[1] in LEVEL_OF else "commands"


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path):
    """Dotted names of tfmtl that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve(node, path)
            # `from tfmtl import config` imports a room, `from tfmtl.config import load` a name.
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "tfmtl" else [base]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "tfmtl")


def resolve(node, path):
    if not node.level:
        return node.module
    folder = ".".join(path.relative_to(ROOT).parts[: -node.level])
    return f"{folder}.{node.module}" if node.module else folder


def is_allowed(importer, imported):
    return importer == imported or LEVEL_OF[imported] < LEVEL_OF[importer]


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_run_one_way(path):
    room = room_of(module_of(path))
    wrong = [name for name in imported_modules(path) if not is_allowed(room, room_of(name))]
    assert not wrong, f"`{room}` should not import {wrong}."


def test_no_files_import_each_other_in_a_ring():
    """Not even for the names of types. A package's face imports what it hands on, so it is none."""
    files = {module_of(path): path for path in SOURCES if path.stem != "__init__"}
    imports = {name: set(imported_modules(path)) & set(files) for name, path in files.items()}
    graphlib.TopologicalSorter(imports).prepare()  # Raises if there is one, and tells it.


def test_every_folder_is_a_room_with_a_place():
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert folders <= set(LEVEL_OF)


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("models", "tasks", True),
        ("tasks", "models", False),
        ("features", "data", False),
        ("training", "serving", False),
        ("layers", "errors", False),
    ],
)
def test_the_rule_says_what_it_should(importer, imported, allowed):
    assert is_allowed(importer, imported) == allowed


def test_importing_the_package_does_not_import_tensorflow():
    program = "import sys, tfmtl; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0

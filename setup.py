"""Packaging: metadata, and the one build step, protos/*.proto -> tfmtl/protos/*_pb2.py."""

from __future__ import annotations

import pathlib

from setuptools import Command, find_packages, setup
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).parent.resolve()
# The development server and the client; exports and their check do without them. The first wants
# `tensorflow`, which is there; the second reads JSON by the very parser of TensorFlow Serving.
SERVING = [
    "tensorflow-serving-api==2.21.*",
    "python-rapidjson>=1.20,<2",
    "grpcio>=1.76,<2",
    "grpcio-health-checking>=1.76,<2",
    "requests>=2.32,<3",
]
PAPERS = ["matplotlib>=3.9,<4"]  # The experiments in samples/papers draw pictures.
REMOTE = ["fsspec>=2024.2"]  # Reads Parquet from file systems that TensorFlow does not know.


class BuildProtos(Command):
    """Generates `tfmtl/protos/*_pb2.py` and `.pyi` from `protos/*.proto`."""

    description = "generate tfmtl/protos/*_pb2.py from protos/*.proto"
    user_options = []

    def initialize_options(self):
        """Has no options."""

    def finalize_options(self):
        """Has no options."""

    def run(self):
        """Runs protoc on all files at once."""
        from grpc_tools import protoc  # Needed to build, not to run.

        protos = sorted(str(path) for path in (ROOT / "protos").glob("*.proto"))
        # grpc_tools carries the protos of google.protobuf, such as struct.proto.
        google = pathlib.Path(protoc.__file__).parent / "_proto"
        # `tfmtl/protos=<folder>` gives the folder the package's own import path, so that
        # `import "tfmtl/protos/layer.proto"` becomes `from tfmtl.protos import layer_pb2`.
        includes = [f"-Itfmtl/protos={ROOT / 'protos'}", f"-I{google}"]
        outputs = [f"--python_out={ROOT}", f"--pyi_out={ROOT}"]
        status = protoc.main(["protoc", *includes, *outputs, *protos])
        if status:
            raise RuntimeError(f"protoc failed with status {status} on {ROOT / 'protos'}.")


class BuildPy(build_py):
    """Generates the bindings first; from then on they are modules like any other."""

    def run(self):
        """Builds the protos, then everything."""
        self.run_command("build_protos")
        super().run()


setup(
    name="tfmtl",
    version="0.1.0",
    description="Multi-task recommenders in TensorFlow: one config from data to a served model",
    long_description=(ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    python_requires=">=3.10",
    # TensorFlow and tf-keras go together, and protoc generates for protobuf 6.31 (pyproject.toml).
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "tf-keras>=2.21,<2.22",
        "tensorflow-recommenders>=0.7.7,<0.8",
        "protobuf>=6.31.1,<8",
        "numpy>=1.26,<3",
        "pandas>=2.2,<4",
        "pyarrow>=18,<27",
    ],
    extras_require={
        "papers": PAPERS,
        "serving": SERVING,
        "remote": REMOTE,
        "dev": [
            *PAPERS,
            *SERVING,
            *REMOTE,
            "grpcio-tools>=1.76,<1.79",
            "mypy>=1.18,<3",
            "pandas-stubs",
            "pytest>=8,<10",
            "pytest-xdist>=3.6,<4",
            "ruff>=0.13,<0.18",
            "scikit-learn>=1.5,<2",
            "types-protobuf>=6.30",
        ],
    },
    packages=find_packages(include=["tfmtl", "tfmtl.*"]),
    package_data={
        "tfmtl": ["py.typed"],
        "tfmtl.config": ["*.tsv"],
        "tfmtl.protos": ["*.pyi"],
    },
    entry_points={"console_scripts": ["tfmtl = tfmtl.__main__:main"]},
    cmdclass={"build_protos": BuildProtos, "build_py": BuildPy},
    zip_safe=False,
)

"""The config language as Python classes, generated from `protos/*.proto` by `setup.py build_protos`."""

"""The config language as Python classes, generated from `protos/*.proto` by `build_protos`."""

"""The rules of the config language, one part of a config a file.

Each file has a function `check(pipeline, report)`. Rules look at what is built; whether a config
asks for more is told by `tfmtl.config.support`.
"""

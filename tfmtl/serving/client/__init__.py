"""Asks a model that TensorFlow Serving, or the development server, serves.

client            tables in, tables out
arguments         what it is given, checked
inputs            requests, made of tables
tensors           columns of tables as the tensors that a signature takes
transport         which way an address means
over_grpc         requests over gRPC
over_rest         requests over REST
asking            what the two have in common
"""

from tfmtl.serving.client.client import Client

__all__ = ["Client"]

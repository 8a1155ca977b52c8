"""A development server that speaks TensorFlow Serving's REST and gRPC, with its words and codes.

    server            starts and stops it all
    options           flags, as `tensorflow_model_server` has them
    addresses         where it listens
    models            which models and versions are served, by what names, numbers and labels
    served_model      the versions of one model: new ones come, old ones go
    version           a version: loaded, asked, drained and gone
    loaded_model      a SavedModel in a session
    warm_ups          what it is asked before anyone else asks
    batching          requests that come at the same time, run together in a `batch`
    batching_flags    which versions are asked so
    config_files      the files that flags name
    predicting        Predict
    examples          Classify, Regress and MultiInference; `example_results`: what they answer
    service           every call, in TensorFlow Serving's messages
    grpc_services     the calls over gRPC
    rest              HTTP's connections; `http_body` reads what they bring
    rest_calls        the calls over REST, with `json_text`, `json_tensors`, `json_answers` and
                      `json_examples`
    metrics           counts and latencies
    statuses          what calls end with

It is for development and for tests of clients: a thread of Python answers each request.
"""

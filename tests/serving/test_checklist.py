"""What an export must be for TensorFlow Serving: every requirement, and the test that shows it.

A requirement is shown by a test in this folder, or waits for what is not built yet. This table is
read by people; the tests below see that it is complete and names tests that there are.
"""

import ast
import pathlib

import pytest

HERE = pathlib.Path(__file__).parent

CHECKLIST = {
    1: (
        "versions are folders of whole numbers, with graph, variables and assets",
        [
            "test_versions.test_a_version_is_a_whole_number_and_holds_what_was_written",
            "test_export.test_it_holds_weights_and_vocabularies_and_nothing_of_training",
            "test_gate.test_10_a_partial_version",
            "test_gate.test_a_folder_that_no_server_would_load",
        ],
    ),
    2: (
        "a version appears as a whole, by a rename",
        [
            "test_versions.test_who_looks_all_the_time_sees_whole_versions_alone",
            "test_versions.test_a_number_taken_in_the_meantime_is_skipped",
            "test_serve.test_versions_are_exchanged_without_a_failed_or_wrong_answer",
        ],
    ),
    3: (
        "one tag, `serve`",
        ["test_gate.test_a_graph_that_a_server_could_not_take"],
    ),
    4: (
        "a signature `serving_default`, and types that REST knows",
        [
            "test_gate.test_a_graph_that_a_server_could_not_take",
            "test_serve.test_it_answers_the_sample_requests",
        ],
    ),
    5: (
        "inputs and outputs have stable names",
        [
            "test_gate.test_6_a_lost_output_name",
            "test_export.test_inputs_are_the_columns_that_features_read",
            "test_export.test_a_column_that_cannot_be_an_input_is_told",
            "test_export.test_one_input_alone_is_not_called_as_rest_calls_bytes",
        ],
    ),
    6: (
        "every input is needed; labels and weights are none",
        [
            "test_gate.test_an_input_that_nothing_reads",
            "test_export.test_without_filter_inputs_all_columns_but_labels_and_weight_are_inputs",
        ],
    ),
    7: (
        "the first axis of every input and output is the batch, and batches equal single rows",
        [
            "test_gate.test_5_a_wrong_batch_axis",
            "test_gate.test_an_answer_that_depends_on_the_other_rows",
            "test_export.test_an_answer_does_not_depend_on_the_batch",
            "test_serve.test_it_answers_as_the_predictor",
        ],
    ),
    8: (
        "nothing ragged or sparse in signatures",
        ["test_gate.test_a_graph_that_a_server_could_not_take"],
    ),
    9: (
        "what a server fills lists up with changes no answer",
        [
            "test_gate.test_7_a_padding_leak",
            "test_gate.test_parameters_of_batching_that_no_server_takes",
            "test_server_batching.test_a_file_that_says_what_no_server_does_is_told",
        ],
    ),
    10: (
        "operations of TensorFlow alone, and no Python",
        [
            "test_gate.test_1_a_python_operation",
            "test_export.test_its_graph_has_no_python_and_no_must_compile",
            "test_gate.test_a_graph_that_a_server_could_not_take",
        ],
    ),
    11: (
        "nothing that XLA must compile",
        [
            "test_gate.test_4_an_operation_that_xla_must_compile",
            "test_gate.test_4_a_function_that_jit_compile_made",
        ],
    ),
    12: (
        "tables are filled from assets, wherever the version lies",
        [
            "test_gate.test_2_a_missing_asset",
            "test_gate.test_3_an_absolute_path",
            "test_export.test_it_answers_moved_and_read_only_where_there_is_only_tensorflow",
        ],
    ),
    13: (
        "vocabularies are files",
        ["test_export.test_a_long_list_of_words_is_refused_before_training"],
    ),
    14: (
        "the graph is small and has no large constants",
        [
            "test_gate.test_a_graph_that_is_too_large",
            "test_gate.test_a_graph_that_a_server_could_not_take",
        ],
    ),
    15: (
        "variables of inference, and nothing of training",
        ["test_gate.test_8_slot_variables"],
    ),
    16: (
        "inference is certain: asked twice, the same",
        [
            "test_gate.test_a_graph_that_a_server_could_not_take",
            "test_gate.test_an_answer_that_is_another_when_asked_again",
        ],
    ),
    17: (
        "the answers of the trained model, whatever the rows",
        [
            "test_gate.test_another_answer_than_the_trained_models",
            "test_export.test_other_weights_than_the_trained_ones_fail_the_check",
        ],
    ),
    18: (
        "missing values are resolved in the graph",
        [
            "test_export.test_an_empty_cell_is_answered_as_the_configs_default",
            "test_gate.test_rows_of_nothing_and_of_extremes_are_among_the_recorded",
            "test_server_json.test_wrong_rows_are_told",
        ],
    ),
    19: (
        "a warm-up file of requests that the signatures take",
        [
            "test_gate.test_9_an_unequal_warm_up_record",
            "test_server_loading.test_a_wrong_warm_up_file_is_a_failure",
            "test_serve.test_versions_are_exchanged_without_a_failed_or_wrong_answer",
            "test_gate.test_a_signature_without_warm_ups_or_with_too_many",
            "test_prediction_logs.test_tensorflow_serving_reads_what_is_written",
            "test_cpp_replay.test_every_warm_up_request_is_answered",
        ],
    ),
    20: (
        "warm-ups cover every signature at several sizes, and tell how long they take",
        [
            "test_gate.test_warm_ups_ask_every_signature_at_every_size",
            "test_gate.test_what_is_whole_passes_with_every_kind_of_signature",
            "test_server_loading.test_warm_up_requests_are_asked_as_often_as_is_wanted",
        ],
    ),
    21: (
        "method names that servers know",
        [
            "test_gate.test_a_graph_that_a_server_could_not_take",
            "test_serve.test_rows_of_features_are_classified",
        ],
    ),
    22: (
        "which TensorFlow made the graph",
        ["test_gate.test_a_graph_that_a_server_could_not_take"],
    ),
    23: (
        "a fingerprint, and what the export tells of itself",
        [
            "test_gate.test_10_a_partial_version",
            "test_manifest.test_it_tells_what_the_export_is",
        ],
    ),
    24: (
        "parameters of batching that a server reads",
        [
            "test_base_files.test_parameters_of_batching_are_written_as_a_server_reads_them",
            "test_gate.test_parameters_of_batching_that_no_server_takes",
        ],
    ),
    25: (
        "a config of models",
        [
            "test_base_files.test_the_models_config_is_one_that_a_server_reads",
            "test_server_versions.test_labels_name_versions",
        ],
    ),
    26: (
        "an estimate of memory",
        ["test_manifest.test_it_estimates_memory_by_what_lies_on_disk"],
    ),
    27: (
        "small outputs with names",
        [
            "test_export.test_outputs_are_the_predictions_of_every_task",
            "test_serve.test_it_answers_as_the_predictor",
        ],
    ),
    28: (
        "text in answers is UTF-8",
        [
            "test_gate.test_text_that_rest_could_not_write",
            "test_server_json.test_bytes_come_and_go_as_base64",
        ],
    ),
    29: (
        "rows do not depend on each other",
        ["test_gate.test_an_answer_that_depends_on_the_other_rows"],
    ),
    30: (
        "requests change nothing",
        ["test_gate.test_a_graph_that_a_server_could_not_take"],
    ),
}


def test_all_thirty_requirements_are_there():
    assert list(CHECKLIST) == list(range(1, 31))


@pytest.mark.parametrize("number", CHECKLIST)
def test_a_requirement_has_tests_that_there_are(number):
    _, tests = CHECKLIST[number]
    assert tests
    for test in tests:
        module, name = test.split(".")
        tree = ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert name in functions, test

"""Each schedule against its formula in NumPy, step by step."""

import numpy as np
import pytest
from google.protobuf import text_format

from tfmtl.errors import ConfigError
from tfmtl.protos import optimizer_pb2
from tfmtl.training.schedules import build_schedule

STEPS = np.arange(0, 61)


def build(text):
    config = text_format.Parse(text, optimizer_pb2.LearningRate())
    return build_schedule(config, "learning_rate")


def rates(text):
    schedule = build(text)
    return np.array([float(schedule(step)) for step in STEPS])


def line(first, last, steps):
    return first + (last - first) / steps * STEPS


def test_constant_rate_never_changes():
    np.testing.assert_allclose(rates("constant_learning_rate { learning_rate: 0.3 }"), 0.3)


def test_a_constant_rate_is_0_002_by_default():
    assert rates("constant_learning_rate {}")[0] == pytest.approx(0.002)


def test_exponential_decay_falls_in_stairs_down_to_the_least():
    actual = rates(
        """exponential_decay_learning_rate {
             initial_learning_rate: 0.5 decay_steps: 7 decay_factor: 0.6
             min_learning_rate: 0.02 }"""
    )
    np.testing.assert_allclose(actual, np.maximum(0.5 * 0.6 ** (STEPS // 7), 0.02), rtol=1e-5)


def test_exponential_decay_without_stairs_falls_at_every_step():
    actual = rates(
        """exponential_decay_learning_rate {
             initial_learning_rate: 0.5 decay_steps: 7 decay_factor: 0.6 staircase: false }"""
    )
    np.testing.assert_allclose(actual, 0.5 * 0.6 ** (STEPS / 7), rtol=1e-5)


def test_exponential_decay_burns_in_along_a_line_and_decays_from_there():
    actual = rates(
        """exponential_decay_learning_rate {
             initial_learning_rate: 0.5 decay_steps: 7 decay_factor: 0.6
             burnin_learning_rate: 0.1 burnin_steps: 9 }"""
    )
    decayed = 0.5 * 0.6 ** np.floor((STEPS - 9) / 7)
    np.testing.assert_allclose(actual, np.where(STEPS < 9, line(0.1, 0.5, 9), decayed), rtol=1e-5)


def test_burn_in_without_a_rate_of_its_own_stays_at_the_base():
    actual = rates(
        """exponential_decay_learning_rate {
             initial_learning_rate: 0.5 decay_steps: 7 decay_factor: 0.6 burnin_steps: 9 }"""
    )
    decayed = 0.5 * 0.6 ** np.floor((STEPS - 9) / 7)
    np.testing.assert_allclose(actual, np.where(STEPS < 9, 0.5, decayed), rtol=1e-5)


MANUAL = """manual_step_learning_rate {
    initial_learning_rate: 0.1
    schedule { step: 5 learning_rate: 0.4 } schedule { step: 11 learning_rate: 0.2 }
    warmup: %s }"""


def test_manual_steps_change_the_rate_at_their_step():
    expected = np.select([STEPS < 5, STEPS < 11], [0.1, 0.4], 0.2)
    np.testing.assert_allclose(rates(MANUAL % "false"), expected, rtol=1e-6)


def test_manual_steps_warm_up_along_a_line_to_the_first_rate():
    expected = np.select([STEPS < 5, STEPS < 11], [line(0.1, 0.4, 5), 0.4], 0.2)
    np.testing.assert_allclose(rates(MANUAL % "true"), expected, rtol=1e-6)


def test_cosine_decay_warms_up_holds_and_falls_to_zero():
    actual = rates(
        """cosine_decay_learning_rate {
             learning_rate_base: 0.4 total_steps: 50 warmup_learning_rate: 0.1
             warmup_steps: 8 hold_base_rate_steps: 5 }"""
    )
    cosine = 0.5 * 0.4 * (1 + np.cos(np.pi * (STEPS - 8 - 5) / (50 - 8 - 5)))
    expected = np.select(
        [STEPS < 8, STEPS <= 8 + 5, STEPS <= 50], [line(0.1, 0.4, 8), 0.4, cosine], 0.0
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


def test_cosine_decay_without_warm_up_starts_at_the_base():
    actual = rates(
        "cosine_decay_learning_rate { learning_rate_base: 0.4 total_steps: 50 warmup_steps: 0 }"
    )
    expected = np.where(STEPS <= 50, 0.2 * (1 + np.cos(np.pi * STEPS / 50)), 0.0)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


def test_polynomial_decay_ends_at_its_last_rate_and_stays():
    actual = rates(
        """poly_decay_learning_rate {
             learning_rate_base: 0.4 total_steps: 40 power: 1.5 end_learning_rate: 0.05 }"""
    )
    left = 1 - np.minimum(STEPS, 40) / 40
    np.testing.assert_allclose(actual, (0.4 - 0.05) * left**1.5 + 0.05, rtol=1e-5)


def test_transformer_rate_rises_and_then_falls_with_the_root_of_the_step():
    actual = rates(
        """transformer_learning_rate {
             learning_rate_base: 2 hidden_size: 64 warmup_steps: 20 step_scaling_rate: 0.5 }"""
    )
    steps, warmup = STEPS * 0.5 + 1, 20 * 0.5
    expected = 2 * 64**-0.5 * np.minimum(steps * warmup**-1.5, steps**-0.5)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`learning_rate` should have one of `constant_learning_rate`, "),
        (
            "manual_step_learning_rate {}",
            "`learning_rate.manual_step_learning_rate`: `schedule` should have at least one step. "
            "Received: none.",
        ),
        (
            "manual_step_learning_rate { schedule { step: 0 } schedule { step: 3 } }",
            "The steps of `schedule` should be above 0, each above the one before. "
            "Received: [0, 3].",
        ),
        (
            "manual_step_learning_rate { schedule { step: 4 } schedule { step: 4 } }",
            "each above the one before. Received: [4, 4].",
        ),
        (
            """cosine_decay_learning_rate {
                 learning_rate_base: 0.1 warmup_learning_rate: 0.2 warmup_steps: 3 }""",
            "`warmup_learning_rate` should not be above `learning_rate_base`, 0.1. Received: 0.2.",
        ),
        (
            """cosine_decay_learning_rate {
                 total_steps: 10 warmup_steps: 6 hold_base_rate_steps: 4 }""",
            "`total_steps` should be above `warmup_steps` and `hold_base_rate_steps` together, 10. "
            "Received: 10.",
        ),
        (
            "exponential_decay_learning_rate { decay_steps: 0 }",
            "`decay_steps` should be at least 1. Received: 0.",
        ),
        (
            "poly_decay_learning_rate { learning_rate_base: 0.1 power: 1 }",
            "`learning_rate.poly_decay_learning_rate`: `total_steps` should be at least 1. "
            "Received: 0.",
        ),
        (
            "transformer_learning_rate { learning_rate_base: 0.1 warmup_steps: 3 }",
            "`hidden_size` should be at least 1. Received: 0.",
        ),
        (
            "transformer_learning_rate { hidden_size: 2 warmup_steps: 3 step_scaling_rate: -1 }",
            "`step_scaling_rate` should be above 0. Received: -1.",
        ),
    ],
)
def test_a_schedule_that_cannot_be_is_told(text, words):
    with pytest.raises(ConfigError) as error:
        build(text)
    assert words in str(error.value)


def test_a_schedule_comes_back_from_its_config():
    schedule = build(MANUAL % "true")
    assert type(schedule).from_config(schedule.get_config()) == schedule

"""Living random lives, one after the other, until there were so many steps."""

from collections import Counter

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test


def live(life, yard, number, steps, length=50):
    """Live lives of so many steps until there were so many; return how many."""
    life.yard, life.steps, life.done, round_ = yard, 0, Counter(), 0
    quiet = settings(
        max_examples=max(1, min(40, 5 * steps // (4 * length))),
        stateful_step_count=length,
        # Making a failure smaller takes longer than finding it, and so does finding a second one.
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
    )
    while life.steps < steps:
        run_state_machine_as_test(seed(number * 10_000 + round_)(life), settings=quiet)
        round_ += 1
    return life.steps

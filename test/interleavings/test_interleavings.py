"""The pump's rules, by threads that step one at a time: each order of steps, up to a bound.

``python -m test.interleavings`` tries more preemptions. The numbers are those of the rules in
``hyper/pump/__init__.py``.
"""

from __future__ import annotations

import pytest

from test.interleavings import scenes
from test.interleavings.explore import explore, play, tell, threads
from test.interleavings.mutants import MUTANTS, find
from test.interleavings.scenes import CASES, Case

# Those with many runs even without a preemption: the command plays them.
LONG = (
    scenes.turns,
    scenes.three_wait_one_hurries,
    scenes.three_wait,
    scenes.kept_alive,
    scenes.no_room_for_long,
    scenes.asked_while_another_arrives,
)

SHORT = [case for case in CASES if case.build not in LONG]


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.build.__name__)
def test_no_order_of_threads_that_run_until_they_sleep_breaks_a_rule(case):
    verdict = explore(case, 0, has_lines=False)
    assert verdict.error == "", "\n".join(tell(case, verdict.choices, 0))
    assert verdict.is_whole


@pytest.mark.parametrize(
    "build", [scenes.two_wait, scenes.abandoned, scenes.struck, scenes.dropped_and_closed]
)
def test_no_thread_that_is_stopped_once_at_a_lock_breaks_a_rule(build):
    case = Case("", build)
    verdict = explore(case, 1, has_lines=False)
    assert verdict.error == "", "\n".join(tell(case, verdict.choices, 1))
    assert verdict.is_whole


def test_no_finalizer_between_two_lines_breaks_a_rule():
    """11: it runs in any thread, in the middle of any step."""
    case = Case("", scenes.dropped_amid_a_step)
    verdict = explore(case, 1, most_seconds=1.0)
    assert verdict.error == "", "\n".join(tell(case, verdict.choices, 1))
    assert verdict.runs > 1


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.rule}, {mutant.title}")
def test_a_pump_without_a_rule_is_found(mutant):
    assert find(mutant).error


def test_a_run_with_the_same_choices_goes_the_same_way():
    case = Case("", scenes.two_hurry)
    with threads() as crew:
        runs = [play(case, [1, 0, 1], 1, crew)[0] for _ in range(3)]
    assert len({(run.steps, tuple(run.taken)) for run in runs}) == 1
